"""A live dashboard: the same page, drawn anew when the store has changed, and what serves it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING

from sepconv.report.dashboard.policy import LIVE_HEADERS, LIVE_POLICY, own_hosts, own_origins

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

META = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*(">)')
HTML, JSON, TEXT = (
    f"{kind}; charset=utf-8" for kind in ("text/html", "application/json", "text/plain")
)
ASK_AGAIN = "no-cache"  # the page may be kept, but not shown without asking
KEEP_NOT = "no-store"


@dataclass(frozen=True)
class Stamp:
    """What a store said of itself at one moment."""

    state: str  # another word as soon as anything is another; see Store.state
    measured: Mapping[int, int]  # how many cases of each of the newest runs have a value
    progress: str | None = None  # of a run that goes on

    @property
    def plain(self) -> dict[str, object]:
        """It as a page reads it."""
        return {"state": self.state, "measured": self.measured, "progress": self.progress}


@dataclass(frozen=True)
class _Answer:
    """What is sent back."""

    status: str
    kind: str = TEXT
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Cache-Control", KEEP_NOT),)


def enliven(page: str, stamp: Stamp) -> str:
    """The page, which now asks every few seconds whether the store still says what `stamp` says."""
    here = files("sepconv.report.dashboard")
    style = (here / "style" / "follow.css").read_text("utf-8")
    script = (here / "script" / "follow.js").read_text("utf-8")
    said = json.dumps(stamp.plain).replace("<", "\\u003c")
    page = META.sub(rf"\g<1>{LIVE_POLICY}\g<2>", page, count=1)
    before, end, after = page.rpartition("</body>")
    return (
        f'{before}<style>{style}</style><script type="application/json" id="live">{said}</script>'
        f"<script>{script}</script>{end}{after}"
    )


def waiting_page(title: str, said: str) -> str:
    """A page that says why there is nothing to show yet, and what to type."""
    here = files("sepconv.report.dashboard")
    text = (here / "waiting.html").read_text("utf-8")
    return text.replace("{title}", escape(title)).replace("{said}", escape(said))


def serve_live(look: Callable[[], Stamp], draw: Callable[[], str], *, port: int) -> WSGIApplication:
    """The application that serves the page of a store, and says whether it changed.

    `look` says what the store says of itself now; `draw` gives its page, and is asked only when
    that is something new. Both may be called from any thread, each by one at a time.
    """
    watch = _one_at_a_time(look)
    shelf = _Shelf(watch, draw)

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        refused = _refuse(environ, port)
        if refused is not None:
            answer = refused
        elif environ["PATH_INFO"] == "/state":
            answer = _Answer("200 OK", JSON, json.dumps(watch().plain).encode())
        else:
            answer = shelf.answer(environ.get("HTTP_IF_NONE_MATCH", ""))
        return _send(answer, environ["REQUEST_METHOD"], start_response)

    return serve


class _Shelf:
    """The page of the newest state that anybody asked for, drawn once for all of them."""

    def __init__(self, look: Callable[[], Stamp], draw: Callable[[], str]) -> None:
        self._look, self._draw = look, draw
        self._lock = Lock()
        self._stamp: Stamp | None = None
        self._page = b""

    def answer(self, known: str) -> _Answer:
        """The page, or that the one which is `known` is it."""
        with self._lock:
            self._renew()
            page = self._page
        tag = f'"{sha256(page).hexdigest()[:32]}"'
        headers = (("Cache-Control", ASK_AGAIN), ("ETag", tag))
        if tag in known:
            return _Answer("304 Not Modified", HTML, headers=headers)
        return _Answer("200 OK", HTML, page, headers)

    def _renew(self) -> None:
        """Look before drawing: what comes in between is then new to the page."""
        stamp = self._look()
        if self._stamp is None or self._stamp.state != stamp.state:
            self._page = enliven(self._draw(), stamp).encode()
            self._stamp = stamp


def _one_at_a_time(look: Callable[[], Stamp]) -> Callable[[], Stamp]:
    lock = Lock()

    def watch() -> Stamp:
        with lock:
            return look()

    return watch


def _refuse(environ: WSGIEnvironment, port: int) -> _Answer | None:
    """What somebody gets who may not have what is asked for; None if they may."""
    host, origin = environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")
    if host.lower() not in own_hosts(port) or origin not in (None, *own_origins(port)):
        said = f"this answers to http://127.0.0.1:{port}/ only\n"
        return _Answer("403 Forbidden", body=said.encode())
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return _Answer(
            "405 Method Not Allowed",
            body=b"nothing can be changed here\n",
            headers=(("Allow", "GET, HEAD"), ("Cache-Control", KEEP_NOT)),
        )
    if environ["PATH_INFO"] == "/favicon.ico":
        return _Answer("204 No Content")
    if environ["PATH_INFO"] not in ("/", "/state"):
        return _Answer("404 Not Found", body=b"there is one page here: /\n")
    return None


def _send(answer: _Answer, method: str, start_response: StartResponse) -> Iterable[bytes]:
    headers = [*LIVE_HEADERS.items(), *answer.headers]
    if answer.status[:3] not in ("204", "304"):
        headers += [("Content-Type", answer.kind), ("Content-Length", str(len(answer.body)))]
    start_response(answer.status, headers)
    return [] if method == "HEAD" else [answer.body]
