"""How likely each commit of a range is the one that changed a latency, after some comparisons.

The model: compared with the good commit, those before the culprit show no change, and those from
it on show δ; the noise is Student's t over the passes. δ is not known beforehand. It is integrated
over, so that a comparison of the two ends, which tells δ, is an answer like all others. One answer
in `WRONG` is taken to be wrong: half of these to say just what the other side would, the others to
say anything. So no answer, however sure of itself, makes a commit more than about fifty times as
likely or unlikely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import ceil, exp, hypot, lgamma, pi, sqrt
from typing import TYPE_CHECKING

from sepconv.judge.interval import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

WRONG = 0.04  # odds that a comparison says what it should not, beyond its own noise …
SWAPPED = 0.5  # … and then, that it says just what the other side would
NOTHING = 0.05  # odds, beforehand, that no commit of the range changed anything
ERROR_FLOOR = 0.001  # two copies of the same code may differ for ever, so little
GRID_STEP = 1 / 3  # of the smallest error, for δ
MOST_GRID = 4000


@dataclass(frozen=True)
class Answer:
    """What one comparison said: ln(head ÷ base) of every pass.

    Commits are told by their place: 0 is the good one, the last is the bad one.
    """

    base: int
    head: int
    values: tuple[float, ...]

    @cached_property
    def interval(self) -> Interval:
        """Of its passes."""
        return interval_of(self.values)


@dataclass(frozen=True)
class Span:
    """The commits after the place `after`, up to and with `last`."""

    after: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.after


def interval_of(values: Sequence[float]) -> Interval:
    """Of passes, never surer than two copies of the same code allow."""
    interval = Interval.of(values)
    return replace(interval, error=hypot(interval.error, ERROR_FLOOR))


def weigh(count: int, answers: Sequence[Answer], direction: int) -> Mapping[Span, float]:
    """The stretches of `count` commits that no answer tells apart, and the chance that the
    culprit is in each; what is missing to 1 is the chance that there is none.

    `direction` is 1 where what is sought is slower, −1 where it is faster.
    """
    import numpy as np

    cuts = sorted({0, count, *(place for each in answers for place in (each.base, each.head))})
    pieces = [Span(after, last) for after, last in pairwise(cuts)]
    prior = (1 - NOTHING) * np.array([piece.count / count for piece in pieces])
    if not answers:
        return dict(zip(pieces, map(float, prior), strict=True))
    delta = _grid(answers)
    logs = np.zeros((len(pieces), len(delta)))
    without = 0.0  # log likelihood if nothing changed anywhere
    for answer in answers:
        unchanged, changed, nowhere = _likelihoods(answer, direction, delta)
        without += nowhere
        for row, piece in enumerate(pieces):
            logs[row] += changed if answer.base < piece.last <= answer.head else unchanged
    top = max(float(logs.max()), without)
    weights = prior * np.exp(logs - top).mean(axis=1)
    whole = float(weights.sum()) + NOTHING * exp(without - top)
    return dict(zip(pieces, map(float, weights / whole), strict=True))


def _grid(answers: Sequence[Answer]) -> Vector:
    """The values of δ that are tried, all as likely, up to the largest that an answer allows."""
    import numpy as np

    intervals = [answer.interval for answer in answers]
    widest = max(abs(each.centre) + 6 * each.error for each in intervals)
    step = GRID_STEP * min(each.error for each in intervals)
    size = min(MOST_GRID, max(3, ceil(widest / step)))
    return np.linspace(widest / size, widest, size)


def _likelihoods(answer: Answer, direction: int, delta: Vector) -> tuple[Vector, Vector, float]:
    """ln of the density of an answer: where the two are alike, where they differ by δ, and where
    nothing changed anywhere."""
    import numpy as np

    centre = direction * answer.interval.centre
    apart = _density(answer.interval, centre - delta)
    alike = float(_density(answer.interval, np.array([centre]))[0])
    anything = 1 / (2 * float(delta[-1]))
    swapped, strange = WRONG * SWAPPED, WRONG * (1 - SWAPPED) * anything
    return (
        np.log((1 - WRONG) * alike + swapped * apart + strange),
        np.log((1 - WRONG) * apart + swapped * alike + strange),
        float(np.log((1 - WRONG) * alike + WRONG * anything)),
    )


def _density(interval: Interval, distance: Vector) -> Vector:
    """Of Student's t, at that distance from the truth."""
    freedom = max(1, interval.count - 1)
    top = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(freedom * pi)
    scaled = distance / interval.error
    return top / interval.error * (1 + scaled**2 / freedom) ** (-(freedom + 1) / 2)
