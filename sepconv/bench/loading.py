"""Finds out what a user's file of conv types holds without running it in this process."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from time import monotonic, sleep
from typing import NoReturn

from sepconv.bench.worker import die_with_parent
from sepconv.errors import InvalidConvTypes

TIMEOUT_S = 60.0  # imports of large packages from a cold disk included
LOOK_EVERY_S = 0.05
ANSWER_BYTES = 1 << 20  # thousands of names; more is an accident

Found = tuple[tuple[str, ...], str]
"""The names in a file, and the digest of its source."""


def find_conv_types_in_child(path: Path, *, timeout_s: float = TIMEOUT_S) -> Found:
    """The names of the conv types in the file at `path`, and the digest of its source.

    A forked child runs the file, so that what it leaves behind (threads, an accelerator's
    context, patched modules) stays out of this process, which forks those who measure. What it
    prints is thrown away, and so is every process that it has started.

    Raises:
        InvalidConvTypes: The file cannot be loaded, or its process dies or does not end.
    """
    here, there = Pipe(duplex=False)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _answer(path, there, parent)
    there.close()
    with suppress(OSError):  # the child has done it, or has ended
        os.setpgid(pid, pid)
    try:
        return _read_answer(path, here, pid, monotonic() + timeout_s)
    finally:
        here.close()
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _answer(path: Path, there: Connection, parent: int) -> NoReturn:
    """The child: load the file, say what it holds or what is wrong with it, and end."""
    code = 1
    try:
        with suppress(OSError):
            os.setpgid(0, 0)
        die_with_parent(parent)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        there.send_bytes(json.dumps(_load(path)).encode())
        code = 0
    finally:
        os._exit(code)


def _load(path: Path) -> dict[str, object]:
    from sepconv.convs.loading import load_conv_types  # the parent must not know measured code

    try:
        found = load_conv_types(path)
    except InvalidConvTypes as error:
        return {"reason": error.reason}
    return {"names": found.names, "digest": found.digest}


def _read_answer(path: Path, here: Connection, pid: int, deadline: float) -> Found:
    """What the child says, or why it says nothing.

    The end of the pipe alone would not tell of the child's end: a process that the file has
    started may hold it.
    """
    status = None
    while not here.poll(LOOK_EVERY_S):
        if status is not None or monotonic() > deadline:
            raise InvalidConvTypes(str(path), _fate(status))
        status = _status_of(pid)
    try:
        answer = json.loads(here.recv_bytes(ANSWER_BYTES))
        if "reason" not in answer:
            return tuple(answer["names"]), answer["digest"]
    except EOFError as error:
        while status is None and monotonic() < deadline:
            sleep(LOOK_EVERY_S)
            status = _status_of(pid)
        raise InvalidConvTypes(str(path), _fate(status)) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, LookupError, TypeError) as error:
        reason = f"loading it gave no readable answer of at most {ANSWER_BYTES} bytes"
        raise InvalidConvTypes(str(path), reason) from error
    raise InvalidConvTypes(str(path), answer["reason"])


def _status_of(pid: int) -> int | None:
    """The wait status of the child; None while it works."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return status if ended else None


def _fate(status: int | None) -> str:
    """How the child ended without an answer, or that it did not."""
    if status is None:
        return "loading it does not end"
    code = os.waitstatus_to_exitcode(status)
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"loading it ended the process with {how}"
