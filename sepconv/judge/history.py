"""The series that a store's runs and comparisons make up, in the order of the commits.

The ratio to a pinned reference is free of what drifts from night to night, so its series goes on
across torch versions, and across machines of one instruction set; absolute values do neither.
When the reference moves, what came before is expressed by the new one: it is multiplied by the
ratio of old to new, which was measured once, in turns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, hypot, log
from statistics import median

from sepconv.case import Case
from sepconv.comparison import Compared, Comparison, Outcome, Purpose
from sepconv.judge.estimate import student_quantile
from sepconv.judge.timeline import Timeline, main_history
from sepconv.record import Estimate, Status
from sepconv.run import Revision
from sepconv.series import Occasion, Point, Series

RATIO = "ratio_to_reference"
LEAST_TRANSITIONS = 4  # between two machines, of what is known of their difference

LOST = {Outcome.FAILED: Status.FAILED, Outcome.MISSING: Status.MISSING}
"""What a night without a ratio was: head could not run the case, or does not have it any more."""


def class_of(occasion: Occasion) -> tuple[str, str]:
    """The classes of machines and of environments that share a ratio series: for people."""
    environment = occasion.environment
    machine = f"{occasion.machine.architecture} {environment.cpu_capability}"
    return machine, f"{environment.allocator} allocator, method {environment.method_version}"


def absolute_series(series: Iterable[Series], known: Iterable[Revision]) -> list[Series]:
    """The series of runs in the order of the commits: those of the default branch alone, and of
    trees without changes that were not committed."""
    timeline = Timeline(known)
    every = list(series)
    occasions = {point.occasion.uid: point.occasion for one in every for point in one.points}
    place = {each.uid: i for i, each in enumerate(main_history(occasions.values(), timeline))}
    ordered = []
    for one in every:
        points = [point for point in one.points if point.occasion.uid in place]
        if points:
            points.sort(key=lambda point: place[point.occasion.uid])
            ordered.append(replace(one, points=tuple(points)))
    return ordered


def ratio_series(comparisons: Iterable[Comparison], known: Iterable[Revision]) -> list[Series]:
    """The ratio to the reference of every case, in the order of the commits.

    Expressed by the newest reference. Where an old one was not measured against the next, the
    ratios before that are a series of their own.
    """
    every = list(comparisons)
    nights = {
        each.uid: (Occasion.of_comparison(each), each)
        for each in every
        if each.purpose is Purpose.NIGHTLY and each.head.environment is not None
    }
    chains = _Chains(every)
    ordered = main_history((occasion for occasion, _ in nights.values()), Timeline(known))
    collected: dict[tuple[str, tuple[str, str]], list[tuple[Occasion, Compared]]]
    collected = defaultdict(list)
    for occasion in ordered:
        group = class_of(occasion)
        for one in nights[occasion.uid][1].cases:
            collected[one.head.identity, group].append((occasion, one))
    return [
        each
        for (_, group), own in collected.items()
        for each in _series_of(own[0][1].head, own, group, chains)
    ]


@dataclass(frozen=True)
class _Link:
    """ln(new ÷ old) of a case, for a reference that moved."""

    centre: float
    error: float


class _Chains:
    """What the comparisons of one reference with another say, case by case."""

    def __init__(self, comparisons: Iterable[Comparison]) -> None:
        self._links: dict[str, dict[str, dict[str, _Link]]] = {}  # by identity, from, to
        for each in comparisons:
            if each.purpose is not Purpose.CHAIN or not (each.base.revision and each.head.revision):
                continue
            for one in each.cases:
                error = relative_error(one)
                if one.ratio is not None and one.ratio > 0 and error is not None:
                    link = _Link(log(one.ratio), error)
                    ends = each.base.revision.commit, each.head.revision.commit
                    self._keep(one.head.identity, ends, link)

    def towards(self, newest: str | None, identity: str) -> dict[str | None, _Link]:
        """ln(newest ÷ reference) for every reference that leads there, itself included."""
        found: dict[str | None, _Link] = {newest: _Link(0.0, 0.0)}
        links = self._links.get(identity, {})
        ahead = [newest] if newest is not None else []
        while ahead:
            here = ahead.pop(0)  # by the fewest steps
            for there, link in links.get(here, {}).items():
                if there not in found:
                    so_far = found[here]
                    error = hypot(so_far.error, link.error)
                    found[there] = _Link(so_far.centre - link.centre, error)
                    ahead.append(there)
        return found

    def _keep(self, identity: str, ends: tuple[str, str], link: _Link) -> None:
        """Both ways round; of several, the most exact one."""
        old, new = ends
        links = self._links.setdefault(identity, {})
        known = links.get(old, {}).get(new)
        if known is None or link.error < known.error:
            links.setdefault(old, {})[new] = link
            links.setdefault(new, {})[old] = _Link(-link.centre, link.error)


def _series_of(
    case: Case,
    nights: Sequence[tuple[Occasion, Compared]],
    group: tuple[str, str],
    chains: _Chains,
) -> list[Series]:
    """The series of one case; several where references were not measured against each other."""
    left = list(nights)
    found: list[Series] = []
    while left:
        links = chains.towards(left[-1][0].reference_commit, case.identity)
        own = [each for each in left if each[0].reference_commit in links]
        left = [each for each in left if each[0].reference_commit not in links]
        points = [_point(occasion, one, links[occasion.reference_commit]) for occasion, one in own]
        joints = {
            place: chains.towards(after.reference_commit, case.identity)[
                before.reference_commit
            ].error
            for place, ((before, _), (after, _)) in enumerate(pairwise(own), 1)
            if before.reference_commit != after.reference_commit
        }
        points = _on_one_machine(points)
        found.append(Series(case, RATIO, *group, points=tuple(points), joints=joints))
    return found[::-1]


def _point(occasion: Occasion, one: Compared, link: _Link) -> Point:
    """What a night says of a case, by the newest reference: head ÷ old is divided by new ÷ old."""
    if one.ratio is None or one.ratio <= 0:
        return Point(occasion, LOST.get(one.outcome, Status.SKIPPED), None)
    by = exp(-link.centre)
    low, high = (None if bound is None else bound * by for bound in (one.low, one.high))
    return Point(occasion, Status.OK, Estimate(one.ratio * by, low, high))


def relative_error(one: Compared) -> float | None:
    """The relative standard error of a ratio, from its interval."""
    if one.ratio is None or one.low is None or one.high is None or one.low <= 0:
        return None
    freedom = max(1, one.passes - 1)
    return log(one.high / one.low) / 2 / student_quantile(freedom, one.confidence or 0.95)


def _on_one_machine(points: Sequence[Point]) -> list[Point]:
    """Without what machines of one class differ by, where nights often change between them.

    The difference of two machines is the median over the pairs of neighbouring nights that are on
    one and on the other; the levels of all are those of the machine that has most nights. Where
    the machine changed once or twice, nothing can be told apart, and nothing is done: what changed
    there says so.
    """
    measured = [point for point in points if point.estimate is not None]
    counts = Counter(point.occasion.machine.key for point in measured)
    if len(counts) < 2:
        return list(points)
    usual = counts.most_common(1)[0][0]
    steps: dict[str, list[float]] = defaultdict(list)
    for before, after in pairwise(measured):
        assert before.estimate is not None
        assert after.estimate is not None
        keys = before.occasion.machine.key, after.occasion.machine.key
        step = log(after.estimate.value / before.estimate.value)
        if keys[0] == usual != keys[1]:
            steps[keys[1]].append(step)
        elif keys[1] == usual != keys[0]:
            steps[keys[0]].append(-step)
    shift = {key: median(own) for key, own in steps.items() if len(own) >= LEAST_TRANSITIONS}
    return [_scaled(point, exp(-shift.get(point.occasion.machine.key, 0.0))) for point in points]


def _scaled(point: Point, by: float) -> Point:
    if point.estimate is None or by == 1.0:
        return point
    value, low, high = point.estimate.value, point.estimate.low, point.estimate.high
    low, high = (None if bound is None else bound * by for bound in (low, high))
    return replace(point, estimate=Estimate(value * by, low, high))
