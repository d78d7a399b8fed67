"""The events on the page: a list that works without scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sepconv.event import Event, EventKind, EventState
from sepconv.report.event import (
    describe_balance,
    describe_state,
    in_order,
    is_open,
    worst_first,
)
from sepconv.report.occurrence import SUBJECT_LENGTH, describe_change, short_commit
from sepconv.report.text import inert, shorten
from sepconv.run import Run
from sepconv.series import Occasion

MOST_FIRST = 5  # open events that are seen at once
MOST_FOLDED = 60  # further ones
MOST_COMMITS = 10
MOST_CASES = 4
LABEL_LENGTH = 100
MARKED = frozenset(EventState) - {EventState.REFUTED}  # what happened, as far as is known


@dataclass(frozen=True)
class CaseLink:
    """A case of an event: its label, and its identity if the page has its history."""

    label: str
    identity: str | None


@dataclass(frozen=True)
class EventItem:
    """One event as the page tells it."""

    title: str  # "Event 3"
    change: str
    state: str
    word: str  # the state alone: a class of the style sheet
    is_alarm: bool
    commits: Sequence[tuple[str, str]]  # first letters and subject, oldest first
    hidden_commits: int
    cases: Sequence[CaseLink]
    hidden_cases: int


@dataclass(frozen=True)
class EventSection:
    """What the page says of events: the most urgent ones, and the others folded."""

    balance: str
    first: Sequence[EventItem]
    others: Sequence[EventItem]
    counts: str  # of all others: "2 confirmed, 1 fixed"
    hidden: int  # that are in neither list, as there are too many


def event_section(events: Sequence[Event], known: Collection[str]) -> EventSection | None:
    """The section; None without any event. `known` are the cases that the page has."""
    if not events:
        return None
    ordered = in_order(events)
    first = list(filter(is_open, ordered))[:MOST_FIRST]
    others = ordered[len(first) :]
    counts = Counter(str(event.state) for event in others)
    return EventSection(
        balance=describe_balance(events),
        first=[_item(event, known) for event in first],
        others=[_item(event, known) for event in others[:MOST_FOLDED]],
        counts=", ".join(f"{count} {state}" for state, count in counts.items()),
        hidden=max(0, len(others) - MOST_FOLDED),
    )


def first_seen(occasions: Sequence[Run | Occasion], event: Event) -> int | None:
    """The index of the first run or night at the commit, else of the first one at that time or
    later."""
    bad = event.first_bad
    if bad is not None and event.kind is not EventKind.ENVIRONMENT:
        for index, each in enumerate(occasions):
            if each.commit == bad.commit:
                return index
    later = (i for i, each in enumerate(occasions) if each.started_at >= event.began_at)
    return next(later, None)


def _item(event: Event, known: Collection[str]) -> EventItem:
    commits = event.commits[-MOST_COMMITS:]
    identities = dict.fromkeys(member.case for member in worst_first(event.members))
    cases = [
        CaseLink(
            shorten(inert(case.label), LABEL_LENGTH),
            case.identity if case.identity in known else None,
        )
        for case in list(identities)[:MOST_CASES]
    ]
    return EventItem(
        title=event_title(event),
        change=describe_change(event),
        state=describe_state(event),
        word=str(event.state),
        is_alarm=event.is_alarm,
        commits=[
            (short_commit(each), shorten(inert(each.subject), SUBJECT_LENGTH)) for each in commits
        ],
        hidden_commits=len(event.commits) - len(commits),
        cases=cases,
        hidden_cases=len(identities) - len(cases),
    )


def event_title(event: Event) -> str:
    """ "Event 3"; the first letters of its uid where it is in no store."""
    return f"Event {event.uid[:10] if event.id is None else event.id}"
