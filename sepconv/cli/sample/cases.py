"""The cases of a made-up history: a full product of a few values first, then more of every axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from sepconv.case import Case
from sepconv.conv_type import ConvType
from sepconv.cost import cost_of

CONV_TYPES = (ConvType.STANDARD, ConvType.DEPTHWISE_SEPARABLE, ConvType.SPATIALLY_SEPARABLE)
MOST_MACS = 20e9  # of a standard convolution: nobody measures what takes a second, every night

Ranked = tuple[tuple[int, int], ...]
"""The values of an axis, each with the size of the sweep from which on it takes part."""

CHANNELS: Ranked = (
    *((64, 0), (128, 0), (32, 1), (256, 1), (16, 2), (96, 3), (192, 4), (48, 5), (384, 6)),
    *((24, 7), (512, 8)),
)
RESOLUTIONS: Ranked = ((28, 0), (14, 1), (56, 2), (7, 3), (112, 4))
KERNELS: Ranked = ((3, 0), (5, 2), (7, 4))
STRIDES: Ranked = ((1, 0), (2, 1))
BATCHES: Ranked = ((1, 0), (8, 3), (32, 5))
WIDENINGS: Ranked = ((1, 0), (2, 4))  # output channels per input channel
DIRECTIONS = (("inference", 0), ("training", 6))
THREADS: Ranked = ((1, 0), (2, 7))


@dataclass(frozen=True)
class Shape:
    """What the three conv types of a shape share."""

    channels: int
    resolution: int
    kernel_size: int
    stride: int
    batch_size: int
    widening: int
    direction: str
    threads: int

    def case(self, conv_type: str) -> Case:
        return Case(
            conv_type=conv_type,
            in_channels=self.channels,
            out_channels=self.channels * self.widening,
            height=self.resolution,
            width=self.resolution,
            kernel_size=self.kernel_size,
            stride=self.stride,
            batch_size=self.batch_size,
            direction=self.direction,
            threads=self.threads,
        )


def make_cases(count: int) -> list[Case]:
    """So many cases, the conv types of a shape one after another, standard first."""
    cases: list[Case] = []
    for shape in _shapes():
        standard = shape.case(ConvType.STANDARD)
        if cost_of(standard).macs > MOST_MACS:
            continue
        cases += [standard, *(shape.case(conv_type) for conv_type in CONV_TYPES[1:])]
        if len(cases) >= count:
            break
    return cases[:count]


def _shapes() -> Iterator[Shape]:
    """Without an end: the products of the sweeps of all sizes, each without the one before it."""
    size = 0
    while True:
        channels = CHANNELS + tuple((16 * rank + 8, rank) for rank in range(9, size + 1))
        axes = (channels, RESOLUTIONS, KERNELS, STRIDES, BATCHES, WIDENINGS, DIRECTIONS, THREADS)
        taking_part = ([one for one in axis if one[1] <= size] for axis in axes)
        for point in product(*taking_part):
            if max(rank for _, rank in point) == size:
                yield Shape(*(value for value, _ in point))  # type: ignore[arg-type]
        size += 1
