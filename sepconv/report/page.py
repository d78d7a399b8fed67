"""One HTML file that works from a disk, offline, for ever: data, script, style and plotly in it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from sepconv.errors import ReportUnwritable
from sepconv.event import Event
from sepconv.figures.palette import THEMES
from sepconv.figures.table import History
from sepconv.report.document import build_document
from sepconv.report.event_section import event_section
from sepconv.report.glance import glance_rows
from sepconv.report.sentence import NOTHING

TITLE = "Which 2-D convolution is really faster here?"

ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
"""What could end a script element, or a line of an old JavaScript."""


def render(
    history: History,
    *,
    title: str = TITLE,
    events: Sequence[Event] = (),
    feed: str | None = None,
) -> str:
    """The page of these runs, oldest first: the newest is shown; same runs, same bytes.

    `feed` is where the feed of its events is, seen from the page.
    """
    from jinja2 import Environment, StrictUndefined

    here = files("sepconv.report")
    document = build_document(history, title, events)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string((here / "template.html").read_text("utf-8"))
    return template.render(
        title=title,
        sentence=document["runs"][-1]["sentence"] if history else NOTHING,
        glance=glance_rows(history[-1][1]) if history else (),
        allocator=document["runs"][-1]["allocator"] if history else None,
        events=event_section(events, document["cases"]["identity"]),
        feed=feed,
        style=palette_style() + (here / "style.css").read_text("utf-8"),
        document=script_json(document),
        script=script_text((here / "script.js").read_text("utf-8")),
        plotly=script_text(plotly_source()),
    )


def write(path: Path, text: str) -> None:
    """Write the page whole or not at all: a reader never sees half of it.

    Raises:
        ReportUnwritable: The folder cannot be made or written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ReportUnwritable(str(path), error.strerror or str(error)) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(temporary).unlink()
        raise ReportUnwritable(str(path), error.strerror or str(error)) from error


def script_json(plain: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element, whatever its texts say."""
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(ESCAPES)


def script_text(text: str) -> str:
    """A script that does not end the element that it stands in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def plotly_source() -> str:
    """plotly's own script, as it came with the package."""
    return (files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8")


def palette_style(themes: Mapping[str, Mapping[str, str]] = THEMES) -> str:
    """The palette as the style sheet's variables, for both colour schemes."""
    light, dark = (_variables(themes[name]) for name in ("light", "dark"))
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _variables(theme: Mapping[str, str]) -> str:
    return "".join(f"--{token.removeprefix('@')}:{color};" for token, color in theme.items())


def _umask() -> int:
    """The process' mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
