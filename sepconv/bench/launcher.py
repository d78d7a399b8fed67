"""A server process as its supervisor sees it: started, asked to fork workers, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import send_handle
from pathlib import Path
from random import SystemRandom
from time import perf_counter
from typing import Any

import sepconv
from sepconv.bench.log import WorkerLog
from sepconv.bench.message import Exited, Hello, Refused, Side
from sepconv.errors import InvalidConvTypes, MeasuringFailed

START_TIMEOUT_S = 180.0  # until a worker is at its first case: it may compile what it imports
TERMINATION_S = 2.0  # between asking a process to end and ending it
PADDING = "SEPCONV_PADDING"  # a variable of random length …
MOST_PADDING = 4096  # … as that of the environment decides where the stack begins
TIMED_OUT = object()


class Launcher:
    """Owns one server, which has torch loaded in the interpreter and environment of `side`.

    With `asks`, the server looks into the user's file of conv types before it says hello.

    Raises:
        MeasuringFailed: The interpreter cannot be started.
    """

    def __init__(self, side: Side, log: WorkerLog, *, number: int = 0, asks: bool = True) -> None:
        self.side = side
        self.number = number  # of the servers of this supervisor
        self.is_gone = False  # the server, and with it what becomes of its workers
        self.ends: dict[int, int] = {}  # exit status by process id, as the server told
        self._log = log
        self._hello: Hello | None = None
        self.pipe: Connection
        self.pipe, theirs = Pipe()
        variables = os.environ | dict(side.environment)
        search_path = [str(_package_parent(side, log)), variables.get("PYTHONPATH", "")]
        told = [side.conv_types] if asks and side.conv_types else []
        with theirs, log.path.open("ab") as file:
            try:
                self._server = subprocess.Popen(
                    [
                        *(side.python, "-P", "-m", "sepconv.bench.server"),
                        *(str(theirs.fileno()), side.allocator, *told),
                    ],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                    env=variables
                    | {
                        "PYTHONPATH": os.pathsep.join(filter(None, search_path)),
                        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the user's plug-ins time nothing
                        "PYTEST_ADDOPTS": "",
                        PADDING: "." * SystemRandom().randrange(MOST_PADDING),
                    },
                )
            except OSError as error:
                reason = f"cannot start {side.python}: {error.strerror}"
                raise MeasuringFailed(reason) from error

    @property
    def hello(self) -> Hello:
        """What the server says of itself; waits until it has loaded torch.

        Raises:
            MeasuringFailed: It does not start.
            InvalidConvTypes: The user's file cannot be loaded.
        """
        if self._hello is None:
            message = self.hear(START_TIMEOUT_S)
            if isinstance(message, Refused):
                raise InvalidConvTypes(message.path, message.reason)
            if not isinstance(message, Hello):
                raise MeasuringFailed(
                    f"the measuring process did not start within {START_TIMEOUT_S:.0f} s, or "
                    f"died; try `{self._trial()}`.\n{self._log.tail()}"
                )
            self._hello = message
        return self._hello

    def fork(self, order: object, baton: socket.socket | None = None) -> tuple[int, Connection]:
        """Have the server fork a worker for `order`: its process id, and our end of its pipe.

        Raises:
            MeasuringFailed: The server is gone.
        """
        server = self.hello.pid
        ours, theirs = Pipe()
        try:
            with theirs:
                self.pipe.send((order, baton is not None))
                send_handle(self.pipe, theirs.fileno(), server)
                if baton is not None:
                    send_handle(self.pipe, baton.fileno(), server)
        except OSError as error:
            raise MeasuringFailed(f"the measuring process is gone: {error}") from error
        while not isinstance(answer := self.hear(START_TIMEOUT_S), int):
            if not isinstance(answer, Exited):
                raise MeasuringFailed(f"the measuring process died:\n{self._log.tail()}")
            self.ends[answer.pid] = answer.exit_code
        self.ends.pop(answer, None)  # of an earlier process with that number
        return answer, ours

    def hear_of_ends(self, timeout_s: float) -> None:
        """Note the exit status that the server tells of, or that it has ended itself."""
        match self.hear(timeout_s):
            case Exited(pid, exit_code):
                self.ends[pid] = exit_code
            case None:
                self.is_gone = True

    def await_exit(self, pid: int, timeout_s: float) -> int | None:
        """The exit status of a worker, as the server sees it; None if it does not end."""
        end = perf_counter() + timeout_s
        while pid not in self.ends and not self.is_gone and (left := end - perf_counter()) > 0:
            self.hear_of_ends(left)
        return self.ends.get(pid)

    def hear(self, timeout_s: float) -> Any:
        """The next message; None when the server is gone, TIMED_OUT when nothing came."""
        try:
            return self.pipe.recv() if self.pipe.poll(timeout_s) else TIMED_OUT
        except (EOFError, OSError):
            return None

    def close(self) -> None:
        """End the server, and its workers with it."""
        self.pipe.close()  # it ends when it reads the end of its pipe
        try:
            self._server.wait(TERMINATION_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _trial(self) -> str:
        """What shows a user why it does not start."""
        modules = "torch, pytest"
        if self.side.python != sys.executable:
            modules += ", pytest_benchmark, psutil"
        return f"{self.side.python} -c 'import {modules}'"


def _package_parent(side: Side, log: WorkerLog) -> Path:
    """A folder in which this very package is found.

    For another interpreter a folder of its own: ours may hold our torch too, which it would
    import in place of its own.
    """
    package = Path(sepconv.__file__).resolve().parent
    if side.python == sys.executable:
        return package.parent
    folder = log.path.parent / "package"
    folder.mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (folder / package.name).symlink_to(package)
    return folder
