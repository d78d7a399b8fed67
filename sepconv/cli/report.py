"""`sepconv report`: what the store knows as a page that works offline."""

from __future__ import annotations

import gc
import os
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from sepconv.cli import DONE, NOT_MEASURED
from sepconv.cli.option import shown_options, store_option

if TYPE_CHECKING:
    from sepconv.report.dashboard.source import Source

DEFAULT_OUTPUT = Path("results/report.html")
MOST_POINTS = 150_000  # of one file: 2,000 cases over 50 runs are 100,000
MOST_BYTES = 6_000_000  # of one file, which a browser reads in a moment


@contextmanager
def _without_collector() -> Iterator[None]:
    """No search for cycles meanwhile: numbers have none, and it takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@click.command(epilog="Example: sepconv report --open")
@store_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUTPUT,
    show_default=True,
    help="Where the page goes; a folder takes the same name without .html.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@click.option("--title", default=None, help="The page's title.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the newest N runs.  [default: all]",
)
@shown_options
@click.option(
    "--single-file/--directory",
    "is_single",
    default=None,
    help="One file to send around, or a folder whose parts are loaded when they are looked at.  "
    "[default: one file up to 6 MB]",
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
    since: str | None,
    where: str | None,
    is_single: bool | None,
    feed: Path | None,
    url: str | None,
) -> int:
    """Draw the runs of the store: what changed, every case, its history, and what they mean.

    The page needs no server and no network: keep it, send it, open it in years.
    """
    source = read_history(store_url, title=title, limit=limit, since=since, where=where)
    if not source.runs and not source.events:
        click.echo(
            f"sepconv: {source.store} has no run with a result yet: nothing to draw; "
            "type: sepconv quick",
            err=True,
        )
        return NOT_MEASURED
    path = write_dashboard(source, output, is_single=is_single, feed=feed)
    click.echo(path)
    if feed is not None:
        _write_feed(source, feed, url)
        click.echo(feed)
    if opens:
        _open(path)
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
    source = read_history(store_url)
    if feed is not None:
        _write_feed(source, feed, url)
    page = write_dashboard(source, path, feed=feed)
    if opens:
        _open(page)
    return page


@_without_collector()
def read_history(
    store_url: str,
    *,
    title: str | None = None,
    limit: int | None = None,
    since: str | None = None,
    where: str | None = None,
) -> Source:
    """What the store knows, as the dashboard takes it.

    Raises:
        UsageError: Something is there, but nothing of it was chosen.
    """
    from sepconv.cli.source import read_source, refuse_nothing
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        source = read_source(store, title=title, limit=limit, since=since, where=where)
        if not source.runs:
            refuse_nothing(store, since=since, where=where)
    return source


@_without_collector()
def write_dashboard(
    source: Source, output: Path, *, is_single: bool | None = None, feed: Path | None = None
) -> Path:
    """Write one file, or a folder if the history is too long for it; returns where its page is."""
    from sepconv.report.dashboard.page import render
    from sepconv.report.offline import write

    if is_single is None and len(source.panel) > MOST_POINTS:
        return _write_folder(source, output, feed, why=f"{len(source.panel):,} points")
    if is_single is False:
        return _write_folder(source, output, feed)
    page = render(replace(source, feed=_beside(feed, output)))
    if is_single is None and len(page) > MOST_BYTES:
        return _write_folder(source, output, feed, why=f"{len(page) / 1e6:.1f} MB")
    write(output, page)
    return output


def _write_folder(source: Source, output: Path, feed: Path | None, why: str | None = None) -> Path:
    """Write the folder, and where the one file would be, a page that leads there."""
    from sepconv.report.dashboard.shard import INDEX, leading_page, write_directory
    from sepconv.report.offline import write

    folder = output.with_suffix("") if output.suffix == ".html" else output
    if why is not None:
        click.echo(
            f"sepconv: {why} are much for one file: a folder is written, whose parts are loaded "
            "when they are looked at; --single-file writes one file all the same",
            err=True,
        )
    page = write_directory(folder, replace(source, feed=_beside(feed, folder / INDEX)))
    if folder != output:
        write(output, leading_page(page, output.parent, source.title))
    return page


def _beside(feed: Path | None, page: Path) -> str | None:
    """The address of the feed, seen from the page."""
    if feed is None:
        return None
    return quote(Path(os.path.relpath(feed.resolve(), page.resolve().parent)).as_posix())


def _open(path: Path) -> None:
    if not webbrowser.open(path.resolve().as_uri()):
        click.echo("sepconv: no browser could be opened; open the file yourself", err=True)


def _write_feed(source: Source, feed: Path, url: str | None) -> None:
    from sepconv.cli.configuration import load_configuration
    from sepconv.cli.said import now
    from sepconv.report.feed import render_feed
    from sepconv.report.offline import write

    where = url or load_configuration(Path.cwd()).report_url
    write(feed, render_feed(source.events, title=source.title, url=where, now=now()))
