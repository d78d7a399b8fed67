"""What was realised of what was promised: every separable case of a run as one point."""

from __future__ import annotations

from math import sqrt

from sepconv.figures.frame import (
    RATIO_TICKS,
    Content,
    Figure,
    Trace,
    empty_note,
    error_bars,
    inert,
    layout,
    spell,
)
from sepconv.figures.table import Row, Table
from sepconv.figures.view import View
from sepconv.units import format_ratio

TITLE = "Realised against ideal speed-up"
TICKS = {"tickvals": list(RATIO_TICKS), "ticktext": [f"{tick:g}×" for tick in RATIO_TICKS]}

FRAME = {
    "layout": layout(
        TITLE,
        "ideal speed-up, from multiply-adds / ×",
        "realised speed-up over standard / ×",
        hovermode="closest",
        xaxis={"type": "log", **TICKS},
        yaxis={"type": "log", **TICKS},
    ),
    "traces": {
        "kept": {
            "type": "scatter",
            "mode": "lines+text",
            "line": {"color": "@axis", "width": 1.5},
            "text": ["", "keeps its promise"],
            "textposition": "top left",
            "textfont": {"size": 12, "color": "@muted"},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        "even": {
            "type": "scatter",
            "mode": "lines+text",
            "line": {"color": "@standard", "width": 1.5},
            "text": ["", "as fast as standard", ""],
            "textposition": "top center",
            "textfont": {"size": 12, "color": "@muted"},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        "cases": {
            "type": "scatter",
            "mode": "markers",
            "name": "@name",
            "marker": {
                "color": "@line",
                "symbol": "@symbol",
                "size": 9,
                "opacity": 0.8,
                "line": {"color": "@paper", "width": 1},
            },
            "error_y": {
                "type": "data",
                "symmetric": False,
                "color": "@line",
                "thickness": 1,
                "width": 0,
            },
            "hovertemplate": "%{text}<extra></extra>",
        },
        "chosen": {
            "type": "scatter",
            "mode": "markers",
            "marker": {
                "color": "@ink",
                "symbol": "circle-open",
                "size": 18,
                "line": {"width": 2},
            },
            "hoverinfo": "skip",
            "showlegend": False,
        },
    },
    "empty": empty_note("No speed-up was measured in this run."),
}


def content(table: Table, view: View) -> Content:
    """Points on the diagonal keep their promise, points below 1× are slower than standard."""
    lines: list[list[Row]] = [[] for _ in table.lines]
    for row in table.rows_of(view.run):
        if "realised_speedup" in row.values and "ideal_speedup" in row.values:
            lines[table.places[row.case].line].append(row)
    traces = [
        Trace("cases", line, _numbers(table, rows))
        for line, rows in zip(table.lines, lines, strict=True)
        if rows and not line.is_standard
    ]
    if not traces:
        return Content((), is_empty=True)
    ends = _ends(traces)
    guides = (
        Trace("kept", None, {"x": ends, "y": ends}),
        Trace("even", None, {"x": [ends[0], sqrt(ends[0] * ends[1]), ends[1]], "y": [1, 1, 1]}),
    )
    chosen = [Trace("chosen", None, numbers) for numbers in _chosen(view, lines)]
    return Content((*guides, *traces, *chosen))


def _numbers(table: Table, rows: list[Row]) -> dict[str, object]:
    realised = [row.values["realised_speedup"] for row in rows]
    ideal = [row.values["ideal_speedup"].value for row in rows]
    labels = [inert(table.places[row.case].case.label) for row in rows]
    return {
        "x": ideal,
        "y": [estimate.value for estimate in realised],
        "error_y": error_bars(realised),
        "text": [
            f"{label}<br>{spell(estimate, 'realised_speedup')} of an ideal {format_ratio(promise)}"
            for label, estimate, promise in zip(labels, realised, ideal, strict=True)
        ],
        "customdata": [row.case for row in rows],
    }


def _chosen(view: View, lines: list[list[Row]]) -> list[dict[str, object]]:
    """The point of the case that the view has chosen, if it has one."""
    return [
        {"x": [row.values["ideal_speedup"].value], "y": [row.values["realised_speedup"].value]}
        for rows in lines
        for row in rows
        if row.case == view.case
    ]


def _ends(traces: list[Trace]) -> list[float]:
    """From the smallest to the largest promise, 1 among them."""
    numbers = [ideal for trace in traces for ideal in trace.numbers["x"]]
    return [min(1, *numbers), max(1, *numbers)]


PROMISE = Figure("promise", TITLE, FRAME, content)
