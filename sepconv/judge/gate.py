"""Decides a comparison pass by pass: screen every ring, confirm the flagged ones, no more.

What is said of a ring rests on passes: ln(head ÷ base) of each, and a t-interval over them.
Screening is cheap and uncorrected, so a flag means nothing by itself; its ratio is inflated by
having been chosen. A flagged ring is measured again in as many fresh passes as find `TO_FIND`,
forked from another server, and only these decide, with Holm's correction over all that was
flagged: whatever was chosen to be looked at, the odds of one false alarm in a whole comparison
are at most `alpha`.

References:
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import exp, log1p, sqrt
from statistics import fmean
from typing import Literal

from sepconv.comparison import Detail, Outcome, Stage
from sepconv.judge.estimate import student_quantile
from sepconv.judge.interval import Interval
from sepconv.judge.measurement import deciding_clock
from sepconv.ratio import Pair

MARGIN = 0.01  # a change that matters
SAME_MARGIN = 0.02  # a change that would have mattered is excluded
ALPHA = 0.01  # odds of a false alarm anywhere in a comparison, two-sided
SAME_ALPHA = 0.05  # per case: nobody is woken up by a "same" that was none
SCREEN_ALPHA = 0.05  # one-sided, uncorrected: what it lets through costs a second look
LEAST_PASSES = 4  # with fewer, an interval says more of its own width than of the arms
SCREEN_PASSES = 8
MOST_SCREEN_PASSES = 16  # of what is neither flagged nor the same
LOOK_EVERY = 4  # passes, for sameness
CONFIRM_PASSES = (8, 24)  # at least, at most
TO_FIND = 0.03  # the change that a confirmation should find …
NINE_TENTHS = 1.28  # quantile of the normal distribution
POWER_QUANTILE = 2.0  # … mostly: nine times in ten, as the spread is an estimate itself

Signal = Literal["time", "tail", "waits"]
"""The deciding clock's trimmed mean; its plain mean; the trimmed mean of the wall clock."""

SIGNALS: tuple[Signal, ...] = ("time", "tail", "waits")
DETAIL_OF: Mapping[Signal, tuple[Detail, ...]] = {
    "time": (),
    "tail": (Detail.TAIL_CHANGED,),
    "waits": (Detail.WAITS,),
}


@dataclass(frozen=True)
class Judged:
    """What is said of one ring."""

    outcome: Outcome
    details: tuple[Detail, ...] = ()
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    detectable: float | None = None
    passes: int = 0
    reason: str | None = None


@dataclass
class _Ring:
    """The passes of a ring, stage by stage, signal by signal."""

    passes: dict[Stage, dict[Signal, list[float]]] = field(default_factory=dict)
    wanted: int = 0  # passes of its confirmation, once it is flagged
    flags: tuple[Signal, ...] = ()  # what the confirmation has to show

    def keep(self, stage: Stage, pair: Pair) -> None:
        kept = self.passes.setdefault(stage, {signal: [] for signal in SIGNALS})
        for signal, value in signals_of(pair).items():
            kept[signal].append(value)

    def count(self, stage: Stage) -> int:
        return len(self.passes.get(stage, {}).get("time", []))

    def interval(self, stage: Stage, signal: Signal = "time") -> Interval | None:
        """None of too few passes, and of a signal that is not there."""
        values = self.passes.get(stage, {}).get(signal, [])
        return Interval.of(values) if len(values) >= LEAST_PASSES else None


def signals_of(pair: Pair) -> dict[Signal, float]:
    """ln(head ÷ base) of one pass, in each way in which it is looked at."""
    clock = deciding_clock(pair.base, pair.head)
    deciding = pair.cpu if clock == "cpu" else pair.wall
    found: dict[Signal, float] = {"time": deciding.trimmed_mean, "tail": deciding.mean}
    if clock == "cpu":
        found["waits"] = pair.wall.trimmed_mean
    return found


class Gate:
    """Who is told every pass, says which rings the next one should measure, and judges.

    `nulls` are rings whose arms are the same code. What they show is the noise floor; where they
    show a change that their own noise does not explain, no alarm is raised below it.
    """

    def __init__(
        self,
        rings: Iterable[int],
        nulls: Collection[int] = (),
        *,
        margin: float = MARGIN,
        same_margin: float = SAME_MARGIN,
        alpha: float = ALPHA,
    ) -> None:
        self.same_margin = log1p(same_margin)  # in logarithms, as `margin`
        self.alpha = alpha
        self._margin = log1p(margin)
        self._rings = {ring: _Ring() for ring in rings}
        self._nulls = {ring: _Ring() for ring in nulls}
        self._confirms = False  # whether the first confirmation has begun

    def keep(self, stage: Stage, pair: Pair) -> None:
        """One pass of a ring; of one that was dropped, nothing is kept."""
        ring = self._nulls.get(pair.ring) or self._rings.get(pair.ring)
        if ring is not None:
            ring.keep(stage, pair)

    def drop(self, ring: int) -> None:
        """A ring that cannot be measured."""
        self._rings.pop(ring, None)
        self._nulls.pop(ring, None)

    @property
    def floor(self) -> float | None:
        """The largest change that base showed against itself: 0.004 is 0.4 %."""
        centres = [abs(found.centre) for found in self._null_intervals()]
        return exp(max(centres)) - 1 if centres else None

    @property
    def null_sd(self) -> float | None:
        """Of base against itself, from pass to pass, over all its rings."""
        found = [interval.sd**2 for interval in self._null_intervals()]
        return sqrt(fmean(found)) if found else None

    @property
    def margin(self) -> float:
        """The change, in logarithms, beyond which an alarm is raised."""
        surely = [
            abs(found.centre) - found.half(1 - SAME_ALPHA) for found in self._null_intervals()
        ]
        return max([self._margin, *surely])

    @property
    def flagged(self) -> dict[int, int]:
        """The rings that have to be confirmed, and how many passes of that are still to come."""
        self._plan_confirmation()
        return {
            number: max(0, ring.wanted - ring.count(Stage.CONFIRM))
            for number, ring in self._rings.items()
            if ring.flags
        }

    def next_pass(self, time_left: bool = True) -> tuple[Stage, list[int]] | None:
        """The rings that the next pass should measure; None when all is decided.

        Without `time_left`, only what was flagged is measured further.
        """
        if time_left and not self._confirms:
            if unscreened := self._fewer(Stage.SCREEN, SCREEN_PASSES):
                return Stage.SCREEN, unscreened + self._unmeasured_nulls()
            self._look_at_screen()
            if more := [
                n for n in self._fewer(Stage.SCREEN, MOST_SCREEN_PASSES) if self._is_open(n)
            ]:
                return Stage.SCREEN, more
        to_confirm = [number for number, passes in self.flagged.items() if passes]
        if to_confirm:
            self._confirms = True
            return Stage.CONFIRM, to_confirm
        if time_left and (more := self._unsettled_after_confirmation()):
            return Stage.CONFIRM, more
        return None

    def judge(self) -> dict[int, Judged]:
        """What can be said of each ring now."""
        self._plan_confirmation()
        confirmed = self._confirmed()
        return {
            number: self._judge(number, ring, confirmed.get(number))
            for number, ring in self._rings.items()
        }

    def _null_intervals(self) -> list[Interval]:
        found = (ring.interval(Stage.NULL) for ring in self._nulls.values())
        return [interval for interval in found if interval is not None]

    def _unmeasured_nulls(self) -> list[int]:
        return [n for n, ring in self._nulls.items() if ring.count(Stage.NULL) < SCREEN_PASSES]

    def _fewer(self, stage: Stage, passes: int) -> list[int]:
        return [number for number, ring in self._rings.items() if ring.count(stage) < passes]

    def _look_at_screen(self) -> None:
        """Flag what the screen found.

        Tail and waiting are only looked at where time itself says nothing: each further
        question makes the answer to all others less sure.
        """
        for ring in self._rings.values():
            if ring.flags or ring.count(Stage.SCREEN) < LEAST_PASSES:
                continue
            found = [signal for signal in SIGNALS if self._is_flagged(ring, signal)]
            ring.flags = ("time",) if "time" in found else tuple(found)

    def _plan_confirmation(self) -> None:
        """Settle how many passes confirm each flag; once they have begun, it is settled."""
        if self._confirms:
            return
        self._look_at_screen()
        level = self.alpha / max(1, sum(len(ring.flags) for ring in self._rings.values()))
        for ring in self._rings.values():
            if ring.flags:
                ring.wanted = max(self._passes_to_confirm(ring, flag, level) for flag in ring.flags)

    def _is_flagged(self, ring: _Ring, signal: Signal) -> bool:
        interval = ring.interval(Stage.SCREEN, signal)
        return interval is not None and interval.exceeds(self._margin, 1 - 2 * SCREEN_ALPHA)

    def _passes_to_confirm(self, ring: _Ring, signal: Signal, level: float) -> int:
        """So many that a change of `TO_FIND` is confirmed at that level, or half of what the
        screen saw, if that is more; at the spread that the screen had."""
        interval = ring.interval(Stage.SCREEN, signal)
        least, most = CONFIRM_PASSES
        if interval is None:
            return least
        room = max(abs(interval.centre) / 2, log1p(TO_FIND)) - self._margin
        needed = interval.sd / room
        count = least
        while count < most:
            quantile = student_quantile(count - 1, 1 - level)
            if (quantile + POWER_QUANTILE) * needed <= sqrt(count):
                break
            count += 1
        return max(count, min(ring.count(Stage.SCREEN), most))

    def _is_open(self, number: int) -> bool:
        """Neither flagged nor the same; who looks after every pass finds sameness by chance."""
        ring = self._rings[number]
        is_between_looks = (ring.count(Stage.SCREEN) - SCREEN_PASSES) % LOOK_EVERY != 0
        return not ring.flags and (is_between_looks or not self._is_same(ring, Stage.SCREEN))

    def _is_same(self, ring: _Ring, stage: Stage) -> bool:
        interval = ring.interval(stage)
        return interval is not None and interval.lies_within(self.same_margin, 1 - SAME_ALPHA)

    def _unsettled_after_confirmation(self) -> list[int]:
        """What was flagged, was not confirmed, and could still be shown to be the same."""
        confirmed = self._confirmed()
        return [
            number
            for number, ring in self._rings.items()
            if ring.flags
            and number not in confirmed
            and ring.count(Stage.CONFIRM) < CONFIRM_PASSES[1]
            and (
                (ring.count(Stage.CONFIRM) - ring.wanted) % LOOK_EVERY != 0
                or (not self._is_same(ring, Stage.CONFIRM) and self._could_be_same(ring))
            )
        ]

    def _could_be_same(self, ring: _Ring) -> bool:
        """At its spread and with all passes, if the centre stays where it is."""
        interval = ring.interval(Stage.CONFIRM)
        if interval is None:
            return False
        most = CONFIRM_PASSES[1]
        half = student_quantile(most - 1, 1 - SAME_ALPHA) * interval.sd / sqrt(most)
        return abs(interval.centre) + half < self.same_margin

    def _confirmed(self) -> dict[int, tuple[Signal, float]]:
        """The rings whose change is confirmed: by which signal, at which confidence.

        Only the passes that were planned decide: those that come later ask for sameness.
        """
        tests = sorted(
            (self._p_value(ring, flag), number, flag)
            for number, ring in self._rings.items()
            for flag in ring.flags
        )
        found: dict[int, tuple[Signal, float]] = {}
        for place, (p_value, number, flag) in enumerate(tests):
            level = self.alpha / (len(tests) - place)
            if p_value > level:
                break
            if number not in found or SIGNALS.index(flag) < SIGNALS.index(found[number][0]):
                found[number] = (flag, 1 - level)
        return found

    def _p_value(self, ring: _Ring, signal: Signal) -> float:
        """Of the confirmation alone; 1 if it is not whole, or says the opposite."""
        screen = ring.interval(Stage.SCREEN, signal)
        values = ring.passes.get(Stage.CONFIRM, {}).get(signal, [])[: ring.wanted]
        if screen is None or len(values) < ring.wanted:
            return 1.0
        interval = Interval.of(values)
        if (interval.centre > 0) != (screen.centre > 0):
            return 1.0
        return interval.p_value(self.margin)

    def _judge(self, number: int, ring: _Ring, confirmed: tuple[Signal, float] | None) -> Judged:
        if confirmed is not None:
            signal, confidence = confirmed
            values = ring.passes[Stage.CONFIRM][signal][: ring.wanted]
            decided = Interval.of(values)
            outcome = Outcome.SLOWER if decided.centre > 0 else Outcome.FASTER
            return self._told(outcome, decided, confidence, DETAIL_OF[signal])
        stage = Stage.CONFIRM if ring.flags and ring.count(Stage.CONFIRM) else Stage.SCREEN
        interval = ring.interval(stage)
        if interval is None:
            passes = ring.count(stage)
            return Judged(Outcome.UNDECIDED, passes=passes, reason=f"only {passes} passes")
        is_whole = not ring.flags or ring.count(Stage.CONFIRM) >= ring.wanted
        if is_whole and self._is_same(ring, stage):
            return self._told(Outcome.SAME, interval, 1 - SAME_ALPHA)
        return self._told(
            Outcome.UNDECIDED, interval, 1 - SAME_ALPHA, reason=self._why_undecided(ring, is_whole)
        )

    def _why_undecided(self, ring: _Ring, is_whole: bool) -> str:
        if not is_whole:
            return "the screen saw a change; there was no time to confirm it"
        if ring.flags:
            return "the screen saw a change that fresh processes did not confirm"
        count = ring.count(Stage.SCREEN)
        if count < MOST_SCREEN_PASSES:
            return f"too noisy for its {count} passes"
        return f"too noisy, or changed by less than would be an alarm, after {count} passes"

    def _detectable(self, interval: Interval) -> float:
        """The change that would have been confirmed nine times in ten, at this spread."""
        quantile = student_quantile(interval.count - 1, 1 - self.alpha) + NINE_TENTHS
        return exp(self.margin + quantile * interval.error) - 1

    def _told(
        self,
        outcome: Outcome,
        interval: Interval,
        confidence: float,
        details: tuple[Detail, ...] = (),
        reason: str | None = None,
    ) -> Judged:
        half = interval.half(confidence)
        return Judged(
            outcome=outcome,
            details=details,
            ratio=exp(interval.centre),
            low=exp(interval.centre - half),
            high=exp(interval.centre + half),
            confidence=confidence,
            detectable=self._detectable(interval),
            passes=interval.count,
            reason=reason,
        )


def describe_method(gate: Gate) -> dict[str, object]:
    """The rule by which `gate` judged, in plain values."""
    return {
        "estimator": "20 %-trimmed mean of ln(head ÷ base) over quads of a pass; "
        "t-interval over passes",
        "screen_passes": SCREEN_PASSES,
        "most_screen_passes": MOST_SCREEN_PASSES,
        "screen_alpha": SCREEN_ALPHA,
        "confirm_passes": list(CONFIRM_PASSES),
        "to_find": TO_FIND,
        "power_quantile": POWER_QUANTILE,
        "margin": exp(gate.margin) - 1,
        "same_margin": exp(gate.same_margin) - 1,
        "alpha": gate.alpha,
        "same_alpha": SAME_ALPHA,
        "correction": "Holm over the flagged cases, on the confirmation alone",
        "floor": gate.floor,
        "null_sd": gate.null_sd,
    }
