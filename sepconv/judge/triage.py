"""What becomes of stored events when the history is looked at again.

An event that is found again keeps its uid and what was said of it. One that was seen once is
confirmed by a second night; one that later nights do not show is refuted; one that a later change
takes back is fixed. What people said stays.

A second night does not confirm what something else than code could explain: a machine or an
environment that changed at the same place, or no commit at all. That takes the paired gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log

from sepconv.event import ITSELF, TRIAGED, Event, EventKind, EventState, Note
from sepconv.judge.cluster import DOUBTS
from sepconv.series import Series

CONFIRMING_SIGHTINGS = 2
TAKEN_BACK = 0.35  # of the change, that may be left of it where it counts as taken back
MEASURED_AGAIN = "measured again"
"""How the reason begins of a note that rests on the paired gate: nights alone do not undo it."""

SEARCHED = "bisect: "
"""The same of one that rests on a search for the commit, which has narrowed the range."""

NEEDED_BEFORE = 30  # nights of a level, before a change from it is certainly seen
NOT_SEEN = "later nights do not show it"


@dataclass(frozen=True)
class Looked:
    """What an analysis looked at: latencies that changed outside of it are left alone."""

    since: Mapping[str, str]  # class of machines → UTC, from when on it would have seen a change


def recent(series: Sequence[Series], nights: int | None) -> tuple[list[Series], Looked]:
    """The newest points of every series, and what can be seen in them.

    A change needs a level before it: at the beginning of what is looked at, none is seen.
    """
    since: dict[str, str] = {}
    newest = []
    for one in series:
        first = 0 if nights is None else max(0, len(one.points) - nights)
        joints = {place - first: error for place, error in one.joints.items() if place > first}
        points = one.points[first:]
        newest.append(replace(one, points=points, joints=joints))
        seen_from = points[min(NEEDED_BEFORE, len(points) - 1)].occasion.started_at
        at = seen_from if first else ""
        since[one.machine] = max(since.get(one.machine, at), at)  # a new case has few points
    return newest, Looked(since)


def update_events(
    stored: Sequence[Event], found: Sequence[Event], *, now: str, looked: Looked | None = None
) -> list[Event]:
    """Every event as it is now, those that were stored first.

    `found` are what an analysis of the history shows. Without `looked`, that had the whole of it.
    """
    pairs = _match(stored, found)
    updated = []
    for event in stored:
        again = pairs.get(event.uid)
        if again is not None:
            updated.append(_renewed(event, again))
        elif looked is None or _was_looked_at(event, looked):
            updated.append(_not_seen(event, now))
        else:
            updated.append(event)
    matched = {again.uid for again in pairs.values()}
    known = {event.uid for event in stored}
    fresh = [each for each in found if each.uid not in matched and each.uid not in known]
    confirmed = [_confirmed(each, now) for each in [*updated, *fresh]]
    return _fixed(confirmed, now)


def _match(stored: Sequence[Event], found: Sequence[Event]) -> dict[str, Event]:
    """The finding that each stored event is, by the uid of that event; each finding once."""
    left = list(found)
    pairs: dict[str, Event] = {}
    for event in stored:  # the same finding first, before those that only lie near
        same = [each for each in left if each.uid == event.uid]
        if same:
            pairs[event.uid] = same[0]
            left.remove(same[0])
    for event in stored:
        if event.uid in pairs:
            continue
        near = [each for each in left if _is_same(event, each)]
        if near:
            best = max(near, key=lambda each: len(_cases(each) & _cases(event)))
            pairs[event.uid] = best
            left.remove(best)
    return pairs


def _is_same(one: Event, other: Event) -> bool:
    """Whether two findings are of the same change: same kind and way, overlapping ranges, and a
    case in common."""
    kinds = {EventKind.ENVIRONMENT, EventKind.LATENCY}
    alike = one.kind is other.kind or {one.kind, other.kind} == kinds
    return (
        alike
        and one.direction == other.direction
        and one.machine == other.machine
        and one.last_good_at < other.began_at
        and other.last_good_at < one.began_at
        and bool(_cases(one) & _cases(other))
    )


def _cases(event: Event) -> set[tuple[str, str]]:
    return {(member.case.identity, member.metric) for member in event.members}


def _renewed(event: Event, again: Event) -> Event:
    """The event with what is known of it now; a range that a search has narrowed stays."""
    is_narrowed = any(note.reason.startswith(SEARCHED) for note in event.notes)
    narrowed = {
        "commits": event.commits,
        "last_good": event.last_good,
        "first_bad": event.first_bad,
    }
    return replace(
        again,
        uid=event.uid,
        id=event.id,
        first_seen_at=event.first_seen_at,
        notes=event.notes,
        **(narrowed if is_narrowed else {}),  # type: ignore[arg-type]
    )


def _was_looked_at(event: Event, looked: Looked) -> bool:
    if event.kind is EventKind.WORKLOAD:
        return True  # of these, the whole history is looked at
    if event.machine not in looked.since:
        return event.kind is EventKind.ENVIRONMENT  # of the reference, over the whole history
    return event.began_at > looked.since[event.machine]


def _not_seen(event: Event, now: str) -> Event:
    """Refuted, unless somebody has spoken about it, or it was measured again."""
    is_open = event.state in (EventState.SUSPICIOUS, EventState.CONFIRMED)
    if not is_open or any(_is_measured(note) for note in event.notes):
        return event
    return _noted(event, EventState.REFUTED, NOT_SEEN, now)


def _confirmed(event: Event, now: str) -> Event:
    """Confirmed, if it is certain now: exact, or seen often enough and explained by code alone."""
    refuted_by_nights = event.state is EventState.REFUTED and event.notes[-1].reason == NOT_SEEN
    if event.last_seen_at != now:
        return event
    if event.state is not EventState.SUSPICIOUS and not refuted_by_nights:
        return event
    if event.kind is EventKind.WORKLOAD:
        return _noted(event, EventState.CONFIRMED, "exact: any change of it is one", now)
    if event.kind is EventKind.ENVIRONMENT:
        if not set(event.explanations) - DOUBTS:
            return event
        return _noted(event, EventState.CONFIRMED, "the same code, before and after", now)
    if event.explanations or event.sightings < CONFIRMING_SIGHTINGS:
        return event
    return _noted(event, EventState.CONFIRMED, f"seen in {event.sightings} nights", now)


def _fixed(events: Sequence[Event], now: str) -> list[Event]:
    """The events, those that a later one takes back marked so."""
    changes = [
        each
        for each in events
        if each.kind is EventKind.LATENCY and each.state is not EventState.REFUTED
    ]
    result = []
    for event in events:
        if event.is_alarm and event.kind is EventKind.LATENCY:
            back = next((each for each in changes if _takes_back(each, event)), None)
            if back is not None:
                commit = back.first_bad.commit[:10] if back.first_bad else back.began_at
                event = _noted(event, EventState.FIXED, f"taken back by {commit}", now)
        result.append(event)
    return result


def _takes_back(later: Event, event: Event) -> bool:
    """Whether the later event undoes the earlier one, in most of its cases."""
    if later.began_at <= event.began_at or later.machine != event.machine:
        return False
    if later.state not in (EventState.CONFIRMED, *TRIAGED):
        return False
    changed = {(m.case.identity, m.metric): log(m.ratio) for m in later.members}
    undone = [
        abs(log(member.ratio) + changed[key]) < TAKEN_BACK * abs(log(member.ratio))
        for member in event.members
        if (key := (member.case.identity, member.metric)) in changed
    ]
    return sum(undone) * 2 > len(event.members)


def _is_measured(note: Note) -> bool:
    by_pairs = note.reason.startswith((MEASURED_AGAIN, SEARCHED))
    return note.state is EventState.CONFIRMED and by_pairs


def _noted(event: Event, state: EventState, reason: str, now: str) -> Event:
    return replace(event, notes=[*event.notes, Note(state, ITSELF, reason, now)])


def news(before: Iterable[Event], after: Iterable[Event]) -> list[Event]:
    """The events whose state is another one than before, or that are new and already certain."""
    known = {event.uid: event.state for event in before}
    return [
        event for event in after if event.state is not known.get(event.uid, EventState.SUSPICIOUS)
    ]
