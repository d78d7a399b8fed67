"""How far latencies differ without any cause: within a run, and from the run before to it."""

from __future__ import annotations

from sepconv.figures.frame import Figure, empty_note, layout

TITLE = "Noise of this machine"

LINE = {"type": "scatter", "mode": "lines+markers"}

FRAME = {
    "layout": layout(
        TITLE,
        "run and commit",
        "difference / %",
        hovermode="x unified",
        xaxis={"type": "category", "nticks": 8},
        yaxis={"rangemode": "tozero", "ticksuffix": " %"},
    ),
    "traces": {
        "between": LINE
        | {
            "name": "between runs",
            "line": {"color": "@spatial", "width": 2},
            "marker": {"color": "@spatial", "symbol": "diamond", "size": 7},
            "hovertemplate": "a case differs by %{y:.2~f} % from the run before<extra></extra>",
        },
        "within": LINE
        | {
            "name": "within a run",
            "line": {"color": "@depthwise", "width": 2},
            "marker": {"color": "@depthwise", "symbol": "circle", "size": 7},
            "hovertemplate": "its interval is ±%{y:.2~f} %<extra></extra>",
        },
    },
    "empty": empty_note("No run has three cases with an interval, and none has one before it."),
}


NOISE = Figure("noise", TITLE, FRAME)
