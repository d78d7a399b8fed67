"""The course of a series: the levels that it went through, and where each began."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from sepconv.judge.shift import find_shifts
from sepconv.metric import METRICS
from sepconv.series import Point, Series


@dataclass(frozen=True)
class Change:
    """Where a new level began."""

    index: int  # of its first point in the series
    ratio: float  # of the new level ÷ the one before
    low: float | None = None  # of the 95 % interval; None of an exact metric
    high: float | None = None


@dataclass(frozen=True)
class Course:
    """A series, and the changes of its level, oldest first."""

    series: Series
    changes: Sequence[Change] = ()

    @property
    def levels(self) -> list[float]:
        """The median of each level that has values, oldest first."""
        values = self.series.values
        bounds = [0, *(change.index for change in self.changes), len(values)]
        pieces = [[v for v in values[a:b] if v is not None] for a, b in pairwise(bounds)]
        return [median(piece) for piece in pieces if piece]

    @property
    def newest(self) -> Point:
        return self.series.points[-1]

    def since(self, moment: str) -> Course | None:
        """What was measured from that moment on, UTC in ISO 8601; None if nothing was."""
        points = self.series.points
        kept = [i for i, point in enumerate(points) if point.occasion.started_at >= moment]
        if not kept:
            return None
        place = {index: new for new, index in enumerate(kept)}
        joints = {place[i]: error for i, error in self.series.joints.items() if i in place}
        series = replace(self.series, points=tuple(points[i] for i in kept), joints=joints)
        changes = [
            replace(change, index=place[change.index])
            for change in self.changes
            if change.index in place
        ]
        return Course(series, changes)


def find_courses(series: Sequence[Series]) -> list[Course]:
    """The course of every series. Noisy ones change where the detector of changes says so, the
    newest nights not yet: whether they are news, the events tell. Exact ones change exactly."""
    noisy = [one for one in series if not METRICS[one.metric].exact and _is_positive(one)]
    found: dict[int, list[Change]] = defaultdict(list)
    for shift in find_shifts(noisy):
        if not shift.is_new:
            change = Change(shift.start, shift.ratio, *shift.interval)
            found[id(shift.series)].append(change)
    return [
        Course(one, _steps(one) if METRICS[one.metric].exact else found[id(one)]) for one in series
    ]


def _is_positive(series: Series) -> bool:
    """Whether it has logarithms: what counts something may be 0."""
    return all(value is None or value > 0 for value in series.values)


def _steps(series: Series) -> list[Change]:
    """Wherever an exact value is another one than before."""
    known = [(i, value) for i, value in enumerate(series.values) if value is not None]
    return [
        Change(index, value / before)
        for (_, before), (index, value) in pairwise(known)
        if value != before and before
    ]
