"""Where a kernel lands: the arguments that every conv type shares with `nn.Conv2d`, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sepconv.case import Case, Pair
from sepconv.errors import InvalidCase

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")

Size = int | Sequence[int]


@dataclass(frozen=True)
class Geometry:
    """Kernel size, stride, padding and dilation of a 2-D convolution, vertical first.

    A 2-D kernel that splits into a column and a row does so in all of them: the column gets
    the vertical stride, padding and dilation, the row the horizontal ones. (With both strides
    on the first of the two, the shape is right and the values are wrong.)
    """

    kernel_size: Pair
    stride: Pair
    padding: Pair | str
    dilation: Pair
    padding_mode: str

    @classmethod
    def of(
        cls, kernel_size: Size, stride: Size, padding: Size | str, dilation: Size, padding_mode: str
    ) -> Geometry:
        """The geometry that the arguments of a layer describe.

        Raises:
            InvalidCase: One of them is not what `nn.Conv2d` accepts.
        """
        if padding_mode not in PADDING_MODES:
            raise InvalidCase("padding_mode", padding_mode, "one of " + ", ".join(PADDING_MODES))
        geometry = cls(
            kernel_size=_pair("kernel_size", kernel_size, least=1),
            stride=_pair("stride", stride, least=1),
            padding=_padding(padding),
            dilation=_pair("dilation", dilation, least=1),
            padding_mode=padding_mode,
        )
        if padding == "same" and geometry.stride != (1, 1):
            raise InvalidCase("padding", padding, f"something else at stride={stride!r}")
        return geometry

    @property
    def plane(self) -> dict[str, Any]:
        """Arguments of the `nn.Conv2d` with the whole kernel."""
        return {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "padding_mode": self.padding_mode,
        }

    @property
    def vertical(self) -> dict[str, Any]:
        """Arguments of the `nn.Conv2d` with the kernel's column."""
        padding = self.padding if isinstance(self.padding, str) else (self.padding[0], 0)
        return self.plane | {
            "kernel_size": (self.kernel_size[0], 1),
            "stride": (self.stride[0], 1),
            "padding": padding,
            "dilation": (self.dilation[0], 1),
        }

    @property
    def horizontal(self) -> dict[str, Any]:
        """Arguments of the `nn.Conv2d` with the kernel's row."""
        padding = self.padding if isinstance(self.padding, str) else (0, self.padding[1])
        return self.plane | {
            "kernel_size": (1, self.kernel_size[1]),
            "stride": (1, self.stride[1]),
            "padding": padding,
            "dilation": (1, self.dilation[1]),
        }


def conv_arguments(case: Case) -> dict[str, Any]:
    """The keyword arguments that a layer of any conv type takes from `case`."""
    top, _, left, _ = case.padding_tblr
    return {
        "in_channels": case.in_channels,
        "out_channels": case.out_channels,
        "kernel_size": case.kernel_size,
        "stride": case.stride,
        "padding": case.padding if case.padding in ("same", "valid") else (top, left),
        "dilation": case.dilation,
        "bias": case.bias,
        "device": case.device,
        "dtype": getattr(torch, case.dtype),
    }


def option_arguments(case: Case, *names: str) -> dict[str, Any]:
    """The options of `case` by those names, as keyword arguments; the others stay at default."""
    return {name: case.options[name] for name in names if case.options.get(name) is not None}


def check_count(name: str, value: object) -> None:
    """Refuse what is no number of channels.

    Raises:
        InvalidCase: `value` is no whole number, or less than 1.
    """
    if not _is_size(value, least=1):
        raise InvalidCase(name, value, "a whole number of at least 1")


def check_word(name: str, value: object, accepted: Sequence[str | None]) -> None:
    """Refuse a word that the argument `name` does not know.

    Raises:
        InvalidCase: `value` is none of the accepted ones.
    """
    if value not in accepted:
        raise InvalidCase(name, value, "one of " + ", ".join(map(str, accepted)))


def _is_size(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _pair(name: str, value: object, *, least: int, words: str = "") -> Pair:
    sizes = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(sizes) != 2 or not all(_is_size(size, least=least) for size in sizes):
        raise InvalidCase(name, value, f"a whole number of at least {least}, or a pair{words}")
    return sizes[0], sizes[1]


def _padding(value: Size | str) -> Pair | str:
    if value in ("same", "valid"):
        return str(value)
    return _pair("padding", value, least=0, words=", or 'same', 'valid'")
