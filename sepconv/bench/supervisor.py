"""The supervisor: starts the server, watches its workers, and survives what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import send_handle
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol

import sepconv
from sepconv.bench.allocator import TUNED
from sepconv.bench.message import (
    Begun,
    Ended,
    Exited,
    Failed,
    Hello,
    Measured,
    PassOrder,
    Visited,
)
from sepconv.case import Case
from sepconv.errors import MeasuringFailed
from sepconv.record import Block, Slot, Status

START_TIMEOUT_S = 180.0  # importing torch from a cold disk
CASE_TIMEOUT_S = 120.0  # one block of one case
TERMINATION_S = 2.0  # between asking a worker to end and ending it
LOG_TAIL_BYTES = 4000
PASSED, SOME_FAILED = 0, 1  # pytest's exit codes of a pass that did its work


class PassKeeper(Protocol):
    """Who is told of every case in a pass."""

    def keep_visit(self, case: Case) -> None: ...

    def keep_block(self, block: Block) -> None: ...

    def keep_failure(self, case: Case, status: Status, error: str) -> None: ...


class Supervisor:
    """Owns one server process and, one at a time, its workers.

    A context manager: leaving it ends every process. `stopping` becomes true at the first
    Ctrl-C or SIGTERM: the case in hand is finished and kept. The second ends at once.
    """

    def __init__(
        self, suites: Path, *, allocator: str = TUNED, case_timeout_s: float = CASE_TIMEOUT_S
    ) -> None:
        self.stopping = False
        self._suites = suites
        self._allocator = allocator
        self._case_timeout_s = case_timeout_s
        self._hello: Hello | None = None
        self._worker: int | None = None
        self._signals: dict[int, Any] = {}

    def __enter__(self) -> Supervisor:
        self._folder = tempfile.TemporaryDirectory(prefix="sepconv-", ignore_cleanup_errors=True)
        self._log = Path(self._folder.name) / "worker.log"
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
        self._end_worker()
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
            message = self._receive(self._pipe, START_TIMEOUT_S)
            if not isinstance(message, Hello):
                raise MeasuringFailed(
                    f"the measuring process did not start within {START_TIMEOUT_S:.0f} s, or "
                    f"died; try `{sys.executable} -c 'import torch, pytest'`.\n{self._log_tail()}"
                )
            self._hello = message
        return self._hello

    @property
    def worker(self) -> int | None:
        """The process id of the worker at work."""
        return self._worker

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
        """Give every slot one block, in that order, until `deadline()` or a signal says stop.

        A case that kills its worker, or does not end, costs that case and one restart.
        `meanwhile` is done once while the worker starts, when nothing is timed.

        Raises:
            MeasuringFailed: The worker cannot work at all, whatever the case.
        """
        remaining = list(slots)
        while remaining and not self.stopping and not deadline():
            order = PassOrder(number, tuple(remaining), seed, str(self._suites), str(self._log))
            pipe = self._fork(order)
            if meanwhile is not None:
                meanwhile()
                meanwhile = None
            remaining = self._follow(pipe, order, keeper, deadline)

    def _follow(
        self,
        pipe: Connection,
        order: PassOrder,
        keeper: PassKeeper,
        deadline: Callable[[], bool],
    ) -> list[Slot]:
        """One worker's life; returns the slots that are left when it ends before its time."""
        left = {slot.case.identity: slot for slot in order.slots}
        cases = {identity: slot.case for identity, slot in left.items()}
        current: Case | None = None
        has_worked, go_on = False, True
        timeout_s = START_TIMEOUT_S
        with pipe:
            while True:
                message = self._receive(pipe, timeout_s)
                timeout_s = self._case_timeout_s
                match message:
                    case Begun(identity):
                        current = cases[identity]
                        continue
                    case Visited() | Measured() | Failed():
                        current, has_worked = None, True
                        go_on = go_on and not self.stopping and not deadline()
                        self._answer(pipe, go_on)  # it sets the next case up while we store
                        identity = _keep(message, keeper, cases)
                        if not isinstance(message, Visited):
                            left.pop(identity, None)
                    case Ended(exit_code):
                        self._await_exit()
                        if go_on:
                            self._check_end(exit_code, left, keeper)
                        return []
                    case _:
                        if current is None and not has_worked:
                            raise MeasuringFailed(
                                f"a worker ended before its first case:\n{self._log_tail()}"
                            )
                        self._bury(current, keeper, hung=message is TIMED_OUT)
                        if current is not None:
                            left.pop(current.identity, None)
                        return list(left.values())

    def _check_end(self, exit_code: int, left: dict[str, Slot], keeper: PassKeeper) -> None:
        """A pass that was not asked to stop has seen every case."""
        if exit_code not in (PASSED, SOME_FAILED):
            raise MeasuringFailed(f"pytest ended with code {exit_code}:\n{self._log_tail()}")
        for slot in left.values():
            keeper.keep_failure(slot.case, Status.FAILED, "no test in the suites took this case")

    def _bury(self, case: Case | None, keeper: PassKeeper, *, hung: bool) -> None:
        """Record what became of the case that its worker did not survive."""
        exit_code = self._end_worker()
        if case is None:  # it ended between two cases, which costs neither of them
            return
        if hung:
            error = f"not done after {self._case_timeout_s:g} s"
            keeper.keep_failure(case, Status.TIMED_OUT, error)
        else:
            error = f"its process ended: {_cause(exit_code)}\n{self._log_tail()}".strip()
            keeper.keep_failure(case, Status.CRASHED, error)

    def _start_server(self) -> None:
        self._pipe, theirs = Pipe()
        package_parent = str(Path(sepconv.__file__).resolve().parents[1])
        search_path = [package_parent, os.environ.get("PYTHONPATH", "")]
        with theirs, self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "sepconv.bench.server"),
                    *(str(theirs.fileno()), self._allocator),
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

    def _fork(self, order: PassOrder) -> Connection:
        """Have the server fork a worker for `order`; returns the pipe to it."""
        server = self.hello.pid
        self._log.write_bytes(b"")
        ours, theirs = Pipe()
        try:
            with theirs:
                self._pipe.send(order)
                send_handle(self._pipe, theirs.fileno(), server)
        except OSError as error:
            raise MeasuringFailed(f"the measuring process is gone: {error}") from error
        while not isinstance(answer := self._receive(self._pipe, START_TIMEOUT_S), int):
            if not isinstance(answer, Exited):
                raise MeasuringFailed(f"the measuring process died:\n{self._log_tail()}")
        self._worker = answer
        return ours

    def _await_exit(self, timeout_s: float = TERMINATION_S) -> int | None:
        """The exit status of the worker, as the server sees it; None if it does not end."""
        end = perf_counter() + timeout_s
        while self._worker is not None and (left := end - perf_counter()) > 0:
            match self._receive(self._pipe, left):
                case Exited(pid, exit_code) if pid == self._worker:
                    self._worker = None
                    return exit_code
                case None:
                    raise MeasuringFailed("the measuring process is gone")
        return None

    def _end_worker(self) -> int | None:
        """Ask the worker's process group to end, then end it; returns its exit status."""
        worker = self._worker
        if worker is None:
            return None
        exit_code = self._await_exit(0.2)  # it may have ended by itself
        for number in (signal.SIGTERM, signal.SIGKILL):
            if exit_code is not None:
                break
            try:
                os.killpg(worker, number)
            except ProcessLookupError:
                break
            exit_code = self._await_exit()
        self._worker = None
        return exit_code

    def _answer(self, pipe: Connection, go_on: bool) -> None:
        try:
            pipe.send(go_on)
        except OSError:  # it died meanwhile; the next read says so
            return

    def _receive(self, pipe: Connection, timeout_s: float) -> Any:
        """The next message; None when the other end is closed, TIMED_OUT when nothing came."""
        try:
            return pipe.recv() if pipe.poll(timeout_s) else TIMED_OUT
        except (EOFError, OSError):
            return None

    def _on_signal(self, number: int, _frame: object) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True

    def _log_tail(self) -> str:
        """The end of what the worker printed, for people."""
        try:
            tail = self._log.read_bytes()[-LOG_TAIL_BYTES:]
        except OSError:
            return ""
        return tail.decode(errors="replace").strip()


TIMED_OUT = object()


def _keep(
    message: Visited | Measured | Failed, keeper: PassKeeper, cases: Mapping[str, Case]
) -> str:
    """Tell the keeper what ended a visit; returns the identity of its case."""
    match message:
        case Visited(identity):
            keeper.keep_visit(cases[identity])
            return identity
        case Measured(block):
            keeper.keep_block(block)
            return block.case.identity
        case Failed(case, status, error):
            keeper.keep_failure(case, status, error)
            return case.identity


def _cause(exit_code: int | None) -> str:
    """An exit status in words: "killed by SIGSEGV", "exit code 3"."""
    if exit_code is None:
        return "unknown"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"killed by signal {-exit_code}"
