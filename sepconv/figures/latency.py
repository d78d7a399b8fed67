"""How long one call of each conv type takes, along any axis."""

from __future__ import annotations

from typing import Any

from sepconv.figures.frame import (
    SECOND_TICKS,
    Content,
    Figure,
    Trace,
    empty_note,
    layout,
    points,
    x_axis,
)
from sepconv.figures.table import Table
from sepconv.figures.view import View, select
from sepconv.units import format_seconds

TITLE = "Latency of one call"

FRAME: dict[str, Any] = {
    "layout": layout(
        TITLE,
        "channels",
        "latency / s per call",
    ),
    "traces": {
        "latency": {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "@name",
            "line": {"color": "@line", "width": 2.5},
            "marker": {"color": "@line", "symbol": "@symbol", "size": 9},
            "error_y": {
                "type": "data",
                "symmetric": False,
                "color": "@line",
                "thickness": 1.5,
                "width": 4,
            },
            "hovertemplate": "%{customdata}",
        },
    },
    "scales": {
        "log": {
            "type": "log",
            "tickvals": list(SECOND_TICKS),
            "ticktext": [
                format_seconds(tick).replace(".00", "").replace(".0", "") for tick in SECOND_TICKS
            ],
        },
        "linear": {"type": "linear", "tickformat": "~s", "ticksuffix": "s", "rangemode": "tozero"},
    },
    "empty": empty_note("No latency was measured at this selection."),
}


def content(table: Table, view: View) -> Content:
    """One line per conv type, with the interval of each point.

    On a linear scale the y axis starts at zero, so that twice as high is twice as slow.
    """
    traces = [
        Trace("latency", line, points(table, view, rows, "latency_s"))
        for line, rows in zip(table.lines, select(table, view, "latency_s"), strict=True)
        if rows
    ]
    axes = {"xaxis": x_axis(table, view), "yaxis": FRAME["scales"][view.scale]}
    return Content(tuple(traces), axes, is_empty=not traces)


LATENCY = Figure("latency", TITLE, FRAME, content)
