"""The module and the input of a case, seeded, so that every process measures the same work."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import conv2d

from sepconv.bench.cache import COLD_KINDS
from sepconv.case import Case
from sepconv.errors import UnsupportedCase

MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


PROBE_CHANNELS, PROBE_SIZE = 8, 8  # enough for every kernel of a backend to be willing

Workload = tuple[Module, Tensor]
"""A module, and an input of shape (B, C_in, H, W) for it."""


def check_supported(case: Case) -> None:
    """Find out before any time is spent whether this machine and version can measure `case`.

    Raises:
        UnsupportedCase: It cannot; the message says why.
    """
    kind, _, index = case.device.partition(":")
    if kind == "meta":
        raise UnsupportedCase("the meta device computes nothing, so there is nothing to time")
    if case.direction == "training" and case.block == "conv_bn_relu_folded":
        raise UnsupportedCase("a folded batch norm cannot be trained")
    if kind != "cpu":
        module = getattr(torch, kind, None)
        if module is None or not module.is_available():
            raise UnsupportedCase(f"this machine has no {kind} device, or torch cannot use it")
        if int(index or 0) >= module.device_count():
            raise UnsupportedCase(f"there is no {case.device}: {module.device_count()} found")
    if case.cache == "cold" and kind not in COLD_KINDS:
        raise UnsupportedCase(f"nothing here can empty the caches of {kind} devices")
    reason = why_incapable(case.device, case.dtype, case.direction, case.memory_format)
    if reason is None and case.compiled:
        reason = why_no_compiler(kind)
    if reason is not None:
        raise UnsupportedCase(reason)


@cache
def why_incapable(device: str, dtype: str, direction: str, memory_format: str) -> str | None:
    """What torch says against a tiny convolution of this kind, in one line; None if it works.

    Each combination is tried once per process, for 0.3 to 8 ms. Too little memory is no answer:
    that error is passed on, and the next call tries again.
    """
    try:
        _try_convolution(device, dtype, direction, memory_format)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError) as error:  # NotImplementedError is a RuntimeError
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        kind = f"{dtype} in {memory_format} memory format"
        return f"{direction} in {kind} does not work on {device}: {said}"
    return None


@cache
def why_no_compiler(kind: str) -> str | None:
    """What torch.compile lacks to make code for this kind of device; None if nothing known.

    A CPU needs a C++ compiler and Python's headers, an accelerator needs Triton.
    """
    if kind != "cpu":
        missing = None if find_spec("triton") else "Triton: install the package triton"
    else:
        # the names that torch's inductor looks for; asking it would import it, for 2 s
        name = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
        if which(name) is None:
            missing = f"a C++ compiler: install {name}, or name another one in CXX"
        elif not (Path(sysconfig.get_path("include")) / "Python.h").exists():
            missing = "Python.h: install the development files of this Python"
        else:
            missing = None
    return missing and f"torch.compile cannot work here without {missing}"


def _try_convolution(device: str, dtype: str, direction: str, memory_format: str) -> None:
    """A 3 × 3 convolution of one image, and its backward pass if training; drawing no numbers."""
    shape = (1, PROBE_CHANNELS, PROBE_SIZE, PROBE_SIZE)
    kernel = (PROBE_CHANNELS, PROBE_CHANNELS, 3, 3)
    layout, is_training = MEMORY_FORMATS[memory_format], direction == "training"
    x = torch.zeros(shape, dtype=getattr(torch, dtype), device=device)
    weight = torch.zeros(kernel, dtype=x.dtype, device=device, requires_grad=is_training)
    with torch.inference_mode(not is_training):
        y = conv2d(x.contiguous(memory_format=layout), weight, padding=1)
        if is_training:
            y.sum().backward()  # type: ignore[no-untyped-call]
    if y.device.type != "cpu":
        torch.get_device_module(y.device).synchronize(y.device)  # queued errors come out now


def size_bytes(workload: Workload) -> int:
    """The memory that the weights and the input take."""
    module, x = workload
    return sum(tensor.nbytes for tensor in (*module.parameters(), x))


def build_workload(case: Case, seed: int) -> Workload:
    """The module and an input of shape (B, C_in, H, W), the same for every process and arm."""
    from sepconv.convs import build_conv  # the preloaded server must not know the measured code

    if case.device == "cpu":
        torch.default_generator.manual_seed(seed)  # 4 ms less than asking every device
    else:
        torch.manual_seed(seed)
    layout = MEMORY_FORMATS[case.memory_format]
    module = build_conv(case)
    dtype, device = getattr(torch, case.dtype), torch.device(case.device)
    x = torch.randn(case.input_shape, dtype=dtype, device=device).contiguous(memory_format=layout)
    module.requires_grad_(case.direction == "training")
    if case.compiled:
        module.compile()
    return module, x
