"""Which devices torch can use here; asking may create a context, which no fork survives."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection, Pipe

import torch

INDEXED = ("cuda", "xpu")  # kinds of which a machine can have several
PATIENCE_S = 60.0  # with a driver that does not answer


def find_devices() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of all devices, the CPU first, and the product names of the accelerators."""
    found = [device for kind in INDEXED for device in _find(kind)]
    if torch.backends.mps.is_available():
        found.append(("mps", "Apple GPU"))
    return ("cpu", *(name for name, _ in found)), tuple(product for _, product in found)


def find_devices_in_child() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same, asked in a child, so that this process can still fork those who use them."""
    toolkits = [getattr(torch.version, name, None) for name in ("cuda", "hip", "xpu")]
    if not any(toolkits) and not torch.backends.mps.is_built():
        return ("cpu",), ()
    here, there = Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        try:
            there.send(find_devices())
        finally:
            os._exit(0)
    there.close()
    devices, products = answer_of(here)
    os.kill(pid, signal.SIGKILL)  # it has ended, unless the driver did not answer
    os.waitpid(pid, 0)
    here.close()
    return devices, products


def _find(kind: str) -> list[tuple[str, str]]:
    """Name and product of each device of a kind; none where the driver is broken."""
    module = getattr(torch, kind)
    try:
        return [
            (kind if index == 0 else f"{kind}:{index}", str(module.get_device_name(index)))
            for index in range(module.device_count() if module.is_available() else 0)
        ]
    except (RuntimeError, AssertionError):  # a device that cannot be asked cannot be measured
        return []


def answer_of(
    child: Connection, patience_s: float = PATIENCE_S
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the child found; the CPU alone if it fell silent, or if the driver took it down."""
    try:
        if child.poll(patience_s):
            devices, products = child.recv()
            return devices, products
    except EOFError:
        pass
    return ("cpu",), ()
