"""Packed columns: many numbers as a few bytes each, for a script to unpack when it needs them.

All columns of a part follow one another, little-endian; the whole is compressed by gzip, whose
header has no time in it, so that the same numbers give the same bytes.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from base64 import b64encode
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isnan

from sepconv.panel import Column

LEVEL = 6  # of zlib: 9 takes twice as long, for one per cent
GZIP = 31  # zlib's word for a header and a checksum of gzip
STEPS = 60_000  # of a bound: how far it is from its value, by the larger of the two
WIDEST = STEPS - 0.51  # so that no bound is rounded to zero or to infinity
NO_INTERVAL = 65_535
HALF, KEPT = 1 << 4, ~0x1F  # of a float's 24 binary digits, 19 are kept: 5 decimal ones
SPARK = 24  # points of a sparkline
LEAST, MOST = 1, 255  # of its heights; 0 is a gap
MIDDLE = 128  # the height of all points of a level line
LEAST_SPAN = 0.05  # of the level, from the lowest to the highest height: less is mostly noise


def pack(columns: Iterable[array[int] | array[float]]) -> str:
    """The columns as base64 of their gzip."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    parts = [packer.compress(little_endian(column)) for column in columns]
    return b64encode(b"".join([*parts, packer.flush()])).decode()


def pack_text(text: str) -> str:
    """A text as base64 of its gzip; smaller than it is quick, since a page carries it along."""
    packer = zlib.compressobj(9, zlib.DEFLATED, GZIP)
    return b64encode(packer.compress(text.encode()) + packer.flush()).decode()


def little_endian(column: array[int] | array[float]) -> bytes:
    """The bytes of a column, whatever the machine's own order."""
    if sys.byteorder == "little":
        return column.tobytes()
    turned = array(column.typecode, column)
    turned.byteswap()
    return turned.tobytes()


def estimate_columns(column: Column, rows: Sequence[int]) -> list[array[int] | array[float]]:
    """Some rows of a column: values as floats, then the steps to their lower and upper bounds.

    A lower bound is `value · (1 − steps / 60000)`, an upper one `value ÷ (1 − steps / 60000)`.
    """
    values, lows, highs = (
        [of[row] for row in rows] for of in (column.value, column.low, column.high)
    )
    return [short_floats(values), _steps(lows, values), _steps(values, highs)]


def short_floats(values: Iterable[float]) -> array[float]:
    """The values as 32-bit floats without the digits that nobody sees, which would not compress."""
    bits = array("I", array("f", values).tobytes())
    short = array("I", [(each + HALF) & KEPT for each in bits])
    return array("f", short.tobytes())


def spark(values: Sequence[float]) -> bytes:
    """The newest values as heights between the least and the greatest, or, where these are closer
    than noise is wide, about the middle; gaps in front of few."""
    newest = values[-SPARK:]
    known = [value for value in newest if not isnan(value)]
    least, most = min(known, default=0.0), max(known, default=0.0)
    middle = (least + most) / 2
    span = max(most - least, LEAST_SPAN * abs(middle))
    scale = (MOST - LEAST) / span if most > least else 0.0
    low = middle - span / 2
    heights = [
        0 if isnan(value) else round(LEAST + (value - low) * scale) if scale else MIDDLE
        for value in newest
    ]
    return bytes(heights).rjust(SPARK, b"\0")


def divide(counts: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Neighbours in groups of at most `most` together, as ranges; one that has more is alone."""
    ends, filled = [0], 0
    for index, count in enumerate(counts):
        if filled and filled + count > most:
            ends.append(index)
            filled = 0
        filled += count
    return list(pairwise([*ends, len(counts)])) if counts else []


def _steps(smaller: Sequence[float], larger: Sequence[float]) -> array[int]:
    """How far the two are from each other, by the larger one; NaN is neither less nor more."""
    return array(
        "H",
        [
            int(WIDEST * (1 - low / high) + 0.5)
            if low < high
            else (0 if low >= high else NO_INTERVAL)
            for low, high in zip(smaller, larger, strict=True)
        ],
    )
