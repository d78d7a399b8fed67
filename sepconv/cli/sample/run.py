"""What a run of a made-up history says of its cases."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, hypot, log, sqrt
from random import Random

from sepconv.cli.sample.noise import CHIS, draw_chis
from sepconv.cli.sample.sweep import State, Sweep
from sepconv.judge.estimate import NORMAL_QUANTILE, RUN_SD, student_quantile
from sepconv.record import Estimate, Measurement, Status

PASSES = 4
PRECISION = 0.03  # that the runs ask for
CRASH_SHARE = 0.0005  # of the cases of a night
CRASH = "synthetic: the worker process died of SIGSEGV"
CPU_SHARE = log(0.993)  # of the wall time, in logarithms
SHARED = 0.5  # of what disturbs a case, the part that it does not share with its partner


class Measured:
    """Draws measurements without their rounds."""

    def __init__(self, sweep: Sweep, seed: str) -> None:
        self._sweep = sweep
        self._chis = draw_chis(PASSES - 1, Random(f"{seed} spreads of runs"))
        self._quantile = student_quantile(PASSES - 1)

    def draw(self, state: State, places: range, chance: Random) -> Iterator[Measurement]:
        """Of the cases at these places."""
        sweep = self._sweep
        for i in places:
            exact = sweep.exact_estimates[i]
            if chance.random() < CRASH_SHARE:
                yield Measurement(sweep.cases[i], Status.CRASHED, CRASH, exact)
                continue
            error = sweep.characters[i].pass_sd * state.scatter / sqrt(PASSES)
            half = self._quantile * error * self._chis[int(chance.random() * CHIS)]
            centre = state.latencies[i] + chance.gauss(0, error)
            wall, cpu = _estimate(centre, half), _estimate(centre + CPU_SHARE, half)
            values = {"latency_s": wall, "cpu_latency_s": cpu, **exact}
            if (partner := sweep.partners[i]) is not None:
                own = chance.gauss(0, hypot(SHARED * error, RUN_SD))
                centre = state.settled[partner] - state.settled[i] + own
                width = hypot(SHARED * half, NORMAL_QUANTILE * RUN_SD)
                values["realised_speedup"] = _estimate(centre, width)
            is_ok = (wall.relative_error or 0.0) <= PRECISION
            status = Status.OK if is_ok else Status.NOISY
            yield Measurement(sweep.cases[i], status, None, values, PASSES)


def _estimate(centre: float, half: float) -> Estimate:
    """Of a logarithm and half the width of its interval."""
    value, width = exp(centre), exp(half)
    return Estimate(value, value / width, value * width)
