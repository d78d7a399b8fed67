"""What a sweep says at its end: the table, the sentence, the trust in it, the next command."""

from __future__ import annotations

from collections.abc import Iterator

import click

from sepconv.cli.option import DEFAULT_STORE
from sepconv.cli.sweep import Swept
from sepconv.units import format_duration, format_ratio


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
    if (cost := _allocator_line(swept)) is not None:
        click.echo(cost)
    click.echo()
    click.echo(f"{_spent(swept)}; {swept.run.machine.label}; {swept.run.environment.label}")


def print_next(
    swept: Swept,
    store_url: str,
    command: str,
    purpose: str,
    *,
    err: bool = False,
    resumed: str | None = None,
) -> None:
    """The command that most people type next, for the store that was used."""
    from sepconv.store import shown_url

    store = "" if store_url == DEFAULT_STORE else f" --store {shown_url(store_url)}"
    numbers = " and ".join(str(each.run.id) for each in _all_of(swept))
    stored = f"run {numbers} is stored" if swept.linked is None else f"runs {numbers} are stored"
    if swept.interrupted:
        again = "sepconv run --resume" + (f" --run {resumed}" if resumed else "") + store
        click.echo(
            f"interrupted: what was measured is stored; continue with: {again}",
            err=err,
        )
    click.echo(f"{stored}; next: {command}{store}  ({purpose})", err=err)


def _all_of(swept: Swept | None) -> Iterator[Swept]:
    while swept is not None:
        yield swept
        swept = swept.linked


def _allocator_line(swept: Swept) -> str | None:
    """What the default allocator costs each conv type: "with the default allocator …"."""
    from sepconv.judge.allocator import allocator_cost, policies

    measurements = {each.run.uid: each.measurements for each in _all_of(swept)}
    pair = policies(swept.run, [each.run for each in _all_of(swept.linked)])
    if pair is None:
        return None
    costs = [
        f"{cost.name} {format_ratio(cost.ratio)} ({format_ratio(cost.low)} to "
        f"{format_ratio(cost.high)} over {cost.count} cases)"
        for cost in allocator_cost(*(measurements[run.uid] for run in pair))
    ]
    return f"with the default allocator a call takes: {', '.join(costs)}" if costs else None


def _spent(swept: Swept) -> str:
    """Where the time went: "timed 41 s of 58 s (71 %, 88 % with warm-up)"."""
    timing = swept.run.timing
    total, timed = sum(timing.values()), timing["timed_s"]
    with_warmup = (timed + timing["warmup_s"]) / total
    return (
        f"timed {format_duration(timed)} of {format_duration(total)} "
        f"({timed / total:.0%}, {with_warmup:.0%} with warm-up)"
    )
