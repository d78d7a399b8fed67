"""`sepconv db prune`: what old runs say stays, and the rounds that they say it of go."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli.option import format_option, store_option
from sepconv.cli.since import Since

if TYPE_CHECKING:
    from sepconv.store.thinning import Space, Thinnable

KEEP_RUNS = 30


@click.command(epilog="Example: sepconv db prune --keep-runs 30 --older-than 90d --dry-run")
@click.option(
    "--keep-runs",
    metavar="N",
    type=click.IntRange(min=0),
    default=KEEP_RUNS,
    show_default=True,
    help="The newest N runs keep their rounds.",
)
@click.option(
    "--older-than",
    "before",
    metavar="AGE",
    type=Since(),
    help="Runs that are not so old keep them too: 90d, 12w, or a date.",
)
@click.option("--dry-run", is_flag=True, help="Only say how much would go.")
@store_option
@format_option("text", "json")
def prune(
    keep_runs: int, before: str | None, dry_run: bool, store_url: str, output_format: str
) -> int:
    """Drop the raw rounds of old runs, and give the space back.

    For ever stay: what every block says in summary, measurements, comparisons, events and notes.
    Others may go on writing; a run that is still running loses nothing.
    """
    from sepconv.cli.table import print_json
    from sepconv.report.text import inert
    from sepconv.store import Store

    space: Space | None = None
    with Store(store_url, read_only=True) as store:
        is_empty = not store.runs(limit=1)
        old = store.thinnable(keep_runs=keep_runs, started_before=before)
        shown_url = store.shown_url
    ended = [run for run in old if not run.is_running]
    running = len(old) - len(ended)
    if ended and not dry_run:
        with Store(store_url) as store:
            store.thin(keep_runs=keep_runs, started_before=before)
            space = store.give_back()
    if output_format == "json":
        print_json(_plain(shown_url, ended, running, space, dry_run=dry_run))
        return 0
    kept = _kept(keep_runs, before, running)
    if is_empty:
        lines = [f"{_short(shown_url)} holds no run yet: nothing to prune"]
    elif not ended:
        lines = [f"nothing to prune: no {'other' if running else 'older'} run has raw rounds{kept}"]
    else:
        verb = "would drop" if dry_run else "dropped"
        lines = [f"{verb} the raw rounds of {_amount(ended)}{kept}"]
        if not dry_run:
            lines.append(_space_line(shown_url, space))
    for line in lines:
        click.echo(inert(line))
    return 0


def _amount(runs: Sequence[Thinnable]) -> str:
    """ "12 runs: 3400 blocks, 1.20 MiB"."""
    from sepconv.units import format_bytes

    blocks = sum(run.blocks for run in runs)
    size = format_bytes(sum(run.size_bytes for run in runs))
    return f"{_count(len(runs), 'run')}: {_count(blocks, 'block')}, {size}"


def _kept(keep_runs: int, before: str | None, running: int) -> str:
    """What is whole because of how it was asked; "" if that is nothing."""
    kept = []
    if keep_runs:
        kept.append("the newest run" if keep_runs == 1 else f"the newest {keep_runs} runs")
    if before is not None:
        kept.append(f"those since {before[:10]}")
    if running:
        kept.append(f"{_count(running, 'older run')} that did not end")
    return f"; kept whole: {', '.join(kept)}" if kept else ""


def _space_line(shown_url: str, space: Space | None) -> str:
    from sepconv.units import format_bytes

    if space is None:
        return f"{shown_url} uses the space for what comes next"
    if space.was_free:
        sizes = f"{format_bytes(space.before_bytes)} → {format_bytes(space.after_bytes)}"
        return f"{_short(shown_url)}: {sizes}"
    command = f"sqlite3 {shlex.quote(_short(shown_url))} VACUUM"
    return (
        f"{_short(shown_url)} is in use, and uses the space for what comes next; to give it back "
        f"to the disk when nobody measures: {command}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(shown_url: str) -> str:
    """A file by its path alone."""
    return shown_url.removeprefix("sqlite:///")


def _plain(
    shown_url: str,
    ended: Sequence[Thinnable],
    running: int,
    space: Space | None,
    *,
    dry_run: bool,
) -> dict[str, Any]:
    return {
        "store": shown_url,
        "dry_run": dry_run,
        "runs": len(ended),
        "blocks": sum(run.blocks for run in ended),
        "rounds_bytes": sum(run.size_bytes for run in ended),
        "unended_runs": running,
        "space": space and asdict(space),
    }
