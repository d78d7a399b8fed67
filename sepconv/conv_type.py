"""The built-in conv types, and the options that belong to one conv type alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from math import isfinite
from typing import cast

from sepconv.errors import InvalidCase

Scalar = str | int | float | bool | None


class ConvType(StrEnum):
    """The three built-in forms of a 2-D convolution."""

    STANDARD = "standard"
    DEPTHWISE_SEPARABLE = "depthwise_separable"
    SPATIALLY_SEPARABLE = "spatially_separable"


MODES = ("full", "depthwise_pointwise", "depthwise")
ORDERS = ("vertical_first", "horizontal_first")
NORMS = ("batch_norm",)  # between the convolutions of a separable one
ACTIVATIONS = ("relu",)

OPTION_DEFAULTS: dict[str, dict[str, Scalar]] = {
    ConvType.STANDARD: {},
    ConvType.DEPTHWISE_SEPARABLE: {
        "depth_multiplier": 1,
        "mid_norm": None,
        "mid_activation": None,
    },
    ConvType.SPATIALLY_SEPARABLE: {
        "mode": "full",
        "mid_channels": None,
        "order": "vertical_first",
        "mid_norm": None,
        "mid_activation": None,
    },
}
"""The options of each built-in conv type and their defaults; any other conv type takes any."""


class Options(Mapping[str, Scalar]):
    """The options of one conv type: a mapping that is ordered by name, hashable and immutable."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Scalar] | None = None) -> None:
        self._items = tuple(sorted((items or {}).items()))

    def __getitem__(self, name: str) -> Scalar:
        return dict(self._items)[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return repr(dict(self._items))


def as_options(value: object) -> Options:
    """The options that a mapping states, if every value is plain and finite."""
    if not isinstance(value, Mapping):
        raise InvalidCase("options", value, "a mapping of names to plain values")
    for name, option in value.items():
        if not isinstance(name, str) or not isinstance(option, Scalar):
            raise InvalidCase(f"options.{name}", option, "a text, a number, true or false")
        if isinstance(option, float) and not isfinite(option):
            raise InvalidCase(f"options.{name}", option, "a finite number")
    return Options(value)


def is_int(value: object) -> bool:
    """Whether it is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_size(name: str, value: object) -> None:
    """Refuse what is no whole number of at least 1."""
    if not is_int(value) or cast("int", value) < 1:
        raise InvalidCase(name, value, "a whole number of at least 1")


def check_word(name: str, value: object, accepted: tuple[str, ...]) -> None:
    """Refuse what is not one of the accepted words."""
    if value not in accepted:
        raise InvalidCase(name, value, "one of " + ", ".join(accepted))
