"""`sepconv events`: what has changed over the nights, and who says what of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sepconv.cli import DONE, REGRESSION
from sepconv.cli.option import format_option, store_option
from sepconv.cli.said import now
from sepconv.cli.triage import say
from sepconv.event import Event, EventState

if TYPE_CHECKING:
    from sepconv.store import Store

FEED_TITLE = "sepconv: what has changed"
COLORS = {EventState.CONFIRMED: "yellow", EventState.SUSPICIOUS: "cyan"}


@click.group(
    invoke_without_command=True,
    epilog="Examples: sepconv events · sepconv events --all --format markdown · "
    "sepconv events acknowledge 3 --reason 'bias is added in float64 now'",
)
@click.option("--all", "takes_all", is_flag=True, help="Also what is decided, or was refuted.")
@click.option(
    "--state",
    "states",
    type=click.Choice([str(state) for state in EventState]),
    multiple=True,
    help="Only events of that state; repeatable.",
)
@click.option("--update", is_flag=True, help="Look through the history anew first.")
@store_option
@format_option("terminal", "markdown", "json", "atom")
@click.pass_context
def events(
    context: click.Context,
    takes_all: bool,
    states: tuple[str, ...],
    update: bool,
    store_url: str,
    output_format: str,
) -> int:
    """List what has changed over the nights, and nobody has decided about yet.

    An event is the changes of many cases that one range of commits explains. Ends with 1 while
    there is an alarm: a confirmed slowdown, or changed work, that nobody has spoken about,
    whatever is listed.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return DONE
    from sepconv.store import Store

    looked: int | None = None
    if update:
        from sepconv.cli.analysis import analyse

        with Store(store_url) as store:
            looked = len(analyse(store, now=now()).series)
    with Store(store_url, read_only=True) as store:
        stored = store.events()
        why_none = None if stored else _why_none(store, looked)
    _print_list(stored, _chosen(stored, states, takes_all), output_format, why_none)
    return REGRESSION if any(event.is_alarm for event in stored) else DONE


@events.command(epilog="Example: sepconv events show 3")
@click.argument("reference", metavar="ID")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Only the N cases that changed most.",
)
@store_option
@format_option("terminal", "markdown", "json")
def show(reference: str, limit: int, store_url: str, output_format: str) -> int:
    """Show everything that is known of an event: cases, commits, notes, and what to type next.

    ID is its number, the beginning of its uid, or latest.
    """
    from sepconv.cli.event_facts import next_commands, print_event
    from sepconv.cli.table import print_json
    from sepconv.report.event import event_plain, events_markdown
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        event = store.find_event(reference)
        commands = next_commands(event, store)
    if output_format == "json":
        print_json(event_plain(event) | {"commands": commands})
    elif output_format == "markdown":
        click.echo(events_markdown([event]), nl=False)
    else:
        print_event(event, limit, commands)
    return DONE


def _triage(name: str, example: str) -> Callable[[Callable[..., int]], click.Command]:
    """A command that says something of events: its arguments, and how it is listed."""

    def decorate(command: Callable[..., int]) -> click.Command:
        for option in (
            format_option("terminal", "json"),
            store_option,
            click.option("--author", metavar="NAME", help="Who says so.  [default: as git knows]"),
            click.option("--reason", metavar="TEXT", help="Why. Required."),
            click.argument("references", metavar="ID...", nargs=-1, required=True),
        ):
            command = option(command)
        return events.command(name, epilog=f"Example: sepconv events {name} {example}")(command)

    return decorate


@_triage("acknowledge", "3 --reason 'bias is added in float64 now'")
def acknowledge(**said: Any) -> int:
    """Say that events are meant to be.

    ID is the number of an event, the beginning of its uid, or latest.
    """
    return say(EventState.ACKNOWLEDGED, **said)


@_triage("fixed", "3 --reason 'reverted in 4f5f37e'")
def fixed(**said: Any) -> int:
    """Say that a later commit took events back.

    ID is the number of an event, the beginning of its uid, or latest.
    """
    return say(EventState.FIXED, **said)


@_triage("ignore", "3 5 --reason 'this conv type goes next month'")
def ignore(**said: Any) -> int:
    """Say that events are not worth a thought.

    ID is the number of an event, the beginning of its uid, or latest.
    """
    return say(EventState.IGNORED, **said)


@_triage("reopen", "3 --reason 'it is not meant after all'")
def reopen(**said: Any) -> int:
    """Take back what was decided about events.

    ID is the number of an event, the beginning of its uid, or latest.
    """
    return say(None, **said)


def _refuse_options(context: click.Context) -> None:
    """Whoever names a store before the command would be answered from another one.

    Raises:
        UsageError: An option stands before the command.
    """
    for parameter in context.command.params:
        if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
            name = context.invoked_subcommand
            raise click.UsageError(
                f"{parameter.opts[0]} stands before {name!r}: options of a command stand behind "
                f"it, as in `sepconv events {name} 3 {parameter.opts[0]} …`"
            )


def _chosen(stored: Sequence[Event], states: Sequence[str], takes_all: bool) -> list[Event]:
    from sepconv.report.event import in_order, is_open

    if states:
        stored = [event for event in stored if event.state in states]
    elif not takes_all:
        stored = [event for event in stored if is_open(event)]
    return in_order(stored)


def _why_none(store: Store, looked: int | None) -> str:
    """Why the store has no event, and what to type."""
    if looked:
        return f"no event in the {looked} series of {store.shown_url}"
    has_history = bool(store.runs(limit=1) or store.comparisons(limit=1))
    if has_history and looked is None:
        return (
            f"no event is stored in {store.shown_url}; "
            "look through its history with: sepconv events --update"
        )
    if has_history:
        return f"{store.shown_url} has no history of the default branch: type: sepconv nightly"
    return f"nothing is stored in {store.shown_url} yet; type: sepconv nightly"


def _print_list(
    stored: Sequence[Event], chosen: Sequence[Event], output_format: str, why_none: str | None
) -> None:
    from sepconv.cli.table import make_console, print_json, rows_table
    from sepconv.report.event import (
        balance,
        describe_balance,
        describe_state,
        event_plain,
        events_markdown,
    )
    from sepconv.report.feed import render_feed
    from sepconv.report.occurrence import describe_change

    if output_format == "json":
        print_json(
            {
                "alarms": sum(event.is_alarm for event in stored),
                "balance": dict(balance(stored)),
                "events": [event_plain(event) for event in chosen],
            }
        )
        return
    if output_format == "atom":
        click.echo(render_feed(stored, title=FEED_TITLE, url=None, now=now()), nl=False)
        return
    summary = why_none or describe_balance(stored)
    if not chosen and why_none is None:
        summary = f"no event is listed; {summary}; all of them: sepconv events --all"
    if output_format == "markdown":
        click.echo(f"{summary}\n\n{events_markdown(chosen)}", nl=False)
        return
    if chosen:
        rows = [
            {"event": event.id, "what": describe_change(event), "state": describe_state(event)}
            for event in chosen
        ]
        styles = ["red" if event.is_alarm else COLORS.get(event.state, "") for event in chosen]
        left = {"what", "state"}
        make_console().print(rows_table(rows, left=left, wrapped=left, styles=styles))
    click.echo(summary)
    if alarm := next((event for event in chosen if event.is_alarm), None):
        click.echo(f"see it whole, and what to do: sepconv events show {alarm.id}")
