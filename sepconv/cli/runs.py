"""`sepconv runs`: what the store holds, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli.option import format_option, store_option

if TYPE_CHECKING:
    from rich.table import Table

    from sepconv.run import Run
    from sepconv.store import StoredRun


@click.command(epilog="Example: sepconv runs --limit 10")
@store_option
@click.option("--limit", type=click.IntRange(min=1), help="Only the newest.  [default: all]")
@format_option("table", "json", "csv", "markdown")
def runs(store_url: str, limit: int | None, output_format: str) -> int:
    """List the runs in the store: what was measured when, at which commit, and how it went.

    Their numbers are what `show` and `report` take.
    """
    from sepconv.cli.table import make_console, print_rows
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        stored = store.runs(limit=limit)
        shown_url = store.shown_url
    if output_format == "markdown":
        print_rows([_cells(each) for each in stored], output_format)
    elif output_format != "table":
        print_rows([run_row(each) for each in stored], output_format)
    elif stored:
        make_console().print(_table(stored))
    else:
        click.echo(f"no run in {shown_url} yet: run `sepconv quick` first")
    return 0


def run_row(stored: StoredRun) -> dict[str, Any]:
    """A run as plain values, by the names that the formats for programs use."""
    run = stored.run
    return {
        "run": run.id,
        "uid": run.uid,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "suite": run.suite,
        "state": run.state,
        "commit": run.commit,
        "branch": run.branch,
        "dirty": run.dirty,
        "machine": run.machine.label,
        "environment": run.environment.label,
        "cases": {str(status): count for status, count in stored.counts.items()},
        "blocks": stored.blocks,
        "duration_s": duration_s(run),
    }


def duration_s(run: Run) -> float | None:
    """Wall seconds that the run took: as it says itself, else by its two times."""
    if "total_s" in run.timing:
        return run.timing["total_s"]
    if run.finished_at is None:
        return None
    times = [datetime.fromisoformat(time) for time in (run.started_at, run.finished_at)]
    return (times[1] - times[0]).total_seconds()


def show_commit(run: Run) -> str:
    """The first letters of the commit, marked if the tree had changes: "c0ffee012345+"."""
    return f"{run.commit[:12]}{'+' if run.dirty else ''}" if run.commit else "–"


def show_duration(run: Run) -> str:
    """How long the run took: "42 s"."""
    from sepconv.units import format_duration

    seconds = duration_s(run)
    return "–" if seconds is None else format_duration(seconds)


def _table(stored: Sequence[StoredRun]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from sepconv.report.text import inert

    rows = [_cells(each) for each in stored]
    is_dirty = any(each.run.dirty for each in stored)
    table = Table(caption="+ means with uncommitted changes" if is_dirty else None)
    for name in rows[0]:
        table.add_column(name, justify="right" if name in ("run", "took") else "left")
    for row in rows:
        table.add_row(*(Text(inert(cell)) for cell in row.values()))
    return table


def _cells(stored: StoredRun) -> dict[str, object]:
    run = stored.run
    counts = [f"{count} {status}" for status, count in stored.counts.items()]
    return {
        "run": run.id,
        "started (UTC)": run.started_at[:16].replace("T", " "),
        "suite": run.suite,
        "commit": show_commit(run),
        "branch": run.branch or "–",
        "machine": run.machine.label,
        "cases": ", ".join(counts) or "none",
        "took": show_duration(run),
        "state": run.state,
    }
