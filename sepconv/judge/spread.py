"""In which order to measure points of a line, so that whoever stops early has an even sample."""

from __future__ import annotations

from collections.abc import Collection
from heapq import heapify, heappop, heappush
from itertools import pairwise


def spread_order(count: int, known: Collection[int] = ()) -> list[int]:
    """The places 0 … `count` − 1 without those that are `known`: the last, the first, then always
    the middle of the largest gap, the newest of several."""
    ends = [place for place in dict.fromkeys((count - 1, 0)) if count and place not in known]
    there = sorted({*(place for place in known if 0 <= place < count), *ends})
    gaps = [_ranked(low, high) for low, high in pairwise(there) if high - low > 1]
    heapify(gaps)
    order = list(ends)
    while gaps:
        _, _, low, high = heappop(gaps)
        middle = (low + high + 1) // 2
        order.append(middle)
        for gap in ((low, middle), (middle, high)):
            if gap[1] - gap[0] > 1:
                heappush(gaps, _ranked(*gap))
    return order


def _ranked(low: int, high: int) -> tuple[int, int, int, int]:
    """A gap, so that the largest and newest comes first."""
    return low - high, -high, low, high
