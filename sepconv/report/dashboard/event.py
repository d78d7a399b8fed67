"""The events as the page's script shows them: in words, with the cases that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sepconv.event import Changed, Event
from sepconv.report.dashboard.series import short
from sepconv.report.dashboard.source import Source
from sepconv.report.event import describe_state, in_order, worst_first
from sepconv.report.event_section import MARKED, MOST_CASES, MOST_COMMITS, event_title, first_seen
from sepconv.report.occurrence import describe_change

MOST_EVENTS = 200  # a page is no archive: the most urgent ones, then the newest
SUBJECT_LENGTH = 200


def event_items(source: Source) -> list[dict[str, Any]]:
    """The most urgent first."""
    return [_item(source, event) for event in in_order(source.events)[:MOST_EVENTS]]


def _item(source: Source, event: Event) -> dict[str, Any]:
    members = _by_case(event)
    index_of = source.panel.case_index
    known = [identity for identity in members if identity in index_of]
    change, standing = describe_change(event), describe_state(event)
    strangers = [each.case.label for identity, each in members.items() if identity not in index_of]
    return {
        "uid": event.uid,
        "number": event.id,
        "kind": str(event.kind),
        "direction": event.direction,
        "state": str(event.state),
        "alarm": event.is_alarm,
        "marked": event.state in MARKED,
        "title": event_title(event),
        "change": change,
        "standing": standing,
        "sentence": f"{change}; {standing}",
        "run": first_seen(source.runs, event),
        "night": first_seen(source.nights, event),
        "began": event.began_at,
        "machine": event.machine,
        "ratio": short(event.mean_ratio),
        "cases": [index_of[identity] for identity in known],
        "ratios": [short(members[identity].ratio) for identity in known],
        "strangers": [len(strangers), strangers[:MOST_CASES]],
        "commits": [
            [each.commit, each.subject[:SUBJECT_LENGTH]] for each in event.commits[-MOST_COMMITS:]
        ],
        "hidden_commits": max(0, len(event.commits) - MOST_COMMITS),
        "explanations": list(event.explanations),
        "notes": [
            {"state": str(note.state), "author": note.author, "reason": note.reason, "at": note.at}
            for note in event.notes
        ],
    }


def _by_case(event: Event) -> Mapping[str, Changed]:
    """Of each case what changed by most; the worst case first."""
    members: dict[str, Changed] = {}
    for member in worst_first(event.members):
        members.setdefault(member.case.identity, member)
    return members
