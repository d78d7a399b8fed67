"""`sepconv report`: what the store knows as one HTML page that works offline."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sepconv.cli import DONE, NOT_MEASURED
from sepconv.cli.option import store_option

if TYPE_CHECKING:
    from sepconv.record import Measurement
    from sepconv.run import Run

DEFAULT_OUTPUT = Path("results/report.html")


@click.command(epilog="Example: sepconv report --open")
@store_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_OUTPUT,
    show_default=True,
    help="Where the page goes.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@click.option("--title", default=None, help="The page's title.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the newest N runs.  [default: all]",
)
def report(store_url: str, output: Path, opens: bool, title: str | None, limit: int | None) -> int:
    """Draw the runs of the store: figures, every case, its history, and what they mean.

    The page is one file without any need for a network: keep it, send it, open it in years.
    """
    history, shown_url = _read_history(store_url, limit)
    if not history:
        click.echo(
            f"sepconv: {shown_url} has no run yet: nothing to draw; type: sepconv quick",
            err=True,
        )
        return NOT_MEASURED
    click.echo(_write(history, output, title=title, opens=opens))
    return DONE


def write_report(store_url: str, path: Path, *, opens: bool = False) -> Path:
    """Write the page of all runs in the store to `path`, and return where it is."""
    history, _ = _read_history(store_url, None)
    return _write(history, path, title=None, opens=opens)


def _read_history(
    store_url: str, limit: int | None
) -> tuple[Sequence[tuple[Run, Sequence[Measurement]]], str]:
    """The runs, oldest first, and the store's address without its password."""
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        return store.history(limit=limit), store.shown_url


def _write(
    history: Sequence[tuple[Run, Sequence[Measurement]]],
    path: Path,
    *,
    title: str | None,
    opens: bool,
) -> Path:
    from sepconv.report.page import TITLE, render, write

    write(path, render(history, title=title or TITLE))
    if opens and not webbrowser.open(path.resolve().as_uri()):
        click.echo("sepconv: no browser could be opened; open the file yourself", err=True)
    return path
