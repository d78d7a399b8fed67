"""What surrounds a convolution in a network: batch normalisation, ReLU, and folding them away."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sepconv.case import Case
from sepconv.errors import UnsupportedCase


class ConvBNReLU(nn.Sequential):
    """A convolution of any conv type, then batch normalisation, then ReLU.

    Shape:
        as `conv`, which must give `out_channels` channels
    """

    def __init__(
        self,
        conv: nn.Module,
        out_channels: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        norm = nn.BatchNorm2d(out_channels, device=device, dtype=dtype)
        super().__init__(OrderedDict(conv=conv, norm=norm, relu=nn.ReLU(inplace=True)))

    def folded(self) -> nn.Sequential:
        """The same function in eval mode without any batch normalisation: each has become part
        of the weights and the bias of the convolution before it, as is done for deployment.

        Raises:
            UnsupportedCase: A batch normalisation does not directly follow an `nn.Conv2d`; a
                class derived from it may do with its weights what it likes.
        """
        folded: dict[str, nn.Module] = {}
        last = ""
        for name, module in _steps(deepcopy(self).eval()):
            if not isinstance(module, nn.BatchNorm2d):
                folded[name], last = module, name
                continue
            conv = folded.get(last)
            if type(conv) is not nn.Conv2d:
                raise UnsupportedCase(
                    "batch normalisation can only be folded into an nn.Conv2d before it, "
                    f"found {type(conv).__name__}; use the block 'conv_bn_relu'"
                )
            # a bias that the folding has made up would not be learnable
            folded[last] = fuse_conv_bn_eval(conv, module).requires_grad_()
        return nn.Sequential(OrderedDict(folded))


def in_block(conv: nn.Module, case: Case) -> nn.Module:
    """`conv` by itself, with BN and ReLU, or with the BN folded in, as the case says."""
    if case.block == "conv":
        return conv
    dtype = getattr(torch, case.dtype)
    block = ConvBNReLU(conv, case.out_channels, device=case.device, dtype=dtype)
    return block.folded() if case.block == "conv_bn_relu_folded" else block


def chain(
    convs: Mapping[str, nn.Conv2d],
    *,
    mid_norm: str | None,
    mid_activation: str | None,
    **factory: Any,
) -> OrderedDict[str, nn.Module]:
    """The convolutions in order, each but the last followed by the norm and the activation.

    All but the last are drawn so that they keep the variance of what they are given. torch's
    own draw shrinks it to a third, which one convolution is meant to do and a chain of them
    would do again with every link: the whole keeps the gain of the `nn.Conv2d` that it replaces.
    The weights of the last, and its bias, are drawn as torch does.

    References:
        K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", 2015, equations 7 and 10.
    """
    steps: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (name, conv) in enumerate(convs.items(), 1):
        steps[name] = conv
        if number < len(convs):
            nn.init.kaiming_uniform_(
                conv.weight, nonlinearity="relu" if mid_activation else "linear"
            )
        if number < len(convs) and mid_norm:
            steps[f"{name}_norm"] = nn.BatchNorm2d(conv.out_channels, **factory)
        if number < len(convs) and mid_activation:
            steps[f"{name}_relu"] = nn.ReLU(inplace=True)
    return steps


def _steps(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules that nested sequences run one after the other, and names for them.

    A module that runs twice is there twice.
    """
    for name, child in module._modules.items():
        assert child is not None
        if isinstance(child, nn.Sequential) and type(child).forward is nn.Sequential.forward:
            yield from _steps(child, f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}", child
