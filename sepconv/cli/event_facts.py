"""One event for people in a terminal: what is known of it, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from sepconv.case import Case
from sepconv.cli.table import make_console, rows_table
from sepconv.comparison import Purpose
from sepconv.event import Changed, Event, EventKind, EventState
from sepconv.report.event import (
    describe_event,
    describe_note,
    format_member,
    is_open,
    worst_first,
)
from sepconv.report.occurrence import is_certain, metric_name, short_commit
from sepconv.report.run import format_time
from sepconv.report.text import NONE, inert
from sepconv.run import Revision
from sepconv.selection import spell_selection

if TYPE_CHECKING:
    from sepconv.store import Store

UPGRADED = "sepconv compare --base-python OLD --head-python NEW HEAD HEAD"


def print_event(event: Event, limit: int, commands: Mapping[str, str]) -> None:
    """Print the event with the `limit` cases that changed most."""
    click.echo(inert(f"event {event.id}: {describe_event(event)}"))
    click.echo()
    _print_pairs(_facts(event))
    if event.commits:
        click.echo("\ncommits, oldest first")
        for commit in event.commits:
            click.echo(f"  {_revision(commit)}")
    click.echo("\ncases, the largest change first")
    members = worst_first(event.members)
    make_console().print(rows_table(_rows(members[:limit]), left={"case", "of"}))
    if len(members) > limit:
        click.echo(f"and {len(members) - limit} more: --limit {len(members)}")
    if event.notes:
        click.echo("\nsaid of it")
        for note in event.notes:
            click.echo(f"  {format_time(note.at)}  {describe_note(note)}")
    click.echo()
    _print_pairs(commands)


def next_commands(event: Event, store: Store) -> dict[str, str]:
    """What to type next, by what it is for."""
    number = event.id
    commands = {}
    if event.kind is EventKind.LATENCY:
        if not is_certain(event):
            commands["find the commit"] = f"sepconv bisect {number}"
        again = _comparing(event, store)
        if again is not None:
            commands["measure it again"] = again
    if event.kind is EventKind.ENVIRONMENT:
        commands["measure it again"] = UPGRADED
    if is_open(event):
        commands["it is meant"] = f"sepconv events acknowledge {number} --reason TEXT"
        commands["it is not worth a thought"] = f"sepconv events ignore {number} --reason TEXT"
    elif event.state is not EventState.REFUTED:
        commands["take that back"] = f"sepconv events reopen {number} --reason TEXT"
    return commands


def _comparing(event: Event, store: Store) -> str | None:
    """The comparison of the two commits on the case that changed most, in the nights' suite."""
    if event.last_good is None or event.first_bad is None:
        return None
    worst = worst_first(event.members)[0].case
    nights = store.comparisons(limit=1, purposes={Purpose.NIGHTLY})
    words = ["sepconv", "compare", short_commit(event.last_good), short_commit(event.first_bad)]
    swept: Iterable[Case] = [member.case for member in event.members]
    if nights:
        words += ["--suite", nights[0].suite]
        swept = [case.head for case in nights[0].cases]
    where = spell_selection(worst, [worst, *swept])
    return shlex.join([*map(inert, words), "--where", inert(where)])


def _facts(event: Event) -> dict[str, str]:
    facts = {
        "uid": event.uid,
        "measured on": event.machine,
        "before": f"{format_time(event.last_good_at)}, {_revision(event.last_good)}",
        "after": f"{format_time(event.began_at)}, {_revision(event.first_bad)}",
        "nights since": f"{event.sightings}, when it was seen last on {event.last_seen_at[:10]}",
        "first seen": format_time(event.first_seen_at),
    }
    if event.explanations:
        facts["also there"] = "; ".join(event.explanations)
    return facts


def _rows(members: Sequence[Changed]) -> list[dict[str, str]]:
    return [
        {
            "case": member.case.label,
            "of": metric_name(member.metric),
            "change": format_member(member),
            "p": NONE if member.p_value is None else f"{member.p_value:.1g}",
        }
        for member in members
    ]


def _revision(revision: Revision | None) -> str:
    if revision is None:
        return "no commit"
    return inert(f"{short_commit(revision)}  {revision.committed_at[:10]}  {revision.subject}")


def _print_pairs(pairs: Mapping[str, str]) -> None:
    width = max(map(len, pairs), default=0)
    for name, text in pairs.items():
        click.echo(f"{name:<{width}}  {inert(text)}")
