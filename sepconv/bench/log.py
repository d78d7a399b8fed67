"""What a worker printed, for people: its end is kept, a flood is not."""

from __future__ import annotations

import os
from pathlib import Path

TAIL_BYTES = 4000
LIMIT_BYTES = 4 << 20


class WorkerLog:
    """The file that gets the output of the server and of its workers, which append to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cut = b""  # the end of what was cut off

    def clear(self) -> None:
        """Begin anew."""
        self.path.write_bytes(b"")
        self._cut = b""

    def cut(self) -> None:
        """Empty the file once it is large, so that a case that floods it fills no disk."""
        try:
            if self.path.stat().st_size > LIMIT_BYTES:
                self._cut = self._end()
                os.truncate(self.path, 0)
        except OSError:
            return

    def tail(self, since: int = 0) -> str:
        """The end of what was printed after the first `since` bytes."""
        try:
            is_whole = self.path.stat().st_size >= since  # it was not cut off meanwhile
        except OSError:
            return ""
        printed = self._end(since) if is_whole and since else self._cut + self._end()
        return printed[-TAIL_BYTES:].decode(errors="replace").strip()

    def _end(self, since: int = 0) -> bytes:
        try:
            with self.path.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(since, size - TAIL_BYTES))
                return log.read()
        except OSError:
            return b""
