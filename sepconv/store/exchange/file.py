"""Files of results: read up to a limit, and written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from sepconv.errors import InvalidExchange, ReportUnwritable

SIZE_LIMIT = 256 * 2**20  # bytes: more is no file of results, and would not fit in memory as JSON


def read_bounded(path: Path, limit: int = SIZE_LIMIT) -> bytes:
    """The content of a file.

    Raises:
        InvalidExchange: It cannot be read, or is larger than `limit`.
    """
    try:
        with path.open("rb") as file:
            is_larger = os.fstat(file.fileno()).st_size > limit
            content = b"" if is_larger else file.read(limit + 1)
    except OSError as error:
        raise InvalidExchange(str(path), "", f"cannot be read: {error.strerror}") from error
    if is_larger or len(content) > limit:  # a pipe has no size beforehand
        raise InvalidExchange(
            str(path), "", f"expected at most {limit // 2**20} MiB; write fewer runs into one file"
        )
    return content


def write_whole(path: Path, content: bytes) -> None:
    """Write the file so that no reader sees half of it; a pipe or a device is just written to.

    Raises:
        ReportUnwritable: The folder cannot be made or written to, or the disk is full.
    """
    try:
        path = path.resolve()  # what a link leads to is replaced, not the link
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).chmod(_mode(path))
            Path(temporary).replace(path)
        except OSError:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise ReportUnwritable(str(path), error.strerror or str(error)) from error


def _mode(path: Path) -> int:
    """Who may do what with the file: as before, else as with any new one."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
