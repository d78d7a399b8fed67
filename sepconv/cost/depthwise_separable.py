"""The cost of a depthwise separable convolution."""

from __future__ import annotations

from typing import cast

from sepconv.case import Case
from sepconv.cost.layer import ConvLayer, Cost


def cost(case: Case) -> Cost:
    """Ho · Wo · C_in · m · (kh · kw + C_out) multiply-adds per image, for multiplier m.

    Over a standard convolution that is 1 / (1/C_out + 1/k²) at m = 1.
    """
    mid_channels = case.in_channels * cast("int", case.option("depth_multiplier") or 1)
    depthwise = ConvLayer(
        name="depthwise",
        in_channels=case.in_channels,
        out_channels=mid_channels,
        kernel_hw=case.kernel_hw,
        in_hw=(case.height, case.width),
        out_hw=case.out_hw,
        groups=case.in_channels,
        norm=case.option("mid_norm") is not None,
        relu=case.option("mid_activation") is not None,
    )
    pointwise = ConvLayer(
        name="pointwise",
        in_channels=mid_channels,
        out_channels=case.out_channels,
        kernel_hw=(1, 1),
        in_hw=case.out_hw,
        out_hw=case.out_hw,
        bias=case.bias,
    )
    return Cost.of(case, depthwise, pointwise)
