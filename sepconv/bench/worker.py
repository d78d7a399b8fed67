"""A worker: one pytest pass in a forked process that dies with its parent."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from sepconv.bench.message import Begun, Ended, Failed, Measured, PassOrder, Visited
from sepconv.bench.plugin import PassPlugin
from sepconv.case import Case
from sepconv.record import Block, Status

PR_SET_PDEATHSIG = 1  # prctl: the signal that this process gets when its parent dies
UNUSED_PLUGINS = (  # each costs hook calls for every visit; together 2 ms and a collection a pass
    *("cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath"),
    *("logging", "monkeypatch", "pastebin", "recwarn", "setuponly", "setupplan"),
    *("stepwise", "subtests", "threadexception", "tmpdir", "unittest", "unraisableexception"),
    "warnings",
)
PYTEST_OPTIONS = (
    *("-p", "pytest_benchmark.plugin"),  # the server loads no other plug-in
    *(part for name in UNUSED_PLUGINS for part in ("-p", f"no:{name}")),
    *("--benchmark-quiet", "--benchmark-columns=median"),
)
TALKING = ("--quiet", "--no-header", "--tb=short")  # the calibration says what it cannot collect
SILENT = ("-p", "no:terminal")


class PipeSink:
    """Sends every case's fate to the supervisor, and waits to hear whether to go on.

    The supervisor stores what it got while the next case is set up here, which takes longer: it
    hardly ever works while a round is timed.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self, case: Case) -> None:
        self._pipe.send(Begun(case.identity))

    def end_visit(self, case: Case) -> bool:
        self._pipe.send(Visited(case.identity))
        return bool(self._pipe.recv())

    def add_block(self, block: Block) -> bool:
        self._pipe.send(Measured(block))
        return bool(self._pipe.recv())

    def add_failure(self, case: Case, status: Status, error: str) -> bool:
        self._pipe.send(Failed(case, status, error))
        return bool(self._pipe.recv())


def run_pass(order: PassOrder, pipe: Connection) -> None:
    """Measure the pass that `order` describes; everything goes through `pipe`."""
    _redirect_output(order.log)
    faulthandler.enable()
    gc.disable()  # a pass makes little garbage, and no collection should fall between rounds
    torch.set_num_interop_threads(1)
    plugin = PassPlugin(
        [slot.case for slot in order.slots],
        PipeSink(pipe),
        slots=order.slots,
        pass_number=order.number,
        seed=order.seed,
    )
    storage = f"--benchmark-storage=file://{Path(order.log).parent}"  # it makes that folder
    output = TALKING if order.number == 0 else SILENT
    code = pytest.main([order.suites, storage, *PYTEST_OPTIONS, *output], plugins=[plugin])
    sys.stdout.flush()
    pipe.send(Ended(int(code)))


def die_with_parent(parent: int) -> None:
    """Make the kernel end this process when `parent` ends, even by SIGKILL (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel knew
        os._exit(1)


def _redirect_output(path: str) -> None:
    """Send output of every kind, that of C libraries too, to the file at `path`."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
