"""How many times faster than standard each separable form really is, along one axis."""

from __future__ import annotations

from sepconv.figures.frame import (
    RATIO_TICKS,
    Content,
    Figure,
    Trace,
    empty_note,
    layout,
    line_at_one,
    points,
    spell_out,
    x_axis,
)
from sepconv.figures.table import Table
from sepconv.figures.view import View, select

TITLE = "Realised speed-up over standard"

FRAME = {
    "layout": layout(
        TITLE,
        "channels",
        "speed-up over standard / ×",
        yaxis={
            "type": "log",
            "tickvals": list(RATIO_TICKS),
            "ticktext": [f"{tick:g}×" for tick in RATIO_TICKS],
        },
        shapes=line_at_one("as fast as standard", "@standard"),
    ),
    "traces": {
        "realised": {
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
        "ideal": {
            "type": "scatter",
            "mode": "lines",
            "name": "@name",
            "showlegend": False,
            "line": {"color": "@line", "width": 1.5, "dash": "dash"},
            "hovertemplate": "ideal %{y:.3~g}×<extra></extra>",
        },
        "key": {
            "type": "scatter",
            "mode": "lines",
            "name": "ideal",
            "x": [None],
            "y": [None],
            "hoverinfo": "skip",
            "line": {"color": "@muted", "width": 1.5, "dash": "dash"},
        },
    },
    "empty": empty_note("No speed-up was measured at this selection."),
}


def content(table: Table, view: View) -> Content:
    """A solid line of what was measured, and a dashed one of what the multiply-adds promise."""
    traces = []
    for line, rows in zip(table.lines, select(table, view, "realised_speedup"), strict=True):
        if line.is_standard or not rows:
            continue
        promised = [row for row in rows if "ideal_speedup" in row.values]
        values = [table.value(row.case, view.over) for row in promised]
        ideal = {
            "x": spell_out(table, view, values),
            "y": [row.values["ideal_speedup"].value for row in promised],
        }
        traces.append(Trace("ideal", line, ideal))
        traces.append(Trace("realised", line, points(table, view, rows, "realised_speedup")))
    key = [Trace("key")] if traces else []
    return Content((*traces, *key), {"xaxis": x_axis(table, view)}, is_empty=not traces)


SPEEDUP = Figure("speedup", TITLE, FRAME, content)
