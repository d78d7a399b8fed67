"""What is news although no noisy series had to be judged: changed work, and another environment.

An exact metric is the same in every run of the same code, so any change of it is one. And where
the environment changes (torch, the kernel, the machine), the reference is the same code on both
sides: what it takes longer is what the environment costs, conv type by conv type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import exp, log, sqrt
from statistics import fmean, median, stdev
from typing import Any

from sepconv.comparison import Comparison, Purpose
from sepconv.event import Changed, Direction, Event, EventKind
from sepconv.judge.change_point import LEAST_CHANGE
from sepconv.judge.estimate import student_quantile
from sepconv.judge.event import event_between
from sepconv.judge.timeline import Timeline, main_history
from sepconv.metric import METRICS
from sepconv.run import Revision
from sepconv.series import Occasion, Series

NIGHTS = 7  # on each side of a change of environment: beyond, the machine has drifted
LEAST_NIGHTS = 2  # on each side
LEAST_SCATTER = 0.01  # of a latency from night to night: seven may agree by chance

Ends = tuple[Occasion, Occasion]


def workload_events(
    series: Sequence[Series], known: Iterable[Revision], *, now: str
) -> list[Event]:
    """The places where an exact metric changed, oldest first; `series` in the order of commits."""
    timeline = Timeline(known)
    found: dict[tuple[str, str], tuple[Ends, dict[tuple[str, str], Changed]]] = {}
    for one in series:
        if not METRICS[one.metric].exact:
            continue
        measured = [point for point in one.points if point.estimate is not None]
        for before, after in pairwise(measured):
            assert before.estimate is not None
            assert after.estimate is not None
            old, new = before.estimate.value, after.estimate.value
            if old == new or old <= 0 or new <= 0:
                continue
            ends = before.occasion, after.occasion
            key = ends[0].commit or ends[0].uid, ends[1].commit or ends[1].uid
            _, members = found.setdefault(key, (ends, {}))
            members[one.case.identity, one.metric] = Changed(one.case, one.metric, new / old)
    events = [
        event_between(
            *ends,
            identified=key,
            kind=EventKind.WORKLOAD,
            direction="changed",
            members=list(members.values()),
            timeline=timeline,
            now=now,
        )
        for key, (ends, members) in found.items()
    ]
    return sorted(events, key=lambda event: (event.began_at, event.uid))


def environment_events(
    comparisons: Sequence[Comparison], known: Iterable[Revision], *, now: str
) -> list[Event]:
    """What each change of environment did to the latencies of the reference, oldest first.

    Of nights on both sides that have the same reference; where there are none, nothing is said.
    The clock orders them: an environment is one of days, not of commits.
    """
    nights = {
        each.uid: each
        for each in comparisons
        if each.purpose is Purpose.NIGHTLY and each.head.environment is not None
    }
    timeline = Timeline(known)
    occasions = main_history(map(Occasion.of_comparison, nights.values()), timeline)
    occasions.sort(key=lambda each: (each.started_at, each.uid))
    found = []
    for place, (before, after) in enumerate(pairwise(occasions), 1):
        if not _has_moved(before, after):
            continue
        old = _stretch(occasions[:place][::-1])
        new = _stretch(occasions[place:])
        if (
            min(len(old), len(new)) < LEAST_NIGHTS
            or before.reference_commit != after.reference_commit
        ):
            continue
        members, is_clear = _compared(*([nights[each.uid] for each in side] for side in (old, new)))
        is_another = before.environment.key != after.environment.key
        if not members or not (is_clear or is_another):
            continue
        direction: Direction = _direction(members) if is_clear else "changed"
        event = event_between(
            before,
            after,
            identified=(before.uid, after.uid),
            kind=EventKind.ENVIRONMENT,
            direction=direction,
            members=members,
            timeline=timeline,
            now=now,
            machine=after.machine.key,
            sightings=len(new),
        )
        found.append(event)
    return found


def _has_moved(before: Occasion, after: Occasion) -> bool:
    """Whether machine, environment or kernel are others, as far as they are known."""
    kernels = {each.conditions.get("kernel") for each in (before, after)} - {None}
    return (
        before.machine.key != after.machine.key
        or before.environment.key != after.environment.key
        or len(kernels) > 1
    )


def _stretch(occasions: Sequence[Occasion]) -> list[Occasion]:
    """The first of them, for as long as nothing moves, `NIGHTS` at most."""
    found = [occasions[0]]
    for each in occasions[1:NIGHTS]:
        if _has_moved(found[0], each) or each.reference_commit != found[0].reference_commit:
            break
        found.append(each)
    return found


def _compared(
    before: Sequence[Comparison], after: Sequence[Comparison]
) -> tuple[list[Changed], bool]:
    """Every case's latency of the reference, after ÷ before; whether one has clearly changed."""
    sides = [_latencies(nights) for nights in (before, after)]
    members = []
    is_clear = False
    shared = [identity for identity in sides[0] if identity in sides[1]]
    for identity in shared:
        (case, old), (_, new) = sides[0][identity], sides[1][identity]
        if min(len(old), len(new)) < LEAST_NIGHTS:
            continue
        change = median(new) - median(old)
        spread = [max(stdev(side), LEAST_SCATTER) for side in (old, new)]
        error = sqrt(spread[0] ** 2 / len(old) + spread[1] ** 2 / len(new))
        freedom = len(old) + len(new) - 2
        half = student_quantile(freedom) * error
        surely = student_quantile(freedom, 1 - 0.01 / len(shared)) * error
        is_clear |= abs(change) - surely > log(1 + LEAST_CHANGE)
        members.append(
            Changed(case, "latency_s", exp(change), exp(change - half), exp(change + half))
        )
    return members, is_clear


def _latencies(nights: Sequence[Comparison]) -> dict[str, tuple[Any, list[float]]]:
    """The logarithms of the reference's latencies, by case."""
    found: dict[str, tuple[Any, list[float]]] = {}
    for night in nights:
        for one in night.cases:
            if one.base_latency_s:
                _, own = found.setdefault(one.base.identity, (one.base, []))
                own.append(log(one.base_latency_s))
    return found


def _direction(members: Sequence[Changed]) -> Direction:
    mean = fmean(log(member.ratio) for member in members)
    if abs(mean) < log(1 + LEAST_CHANGE):
        return "changed"
    return "slower" if mean > 0 else "faster"
