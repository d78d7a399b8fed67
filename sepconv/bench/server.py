"""A server: has torch and pytest loaded and the allocator set, and forks a worker per order.

A fresh process pays seconds to import torch; a forked one pays milliseconds, and all workers of
one server share its address layout. It never touches an accelerator itself: a context does not
survive a fork. It ends when the supervisor's end of its pipe closes, and its workers with it.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle
from pathlib import Path

from sepconv.bench.allocator import DEFAULT, TUNED, tune_allocator
from sepconv.bench.core import bind_threads
from sepconv.bench.machine import capture_conditions
from sepconv.bench.message import Exited, Hello, Refused
from sepconv.errors import InvalidConvTypes


def main(pipe_number: int, policy: str, conv_types: str | None = None) -> None:
    """Serve the supervisor at the other end of the inherited pipe until it goes away."""
    allocator = tune_allocator() if policy == TUNED else DEFAULT  # before torch is imported
    hidden = bind_threads(os.environ)
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # count devices without a context
    from sepconv.bench import worker
    from sepconv.bench.device import find_devices_in_child
    from sepconv.bench.environment import capture_environment
    from sepconv.bench.loading import find_conv_types_in_child

    pipe = Connection(pipe_number)
    devices, accelerators = find_devices_in_child()
    names: tuple[str, ...] = ()
    digest: str | None = None
    if conv_types is not None:
        try:
            names, digest = find_conv_types_in_child(Path(conv_types))
        except InvalidConvTypes as error:
            pipe.send(Refused(error.path, error.reason))
            return
    pipe.send(
        Hello(
            pid=os.getpid(),
            environment=capture_environment(allocator, hidden=hidden),
            devices=devices,
            accelerators=accelerators,
            conditions=capture_conditions(),
            conv_types=names,
            conv_types_digest=digest,
        )
    )
    gc.collect()
    gc.freeze()  # a collection in a worker would copy every page that it touches
    _serve(pipe, worker.work, worker.die_with_parent)


def _serve(
    pipe: Connection,
    work: Callable[[object, Connection, socket.socket | None], None],
    die_with_parent: Callable[[int], None],
) -> None:
    """Fork a worker per order, and report each worker's end."""
    wake, waker = socket.socketpair()
    wake.setblocking(False)
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno())
    workers: set[int] = set()
    while True:
        ready = wait([pipe, wake])
        if wake in ready:
            wake.recv(4096)
            _report_ended(pipe, workers)
        if pipe in ready:
            try:
                order, takes_turns = pipe.recv()
                handle = recv_handle(pipe)
                baton = socket.socket(fileno=recv_handle(pipe)) if takes_turns else None
            except (EOFError, OSError):
                break
            server = os.getpid()
            pid = os.fork()
            if pid == 0:
                with _in_worker():
                    die_with_parent(server)
                    for end in (pipe, wake, waker):
                        end.close()
                    work(order, Connection(handle), baton)
            workers.add(pid)
            os.close(handle)
            if baton is not None:
                baton.close()
            pipe.send(pid)
    for pid in workers:
        os.killpg(pid, signal.SIGKILL)


@contextmanager
def _in_worker() -> Iterator[None]:
    """The forked side: a process group of its own, that never returns into the server."""
    code = 1
    try:
        os.setsid()  # Ctrl-C in the terminal is the supervisor's business
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        yield
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def _report_ended(pipe: Connection, workers: set[int]) -> None:
    for pid in list(workers):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            workers.discard(pid)
            pipe.send(Exited(pid, os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
