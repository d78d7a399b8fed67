"""`sepconv serve`: the dashboard of a live store on this machine, which follows a running sweep."""

from __future__ import annotations

import errno
import signal
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from socket import create_server as create_socket
from socket import socket
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli import DONE
from sepconv.cli.option import shown_options, store_option
from sepconv.errors import SepconvError, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from sepconv.report.dashboard.live import Stamp
    from sepconv.store import StoredRun

ADDRESS = "127.0.0.1"  # nobody else's machine
PORT = 8050
THREADS = 4  # a page is drawn by one at a time; the others answer whether there is anything new
HEADER_BYTES = 16 * 1024  # of a request
NEWEST = 5  # runs whose cases are counted: more than are ever measured at once
NOTHING = "nothing yet"  # the state of a store that is not there


@click.command(epilog="Example: sepconv serve --open")
@store_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Of 127.0.0.1; 0 takes one that is free.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@click.option("--title", default=None, help="The page's title.")
@shown_options
def serve(
    store_url: str,
    port: int,
    opens: bool,
    title: str | None,
    since: str | None,
    where: str | None,
) -> int:
    """Show the dashboard of a store that is being written to, on this machine only.

    The page says when there is something new, and can follow a running sweep by itself. The
    store is only read. Ctrl-C ends it.
    """
    from sepconv.report.dashboard.live import serve_live
    from sepconv.selection import parse_selection

    if where is not None:
        parse_selection(where)
    shown_url = _check(store_url)
    draw = _drawer(store_url, title=title, since=since, where=where)
    with _listen(port) as ear:
        chosen = ear.getsockname()[1]
        address = f"http://{ADDRESS}:{chosen}/"
        click.echo(f"{shown_url} is at {address}; Ctrl-C ends it")
        if opens and not webbrowser.open(address):
            click.echo("sepconv: no browser could be opened; open the address yourself", err=True)
        _answer(ear, serve_live(_watch(store_url), draw, port=chosen))
    return DONE


def _check(store_url: str) -> str:
    """The store's URL as it may be shown, if it is a store, or nothing yet.

    Raises:
        StoreError: It is something else, or cannot be read.
    """
    from sepconv.store import Store
    from sepconv.store.address import parse_address

    address = parse_address(store_url)
    if address.path is None or address.path.exists():
        try:
            Store(store_url, read_only=True).close()
        except StoreUnavailable:
            if address.path is None or address.path.stat().st_size > 0:
                raise
    return address.shown


def _listen(port: int) -> socket:
    """What hears whoever asks on that port from now on.

    Raises:
        BadParameter: Somebody else has the port, or we may not have it.
    """
    try:
        return create_socket((ADDRESS, port))
    except OSError as error:
        said = "is taken" if error.errno == errno.EADDRINUSE else f"is refused ({error.strerror})"
        raise click.BadParameter(
            f"port {port} of {ADDRESS} {said}; name another, or have a free one taken by --port 0",
            param_hint="--port",
        ) from error


def _answer(ear: socket, application: WSGIApplication) -> None:
    """Answer until somebody says that it is enough: Ctrl-C or SIGTERM.

    They are waited for, and interrupt nothing: whatever they would come upon could complain.
    """
    from waitress.server import create_server

    server = create_server(
        application,
        sockets=[ear],
        threads=THREADS,
        ident=None,
        max_request_header_size=HEADER_BYTES,
    )
    enough = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, enough)  # of the threads that begin from now on, too
    Thread(target=server.run, daemon=True).start()
    signal.sigwait(enough)


def _watch(store_url: str) -> Callable[[], Stamp]:
    """What says what the store says of itself now: it is opened only where its file was written
    to, and not kept open, so that others may make it smaller, or put another in its place."""
    from sepconv.store.address import parse_address

    path = parse_address(store_url).path
    known: dict[Any, Stamp] = {}

    def look() -> Stamp:
        written = int(time.monotonic()) if path is None else _written(path)
        if written not in known:
            known.clear()
            known[written] = _look(store_url)
        return known[written]

    return look


def _written(path: Path) -> tuple[Any, ...]:
    """Another value as soon as the file of a store, or the log beside it, was written to."""
    found: list[tuple[int, ...]] = []
    for part in (path, Path(f"{path}-wal")):
        with suppress(OSError):  # it is not there, or not any more
            status = part.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _look(store_url: str) -> Stamp:
    from sepconv.report.dashboard.live import Stamp
    from sepconv.store import Store

    try:
        with Store(store_url, read_only=True) as store:
            state, newest = store.state(), store.runs(limit=NEWEST)
    except StoreError as error:
        return Stamp(f"{NOTHING}: {error}", {})
    return Stamp(state, {run.run.id or 0: _measured(run) for run in newest}, _progress(newest))


def _measured(stored: StoredRun) -> int:
    from sepconv.record import MEASURED

    return sum(count for status, count in stored.counts.items() if status in MEASURED)


def _progress(newest: list[StoredRun]) -> str | None:
    """How far the newest run has come, if it was not ended."""
    running = next(filter(_is_running, newest), None)
    if running is None:
        return None
    planned = sum(running.counts.values())
    return f"Run {running.run.id} has {_measured(running)} of {planned} cases so far."


def _drawer(
    store_url: str, *, title: str | None, since: str | None, where: str | None
) -> Callable[[], str]:
    """What draws the page of the store as it is now."""
    from sepconv.cli.source import read_source
    from sepconv.report.dashboard.live import waiting_page
    from sepconv.report.dashboard.page import render
    from sepconv.report.dashboard.source import TITLE
    from sepconv.store import Store

    name = title or TITLE

    def draw() -> str:
        try:
            with Store(store_url, read_only=True) as store:
                source = read_source(store, title=title, since=since, where=where)
                running = [each.run for each in store.runs(limit=NEWEST) if _is_running(each)]
        except SepconvError as error:
            return waiting_page(name, str(error))
        if running and not source.runs and not source.events:
            said = f"A run of {running[0].suite} has begun, and nothing is measured in it yet."
            return waiting_page(name, said)
        if not source.runs and not source.events and not source.newest_nights:
            return waiting_page(name, f"{source.store} has no run {_chosen(since, where)}")
        return render(source)

    return draw


def _is_running(stored: StoredRun) -> bool:
    return stored.run.state == "running"


def _chosen(since: str | None, where: str | None) -> str:
    """What to do about there being nothing to show."""
    if since is None and where is None:
        return "yet: type sepconv quick"
    return "of those that --since and --where choose: type sepconv runs"
