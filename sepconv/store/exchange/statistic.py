"""pytest-benchmark's statistics of a case: from rounds, from summaries, or from one value.

Quartiles are the medians of both halves; for an odd number of rounds they are interpolated
(method 3 of Wikipedia's "Quartile"), as pytest-benchmark has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt
from statistics import fmean, median, stdev
from typing import Any

from sepconv.record import QUANTILES, Spread

UNKNOWN_OUTLIERS = "?;?"  # a text in pytest-benchmark too: "1;3"

Statistics = dict[str, Any]


def from_rounds(latencies_s: Sequence[float], calls: int) -> Statistics:
    """All that pytest-benchmark says of at least one round, the rounds included."""
    ordered = sorted(latencies_s)
    mean, std = fmean(ordered), stdev(ordered) if len(ordered) > 1 else 0.0
    q1, q3 = _quartiles(ordered)
    reach = 1.5 * (q3 - q1)  # Tukey's fences
    inner = [each for each in ordered if q1 - reach <= each <= q3 + reach]
    far = sum(not mean - std <= each <= mean + std for each in ordered)
    outliers = len(ordered) - len(inner)
    return {
        **_plain(ordered[0], ordered[-1], mean, std, len(ordered)),
        **_quartile_plain(q1, median(ordered), q3),
        "iqr_outliers": outliers,
        "stddev_outliers": far,
        "outliers": f"{far};{outliers}",
        "ld15iqr": inner[0],
        "hd15iqr": inner[-1],
        "data": list(latencies_s),
        "iterations": calls,
    }


def from_spreads(spreads: Sequence[Spread], counts: Sequence[int], calls: int) -> Statistics:
    """What is left to say when only the summaries of blocks are kept.

    Minimum, maximum, mean and the number of rounds are exact. Quartiles are the means of the
    blocks' quartiles, and the deviation is that of lines through their quantiles. How many
    rounds were outliers is not known.
    """
    weights = [count / sum(counts) for count in counts]

    def mean_of(value_of: Callable[[Spread], float]) -> float:
        weighted = zip(weights, spreads, strict=True)
        return sum(weight * value_of(spread) for weight, spread in weighted)

    def quartile(share: float) -> float:
        return mean_of(lambda spread: spread.quantiles[QUANTILES.index(share)])

    mean = mean_of(lambda spread: spread.mean)
    variance = mean_of(lambda spread: _variance(spread) + (spread.mean - mean) ** 2)
    least = min(spread.quantiles[0] for spread in spreads)
    most = max(spread.quantiles[-1] for spread in spreads)
    return {
        **_plain(least, most, mean, sqrt(variance), sum(counts)),
        **_quartile_plain(quartile(0.25), quartile(0.5), quartile(0.75)),
        "outliers": UNKNOWN_OUTLIERS,
        "iterations": calls,
    }


def from_value(value: float) -> Statistics:
    """One observation: the estimate itself, where nothing else is known."""
    return {name: what for name, what in from_rounds([value], 1).items() if name != "data"}


def _plain(least: float, most: float, mean: float, std: float, rounds: int) -> Statistics:
    return {
        "min": least,
        "max": most,
        "mean": mean,
        "stddev": std,
        "rounds": rounds,
        "ops": 1 / mean,
        "total": mean * rounds,
    }


def _quartile_plain(q1: float, middle: float, q3: float) -> Statistics:
    return {"median": middle, "iqr": q3 - q1, "q1": q1, "q3": q3}


def _quartiles(ordered: Sequence[float]) -> tuple[float, float]:
    count = len(ordered)
    if count == 1:
        return ordered[0], ordered[0]
    if count % 2 == 0:
        return median(ordered[: count // 2]), median(ordered[count // 2 :])
    n, rest = divmod(count, 4)
    if rest == 1:
        below, above = (n - 1, 3 * n)
        return (
            0.25 * ordered[below] + 0.75 * ordered[below + 1],
            0.75 * ordered[above] + 0.25 * ordered[above + 1],
        )
    below, above = (n, 3 * n + 1)
    return (
        0.75 * ordered[below] + 0.25 * ordered[below + 1],
        0.25 * ordered[above] + 0.75 * ordered[above + 1],
    )


def _variance(spread: Spread) -> float:
    """Of the values that lie evenly on lines through the quantiles."""
    shares = [after - before for before, after in pairwise(QUANTILES)]
    lines = list(pairwise(spread.quantiles))
    weighted = list(zip(shares, lines, strict=True))
    mean = sum(share * (a + b) / 2 for share, (a, b) in weighted)
    square = sum(share * (a * a + a * b + b * b) / 3 for share, (a, b) in weighted)
    return max(0.0, square - mean * mean)
