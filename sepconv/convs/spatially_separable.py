"""Spatially separable convolution: a column and a row in the place of a square kernel."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sepconv.case import Case
from sepconv.conv_type import ACTIVATIONS, MODES, NORMS, ORDERS
from sepconv.convs.block import chain
from sepconv.convs.geometry import (
    Geometry,
    Size,
    check_count,
    check_word,
    conv_arguments,
    option_arguments,
)
from sepconv.errors import InvalidCase


class SpatiallySeparableConv2d(nn.Sequential):
    """A kh × 1 convolution `vertical` and a 1 × kw convolution `horizontal`, one after the other.

    Modes:
        `full`: C_in → `mid_channels` (default C_out) → C_out, every channel mixed with every
        other, twice. Without anything in between it equals the standard convolution with
        W[o, i, a, b] = Σ_r P[r, i, a] · Q[o, r, b], so `mid_channels` is the rank.
        `depthwise_pointwise`: both depthwise, then a 1 × 1 convolution `pointwise`.
        `depthwise`: both depthwise; C_out is a multiple of C_in, and each output channel is
        an input channel filtered by a kernel of rank 1, as Sobel's, Gauss' or a box.

    Only the last convolution has a bias: one on the first would be lost where the second
    reads its zero padding. `mid_norm='batch_norm'` and `mid_activation='relu'` come after
    every convolution but the last.

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
        mode: str = "full",
        mid_channels: int | None = None,
        order: str = "vertical_first",
        mid_norm: str | None = None,
        mid_activation: str | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_word("mode", mode, MODES)
        check_word("order", order, ORDERS)
        check_word("mid_norm", mid_norm, (None, *NORMS))
        check_word("mid_activation", mid_activation, (None, *ACTIVATIONS))
        first, between, last = _channels(in_channels, out_channels, mode, mid_channels)
        geometry = Geometry.of(kernel_size, stride, padding, dilation, padding_mode)

        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        sweeps = [("vertical", geometry.vertical), ("horizontal", geometry.horizontal)]
        (one, column), (two, row) = sweeps if order == "vertical_first" else sweeps[::-1]
        depthwise, mixed = mode != "full", mode == "depthwise_pointwise"
        first_groups, second_groups = (first, between) if depthwise else (1, 1)
        second_bias = bias and not mixed
        convs = {
            one: nn.Conv2d(first, between, **column, groups=first_groups, bias=False, **factory),
            two: nn.Conv2d(between, last, **row, groups=second_groups, bias=second_bias, **factory),
        }
        if mixed:
            convs["pointwise"] = nn.Conv2d(last, out_channels, 1, bias=bias, **factory)
        super().__init__(chain(convs, mid_norm=mid_norm, mid_activation=mid_activation, **factory))
        self.in_channels, self.out_channels = in_channels, out_channels
        self.mode, self.order = mode, order


def build(case: Case) -> nn.Module:
    """The bare convolution of a spatially separable case."""
    options = option_arguments(case, "mode", "mid_channels", "order", "mid_norm", "mid_activation")
    if options.get("mode", "full") != "full":
        options.pop("mid_channels", None)  # a sweep over both makes one case per other mode
    return SpatiallySeparableConv2d(**conv_arguments(case), **options)


def _channels(
    in_channels: int, out_channels: int, mode: str, mid_channels: int | None
) -> tuple[int, int, int]:
    """Channels before, between and after the two sweeps."""
    check_count("in_channels", in_channels)
    check_count("out_channels", out_channels)
    if mid_channels is not None:
        check_count("mid_channels", mid_channels)
        if mode != "full":
            raise InvalidCase("mid_channels", mid_channels, f"left out in mode {mode!r}")
    if mode == "full":
        return in_channels, mid_channels or out_channels, out_channels
    if mode == "depthwise_pointwise":
        return in_channels, in_channels, in_channels
    if out_channels % in_channels:
        raise InvalidCase("out_channels", out_channels, f"a multiple of in_channels={in_channels}")
    return in_channels, out_channels, out_channels
