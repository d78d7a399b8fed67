"""A file of conv types whose convolution is slowed down on purpose: what a gate must find.

`options.form` names the conv that is slowed down, `options.extra` the elements whose tanh is
taken after each call: arithmetic that no cache or allocator can hide. With `extra=0` it takes
that of nothing, so that what torch needs to begin is the same in both arms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from sepconv.case import Case

CHUNK = 1 << 13  # elements: 32 KiB stay in the first or second level of any cache


class Slowed(nn.Module):
    """A conv, and then the tanh of `extra` elements of its own, chunk by chunk.

    Shape:
        as the conv
    """

    def __init__(self, conv: nn.Module, extra: int, device: str) -> None:
        super().__init__()
        self.conv = conv
        chunks, rest = divmod(extra, CHUNK)
        values = torch.linspace(-1.0, 1.0, CHUNK, device=device)
        self.chunks = [values[:rest].clone(), *[values] * chunks]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        for chunk in self.chunks:
            chunk.tanh_()
        return y


def build(case: Case) -> nn.Module:
    """The conv that `options.form` names, slowed down by `options.extra`."""
    from sepconv.convs import build_conv  # the loader of this file must not need it

    bare = replace(
        case,
        conv_type=str(case.options["form"]),
        options={},
        block="conv",
        memory_format="contiguous",
    )
    extra = case.options.get("extra")
    return Slowed(build_conv(bare), extra if isinstance(extra, int) else 0, case.device)


CONV_TYPES: dict[str, Callable[[Case], nn.Module]] = {"slowed": build}
