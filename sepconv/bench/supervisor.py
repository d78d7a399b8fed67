"""The supervisor: starts servers, watches their workers, and survives what they do."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

from sepconv.bench.allocator import TUNED
from sepconv.bench.core import aside, usable_cores
from sepconv.bench.crew import Arm, Crew, PassKeeper
from sepconv.bench.launcher import TERMINATION_S, Launcher
from sepconv.bench.layout import Layout
from sepconv.bench.log import WorkerLog
from sepconv.bench.message import Hello, InventoryOrder, PassOrder, ProfileOrder, Side
from sepconv.bench.plan import Ring, rings_of
from sepconv.errors import MeasuringFailed
from sepconv.record import ALONE, BASE, HEAD, Slot

CASE_TIMEOUT_S = 30.0  # one visit to one case, or one turn of it in a ring
COMPILING_S = 120.0  # more, where a case is compiled in its first call
GLANCE_S = 0.5  # how often the log is looked at while waiting
RESTARTS_IN_VAIN = 3  # without one case less to do

Sides = tuple[Side, Side]
"""What base and head run; of slots alone, the first."""


class Supervisor:
    """Owns the server processes and their workers: one at a time, or the two arms of rings.

    Both arms run the same unless `run_pass` is told otherwise. Sides that can be twins are
    forked from one server; others have one each, which starts when it is first needed.

    A context manager: leaving it ends every process. `stopping` becomes true at the first
    Ctrl-C or SIGTERM: the case in hand is finished and kept. The second ends at once.

    Raises:
        MeasuringFailed: A server cannot be started, or dies.
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
        side: Side | None = None,
    ) -> None:
        self.stopping = False
        self.case_timeout_s = case_timeout_s
        self._suites = suites
        self._memory_limit_bytes = memory_limit_bytes
        self._isolate = isolate
        path = None if conv_types is None else str(conv_types.resolve())
        self.side = side or Side(conv_types=path, allocator=allocator)
        self._asks = side is None
        self._primes = primes
        self._shuffles_layout = shuffles_layout
        self._cores = usable_cores()
        self.killed: set[str] = set()  # cases at which somebody's SIGKILL met their worker once
        self._launchers: dict[object, Launcher] = {}  # by the process of the side
        self._launched = 0
        self._arms: list[Arm] = []
        self._signals: dict[int, Any] = {}

    def __enter__(self) -> Supervisor:
        self._folder = tempfile.TemporaryDirectory(prefix="sepconv-", ignore_cleanup_errors=True)
        self.log = WorkerLog(Path(self._folder.name) / "worker.log")
        try:
            self.launch(self.side)
        except MeasuringFailed:
            self._folder.cleanup()
            raise
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
        self.end_servers()
        self._folder.cleanup()

    @property
    def hello(self) -> Hello:
        """What the server says of itself; waits until it has loaded torch."""
        return self.launch(self.side).hello

    @property
    def workers(self) -> tuple[int, ...]:
        """The process ids of the workers at work."""
        return tuple(arm.pid for arm in self._arms)

    def launch(self, side: Side) -> Launcher:
        """The server of this side, which is started unless it is there; does not wait for it."""
        if side.process not in self._launchers:
            launcher = Launcher(side, self.log, number=self._launched, asks=self._asks)
            self._launchers[side.process] = launcher
            self._launched += 1
        return self._launchers[side.process]

    def end_servers(self) -> None:
        """End all servers; who is needed again is a new one, in memory of its own."""
        for launcher in self._launchers.values():
            launcher.close()
        self._launchers.clear()

    def ask(self, order: InventoryOrder | ProfileOrder, timeout_s: float) -> Any:
        """What a worker of its own answers to `order`.

        Raises:
            MeasuringFailed: It dies, or does not answer in time.
        """
        launcher = self.launch(order.side)
        pid, pipe = launcher.fork(order)
        arm = Arm(pid, pipe, ALONE, launcher)
        self._arms = [arm]
        try:
            end = perf_counter() + timeout_s
            while not pipe.poll():
                if self.stopping:
                    raise KeyboardInterrupt
                if perf_counter() > end:
                    raise MeasuringFailed(f"no answer within {timeout_s:.0f} s")
                if arm.exit_code is not None and not pipe.poll():
                    raise EOFError
                self.listen([arm])
            return pipe.recv()
        except (EOFError, OSError) as error:
            raise MeasuringFailed(f"its process ended\n{self.log.tail()}".strip()) from error
        finally:
            self.end_worker(arm)
            self._arms = []

    def run_pass(
        self,
        number: int,
        slots: Sequence[Slot],
        keeper: PassKeeper,
        *,
        seed: int,
        sides: Sides | None = None,
        counts: bool = False,
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
        sides = sides or (self.side, self.side)
        crews: list[list[Ring]] = [
            [ring for ring in rings if len(ring) == 2],
            [ring for ring in rings if len(ring) == 1],
        ]
        if self._isolate:
            crews = [[ring] for ring in rings]
        for remaining in crews:
            restarts = 0
            while remaining and not self.stopping and not deadline():
                arms = self._hire(number, remaining, seed, sides, counts)
                crew = Crew(self, arms, remaining, keeper)
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

        The end of a worker is its server's to tell: a process that it left behind may hold its
        pipe.

        Raises:
            MeasuringFailed: A server is gone.
        """
        servers = {arm.launcher.pipe: arm.launcher for arm in self._arms}
        ready = wait([*servers, *(arm.pipe for arm in arms)], GLANCE_S)
        self.log.cut()
        for pipe, launcher in servers.items():
            if pipe in ready:
                launcher.hear_of_ends(0.0)
            if launcher.is_gone:
                raise MeasuringFailed(f"the measuring process is gone\n{self.log.tail()}".strip())
        return [arm for arm in arms if arm.pipe in ready or arm.exit_code is not None]

    def end_worker(self, arm: Arm) -> int | None:
        """Ask the worker's process group to end, then end it; returns its exit status."""
        arm.launcher.await_exit(arm.pid, 0.2)  # it may have ended by itself
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(arm.pid, number)  # what it left behind too
            except ProcessLookupError:
                break
            arm.launcher.await_exit(arm.pid, TERMINATION_S)
        return arm.exit_code

    def _hire(
        self, number: int, rings: Sequence[Ring], seed: int, sides: Sides, counts: bool
    ) -> list[Arm]:
        """Start a worker for each arm of these rings, now base first and now head."""
        self.log.clear()
        if len(rings[0]) == 1:
            self._arms = []
            self._arms.append(self._fork(number, 0, rings, seed, sides[0], counts, None))
            return self._arms
        self._arms = []
        for side in sides:
            _ = self.launch(side).hello  # none waits for the server of the other
        batons = socket.socketpair()
        try:
            for place in (0, 1) if number % 2 else (1, 0):
                arm = self._fork(number, place, rings, seed, sides[place], counts, batons[place])
                self._arms.append(arm)
        finally:
            for baton in batons:
                baton.close()
        return self._arms

    def _fork(
        self,
        number: int,
        place: int,
        rings: Sequence[Ring],
        seed: int,
        side: Side,
        counts: bool,
        baton: socket.socket | None,
    ) -> Arm:
        """Have the server of this side fork the worker at that place in the rings."""
        launcher = self.launch(side)
        order = PassOrder(
            number=number,
            slots=tuple(ring[place] for ring in rings),
            seed=seed,
            suites=str(self._suites),
            log=str(self.log.path),
            cores=self._cores,
            timeout_s=self.timeout_s(rings),
            layout=self._layout(side),
            primes=self._primes,
            memory_limit_bytes=self._memory_limit_bytes,
            side=side,
            counts=counts,
        )
        pid, pipe = launcher.fork(order, baton)
        role = ALONE if baton is None else (BASE, HEAD)[place]
        return Arm(pid, pipe, role, launcher)

    def _layout(self, side: Side) -> Layout:
        if not self._shuffles_layout:
            return "inherited"
        return "shuffled" if side.allocator == TUNED else "moved"  # a default heap as users have it

    def _on_signal(self, number: int, _frame: object) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
