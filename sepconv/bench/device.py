"""Which devices torch can use here; asking may create a context, which no fork survives."""

from __future__ import annotations

import os
from multiprocessing.connection import Pipe

import torch

INDEXED = ("cuda", "xpu")  # kinds of which a machine can have several


def find_devices() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of all devices, the CPU first, and the product names of the accelerators."""
    found = [
        (kind if index == 0 else f"{kind}:{index}", str(module.get_device_name(index)))
        for kind in INDEXED
        if (module := getattr(torch, kind)).is_available()
        for index in range(module.device_count())
    ]
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
    try:
        devices, products = here.recv()
    except EOFError:  # the driver took the child down with it
        devices, products = ("cpu",), ()
    os.waitpid(pid, 0)
    return devices, products
