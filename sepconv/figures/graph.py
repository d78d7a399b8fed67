"""Chosen or found cases along runs or along any swept axis."""

from __future__ import annotations

from typing import Any

from sepconv.figures.frame import SECOND_TICKS, Figure, empty_note, error_bars, layout, ratio_axis
from sepconv.units import format_seconds

TITLE = "Cases along runs or a swept axis"

MOST_LINES = 12  # of single cases: more are drawn as one mean per conv type
MOST_BARS = 300  # points with an error bar each: more are drawn with a band around the line
MOST_MARKERS = 500  # points with a marker each: more are drawn as lines alone

FRAME: dict[str, Any] = {
    "layout": layout(
        TITLE,
        "run and commit",
        "latency / s per call",
        hovermode="closest",
        margin={"l": 56, "r": 16, "t": 52, "b": 44},
        legend={"y": 1.12},  # above the names of events
        xaxis={"type": "category"},
    ),
    "traces": {
        "line": {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "@name",
            "line": {"color": "@line", "width": 2},
            "marker": {"color": "@line", "symbol": "@symbol", "size": 8},
            "error_y": error_bars("@line", thickness=1.25, width=3),
            "hovertemplate": "%{text}<extra></extra>",
        },
        "band": {
            "type": "scatter",
            "mode": "lines",
            "name": "@name",
            "line": {"color": "@line", "width": 0},
            "fill": "toself",
            "opacity": 0.25,
            "hoverinfo": "skip",
            "showlegend": False,
        },
    },
    "scales": {
        "latency": {
            "log": {
                "type": "log",
                "tickvals": list(SECOND_TICKS),
                "ticktext": [
                    format_seconds(tick).replace(".00", "").replace(".0", "")
                    for tick in SECOND_TICKS
                ],
            },
            "linear": {
                "type": "linear",
                "tickformat": "~s",
                "ticksuffix": "s",
                "rangemode": "tozero",
            },
        },
        "speedup": {
            "log": ratio_axis(),
            "linear": {"type": "linear", "ticksuffix": "×", "rangemode": "tozero"},
        },
        "percent": {
            "log": {"type": "log", "ticksuffix": " %"},
            "linear": {"type": "linear", "ticksuffix": " %"},
        },
    },
    "titles": {
        "latency": "latency / s per call",
        "speedup": "speed-up over standard / ×",
    },
    "event": {
        "line": {"color": "@muted", "width": 1.5, "dash": "dash"},
        "label": {
            "xref": "x",
            "yref": "paper",
            "y": 1,
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 12, "color": "@muted"},
        },
    },
    "most_lines": MOST_LINES,
    "most_bars": MOST_BARS,
    "most_markers": MOST_MARKERS,
    "empty": empty_note("Nothing was measured here."),
}

GRAPH = Figure("graph", TITLE, FRAME)
