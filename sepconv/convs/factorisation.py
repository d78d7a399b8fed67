"""A trained convolution taken apart: how separable its kernels are, and the layer made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sepconv.conv_type import ConvType
from sepconv.convs.depthwise_separable import DepthwiseSeparableConv2d
from sepconv.convs.spatially_separable import SpatiallySeparableConv2d
from sepconv.errors import InvalidCase, UnknownConvType


@dataclass(frozen=True)
class Factorised:
    """A separable layer in the place of a trained `nn.Conv2d`, and what was lost."""

    layer: nn.Module
    rank: int  # `mid_channels` of the spatially separable form, `depth_multiplier` of the other
    relative_error: float  # ‖W − W'‖ / ‖W‖ of the kernels, Frobenius norm


class Separability(NamedTuple):
    """How much of the energy of kernels the first ranks hold, as shares that grow to 1.

    Shape:
        `per_filter`: (C_out, C_in, min(kh, kw)), of each kernel by itself
        `joint`: (min(C_in · kh, C_out · kw),), of all kernels sharing their columns and rows
    """

    per_filter: Tensor
    joint: Tensor


def from_conv2d(
    conv: nn.Conv2d,
    conv_type: str,
    *,
    rank: int | None = None,
    energy: float | None = None,
    **options: Any,
) -> Factorised:
    """The separable layer whose kernels are nearest to those of `conv`, by singular values.

    `rank` says how large the layer is, or `energy` how much of the kernels' energy (0.9: 90 %)
    it shall hold at least, in the fewest ranks that do. With neither it is as large as the conv
    type is by default, which loses most of a random kernel. The whole rank loses nothing, and
    costs more than `conv` does. Weights are taken apart in float64; bias, stride, padding,
    dilation, device and mode are those of `conv`. `options` are those of the layer.

    spatially_separable: W reshaped to (C_in · kh) × (C_out · kw) ≈ P · Q, √S to either side.
    depthwise_separable: of each input channel, W[:, i] as C_out × (kh · kw) ≈ mixing · kernels.

    Raises:
        InvalidCase: `conv` has groups, or rank, energy or an option cannot be used.
        UnknownConvType: There is no such separable form.

    References:
        M. Jaderberg, A. Vedaldi, A. Zisserman, "Speeding up convolutional neural networks with
        low rank expansions", 2014, scheme 2; J. Guo, Y. Li, W. Lin, Y. Chen, J. Li, "Network
        decoupling: from regular to depthwise separable convolutions", 2018.
    """
    if conv_type not in FORMS:
        raise UnknownConvType(conv_type, FORMS)
    if type(conv) is not nn.Conv2d or conv.groups != 1:
        found = f"{type(conv).__name__} of {getattr(conv, 'groups', 'no')} groups"
        raise InvalidCase("conv", found, "an nn.Conv2d without groups")
    if rank is not None and energy is not None:
        raise InvalidCase("energy", energy, f"left out beside rank={rank}")
    with torch.no_grad():
        return FORMS[conv_type](conv, rank, energy, options)


def separability(weight: Tensor) -> Tensor | Separability:
    """How much of a kernel's energy each rank holds: 1 from the first on if it is separable.

    Of one kernel, (kh, kw), the shares of its first 1, 2, … ranks: [1, 1, 1] for Sobel's, Gauss'
    and the box, whose rows are multiples of each other; a Laplacian needs two ranks. Of the
    weights of an `nn.Conv2d`, (C_out, C_in, kh, kw), each kernel's shares, and those of all
    together in the spatially separable form, where kernels share columns and rows.

    Raises:
        InvalidCase: The weight has neither two nor four dimensions, or is not finite.
    """
    if weight.dim() not in (2, 4) or not weight.numel():
        raise InvalidCase("weight", tuple(weight.shape), "one kernel, or an nn.Conv2d's weights")
    exact = weight.detach().double()
    if not exact.isfinite().all():
        raise InvalidCase("weight", "infinity or NaN", "finite numbers")
    shares = _shares(torch.linalg.svdvals(exact))
    return shares if weight.dim() == 2 else Separability(shares, _shares(_joint_values(exact)))


def _spatially(
    conv: nn.Conv2d, rank: int | None, energy: float | None, options: Mapping[str, Any]
) -> Factorised:
    """The form `full`: columns P (M, C_in, kh) and rows Q (C_out, M, kw)."""
    if (mode := options.get("mode", "full")) != "full":
        raise InvalidCase("mode", mode, "'full': the other modes mix no channels on the way")
    swapped = options.get("order") == "horizontal_first"
    weight = conv.weight.double()
    weight = weight.transpose(2, 3) if swapped else weight  # (C_out, C_in, first, second)
    outs, ins, first, second = weight.shape
    left, values, right = torch.linalg.svd(_joint_matrix(weight), full_matrices=False)
    count = _rank(values, rank, energy, default=outs)
    kept = values[:count].sqrt()
    layer = SpatiallySeparableConv2d(**_arguments(conv), **{**options, "mid_channels": count})
    before = (left[:, :count] * kept).T.reshape(count, ins, first)
    after = (right[:count] * kept[:, None]).reshape(count, outs, second).transpose(0, 1)
    names = ("horizontal", "vertical") if swapped else ("vertical", "horizontal")
    one, two = (layer.get_submodule(name) for name in names)
    _fill(one, before[:, :, None, :] if swapped else before[:, :, :, None])
    _fill(two, after[:, :, :, None] if swapped else after[:, :, None, :], conv.bias)
    return Factorised(layer.train(conv.training), count, _error(values, count))


def _depthwise(
    conv: nn.Conv2d, rank: int | None, energy: float | None, options: Mapping[str, Any]
) -> Factorised:
    """`depth_multiplier` kernels for each input channel, and how the outputs mix them."""
    outs, ins, *kernel = conv.weight.shape
    planes = conv.weight.double().transpose(0, 1).reshape(ins, outs, -1)
    left, values, right = torch.linalg.svd(planes, full_matrices=False)
    total = values.square().sum(0).sqrt()  # of each rank over all input channels
    count = _rank(total, rank, energy, default=1)
    kept = values[:, :count].sqrt()
    layer = DepthwiseSeparableConv2d(**_arguments(conv), **{**options, "depth_multiplier": count})
    depthwise, pointwise = layer.get_submodule("depthwise"), layer.get_submodule("pointwise")
    mixing = (left[:, :, :count] * kept[:, None, :]).transpose(0, 1).reshape(outs, -1)
    _fill(depthwise, (right[:, :count] * kept[:, :, None]).reshape(-1, 1, *kernel))
    _fill(pointwise, mixing[:, :, None, None], conv.bias)
    return Factorised(layer.train(conv.training), count, _error(total, count))


FORMS: dict[str, Callable[[nn.Conv2d, int | None, float | None, Mapping[str, Any]], Factorised]] = {
    ConvType.SPATIALLY_SEPARABLE: _spatially,
    ConvType.DEPTHWISE_SEPARABLE: _depthwise,
}


def _arguments(conv: nn.Conv2d) -> dict[str, Any]:
    """What a separable layer takes over from the convolution."""
    return {
        "in_channels": conv.in_channels,
        "out_channels": conv.out_channels,
        "kernel_size": conv.kernel_size,
        "stride": conv.stride,
        "padding": conv.padding,
        "dilation": conv.dilation,
        "bias": conv.bias is not None,
        "padding_mode": conv.padding_mode,
        "device": conv.weight.device,
        "dtype": conv.weight.dtype,
    }


def _fill(module: nn.Module, weight: Tensor, bias: Tensor | None = None) -> None:
    assert isinstance(module, nn.Conv2d)
    module.weight.copy_(weight)
    if bias is not None:
        assert module.bias is not None
        module.bias.copy_(bias)


def _rank(values: Tensor, rank: int | None, energy: float | None, *, default: int) -> int:
    """How many of the singular values are kept.

    Raises:
        InvalidCase: There are not so many, or `energy` is no share.
    """
    most = len(values)
    if energy is not None:
        if not 0 < energy <= 1:
            raise InvalidCase("energy", energy, "a share above 0 and up to 1")
        reached = _shares(values) >= energy - RESOLUTION
        return int(reached.int().argmax()) + 1
    if rank is None:
        return min(default, most)
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= most:
        raise InvalidCase("rank", rank, f"a whole number from 1 to {most}, which loses nothing")
    return rank


RESOLUTION = 1e-12  # of a share in float64, summed over thousands of values


def _shares(values: Tensor) -> Tensor:
    """The energy of the first ranks over that of all; a kernel of zeros is separable."""
    energy = values.square().cumsum(-1)
    total = energy[..., -1:]
    return torch.where(total > 0, energy / total, torch.ones_like(energy))


def _error(values: Tensor, count: int) -> float:
    lost, whole = values[count:].square().sum(), values.square().sum()
    return float((lost / whole).sqrt()) if whole > 0 else 0.0


def _joint_matrix(weight: Tensor) -> Tensor:
    """(C_in · kh) × (C_out · kw), whose rank is what `mid_channels` restricts."""
    outs, ins, kh, kw = weight.shape
    return weight.permute(1, 2, 0, 3).reshape(ins * kh, outs * kw)


def _joint_values(weight: Tensor) -> Tensor:
    values: Tensor = torch.linalg.svdvals(_joint_matrix(weight))
    return values
