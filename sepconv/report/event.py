"""An event in words and as data: the same for the terminal, Markdown, the feed and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log
from typing import Any

from sepconv.event import ITSELF, TRIAGED, Changed, Event, EventKind, EventState, Note
from sepconv.report.change import format_ratio_change, pooled_interval
from sepconv.report.markdown import code_span, markdown_cell, written_table
from sepconv.report.occurrence import (
    COMMIT_LETTERS,
    SUBJECT_LENGTH,
    TEXT_LENGTH,
    describe_change,
    format_count,
    metric_name,
    region,
    short_commit,
)
from sepconv.report.text import NONE, inert, shorten
from sepconv.run import Revision

LIMIT = 25_000  # characters: an issue's body may have 65,536, and there is more in it
ROOM = 60  # for what says that something was left out
MOST_LISTED = 10  # commits and cases of one event
UNSEEN = frozenset({EventState.SUSPICIOUS, EventState.REFUTED})  # nobody is told of them
ONE_SIDED = 5  # alarms that are all of one kind, from so many on, are odd


def describe_event(event: Event) -> str:
    """One line: what changed and by how much, where, since when, and how sure that is."""
    return f"{describe_change(event)}; {describe_state(event)}"


def describe_state(event: Event) -> str:
    """What is known or was decided, by whom and why: "acknowledged by Ada: it is meant"."""
    if not event.notes:
        return f"{event.state}: seen in {format_count(event.sightings, 'night')}"
    return describe_note(event.notes[-1])


def describe_note(note: Note) -> str:
    """A state, who says so, and why."""
    author = "" if note.author == ITSELF else f" by {shorten(inert(note.author), SUBJECT_LENGTH)}"
    reason = shorten(inert(note.reason), TEXT_LENGTH)
    return f"{note.state}{author}: {reason}" if reason else f"{note.state}{author}"


def format_member(member: Changed) -> str:
    """The change of one case with its interval: "+5.2 % [+4.1, +6.3 %]"."""
    return format_ratio_change(member.ratio, member.low, member.high)


def worst_first(members: Sequence[Changed]) -> list[Changed]:
    """The members that changed by most, either way, first."""
    return sorted(members, key=lambda m: (-abs(log(m.ratio)), m.case.label, m.metric))


def in_order(events: Iterable[Event]) -> list[Event]:
    """What has to be thought about first: alarms, what else is open, what somebody has spoken
    about, what turned out to be nothing; of each, the newest first."""
    newest = sorted(events, key=lambda event: (event.began_at, event.uid), reverse=True)
    return sorted(newest, key=_rank)


def is_open(event: Event) -> bool:
    """Whether nothing was decided about it yet."""
    return event.state in (EventState.SUSPICIOUS, EventState.CONFIRMED)


def balance(events: Iterable[Event]) -> Mapping[str, int]:
    """How many latencies became slower, and how many faster, of what was confirmed."""
    told = [e for e in events if e.kind is EventKind.LATENCY and e.state not in UNSEEN]
    counts = Counter(event.direction for event in told)
    return {"slower": counts["slower"], "faster": counts["faster"]}


def describe_balance(events: Sequence[Event]) -> str:
    """How many events there are of which kind, and whether they lean to one side."""
    counts = balance(events)
    alarms = sum(event.is_alarm for event in events)
    parts = [
        f"confirmed so far: {counts['slower']} slower, {counts['faster']} faster",
        f"{format_count(alarms, 'alarm')} that nobody has spoken about",
    ]
    if max(counts.values()) >= ONE_SIDED and min(counts.values()) == 0:
        parts.append(
            "all are on one side, which real changes seldom are: look whether they are false"
        )
    return "; ".join(parts)


def events_markdown(events: Sequence[Event], *, limit: int = LIMIT) -> str:
    """All of them as a table, the most urgent first, then what is known of each open one.

    At most `limit` characters: what does not fit is counted.
    """
    if not events:
        return "No event.\n"
    ordered = in_order(events)
    rows = list(map(_row, ordered))
    while len(written_table(rows)) + ROOM > limit and len(rows) > 1:
        rows.pop()
    rest = len(ordered) - len(rows)
    text = written_table(rows) + (f"\n{rest} more are not shown.\n" if rest else "")
    for event in filter(is_open, ordered[: len(rows)]):
        details = _details(event)
        if len(text) + len(details) < limit:
            text += f"\n{details}"
    return text


def event_plain(event: Event) -> dict[str, Any]:
    """The event for programs, everything that is known of it; texts as they were stored."""
    low, high = pooled_interval(event.members) or (None, None)
    return {
        "event": event.id,
        "uid": event.uid,
        "kind": str(event.kind),
        "direction": event.direction,
        "state": str(event.state),
        "is_alarm": event.is_alarm,
        "sentence": describe_event(event),
        "region": region(event),
        "machine": event.machine,
        "mean_ratio": event.mean_ratio,
        "low": low,
        "high": high,
        "conv_types": dict(event.conv_types),
        "last_good": _revision_plain(event.last_good),
        "first_bad": _revision_plain(event.first_bad),
        "commits": [_revision_plain(each) for each in event.commits],
        "last_good_at": event.last_good_at,
        "began_at": event.began_at,
        "first_seen_at": event.first_seen_at,
        "last_seen_at": event.last_seen_at,
        "sightings": event.sightings,
        "explanations": list(event.explanations),
        "members": [_member_plain(member) for member in event.members],
        "notes": [
            {
                "state": str(note.state),
                "author": note.author,
                "reason": note.reason,
                "at": note.at,
            }
            for note in event.notes
        ],
    }


def _row(event: Event) -> dict[str, str]:
    state = markdown_cell(describe_state(event))
    return {
        "event": NONE if event.id is None else str(event.id),
        "what": markdown_cell(describe_change(event)),
        "state": f"**{state}**" if event.is_alarm else state,
    }


def _details(event: Event) -> str:
    """The commits, the cases that changed most, and what to type; folded."""
    number = event.uid[:COMMIT_LETTERS] if event.id is None else str(event.id)
    commits = [
        f"- {code_span(short_commit(each))} {markdown_cell(shorten(each.subject, SUBJECT_LENGTH))}"
        for each in event.commits[-MOST_LISTED:]
    ]
    if hidden := len(event.commits) - len(commits):
        commits.insert(0, f"- {hidden} earlier ones")
    members = worst_first(event.members)
    rows = [
        {
            "case": code_span(shorten(member.case.label, TEXT_LENGTH)),
            "of": markdown_cell(metric_name(member.metric)),
            "change": format_member(member),
        }
        for member in members[:MOST_LISTED]
    ]
    if hidden := len(members) - len(rows):
        rows.append({"case": f"and {hidden} more", "of": "", "change": ""})
    parts = [
        f"<details><summary>Event {number}: {markdown_cell(event.direction)}</summary>",
        "\n".join(commits),
        written_table(rows, right={"change"}).rstrip(),
        f"More: `sepconv events show {number}`. If it is meant: "
        f"`sepconv events acknowledge {number} --reason TEXT`.",
        "</details>",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rank(event: Event) -> int:
    if event.is_alarm:
        return 0
    if is_open(event):
        return 1
    return 2 if event.state in TRIAGED else 3


def _member_plain(member: Changed) -> dict[str, Any]:
    return {
        "label": member.case.label,
        "identity": member.case.identity,
        "case": member.case.to_dict(),
        "metric": member.metric,
        "ratio": member.ratio,
        "low": member.low,
        "high": member.high,
        "p_value": member.p_value,
    }


def _revision_plain(revision: Revision | None) -> dict[str, Any] | None:
    if revision is None:
        return None
    return {
        "commit": revision.commit,
        "parents": list(revision.parents),
        "committed_at": revision.committed_at,
        "subject": revision.subject,
    }
