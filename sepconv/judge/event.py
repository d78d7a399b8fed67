"""Events: the shifts of many series that one place of the history explains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from statistics import median

from sepconv.event import Changed, Direction, Event, EventKind
from sepconv.judge.circumstance import differences
from sepconv.judge.cluster import Cluster, find_clusters
from sepconv.judge.place import Places, locate
from sepconv.judge.shift import Shift, find_shifts
from sepconv.judge.timeline import Timeline
from sepconv.run import Revision
from sepconv.series import Occasion, Series

UID_LENGTH = 32  # hexadecimal digits


def find_events(series: Sequence[Series], known: Iterable[Revision], *, now: str) -> list[Event]:
    """The events that noisy series show, oldest first; all of them as if seen for the first time.

    `series` are in the order of the commits.
    """
    timeline = Timeline(known)
    found: list[Event] = []
    for machine, own in _by_machine(series).items():
        places = Places(own)
        for cluster in find_clusters(find_shifts(own), own, places):
            found.append(_event(cluster, places, timeline, machine, now))
    return sorted(found, key=lambda event: (event.began_at, event.uid))


def event_between(
    good: Occasion,
    bad: Occasion,
    *,
    identified: Sequence[str],
    kind: EventKind,
    direction: Direction,
    members: Sequence[Changed],
    timeline: Timeline,
    now: str,
    machine: str = "",
    sightings: int = 1,
    doubts: Sequence[str] = (),
) -> Event:
    """An event that lies between two occasions, seen for the first time.

    What it is `identified` by is the same for the same finding, wherever and however often the
    history is looked at.
    """
    return Event(
        uid=sha256("\0".join((str(kind), *identified)).encode()).hexdigest()[:UID_LENGTH],
        kind=kind,
        direction=direction,
        machine=machine,
        last_good=good.revision,
        first_bad=bad.revision,
        last_good_at=good.started_at,
        began_at=bad.started_at,
        first_seen_at=now,
        last_seen_at=now,
        members=members,
        commits=timeline.between(good.commit, bad.commit) if good.commit and bad.commit else [],
        sightings=sightings,
        explanations=[*differences(good, bad), *doubts],
    )


def _event(cluster: Cluster, places: Places, timeline: Timeline, machine: str, now: str) -> Event:
    where = locate(cluster.counted, places)
    good, bad = places.occasions[where.earliest], places.occasions[where.latest]
    direction: Direction = "slower" if cluster.counted[0].change > 0 else "faster"
    has_new_code = good.commit is None or bad.commit is None or good.commit != bad.commit
    shifts = _by_case(cluster.shifts)
    strongest = shifts[0].series.case.identity
    return event_between(
        good,
        bad,
        identified=(direction, machine, places.occasions[where.best].uid, strongest),
        kind=EventKind.LATENCY if has_new_code else EventKind.ENVIRONMENT,
        direction=direction,
        members=[_changed(shift) for shift in shifts],
        timeline=timeline,
        now=now,
        machine=machine,
        sightings=int(median(shift.sightings for shift in cluster.counted)),
        doubts=cluster.doubts,
    )


def _by_case(shifts: Sequence[Shift]) -> list[Shift]:
    """One per case and metric, the strongest; in the order of their evidence."""
    found: dict[tuple[str, str], Shift] = {}
    for shift in sorted(shifts, key=lambda shift: (shift.p_value, shift.series.case.identity)):
        found.setdefault((shift.series.case.identity, shift.series.metric), shift)
    return list(found.values())


def _changed(shift: Shift) -> Changed:
    low, high = shift.interval
    return Changed(shift.series.case, shift.series.metric, shift.ratio, low, high, shift.p_value)


def _by_machine(series: Sequence[Series]) -> Mapping[str, list[Series]]:
    found: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        found[one.machine].append(one)
    return found
