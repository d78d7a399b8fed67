"""A worker: one order, mostly a pytest pass, in a forked process that dies with its parent."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import random
import signal
import socket
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from sepconv.bench.code import load_code
from sepconv.bench.layout import shift_layout
from sepconv.bench.memory import limit_memory
from sepconv.bench.message import (
    Begun,
    Broken,
    Ended,
    Failed,
    InventoryOrder,
    Looked,
    Measured,
    PassOrder,
    ProfileOrder,
    Silent,
    Visited,
    Waiting,
)
from sepconv.bench.plugin import PassPlugin
from sepconv.bench.stopwatch import Visit
from sepconv.bench.turn import Baton
from sepconv.case import Case
from sepconv.record import Block, Facts, Status

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
    *("--noconftest", "--assert=plain"),  # the suites' own is for plain pytest
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

    def begin(self, visit: Visit) -> None:
        printed = os.fstat(sys.__stderr__.fileno()).st_size if sys.__stderr__ else 0
        self._pipe.send(Begun(visit.slot.ring, visit.slot.case.identity, printed))

    def end_visit(self, visit: Visit) -> bool:
        return self._ask(Visited(visit.slot.ring, visit.number, visit.slot.case))

    def add_block(self, visit: Visit, block: Block) -> bool:
        return self._ask(Measured(visit.number, block))

    def add_failure(self, visit: Visit, status: Status, error: str) -> bool:
        slot = visit.slot
        return self._ask(Failed(slot.ring, visit.number, slot.case, status, error))

    def add_break(self, visit: Visit) -> bool:
        return self._ask(Broken(visit.slot.ring, visit.number))

    def add_facts(self, case: Case, facts: Facts) -> None:
        self._pipe.send(Looked(case, facts))

    def accuse(self, ring: int) -> None:
        """The other arm of this ring has not been heard of for too long."""
        self._pipe.send(Silent(ring))

    def wait(self) -> None:
        """This arm has built its first case, and the other one not yet."""
        self._pipe.send(Waiting())

    def _ask(self, message: object) -> bool:
        self._pipe.send(message)
        return bool(self._pipe.recv())


def work(order: object, pipe: Connection, baton: socket.socket | None) -> None:
    """Do what was ordered, and tell it through `pipe`."""
    match order:
        case PassOrder():
            run_pass(order, pipe, baton)
        case InventoryOrder():
            from sepconv.bench.inventory import take_inventory

            _redirect_output(order.log)
            pipe.send(take_inventory(order))
        case ProfileOrder():
            from sepconv.bench.profile import profile_case

            _redirect_output(order.log)
            pipe.send(profile_case(order))


def run_pass(order: PassOrder, pipe: Connection, baton: socket.socket | None) -> None:
    """Measure the pass that `order` describes; everything goes through `pipe`.

    With a `baton`, this is one arm of its rings, and the other arm is at its other end.
    """
    _redirect_output(order.log)
    faulthandler.enable()
    if order.layout != "inherited":
        shift_layout(random.SystemRandom(), heap=order.layout == "shuffled")
    gc.disable()  # a pass makes little garbage, and no collection should fall between rounds
    torch.set_num_interop_threads(1)
    if order.memory_limit_bytes is not None:
        limit_memory(order.memory_limit_bytes)
    load_code(order.side)
    sink = PipeSink(pipe)
    plugin = PassPlugin(
        order.slots,
        sink,
        pass_number=order.number,
        seed=order.seed,
        baton=None if baton is None else _baton(order, baton, sink),
        primes=order.primes,
        cores=order.cores,
        keeps_workloads=order.memory_limit_bytes is None,
        counts=order.counts,
    )
    folder = Path(order.log).parent
    storage = f"--benchmark-storage=file://{folder}"  # it makes that folder
    output = TALKING if order.number == 0 else SILENT
    options = [order.suites, storage, *PYTEST_OPTIONS, *output]
    code = pytest.main(options, plugins=[plugin, Elsewhere(folder)])
    sys.stdout.flush()
    pipe.send(Ended(int(code)))


class Elsewhere:
    """Begins in a folder outside any repository, and returns once the options are read.

    pytest-benchmark asks git for a tag while it declares its options: 60 ms in every pass.
    """

    def __init__(self, folder: Path) -> None:
        self._here = Path.cwd()
        os.chdir(folder)

    def pytest_configure(self) -> None:
        os.chdir(self._here)


def _baton(order: PassOrder, end: socket.socket, sink: PipeSink) -> Baton:
    return Baton(
        end,
        order.slots[0].arm,
        timeout_s=order.timeout_s,
        accuse=sink.accuse,
        wait=sink.wait,
    )


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
