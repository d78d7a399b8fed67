"""What every page of ours is made of: one file that works from a disk, written whole."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sepconv.errors import ReportUnwritable
from sepconv.figures.palette import THEMES
from sepconv.report.dashboard.pack import pack_text

SHARED = ("units", "packed", "dom", "look")
"""The scripts that all pages share, in their order: each is a file in `script/`."""

ESCAPED = "<>&\u2028\u2029"
"""What could end a script element, or a line of an old JavaScript."""


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
        Path(temporary).chmod(0o666 & ~umask())
        Path(temporary).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(temporary).unlink()
        raise ReportUnwritable(str(path), error.strerror or str(error)) from error


def script_json(plain: Mapping[str, Any] | str) -> str:
    """JSON that may stand inside a script element, whatever its texts say."""
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in ESCAPED:  # ten times as fast as `translate`
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def script_text(text: str) -> str:
    """A script that does not end the element that it stands in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def plotly_source() -> str:
    """plotly's own script, as it came with the package."""
    return (files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8")


@cache
def packed_plotly() -> str:
    """plotly's script as a page carries it along: packing it takes longer than all the rest."""
    return pack_text(plotly_source())


def shared_scripts() -> list[str]:
    """What every page of ours begins with: numbers as people read them, elements, colours."""
    here = files("sepconv.report") / "script"
    return [script_text((here / f"{name}.js").read_text("utf-8")) for name in SHARED]


def palette_style(themes: Mapping[str, Mapping[str, str]] = THEMES) -> str:
    """The palette as the style sheet's variables, for both colour schemes."""
    light, dark = (_variables(themes[name]) for name in ("light", "dark"))
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def umask() -> int:
    """The process' mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _variables(theme: Mapping[str, str]) -> str:
    return "".join(f"--{token.removeprefix('@')}:{color};" for token, color in theme.items())
