"""Where in a history shifts happened: the occasions of all series on one scale.

Where several series shifted together, each says how likely every place is; together they say it
more exactly than any of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise
from math import log

import numpy as np

from sepconv.judge.change_point import REACH
from sepconv.judge.noise import Array
from sepconv.judge.shift import TO_SD, Shift
from sepconv.series import Occasion, Series

BELIEVED = 0.95  # chance that the change happened within the range that is named
RECENT = 30  # nights that tell the level before a shift
DISTURBED = 3.0  # scales: no single night decides the place


class Places:
    """The occasions of all series of a class of machines, numbered as they come."""

    def __init__(self, series: Sequence[Series]) -> None:
        self.occasions = _in_order(series)
        self._place = {each.uid: place for place, each in enumerate(self.occasions)}

    def of(self, series: Series, index: int) -> int:
        """The place of a point."""
        return self._place[series.points[index].occasion.uid]

    def start(self, shift: Shift) -> int:
        """The place of the first occasion after a shift."""
        return self.of(shift.series, shift.start)


@dataclass(frozen=True)
class Range:
    """Where a change happened, as sure as can be said."""

    earliest: int  # place of the last occasion that is certainly before
    latest: int  # place of the first occasion that is certainly after
    best: int  # most likely place of the first occasion after


def locate(shifts: Sequence[Shift], places: Places) -> Range:
    """Where the shifts say together that it happened."""
    starts = [places.start(shift) for shift in shifts]
    first = max(1, min(starts) - REACH)
    candidates = range(first, min(len(places.occasions), max(starts) + REACH + 1))
    distance = np.zeros(len(candidates))
    for shift in shifts:
        distance += _distances(shift, candidates, places)
    chances = np.exp(-(distance - distance.min()) / 2)
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    enough = int(np.searchsorted(np.cumsum(chances[order]), BELIEVED)) + 1
    believed = [candidates[i] for i in order[:enough]]
    return Range(min(believed) - 1, max(believed), candidates[int(chances.argmax())])


def _distances(shift: Shift, candidates: range, places: Places) -> Array:
    """How badly the series fits each place as the first one of the new level: its squared
    distances from the two levels, in scales."""
    series = shift.series
    low, high = candidates[0] - 1, candidates[-1] + 1
    nights = [
        (places.of(series, i), log(point.estimate.value))
        for i, point in enumerate(series.points)
        if point.estimate is not None and low <= places.of(series, i) <= high
    ]
    where = np.array([place for place, _ in nights])
    values = np.array([value for _, value in nights])
    recent = _logs(series, shift.start)[-min(RECENT, shift.nights_before) :]
    before = float(np.median(recent))
    scatter = TO_SD * float(np.median(np.abs(recent - before)))
    scale = max(shift.error, abs(shift.change) / 10, scatter)
    squares = [
        np.minimum(np.abs(values - level) / scale, DISTURBED) ** 2
        for level in (before, before + shift.change)
    ]
    return np.array([np.where(where < each, *squares).sum() for each in candidates])


def _logs(series: Series, end: int) -> Array:
    """The values before the point of that index."""
    return np.array([log(point.estimate.value) for point in series.points[:end] if point.estimate])


def _in_order(series: Sequence[Series]) -> list[Occasion]:
    """All occasions of series that are each in the same order, in that order; where it leaves
    open which of two comes first, the one that began first."""
    known = {point.occasion.uid: point.occasion for one in series for point in one.points}
    ways = {tuple(point.occasion.uid for point in one.points) for one in series}
    steps = {step for way in ways for step in pairwise(way)}
    waiting = Counter(after for _, after in steps)
    followers: dict[str, list[str]] = defaultdict(list)
    for before, after in steps:
        followers[before].append(after)
    ready = [(each.started_at, uid) for uid, each in known.items() if not waiting[uid]]
    heapify(ready)
    order = []
    while ready:
        _, uid = heappop(ready)
        order.append(known[uid])
        for after in followers[uid]:
            waiting[after] -= 1
            if not waiting[after]:
                heappush(ready, (known[after].started_at, after))
    return order
