"""The cost of a spatially separable convolution, in each mode and order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from sepconv.case import Case, Pair
from sepconv.cost.layer import ConvLayer, Cost


def cost(case: Case) -> Cost:
    """`full`, vertical first: Ho · W · M · C_in · kh + Ho · Wo · C_out · M · kw per image.

    The first convolution still has the full extent of the input along the other axis, so a
    stride saves only half of its work. For C_in = C_out = M and W = s · Wo that is k / (s+1)
    over a standard convolution: nothing at k = 3 and stride 2.
    """
    return Cost.of(case, *_layers(case))


@dataclass(frozen=True)
class _Sweep:
    """One of the two one-dimensional kernels, with the sizes before and after it."""

    name: str
    kernel_hw: Pair
    in_hw: Pair
    out_hw: Pair


def _layers(case: Case) -> list[ConvLayer]:
    mode = case.option("mode")
    if mode == "full":
        mid_channels = cast("int", case.option("mid_channels") or case.out_channels)
        channels, depthwise = (case.in_channels, mid_channels, case.out_channels), False
    else:  # both sweeps depthwise, and mixed by a 1 × 1 if asked for
        wide = case.out_channels if mode == "depthwise" else case.in_channels
        channels, depthwise = (case.in_channels, wide, wide), True
    layers = [
        ConvLayer(
            name=sweep.name,
            in_channels=before,
            out_channels=after,
            kernel_hw=sweep.kernel_hw,
            in_hw=sweep.in_hw,
            out_hw=sweep.out_hw,
            groups=before if depthwise else 1,
        )
        for sweep, before, after in zip(_sweeps(case), channels[:-1], channels[1:], strict=True)
    ]
    if mode == "depthwise_pointwise":
        layers.append(_pointwise(case))
    norm = case.option("mid_norm") is not None
    relu = case.option("mid_activation") is not None
    before_last = [replace(layer, norm=norm, relu=relu) for layer in layers[:-1]]
    return [*before_last, replace(layers[-1], bias=case.bias)]


def _sweeps(case: Case) -> tuple[_Sweep, _Sweep]:
    (kh, kw), (ho, wo) = case.kernel_hw, case.out_hw
    before = (case.height, case.width)
    if case.option("order") == "vertical_first":
        between = (ho, case.width)
        return (
            _Sweep("vertical", (kh, 1), before, between),
            _Sweep("horizontal", (1, kw), between, case.out_hw),
        )
    between = (case.height, wo)
    return (
        _Sweep("horizontal", (1, kw), before, between),
        _Sweep("vertical", (kh, 1), between, case.out_hw),
    )


def _pointwise(case: Case) -> ConvLayer:
    return ConvLayer(
        name="pointwise",
        in_channels=case.in_channels,
        out_channels=case.out_channels,
        kernel_hw=(1, 1),
        in_hw=case.out_hw,
        out_hw=case.out_hw,
    )
