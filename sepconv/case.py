"""One point of a sweep, and the identity that lets two runs speak of the same work."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

from sepconv.conv_type import (
    ACTIVATIONS,
    MODES,
    NORMS,
    OPTION_DEFAULTS,
    ORDERS,
    ConvType,
    Options,
    Scalar,
    as_options,
    check_size,
    check_word,
    is_int,
)
from sepconv.errors import InvalidCase

Pair = tuple[int, int]


BLOCKS = ("conv", "conv_bn_relu", "conv_bn_relu_folded")
DIRECTIONS = ("inference", "training")
DTYPES = ("float32", "float64", "float16", "bfloat16")
MEMORY_FORMATS = ("contiguous", "channels_last")
CACHES = ("warm", "cold")
DEVICE = re.compile(r"(cpu|mps|meta|(cuda|xpu)(:\d{1,3})?)", re.ASCII)

IDENTITY_DIGITS = 20  # 80 bits: a collision within a billion cases has odds of 1 in 10⁶


@dataclass(frozen=True, kw_only=True)
class Case:
    """One point of a sweep: everything that decides the work, and nothing else.

    Two measurements are of the same thing exactly when the identities of their cases are
    equal; what may differ between them (commit, machine, torch version) belongs to the `Run`.
    Sizes that are given as a pair of equal numbers are kept as one number, so that
    `kernel_size=(3, 3)` and `kernel_size=3` are the same case.

    `conv_type` is any string: it is checked against the registry when a module is built, not
    here, so that a store with somebody's own conv types can be read anywhere.

    Raises:
        InvalidCase: An argument has a value that no convolution can have; the message names
            the argument, the value and what is accepted.
    """

    conv_type: str
    in_channels: int
    out_channels: int
    height: int  # of the input, in pixels
    width: int
    kernel_size: int | Pair = 3
    stride: int | Pair = 1
    padding: int | Pair | str = "auto"  # ⌊dilation·(kernel_size−1)/2⌋ per axis
    dilation: int | Pair = 1
    groups: int = 1
    bias: bool = False
    block: str = "conv"
    options: Mapping[str, Scalar] = field(default_factory=Options)
    batch_size: int = 1
    direction: str = "inference"
    device: str = "cpu"
    dtype: str = "float32"
    memory_format: str = "contiguous"
    threads: int = 1
    compiled: bool = False
    cache: str = "warm"

    def __post_init__(self) -> None:
        if not isinstance(self.conv_type, str) or not self.conv_type.strip():
            raise InvalidCase("conv_type", self.conv_type, "the name of a conv type")
        object.__setattr__(self, "conv_type", str(self.conv_type))
        for name in ("in_channels", "out_channels", "height", "width"):
            check_size(name, getattr(self, name))
        for name in ("groups", "batch_size", "threads"):
            check_size(name, getattr(self, name))
        for name in ("kernel_size", "stride", "dilation"):
            object.__setattr__(self, name, _as_size(name, getattr(self, name), least=1))
        if not isinstance(self.padding, str):
            object.__setattr__(self, "padding", _as_size("padding", self.padding, least=0))
        for name in ("bias", "compiled"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidCase(name, getattr(self, name), "true or false")
        for name, accepted in WORDS_OF.items():
            check_word(name, getattr(self, name), accepted)
        if not isinstance(self.device, str) or not DEVICE.fullmatch(self.device):
            raise InvalidCase("device", self.device, "cpu, cuda, cuda:1, mps, xpu or meta")
        object.__setattr__(self, "device", self.device.removesuffix(":0"))
        object.__setattr__(self, "options", as_options(self.options))
        self._check_whole()

    def _check_whole(self) -> None:
        """Check what no argument shows by itself: divisibility, modes, a positive output."""
        for name, channels in (("in", self.in_channels), ("out", self.out_channels)):
            if channels % self.groups:
                expected = f"a divisor of {name}_channels={channels}"
                raise InvalidCase("groups", self.groups, expected)
        if isinstance(self.padding, str):
            check_word("padding", self.padding, ("auto", "same", "valid"))
        if self.padding == "same" and self.stride_hw != (1, 1):
            raise InvalidCase("padding", "same", f"something else at stride={self.stride!r}")
        _check_options(self)
        top, bottom, left, right = self.padding_tblr
        (kh, kw), (dh, dw) = self.kernel_hw, self.dilation_hw
        for name, size, least in (
            ("height", self.height, dh * (kh - 1) + 1 - top - bottom),
            ("width", self.width, dw * (kw - 1) + 1 - left - right),
        ):
            if size < least:
                raise InvalidCase(name, size, f"at least {least}, to hold the kernel")

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def kernel_hw(self) -> Pair:
        """Kernel height and width."""
        return _pair(self.kernel_size)

    @property
    def stride_hw(self) -> Pair:
        """Vertical and horizontal stride."""
        return _pair(self.stride)

    @property
    def dilation_hw(self) -> Pair:
        """Vertical and horizontal dilation."""
        return _pair(self.dilation)

    @property
    def padding_tblr(self) -> tuple[int, int, int, int]:
        """Padding in pixels at top, bottom, left and right.

        `'same'` of an even reach puts the odd pixel after, as `nn.Conv2d` does.
        """
        if self.padding == "valid":
            return (0, 0, 0, 0)
        if isinstance(self.padding, str):
            top, bottom, left, right = _auto_padding(self)
            if self.padding == "same":
                (kh, kw), (dh, dw) = self.kernel_hw, self.dilation_hw
                bottom, right = dh * (kh - 1) - top, dw * (kw - 1) - left
            return (top, bottom, left, right)
        vertical, horizontal = _pair(self.padding)
        return (vertical, vertical, horizontal, horizontal)

    @property
    def out_hw(self) -> Pair:
        """Height and width of the output: ⌊(size + padding − dilation·(k−1) − 1)/stride⌋ + 1."""
        top, bottom, left, right = self.padding_tblr
        (kh, kw), (sh, sw), (dh, dw) = self.kernel_hw, self.stride_hw, self.dilation_hw
        return (
            (self.height + top + bottom - dh * (kh - 1) - 1) // sh + 1,
            (self.width + left + right - dw * (kw - 1) - 1) // sw + 1,
        )

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """(B, C_in, H, W)."""
        return (self.batch_size, self.in_channels, self.height, self.width)

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """(B, C_out, H_out, W_out): the same for every conv type."""
        return (self.batch_size, self.out_channels, *self.out_hw)

    def option(self, name: str) -> Scalar:
        """The value of an option, or its default for a built-in conv type (else None)."""
        default = OPTION_DEFAULTS.get(self.conv_type, {}).get(name)
        return self.options.get(name, default)

    def applicable(self) -> Case:
        """This case without what does not apply to its conv type and block.

        A sweep over `options.mode` makes one standard case, not one per mode.
        """
        if self.conv_type not in OPTION_DEFAULTS:
            return self
        known = OPTION_DEFAULTS[self.conv_type]
        options = {name: value for name, value in self.options.items() if name in known}
        if options.get("mode", "full") != "full":
            options.pop("mid_channels", None)
        groups = self.groups if self.conv_type == ConvType.STANDARD else 1
        bias = self.bias and self.block != "conv_bn_relu_folded"  # folding always leaves a bias
        if (len(options), groups, bias) == (len(self.options), self.groups, self.bias):
            return self  # checking all of it again takes longer than all else here
        return replace(self, options=Options(options), groups=groups, bias=bias)

    def to_dict(self) -> dict[str, Any]:
        """Every field by its name, in JSON's types; pairs become lists."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain["options"] = dict(self.options)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Case:
        """The case that `to_dict` wrote; fields that are missing have their defaults."""
        known = {f.name for f in fields(cls)}
        if unknown := set(plain) - known:
            raise InvalidCase("case", sorted(unknown)[0], f"made of the fields {sorted(known)}")
        arguments: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in plain.items()
        }
        return cls(**arguments)

    def canonical(self) -> dict[str, Any]:
        """The fields that decide the identity: padding resolved, defaults and strangers dropped.

        A field that is added later has a default, so old identities stay what they were.
        """
        case = self.applicable()
        plain = case.to_dict() | {"padding": list(case.padding_tblr)}
        defaults = {f.name: f.default for f in fields(self)} | {"padding": _auto_padding(case)}
        option_defaults = OPTION_DEFAULTS.get(case.conv_type, {})
        if "mid_channels" in option_defaults:
            option_defaults = option_defaults | {"mid_channels": case.out_channels}
        options = {
            name: value
            for name, value in case.options.items()
            if name not in option_defaults or value not in (None, option_defaults[name])
        }
        plain["options"] = options
        defaults["options"] = {}
        return {name: value for name, value in plain.items() if value != defaults[name]}

    @cached_property
    def identity(self) -> str:
        """Hash of the canonical form, the same in every process and version."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()[:IDENTITY_DIGITS]

    @property
    def shape(self) -> Case:
        """The standard case of the same shape: what a speed-up is measured against."""
        return replace(self, conv_type=ConvType.STANDARD, options=Options(), groups=1)

    @cached_property
    def label(self) -> str:
        """A printed name of ASCII letters: unique within a sweep, never used as identity."""
        parts = [self.conv_type, _arrow(self.in_channels, self.out_channels)]
        parts.append(f"{self.height}x{self.width}")
        parts += [f"k{_size(self.kernel_size)}", f"s{_size(self.stride)}", f"b{self.batch_size}"]
        parts.append(self.device.replace(":", ""))
        canonical = self.canonical()
        named = {"conv_type", "in_channels", "out_channels", "height", "width"}
        named |= {"kernel_size", "stride", "batch_size", "device", "options"}
        for name, value in canonical.items():
            if name not in named:
                parts.append(_labelled(name, value))
        parts += [f"{name}={value}" for name, value in canonical.get("options", {}).items()]
        return "-".join(parts)


WORDS_OF = {
    "block": BLOCKS,
    "direction": DIRECTIONS,
    "dtype": DTYPES,
    "memory_format": MEMORY_FORMATS,
    "cache": CACHES,
}


def _pair(size: int | Pair) -> Pair:
    return size if isinstance(size, tuple) else (size, size)


def _auto_padding(case: Case) -> list[int]:
    (kh, kw), (dh, dw) = case.kernel_hw, case.dilation_hw
    vertical, horizontal = dh * (kh - 1) // 2, dw * (kw - 1) // 2
    return [vertical, vertical, horizontal, horizontal]


def _as_size(name: str, value: object, *, least: int) -> int | Pair:
    """A number, or a pair of two different ones."""
    sizes = value if isinstance(value, (tuple, list)) else (value, value)
    if len(sizes) != 2 or not all(is_int(size) and size >= least for size in sizes):
        words = ", or 'auto', 'same', 'valid'" if name == "padding" else ""
        raise InvalidCase(name, value, f"a whole number of at least {least}, or a pair{words}")
    return sizes[0] if sizes[0] == sizes[1] else (sizes[0], sizes[1])


def _check_options(case: Case) -> None:
    """Check the values of a built-in conv type's options."""
    known = OPTION_DEFAULTS.get(case.conv_type, {})
    for name in known.keys() & case.options.keys():
        value = case.options[name]
        if name == "mode":
            check_word("options.mode", value, MODES)
        elif name == "order":
            check_word("options.order", value, ORDERS)
        elif name == "mid_norm" and value is not None:
            check_word("options.mid_norm", value, NORMS)
        elif name == "mid_activation" and value is not None:
            check_word("options.mid_activation", value, ACTIVATIONS)
        elif name in ("mid_channels", "depth_multiplier") and value is not None:
            check_size(f"options.{name}", value)
    if case.option("mode") == "depthwise" and case.out_channels % case.in_channels:
        raise InvalidCase(
            "out_channels", case.out_channels, f"a multiple of in_channels={case.in_channels}"
        )


def _arrow(in_channels: int, out_channels: int) -> str:
    return str(in_channels) if in_channels == out_channels else f"{in_channels}to{out_channels}"


def _size(size: int | Pair) -> str:
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)


def _labelled(name: str, value: object) -> str:
    """One field that is not at its default, as part of a label."""
    if value is True:
        return name
    if isinstance(value, str):
        return value
    text = "x".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{text}threads" if name == "threads" else f"{name}{text}"
