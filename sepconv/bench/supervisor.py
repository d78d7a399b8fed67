"""The supervisor: starts the server, watches its workers, and survives what they do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing.connection import Pipe, wait
from multiprocessing.reduction import send_handle
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

import sepconv
from sepconv.bench.allocator import TUNED
from sepconv.bench.core import aside, usable_cores
from sepconv.bench.crew import START_TIMEOUT_S, Arm, Crew, PassKeeper
from sepconv.bench.layout import Layout
from sepconv.bench.log import WorkerLog
from sepconv.bench.message import Exited, Hello, PassOrder, Refused
from sepconv.bench.plan import Ring, rings_of
from sepconv.errors import InvalidConvTypes, MeasuringFailed
from sepconv.record import Slot

CASE_TIMEOUT_S = 30.0  # one visit to one case, or one turn of it in a ring
COMPILING_S = 120.0  # more, where a case is compiled in its first call
TERMINATION_S = 2.0  # between asking a worker to end and ending it
GLANCE_S = 0.5  # how often the log is looked at while waiting
RESTARTS_IN_VAIN = 3  # without one case less to do
TIMED_OUT = object()


class Supervisor:
    """Owns one server process and its workers: one at a time, or the two arms of rings.

    A context manager: leaving it ends every process. `stopping` becomes true at the first
    Ctrl-C or SIGTERM: the case in hand is finished and kept. The second ends at once.

    Raises:
        MeasuringFailed: The server cannot be started, or dies.
        InvalidConvTypes: The file `conv_types` cannot be loaded.
    """

    def __init__(
        self,
        suites: Path,
        *,
        allocator: str = TUNED,
        case_timeout_s: float = CASE_TIMEOUT_S,
        memory_limit_bytes: int | None = None,
        isolate: bool = False,
        conv_types: Path | None = None,
        primes: bool = True,
        shuffles_layout: bool = True,
    ) -> None:
        self.stopping = False
        self.case_timeout_s = case_timeout_s
        self._suites = suites
        self._allocator = allocator
        self._memory_limit_bytes = memory_limit_bytes
        self._isolate = isolate
        self._conv_types = None if conv_types is None else str(conv_types.resolve())
        self._primes = primes
        self._layout: Layout = "inherited"
        if shuffles_layout:  # a default heap is to be as users have it
            self._layout = "shuffled" if allocator == TUNED else "moved"
        self._cores = usable_cores()
        self.is_gone = False  # the server, and with it what becomes of its workers
        self.killed: set[str] = set()  # cases at which somebody's SIGKILL met their worker once
        self._hello: Hello | None = None
        self._arms: list[Arm] = []
        self._signals: dict[int, Any] = {}

    def __enter__(self) -> Supervisor:
        self._folder = tempfile.TemporaryDirectory(prefix="sepconv-", ignore_cleanup_errors=True)
        self.log = WorkerLog(Path(self._folder.name) / "worker.log")
        self._start_server()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._signals[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._signals.items():
            signal.signal(number, handler)
        for arm in self._arms:
            self.end_worker(arm)
        self._pipe.close()  # the server ends when it reads the end of its pipe
        try:
            self._server.wait(TERMINATION_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._folder.cleanup()

    @property
    def hello(self) -> Hello:
        """What the server says of itself; waits until it has loaded torch."""
        if self._hello is None:
            message = self._hear_server(START_TIMEOUT_S)
            if isinstance(message, Refused):
                raise InvalidConvTypes(message.path, message.reason)
            if not isinstance(message, Hello):
                raise MeasuringFailed(
                    f"the measuring process did not start within {START_TIMEOUT_S:.0f} s, or "
                    f"died; try `{sys.executable} -c 'import torch, pytest'`.\n{self.log.tail()}"
                )
            self._hello = message
        return self._hello

    @property
    def workers(self) -> tuple[int, ...]:
        """The process ids of the workers at work."""
        return tuple(arm.pid for arm in self._arms)

    def run_pass(
        self,
        number: int,
        slots: Sequence[Slot],
        keeper: PassKeeper,
        *,
        seed: int,
        deadline: Callable[[], bool] = lambda: False,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """Give every slot one block, ring by ring in that order, until `deadline()` or a signal
        says stop.

        Rings of two are measured by two workers that take turns, slots alone by one. A case
        that kills its worker, or does not end, costs that case, its ring in this pass and one
        restart. `meanwhile` is done once while a worker starts, when nothing is timed.

        Raises:
            MeasuringFailed: The workers cannot work at all, whatever the case.
        """
        rings = rings_of(slots)
        crews: list[list[Ring]] = [
            [ring for ring in rings if len(ring) == 2],
            [ring for ring in rings if len(ring) == 1],
        ]
        if self._isolate:
            crews = [[ring] for ring in rings]
        for remaining in crews:
            restarts = 0
            while remaining and not self.stopping and not deadline():
                crew = Crew(self, self._hire(number, remaining, seed), remaining, keeper)
                with aside(self._cores):
                    if meanwhile is not None:
                        meanwhile()
                        meanwhile = None
                    left = crew.follow(lambda: self.stopping or deadline(), deadline)
                self._arms = []
                restarts = restarts + 1 if len(left) == len(remaining) else 0
                if restarts == RESTARTS_IN_VAIN:
                    raise MeasuringFailed(
                        f"{restarts} workers in a row measured nothing:\n{self.log.tail()}"
                    )
                remaining = left

    def timeout_s(self, rings: Sequence[Ring]) -> float:
        """How long a worker may be silent over these."""
        compiles = any(slot.case.compiled for ring in rings for slot in ring)
        return self.case_timeout_s + COMPILING_S * compiles

    def listen(self, arms: Sequence[Arm]) -> list[Arm]:
        """Those that have told something or have ended, within a glance; perhaps none.

        The end of a worker is the server's to tell: a process that it left behind may hold its
        pipe.

        Raises:
            MeasuringFailed: The server is gone.
        """
        ready = wait([self._pipe, *(arm.pipe for arm in arms)], GLANCE_S)
        self.log.cut()
        if self._pipe in ready:
            self._hear_of_ends(0.0)
        if self.is_gone:
            raise MeasuringFailed(f"the measuring process is gone\n{self.log.tail()}".strip())
        return [arm for arm in arms if arm.pipe in ready or arm.exit_code is not None]

    def await_exit(self, arm: Arm, timeout_s: float = TERMINATION_S) -> int | None:
        """The exit status of a worker, as the server sees it; None if it does not end."""
        end = perf_counter() + timeout_s
        while arm.exit_code is None and not self.is_gone and (left := end - perf_counter()) > 0:
            self._hear_of_ends(left)
        return arm.exit_code

    def end_worker(self, arm: Arm) -> int | None:
        """Ask the worker's process group to end, then end it; returns its exit status."""
        self.await_exit(arm, 0.2)  # it may have ended by itself
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(arm.pid, number)  # what it left behind too
            except ProcessLookupError:
                break
            self.await_exit(arm)
        return arm.exit_code

    def _hear_of_ends(self, timeout_s: float) -> None:
        """Note the exit status that the server tells of, or that it has ended itself."""
        match self._hear_server(timeout_s):
            case Exited(pid, exit_code):
                for arm in self._arms:
                    if arm.pid == pid:
                        arm.exit_code = exit_code
            case None:
                self.is_gone = True

    def _start_server(self) -> None:
        self._pipe, theirs = Pipe()
        package_parent = str(Path(sepconv.__file__).resolve().parents[1])
        search_path = [package_parent, os.environ.get("PYTHONPATH", "")]
        with theirs, self.log.path.open("ab") as log:
            self._server = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "sepconv.bench.server"),
                    *(str(theirs.fileno()), self._allocator),
                    *([self._conv_types] if self._conv_types else []),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ
                | {
                    "PYTHONPATH": os.pathsep.join(filter(None, search_path)),
                    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the user's plug-ins time nothing
                    "PYTEST_ADDOPTS": "",
                },
            )

    def _hire(self, number: int, rings: Sequence[Ring], seed: int) -> list[Arm]:
        """Start a worker for each arm of these rings."""
        self.log.clear()
        self._arms = []
        batons: Sequence[socket.socket | None] = [None]
        if len(rings[0]) == 2:
            batons = socket.socketpair()
        try:
            for place, baton in enumerate(batons):
                slots = tuple(ring[place] for ring in rings)
                self._arms.append(self._fork(self._order(number, slots, rings, seed), baton))
        finally:
            for baton in batons:
                if baton is not None:
                    baton.close()
        return self._arms

    def _order(
        self, number: int, slots: tuple[Slot, ...], rings: Sequence[Ring], seed: int
    ) -> PassOrder:
        return PassOrder(
            number=number,
            slots=slots,
            seed=seed,
            suites=str(self._suites),
            log=str(self.log.path),
            cores=self._cores,
            timeout_s=self.timeout_s(rings),
            layout=self._layout,
            primes=self._primes,
            memory_limit_bytes=self._memory_limit_bytes,
            conv_types=self._conv_types,
        )

    def _fork(self, order: PassOrder, baton: socket.socket | None) -> Arm:
        """Have the server fork a worker for `order`."""
        server = self.hello.pid
        ours, theirs = Pipe()
        try:
            with theirs:
                self._pipe.send((order, baton is not None))
                send_handle(self._pipe, theirs.fileno(), server)
                if baton is not None:
                    send_handle(self._pipe, baton.fileno(), server)
        except OSError as error:
            raise MeasuringFailed(f"the measuring process is gone: {error}") from error
        while not isinstance(answer := self._hear_server(START_TIMEOUT_S), int):
            if not isinstance(answer, Exited):
                raise MeasuringFailed(f"the measuring process died:\n{self.log.tail()}")
        return Arm(answer, ours)

    def _hear_server(self, timeout_s: float) -> Any:
        """The next message; None when the server is gone, TIMED_OUT when nothing came."""
        try:
            return self._pipe.recv() if self._pipe.poll(timeout_s) else TIMED_OUT
        except (EOFError, OSError):
            return None

    def _on_signal(self, number: int, _frame: object) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
