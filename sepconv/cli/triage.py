"""What people decide about events: meant, fixed, not worth a thought, or open again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from sepconv.cli import DONE
from sepconv.cli.said import now, on_one_line, whoever_asks
from sepconv.event import ITSELF, Event, EventState, Note


def say(
    state: EventState | None,
    *,
    references: Sequence[str],
    reason: str | None,
    author: str | None,
    store_url: str,
    output_format: str,
) -> int:
    """Store one note for each of the events, and print what they are now; without a state, what
    was decided is taken back.

    Raises:
        UsageError: No reason or no author is given, or there is nothing to take back.
        UnknownEvent: One of them is not known; nothing is stored.
    """
    from sepconv.cli.table import print_json
    from sepconv.report.event import describe_event, event_plain
    from sepconv.report.text import inert
    from sepconv.store import Store

    why, who = on_one_line(reason), on_one_line(author if author is not None else whoever_asks())
    if not why:
        raise click.UsageError(
            "--reason is missing: whoever reads this next year wants to know why it was decided"
        )
    if not who or who == ITSELF:
        raise click.UsageError(f"--author {who!r}: expected the name of a person or a job")
    with Store(store_url) as store:
        meant = {event.id or 0: event for event in map(store.find_event, references)}
        notes = {
            number: Note(state or _reopened(event), who, why, _after(event))
            for number, event in meant.items()
        }
        for number, note in notes.items():
            store.note_event(number, note)
        told = [store.find_event(str(number)) for number in notes]
    if output_format == "json":
        print_json([event_plain(event) for event in told])
        return DONE
    for event in told:
        click.echo(inert(f"event {event.id}: {describe_event(event)}"))
    return DONE


def _after(event: Event) -> str:
    """Now, or just after the newest note, if the clock that told its time is ahead: the last word
    counts."""
    moments = [datetime.fromisoformat(now())]
    if event.notes:
        moments.append(datetime.fromisoformat(event.notes[-1].at) + timedelta(microseconds=1))
    return max(moments).isoformat(timespec="microseconds")


def _reopened(event: Event) -> EventState:
    """The state that an event had before anything was decided about it.

    Raises:
        UsageError: Nothing was.
    """
    from sepconv.report.event import is_open

    if is_open(event):
        raise click.UsageError(f"event {event.id} is {event.state}: nothing was decided about it")
    was_confirmed = any(note.state is EventState.CONFIRMED for note in event.notes)
    return EventState.CONFIRMED if was_confirmed else EventState.SUSPICIOUS
