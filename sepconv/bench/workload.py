"""The module and the input of a case, seeded, so that every process measures the same work."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Module

from sepconv.case import Case
from sepconv.errors import UnsupportedCase

MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


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
    if case.cache != "warm":
        raise UnsupportedCase("this version measures with warm caches only")
    if case.direction == "training" and case.block == "conv_bn_relu_folded":
        raise UnsupportedCase("a folded batch norm cannot be trained")
    if kind != "cpu":
        module = getattr(torch, kind, None)
        if module is None or not module.is_available():
            raise UnsupportedCase(f"this machine has no {kind} device, or torch cannot use it")
        if int(index or 0) >= module.device_count():
            raise UnsupportedCase(f"there is no {case.device}: {module.device_count()} found")


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
