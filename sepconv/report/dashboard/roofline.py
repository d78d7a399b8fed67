"""What Roofline has of its own: the work of every case, and the roofs of every machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sepconv.case import Case
from sepconv.cost import Cost, cost_of
from sepconv.errors import UnknownConvType
from sepconv.figures.table import Table
from sepconv.judge.roofline import Roof, find_roofs
from sepconv.report.dashboard.series import short
from sepconv.report.dashboard.source import Source


def roofline_section(source: Source, table: Table) -> dict[str, list[Any]]:
    """Columns by case (null without a closed form), and the roofs, each of one class."""
    return {**_works([place.case for place in table.places]), "roofs": list(_roofs(source))}


def _works(cases: Sequence[Case]) -> dict[str, list[Any]]:
    """FLOPs, and the bytes that they move at most and at least."""
    costs = list(map(_cost, cases))
    return {
        name: [short(getattr(cost, name)) if cost else None for cost in costs]
        for name in ("flops", "bytes_unfused", "bytes_fused")
    }


def _cost(case: Case) -> Cost | None:
    try:
        return cost_of(case)
    except UnknownConvType:
        return None


def _roofs(source: Source) -> Iterator[dict[str, Any]]:
    for number, place in enumerate(source.classes):
        for roof in find_roofs(source.peaks.get(place, ())):
            yield {"class": number, **_roof(roof)}


def _roof(roof: Roof) -> dict[str, Any]:
    return {
        "device": roof.device,
        "dtype": roof.dtype,
        "threads": roof.threads,
        "flop_per_s": short(roof.flop_per_s),
        "memory_bytes_per_s": short(roof.memory_bytes_per_s),
        "cache_bytes_per_s": short(roof.cache_bytes_per_s),
        "ridge": short(roof.ridge),
        "measured_at": roof.measured_at,
    }
