"""Deciding: estimates with their intervals, and what they mean. Data in, data out.

Every public name loads on first use: the numeric libraries cost more than most commands do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sepconv.judge.change_point import change_points as change_points
    from sepconv.judge.verdict import Verdict as Verdict
    from sepconv.judge.verdict import compare_rounds as compare_rounds

HOMES = {
    "Verdict": "sepconv.judge.verdict",
    "change_points": "sepconv.judge.change_point",
    "compare_rounds": "sepconv.judge.verdict",
}

__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'sepconv.judge' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
