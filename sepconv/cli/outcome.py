"""What a sweep says at its end: the table, the sentence, the trust in it, the next command."""

from __future__ import annotations

import click

from sepconv.cli.option import DEFAULT_STORE
from sepconv.cli.sweep import Swept
from sepconv.units import format_duration


def print_outcome(swept: Swept, output_format: str = "table") -> None:
    """Print the table of cases and what it means on this machine, or the same as data."""
    if output_format != "table":
        from sepconv.cli.show import print_run_as

        print_run_as(swept.run, swept.measurements, output_format)
        return
    from sepconv.cli.table import case_table, make_console
    from sepconv.judge.finding import find
    from sepconv.report.sentence import describe, trust

    console = make_console()
    console.print(case_table(swept.measurements, console.width))
    finding = find(swept.measurements)
    click.echo()
    click.echo(describe(finding))
    click.echo(f"({trust(finding, swept.run)})")
    click.echo()
    click.echo(f"{_spent(swept)}; {swept.run.machine.label}; {swept.run.environment.label}")


def print_next(
    swept: Swept, store_url: str, command: str, purpose: str, *, err: bool = False
) -> None:
    """The command that most people type next, for the store that was used."""
    from sepconv.store import shown_url

    store = "" if store_url == DEFAULT_STORE else f" --store {shown_url(store_url)}"
    if swept.interrupted:
        click.echo("interrupted: what was measured is stored", err=err)
    click.echo(f"run {swept.run.id} is stored; next: {command}{store}  ({purpose})", err=err)


def _spent(swept: Swept) -> str:
    """Where the time went: "timed 41 s of 58 s (71 %, 88 % with warm-up)"."""
    timing = swept.run.timing
    total, timed = sum(timing.values()), timing["timed_s"]
    with_warmup = (timed + timing["warmup_s"]) / total
    return (
        f"timed {format_duration(timed)} of {format_duration(total)} "
        f"({timed / total:.0%}, {with_warmup:.0%} with warm-up)"
    )
