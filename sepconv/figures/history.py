"""The latency of one case over runs, a line per machine and environment; or its speed-up, or its
ratio to the pinned reference over nights."""

from __future__ import annotations

from sepconv.figures.frame import AXIS_TITLE, Figure, empty_note, error_bars, layout

TITLE = "History of one case"

ABOVE = 1.15  # the height of the highest point: as far as the line of an event reaches

FRAME = {
    "layout": layout(
        TITLE,
        "run and commit",
        "latency / s per call",
        hovermode="closest",
        xaxis={"type": "category"},
    ),
    "traces": {
        "here": {
            "type": "scatter",
            "mode": "lines+markers",
            "line": {"color": "@line", "width": 2.5},
            "marker": {"color": "@line", "symbol": "@symbol", "size": 9},
            "error_y": error_bars("@line", thickness=1.5, width=4),
            "hovertemplate": "%{text}<extra></extra>",
        },
        "elsewhere": {
            "type": "scatter",
            "mode": "lines+markers",
            "line": {"color": "@muted", "width": 1.5, "dash": "dot"},
            "marker": {"color": "@muted", "symbol": "circle-open", "size": 9},
            "error_y": error_bars("@muted", thickness=1, width=3),
            "hovertemplate": "%{text}<extra></extra>",
        },
        "event": {
            "type": "scatter",
            "mode": "lines+text",
            "line": {"color": "@muted", "width": 1.5, "dash": "dash"},
            "textposition": "bottom right",
            "textfont": {"size": 12, "color": "@muted"},
            "cliponaxis": False,
            "showlegend": False,
            "hovertemplate": "%{hovertext}<extra></extra>",
        },
    },
    "above": ABOVE,
    "along": {
        "latency": {},
        "speedup": {},
        "ratio": {"title": AXIS_TITLE | {"text": "night and commit"}},
    },
    "scales": {
        "latency": {"tickformat": "~s", "ticksuffix": "s", "rangemode": "tozero"},
        "speedup": {
            "title": AXIS_TITLE | {"text": "speed-up over standard / ×"},
            "ticksuffix": "×",
            "rangemode": "tozero",
        },
        "ratio": {
            "title": AXIS_TITLE | {"text": "time per call ÷ that of the reference"},
            "ticksuffix": "×",
        },
    },
    "even": {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 1,
        "y1": 1,
        "layer": "below",
        "line": {"color": "@muted", "width": 1},
    },
    "empty": empty_note("Nothing of this kind is known of this case."),
}


HISTORY = Figure("history", TITLE, FRAME)
