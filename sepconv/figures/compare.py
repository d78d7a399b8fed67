"""All cases of two runs as one strip per conv type: the newer latency by the older one."""

from __future__ import annotations

from typing import Any

from sepconv.comparison import Outcome
from sepconv.figures.frame import Figure, empty_note, error_bars, layout
from sepconv.figures.outcome import MARKS

TITLE = "Head against base, every case"

DECIDED = (Outcome.SLOWER, Outcome.FASTER)
REST = (Outcome.UNDECIDED, Outcome.NOT_COMPARABLE)
MOST_POINTS = 240  # of the rest: beyond, only their distribution is drawn
MOST_DECIDED = 120  # the surest ones; the table has all
LEAST_SHAPE = 8  # cases of a line, from which on their distribution has a shape
SPREAD = 0.32  # how far points stand beside the middle of their strip
GOLDEN = 0.618034  # share by which neighbours stand apart: they never line up
REACH = 1.05  # the axis of the ratios reaches at least there, and as far below 1
TICKS = {  # by how far the axis reaches
    1.12: (0.9, 0.92, 0.94, 0.96, 0.98, 1, 1.02, 1.04, 1.06, 1.08, 1.1),
    1.6: (0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5),
    3.5: (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 2.5, 3),
    1e9: (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100),
}

ACROSS = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}


def _change(ratio: float) -> str:
    """A ratio as a change in per cent, or as a factor where that is easier to read."""
    if ratio >= 2 or ratio <= 0.5:
        return f"{ratio:g}×"
    return f"{100 * (ratio - 1):+.0f} %".replace("-", "−") if ratio != 1 else "0"


def _marks(outcome: Outcome, *, size: int, opacity: float) -> dict[str, Any]:
    mark = MARKS[outcome]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": str(outcome).replace("_", " "),
        "marker": {
            "color": mark.color,
            "symbol": mark.symbol,
            "size": size,
            "opacity": opacity,
        },
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
    }


def _decided(outcome: Outcome) -> dict[str, Any]:
    bars = error_bars(MARKS[outcome].color, thickness=1, width=0)
    return _marks(outcome, size=10, opacity=1) | {"error_x": bars}


FRAME = {
    "layout": layout(
        TITLE,
        "latency of head ÷ base",
        "",
        hovermode="closest",
        margin={"l": 8, "r": 16, "t": 40, "b": 48},
        xaxis={
            "type": "log",
            "showgrid": True,
        },
        yaxis={"showgrid": False, "ticks": "", "fixedrange": True},
        shapes=[
            ACROSS | {"x0": 1, "x1": 1, "line": {"color": "@muted", "width": 1.5}},
            ACROSS | {"x0": 1 / REACH, "x1": 1 / REACH, "line": {"width": 0}},  # nobody sees them:
            ACROSS | {"x0": REACH, "x1": REACH, "line": {"width": 0}},  # they make room
        ],
    ),
    "traces": {
        "shape": {
            "type": "violin",
            "orientation": "h",
            "name": "@name",
            "points": False,
            "side": "both",
            "width": 0.9,
            "spanmode": "hard",
            "line": {"color": "@line", "width": 1},
            "opacity": 0.45,
            "showlegend": False,
            "hoverinfo": "skip",
        },
        **{str(outcome): _decided(outcome) for outcome in DECIDED},
        **{str(outcome): _marks(outcome, size=7, opacity=0.7) for outcome in REST},
    },
    "ticks": [
        {
            "reach": reach,
            "axis": {"tickvals": list(ticks), "ticktext": [_change(tick) for tick in ticks]},
        }
        for reach, ticks in TICKS.items()
    ],
    "band": ACROSS
    | {
        "type": "rect",
        "fillcolor": "@band",
        "line": {"width": 0},
        "label": {
            "text": "no change shown in here",
            "textposition": "top right",
            "font": {"size": 11, "color": "@muted"},
        },
    },
    "most_points": MOST_POINTS,
    "most_decided": MOST_DECIDED,
    "least_shape": LEAST_SHAPE,
    "spread": SPREAD,
    "golden": GOLDEN,
    "empty": empty_note("The two runs have no measured case in common."),
}


COMPARE = Figure("compare", TITLE, FRAME)
