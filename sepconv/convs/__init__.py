"""The layers that are measured, one conv type per file."""

from __future__ import annotations

from importlib import import_module

import torch
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from sepconv.case import Case
from sepconv.convs.block import in_block
from sepconv.convs.own import build_own

CONVS: dict[str, str] = {
    "standard": "sepconv.convs.standard:build",
    "depthwise_separable": "sepconv.convs.depthwise_separable:build",
    "spatially_separable": "sepconv.convs.spatially_separable:build",
}
"""Where the `builder(case) -> nn.Module` of each conv type is; it only reads attributes."""


def build_conv(case: Case) -> nn.Module:
    """The eager module that does the work of `case`, in its block, on its device, in its mode.

    A name that is not built in is looked up among the conv types that this process has loaded
    from a file, then among the entry points of the installed packages. Weights are drawn from
    torch's global generator; compiling is left to who measures.

    Shape:
        `case.input_shape` → `case.output_shape`

    Raises:
        UnknownConvType: No conv type of that name is registered.
        InvalidCase: The conv type cannot be built from the case.
        UnsupportedCase: The block cannot be folded around this conv type.
        InvalidConvTypes: The entry point of that name cannot be loaded.
        WrongOutput: The user's builder returns something else than a module.
    """
    conv = in_block(_build_bare(case), case)
    if case.memory_format == "channels_last":
        conv = convert_conv2d_weight_memory_format(conv, torch.channels_last)
    return conv.train(case.direction == "training")


def _build_bare(case: Case) -> nn.Module:
    if case.conv_type not in CONVS:
        return build_own(case, built_in=CONVS)
    module, _, name = CONVS[case.conv_type].partition(":")
    bare: nn.Module = getattr(import_module(module), name)(case)
    return bare
