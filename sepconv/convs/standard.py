"""The standard convolution: `nn.Conv2d` itself, which every promise is measured against."""

from __future__ import annotations

from torch import nn

from sepconv.case import Case
from sepconv.convs.geometry import conv_arguments


def build(case: Case) -> nn.Module:
    """The bare convolution of a standard case."""
    return nn.Conv2d(**conv_arguments(case), groups=case.groups)
