"""Depthwise separable convolution: each channel by itself, then a 1 × 1 that mixes them."""

from __future__ import annotations

import torch
from torch import nn

from sepconv.case import Case
from sepconv.conv_type import ACTIVATIONS, NORMS
from sepconv.convs.block import chain
from sepconv.convs.geometry import (
    Geometry,
    Size,
    check_count,
    check_word,
    conv_arguments,
    option_arguments,
)


class DepthwiseSeparableConv2d(nn.Sequential):
    """A depthwise convolution `depthwise`, followed by a 1 × 1 convolution `pointwise`.

    It takes 1/C_out + 1/(kh·kw) of the multiply-adds of the standard convolution that it
    stands in for. It is not the same function: no kernel sees two channels. Only the
    pointwise convolution has a bias (Keras' and timm's convention); `mid_norm='batch_norm'`
    and `mid_activation='relu'` put those between the two.

    Shape:
        (B, C_in, H, W) → (B, C_out, Ho, Wo), as `nn.Conv2d` with the same arguments

    Raises:
        InvalidCase: An argument has a value that no such convolution can have.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        *,
        bias: bool = True,
        padding_mode: str = "zeros",
        depth_multiplier: int = 1,
        mid_norm: str | None = None,
        mid_activation: str | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_count("in_channels", in_channels)
        check_count("out_channels", out_channels)
        check_count("depth_multiplier", depth_multiplier)
        check_word("mid_norm", mid_norm, (None, *NORMS))
        check_word("mid_activation", mid_activation, (None, *ACTIVATIONS))
        geometry = Geometry.of(kernel_size, stride, padding, dilation, padding_mode)
        mid_channels = in_channels * depth_multiplier
        depthwise = nn.Conv2d(
            in_channels,
            mid_channels,
            **geometry.plane,
            groups=in_channels,
            bias=False,
            device=device,
            dtype=dtype,
        )
        pointwise = nn.Conv2d(
            mid_channels, out_channels, kernel_size=1, bias=bias, device=device, dtype=dtype
        )
        super().__init__(
            chain(
                {"depthwise": depthwise, "pointwise": pointwise},
                mid_norm=mid_norm,
                mid_activation=mid_activation,
                device=device,
                dtype=dtype,
            )
        )
        self.in_channels, self.out_channels = in_channels, out_channels


def build(case: Case) -> nn.Module:
    """The bare convolution of a depthwise separable case."""
    options = option_arguments(case, "depth_multiplier", "mid_norm", "mid_activation")
    return DepthwiseSeparableConv2d(**conv_arguments(case), **options)
