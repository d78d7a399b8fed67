"""The dashboard as a folder, for histories that one file cannot hold: a page, plotly, and parts
that the page loads when somebody first looks at them.

A page from a disk may load scripts beside it and nothing else: so each part is a script that
hands its bytes over.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path
from urllib.parse import quote
from zlib import crc32

from sepconv.errors import ReportUnwritable
from sepconv.report.dashboard.content import build_content
from sepconv.report.dashboard.page import render_page
from sepconv.report.dashboard.policy import DIRECTORY_POLICY, FILE_POLICY
from sepconv.report.dashboard.source import Source
from sepconv.report.offline import plotly_source, script_json, umask

INDEX = "index.html"
PLOTLY = "plotly.js"
ABOUT = "about.txt"
SAID = "Written by `sepconv report`; the next report takes the place of this whole folder.\n"
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of renameat2 in Linux
OURS = re.compile(rf"{re.escape(INDEX)}|{re.escape(PLOTLY)}|{re.escape(ABOUT)}|part-\w+\.js")


def write_directory(path: Path, source: Source) -> Path:
    """Write the dashboard into the folder `path`, whole or not at all; returns where its page is.

    The same source gives the same bytes. A folder that is there already is replaced if it is an
    earlier dashboard or empty.

    Raises:
        ReportUnwritable: Something else is at that place, or it cannot be written to.
    """
    with _replacing(path) as folder:
        _write(folder / ABOUT, SAID)
        _write(folder / PLOTLY, plotly_source())
        content = build_content(source, lambda which, packed: _keep(folder, which, packed))
        page = render_page(source, content, plotly={"src": PLOTLY}, policy=DIRECTORY_POLICY)
        _write(folder / INDEX, page)
    return path / INDEX


def leading_page(target: Path, folder: Path, title: str) -> str:
    """A page in `folder` that leads to the one at `target`, and keeps what is after the `#`."""
    address = quote(Path(os.path.relpath(target.resolve(), folder.resolve())).as_posix())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{FILE_POLICY}">\n'
        f"<title>{escape(title)}</title>\n"
        f"<script>location.replace({script_json(address)} + location.hash)</script>\n"
        f'<noscript><meta http-equiv="refresh" content="0; url={escape(address)}"></noscript>\n'
        f'</head>\n<body><a href="{escape(address)}">{escape(title)}</a></body>\n</html>\n'
    )


def _keep(folder: Path, which: int | str, packed: str) -> Mapping[str, str]:
    """A part as a script; its sum is in its address, so that no browser shows an older one, and in
    the script, so that no page takes one of a newer report for its own."""
    total = f"{crc32(packed.encode()):08x}"
    name = f"part-{which}.js"
    _write(folder / name, f'sepconv.arrive({json.dumps(which)},"{packed}","{total}")\n')
    return {"src": f"{name}?{total}"}


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A new folder beside `path`, which takes its place when all went well."""
    path = path.resolve()
    try:
        _refuse_foreign(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise ReportUnwritable(str(path), error.strerror or str(error)) from error
    try:
        yield made
        made.chmod(0o777 & ~umask())
        _exchange(made, path)
    except OSError as error:
        raise ReportUnwritable(str(path), error.strerror or str(error)) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _exchange(made: Path, path: Path) -> None:
    """Put the new folder where the old one is, so that there is one at every moment."""
    if not path.exists():
        made.rename(path)
    elif not _swap(made, path):
        _replace(made, path)


def _swap(one: Path, other: Path) -> bool:
    """Exchange two folders at once; False where the system or the file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    ends = (AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other))
    return bool(rename(*ends, RENAME_EXCHANGE) == 0)


def _replace(made: Path, path: Path) -> None:
    """The same in two steps; if the second fails, the old folder is there again."""
    old = made.with_name(f"{made.name}.old")
    path.rename(old)
    try:
        made.rename(path)
    except OSError:
        with suppress(OSError):
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refuse_foreign(path: Path) -> None:
    """Only an empty folder or an earlier dashboard may be replaced.

    Raises:
        ReportUnwritable: There is something else.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise ReportUnwritable(str(path), "it is a file, and the dashboard is a folder here")
    names = {each.name for each in path.iterdir()}
    strangers = sorted(name for name in names if not OURS.fullmatch(name))
    if strangers or (names and ABOUT not in names):
        found = (strangers or sorted(names))[0]
        raise ReportUnwritable(str(path), f"the folder holds {found!r}, which is not of a report")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
