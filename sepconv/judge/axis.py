"""The axes of a sweep as people speak of them, and the names of what is compared along them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

from sepconv.case import Case, Pair

Value = int | str

CACHED_CASES = 8192  # a page asks the same of every case once per run


@dataclass(frozen=True)
class Axis:
    """One thing that a sweep varies: its title with unit, its value in a case, its words."""

    name: str
    title: str
    read: Callable[[Case], Value | Pair]
    words: str = "{}"  # how a sentence speaks of one value

    def value(self, case: Case) -> Value:
        """A number where one suffices, else text: 64, or "64→128"."""
        found = self.read(case)
        return self._join(found) if isinstance(found, tuple) else found

    def rank(self, case: Case) -> tuple[float, str]:
        """What sorts values along the axis: numbers and pairs by size, texts by alphabet."""
        found = self.read(case)
        if isinstance(found, tuple):
            return (sqrt(found[0] * found[1]), self._join(found))
        return (found, "") if isinstance(found, int) else (0.0, found)

    def spell(self, value: Value) -> str:
        """The value as part of a sentence: "64 channels", "56×56", "stride 2"."""
        if self.name == "resolution" and isinstance(value, int):
            return f"{value}×{value}"
        if self.name == "threads" and value == 1:
            return "1 thread"
        return self.words.format(value)

    def _join(self, pair: Pair) -> str:
        return ("→" if self.name == "channels" else "×").join(map(str, pair))


def variant_of(case: Case) -> str:
    """What sets a case apart from the plain form of its conv type: "mode depthwise", or ""."""
    if not case.options and case.groups == 1:
        return ""
    canonical = case.canonical()
    parts = [f"{name} {value}" for name, value in canonical.get("options", {}).items()]
    if case.groups != 1:
        parts.append(f"groups {case.groups}")
    return ", ".join(parts)


@lru_cache(maxsize=CACHED_CASES)
def name_of(case: Case) -> str:
    """The conv type in words, with its variant: "spatially separable (mode depthwise)"."""
    name = case.conv_type.replace("_", " ")
    variant = variant_of(case)
    return f"{name} ({variant})" if variant else name


def _one_or_pair(first: int, second: int) -> int | Pair:
    return first if first == second else (first, second)


def _padding(case: Case) -> Value | Pair:
    """ "auto" wherever the padding is what "auto" would be."""
    if case.padding == "auto":
        return "auto"
    sides = case.canonical().get("padding")
    if sides is None:
        return "auto"
    top, bottom, left, right = sides
    if top == bottom and left == right:
        return _one_or_pair(top, left)
    return "+".join(map(str, sides))


AXES: dict[str, Axis] = {
    axis.name: axis
    for axis in (
        Axis(
            "channels",
            "channels",
            lambda case: _one_or_pair(case.in_channels, case.out_channels),
            "{} channels",
        ),
        Axis(
            "resolution",
            "input height and width / pixels",
            lambda case: _one_or_pair(case.height, case.width),
        ),
        Axis("kernel_size", "kernel size / pixels", lambda case: case.kernel_size, "kernel {}"),
        Axis("stride", "stride / pixels", lambda case: case.stride, "stride {}"),
        Axis("batch_size", "batch size / images", lambda case: case.batch_size, "batch {}"),
        Axis("threads", "threads", lambda case: case.threads, "{} threads"),
        Axis("device", "device", lambda case: case.device, "on {}"),
        Axis("direction", "direction", lambda case: case.direction),
        Axis("dtype", "data type", lambda case: case.dtype),
        Axis("memory_format", "memory format", lambda case: case.memory_format),
        Axis("block", "block", lambda case: case.block, "block {}"),
        Axis("bias", "bias", lambda case: "with bias" if case.bias else "without bias"),
        Axis("padding", "padding / pixels", _padding, "padding {}"),
        Axis("dilation", "dilation / pixels", lambda case: case.dilation, "dilation {}"),
        Axis("compiled", "execution", lambda case: "compiled" if case.compiled else "eager"),
        Axis("cache", "cache", lambda case: case.cache, "{} cache"),
    )
}
"""Every axis that decides the shape of the work; conv type and options are what is compared."""


@lru_cache(maxsize=CACHED_CASES)
def shape_of(case: Case) -> tuple[Value, ...]:
    """The value on every axis: equal for cases whose latencies may be divided by each other."""
    return tuple(axis.value(case) for axis in AXES.values())


@lru_cache(maxsize=CACHED_CASES)
def ranks_of(case: Case) -> dict[str, tuple[float, str]]:
    """What sorts the case along every axis."""
    return {name: axis.rank(case) for name, axis in AXES.items()}
