"""`sepconv report`: what the store knows as one HTML page that works offline."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from sepconv.cli import DONE, NOT_MEASURED
from sepconv.cli.option import store_option

if TYPE_CHECKING:
    from sepconv.event import Event
    from sepconv.record import Measurement
    from sepconv.run import Run

DEFAULT_OUTPUT = Path("results/report.html")


@dataclass(frozen=True)
class _Stored:
    """What the store knows."""

    history: Sequence[tuple[Run, Sequence[Measurement]]]  # oldest run first
    events: Sequence[Event]
    shown_url: str  # without a password

    @property
    def is_empty(self) -> bool:
        return not self.history and not self.events


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
@click.option(
    "--feed",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Also write the events as an Atom feed there; the page tells feed readers of it.",
)
@click.option(
    "--url",
    metavar="URL",
    help="Where the page will be seen, for the feed's links.  [default: report_url of the project]",
)
def report(
    store_url: str,
    output: Path,
    opens: bool,
    title: str | None,
    limit: int | None,
    feed: Path | None,
    url: str | None,
) -> int:
    """Draw the runs of the store: events, figures, every case, its history, and what they mean.

    The page is one file without any need for a network: keep it, send it, open it in years.
    """
    stored = _read(store_url, limit)
    if stored.is_empty:
        click.echo(
            f"sepconv: {stored.shown_url} has no run yet: nothing to draw; type: sepconv quick",
            err=True,
        )
        return NOT_MEASURED
    click.echo(_write(stored, output, title=title, opens=opens, feed=feed, url=url))
    if feed is not None:
        click.echo(feed)
    return DONE


def write_report(
    store_url: str,
    path: Path,
    *,
    opens: bool = False,
    feed: Path | None = None,
    url: str | None = None,
) -> Path:
    """Write the page of all runs in the store to `path`, and return where it is.

    With `feed`, its events are written there as an Atom feed, which links to `url`.
    """
    stored = _read(store_url, None)
    return _write(stored, path, title=None, opens=opens, feed=feed, url=url)


def _read(store_url: str, limit: int | None) -> _Stored:
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        return _Stored(store.history(limit=limit), store.events(), store.shown_url)


def _write(
    stored: _Stored,
    path: Path,
    *,
    title: str | None,
    opens: bool,
    feed: Path | None,
    url: str | None,
) -> Path:
    from sepconv.report.page import TITLE, render, write

    beside = None
    if feed is not None:
        _write_feed(stored.events, feed, title or TITLE, url)
        beside = quote(Path(os.path.relpath(feed.resolve(), path.resolve().parent)).as_posix())
    write(path, render(stored.history, title=title or TITLE, events=stored.events, feed=beside))
    if opens and not webbrowser.open(path.resolve().as_uri()):
        click.echo("sepconv: no browser could be opened; open the file yourself", err=True)
    return path


def _write_feed(events: Sequence[Event], feed: Path, title: str, url: str | None) -> None:
    from sepconv.cli.configuration import load_configuration
    from sepconv.cli.said import now
    from sepconv.report.feed import render_feed
    from sepconv.report.page import write

    where = url or load_configuration(Path.cwd()).report_url
    write(feed, render_feed(events, title=title, url=where, now=now()))
