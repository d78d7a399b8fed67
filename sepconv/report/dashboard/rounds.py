"""The rounds of the newest runs, block by block: how the latency of one call was spread."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Any

from sepconv.panel import Rounds
from sepconv.report.dashboard.pack import pack, short_floats

WIDEST = 65_535  # pass and ring are for telling blocks apart


def rounds_section(rounds: Rounds, keep: Callable[[str], Mapping[str, str]]) -> dict[str, Any]:
    """Case, run, pass and ring of every block, then its quantiles, packed like a history."""
    if not len(rounds):
        return {"blocks": 0, "runs": [], "quantiles": list(rounds.quantiles)}
    columns: list[array[int] | array[float]] = [
        rounds.case,
        array("H", rounds.run),
        array("H", [min(each, WIDEST) for each in rounds.pass_number]),
        array("H", [min(each, WIDEST) for each in rounds.ring]),
        *map(short_floats, rounds.quantiles.values()),
    ]
    return {
        "blocks": len(rounds),
        "runs": sorted(set(rounds.run)),
        "quantiles": list(rounds.quantiles),
        **keep(pack(columns)),
    }
