"""The latency of one case over runs, a line per machine and environment."""

from __future__ import annotations

from sepconv.figures.frame import Figure, empty_note, error_bars, layout

TITLE = "History of one case"

ABOVE = 1.15  # the height of the highest point: as far as the line of an event reaches

FRAME = {
    "layout": layout(
        TITLE,
        "run and commit",
        "latency / s per call",
        hovermode="closest",
        xaxis={"type": "category"},
        yaxis={"tickformat": "~s", "ticksuffix": "s", "rangemode": "tozero"},
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
    "empty": empty_note("This case has no latency in any run."),
}


HISTORY = Figure("history", TITLE, FRAME)
