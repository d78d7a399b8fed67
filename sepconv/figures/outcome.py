"""One colour and one marker per outcome of a comparison: figures, table, legend.

The hues are those of the palette: vermilion for slower and blue for faster, which people with any
colour vision can tell apart; every outcome has a marker of its own too, so that none is told by
its colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from sepconv.comparison import Outcome
from sepconv.figures.palette import THEMES


@dataclass(frozen=True)
class Mark:
    """How an outcome looks: a token of `OUTCOME_THEMES`, and plotly's name of a marker."""

    color: str
    symbol: str


MARKS: dict[Outcome, Mark] = {
    Outcome.SLOWER: Mark("@slower", "square"),
    Outcome.FASTER: Mark("@faster", "diamond"),
    Outcome.SAME: Mark("@same", "circle"),
    Outcome.UNDECIDED: Mark("@undecided", "circle-open"),
    Outcome.FAILED: Mark("@broken", "x"),
    Outcome.NOT_COMPARABLE: Mark("@broken", "cross"),
    Outcome.NEW: Mark("@new", "triangle-up"),
    Outcome.MISSING: Mark("@new", "triangle-down"),
}

OUTCOME_THEMES: dict[str, dict[str, str]] = {
    "light": THEMES["light"]
    | {
        "@slower": "#a83a00",
        "@faster": "#005a99",
        "@same": "#4b5563",
        "@undecided": "#6f5400",
        "@broken": "#7d2e68",
        "@new": "#00633f",
        "@even": "#f3f4f6",
        "@more": "#f08a5d",
        "@less": "#74b4e8",
        "@band": "#eef1f5",
        "@alarm": "#dfe5ec",
    },
    "dark": THEMES["dark"]
    | {
        "@slower": "#ff9d6e",
        "@faster": "#6dbbf7",
        "@same": "#b4bfcc",
        "@undecided": "#e0bd4a",
        "@broken": "#e79ad0",
        "@new": "#6fdcb0",
        "@even": "#272e39",
        "@more": "#a8481a",
        "@less": "#1f6aa5",
        "@band": "#1f2630",
        "@alarm": "#2a323e",
    },
}
"""The palette with the words for outcomes; `@less`, `@even` and `@more` end and halve a scale of
changes on which `@ink` can be read, `@band` and `@alarm` are the margins' areas."""
