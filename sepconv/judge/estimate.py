"""A value and an honest interval from several passes.

Rounds within one process are correlated and share its memory layout, so an interval over rounds
claims ten times more than it knows; processes differ more than rounds do. The unit here is the
pass: one worker process, one median.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp, hypot, log

from sepconv.ratio import trim
from sepconv.record import Estimate

CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.96  # of the standard normal distribution, for that confidence
RUN_SD = 0.006
"""What the passes of one run cannot know of a speed-up: runs of the same code that follow each
other differ by that much more (`python benchmarks/coverage.py`, docs/method.md)."""


def estimate_latency(pass_medians: Sequence[float]) -> Estimate:
    """The geometric mean over passes of each pass' median, with its 95 % t-interval.

    In logarithms, since latencies are positive and their errors multiply; without the outer
    20 % of the passes at each end, since a spell of a shared machine can last for a whole pass.
    One pass has a value but no interval.

    Raises:
        ValueError: There is no pass, or a median is not positive.
    """
    return _estimate([log(median) for median in pass_medians])


def estimate_speedup(log_ratios: Sequence[float]) -> Estimate:
    """How many times as fast the head of a ring is as its base, with its 95 % t-interval.

    From ln(head ÷ base) of each pass, whose rounds took turns on one core: what slows a whole
    pass down (another guest of the host, a worse heap layout) slows both, and cancels. So it
    need not equal the quotient of the two latencies. Without the outer 20 % of the passes too;
    and no interval is narrower than what runs differ by.

    Raises:
        ValueError: There is no pass.
    """
    return _estimate([-log_ratio for log_ratio in log_ratios], RUN_SD)


def throughput(latency: Estimate, images: int) -> Estimate:
    """Images per second, where one call takes `latency` for `images` of them."""
    if latency.low is None or latency.high is None:
        return Estimate(images / latency.value)
    return Estimate(images / latency.value, images / latency.high, images / latency.low)


def _estimate(logs: Sequence[float], run_sd: float = 0.0) -> Estimate:
    if not logs:
        raise ValueError("an estimate needs at least one pass")
    centre, error, freedom = trim(logs)
    if error is None:
        return Estimate(exp(centre))
    half_width = hypot(student_quantile(freedom) * error, NORMAL_QUANTILE * run_sd)
    return Estimate(exp(centre), exp(centre - half_width), exp(centre + half_width))


@lru_cache(maxsize=1024)  # a history asks for the same few, hundreds of thousands of times
def student_quantile(degrees_of_freedom: int, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's t distribution."""
    from scipy.special import stdtrit  # a tenth of the import time of scipy.stats

    return float(stdtrit(degrees_of_freedom, (1 + confidence) / 2))
