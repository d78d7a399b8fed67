"""Which form of 2-D convolution is really faster here, and by how much of what it promises?

Every public name loads on first use, so that `import sepconv` costs nothing and the cost model
and the reports need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sepconv.case import Case as Case
    from sepconv.conv_type import ConvType as ConvType
    from sepconv.convs import build_conv as build_conv
    from sepconv.convs.block import ConvBNReLU as ConvBNReLU
    from sepconv.convs.depthwise_separable import (
        DepthwiseSeparableConv2d as DepthwiseSeparableConv2d,
    )
    from sepconv.convs.factorisation import Factorised as Factorised
    from sepconv.convs.factorisation import from_conv2d as from_conv2d
    from sepconv.convs.factorisation import separability as separability
    from sepconv.convs.network import NoteNetwork as NoteNetwork
    from sepconv.convs.spatially_separable import (
        SpatiallySeparableConv2d as SpatiallySeparableConv2d,
    )
    from sepconv.cost import Cost as Cost
    from sepconv.cost import cost_of as cost_of
    from sepconv.store import Store as Store
    from sepconv.store.frame import load as load
    from sepconv.suite import Suite as Suite

__version__ = "0.1.0"

HOMES = {
    "Case": "sepconv.case",
    "ConvType": "sepconv.conv_type",
    "ConvBNReLU": "sepconv.convs.block",
    "Cost": "sepconv.cost",
    "DepthwiseSeparableConv2d": "sepconv.convs.depthwise_separable",
    "Factorised": "sepconv.convs.factorisation",
    "NoteNetwork": "sepconv.convs.network",
    "SpatiallySeparableConv2d": "sepconv.convs.spatially_separable",
    "Store": "sepconv.store",
    "Suite": "sepconv.suite",
    "build_conv": "sepconv.convs",
    "cost_of": "sepconv.cost",
    "from_conv2d": "sepconv.convs.factorisation",
    "separability": "sepconv.convs.factorisation",
    "load": "sepconv.store.frame",
}

__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'sepconv' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
