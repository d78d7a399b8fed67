"""The cost of a standard convolution."""

from __future__ import annotations

from sepconv.case import Case
from sepconv.cost.layer import ConvLayer, Cost


def cost(case: Case) -> Cost:
    """Ho · Wo · C_out · (C_in / groups) · kh · kw multiply-adds per image."""
    conv = ConvLayer(
        name="conv",
        in_channels=case.in_channels,
        out_channels=case.out_channels,
        kernel_hw=case.kernel_hw,
        in_hw=(case.height, case.width),
        out_hw=case.out_hw,
        groups=case.groups,
        bias=case.bias,
    )
    return Cost.of(case, conv)
