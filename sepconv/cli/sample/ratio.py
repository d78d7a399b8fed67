"""What a comparison of a made-up history says of its cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, expm1, hypot, log1p, sqrt
from random import Random

from sepconv.cli.sample.noise import CHIS, draw_chis, modes_between
from sepconv.cli.sample.run import CRASH, CRASH_SHARE
from sepconv.cli.sample.sweep import State, Sweep
from sepconv.comparison import Compared, Outcome
from sepconv.judge.estimate import student_quantile
from sepconv.judge.gate import ALPHA, MARGIN, NINE_TENTHS, SAME_ALPHA, SAME_MARGIN
from sepconv.judge.survey import NOT_JUDGED
from sepconv.record import Status

NIGHT_SD = 0.003  # of a ratio, from night to night, beside what its passes differ by


class Ratios:
    """Draws what so many passes of each case say: head ÷ base, in turns on one core."""

    def __init__(self, sweep: Sweep, passes: int, seed: str) -> None:
        self._sweep, self._passes = sweep, passes
        self._chis = draw_chis(passes - 1, Random(f"{seed} spreads of {passes} passes"))
        self._quantile = student_quantile(passes - 1, 1 - SAME_ALPHA)
        self._detects = student_quantile(passes - 1, 1 - ALPHA) + NINE_TENTHS

    def draw(
        self, state: State, base: Sequence[float], count: int, chance: Random
    ) -> Iterator[Compared]:
        """Of the first `count` cases; `base` are the levels of its code, in logarithms."""
        for i in range(count):
            case = self._sweep.cases[i]
            if chance.random() < CRASH_SHARE:
                reason = f"head: {Status.CRASHED}: {CRASH}"
                yield Compared(i, case, case, Outcome.FAILED, reason=reason)
                continue
            character = self._sweep.characters[i]
            error = character.pass_sd * state.scatter / sqrt(self._passes)
            centre = state.levels[i] - base[i] + chance.gauss(0, hypot(NIGHT_SD, error))
            if character.upper:
                modes = modes_between(character.upper, self._passes, chance)
                centre, error = centre + modes.off, hypot(error, modes.error)
            error *= self._chis[int(chance.random() * CHIS)]
            half = self._quantile * error
            is_same = abs(centre) + half < log1p(SAME_MARGIN)
            ratio, width = exp(centre), exp(half)
            before_s = exp(state.latencies[i] - state.levels[i] + base[i])
            yield Compared(
                ring=i,
                base=case,
                head=case,
                outcome=Outcome.SAME if is_same else Outcome.UNDECIDED,
                ratio=ratio,
                low=ratio / width,
                high=ratio * width,
                confidence=1 - SAME_ALPHA,
                detectable=expm1(log1p(MARGIN) + self._detects * error),
                passes=self._passes,
                reason=None if is_same else NOT_JUDGED,
                base_latency_s=before_s,
                head_latency_s=before_s * ratio,
            )
