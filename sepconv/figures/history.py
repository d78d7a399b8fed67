"""The latency of one case over runs, a line per machine and environment."""

from __future__ import annotations

from collections.abc import Sequence

from sepconv.figures.frame import (
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
from sepconv.record import Estimate
from sepconv.run import Run

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
            "error_y": {
                "type": "data",
                "symmetric": False,
                "color": "@line",
                "thickness": 1.5,
                "width": 4,
            },
            "hovertemplate": "%{text}<extra></extra>",
        },
        "elsewhere": {
            "type": "scatter",
            "mode": "lines+markers",
            "line": {"color": "@muted", "width": 1.5, "dash": "dot"},
            "marker": {"color": "@muted", "symbol": "circle-open", "size": 9},
            "error_y": {
                "type": "data",
                "symmetric": False,
                "color": "@muted",
                "thickness": 1,
                "width": 3,
            },
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


def content(table: Table, view: View) -> Content:
    """Runs in their order, evenly spaced; the y axis starts at zero, so that a step of 2 % looks
    like 2 %. What another machine or environment measured is another line, never averaged in."""
    rows = [row for row in table.rows if row.case == view.case and "latency_s" in row.values]
    if not rows or view.case is None:
        return Content((), is_empty=True)
    by_class: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_class.setdefault(class_of(table.runs[row.run]), []).append(row)
    here = class_of(table.runs[view.run])
    line = table.lines[table.places[view.case].line]
    traces = [
        Trace(
            "here" if key == here else "elsewhere",
            line,
            {"name": _name(table.runs[members[0].run], here)} | _numbers(table, members),
        )
        for key, members in by_class.items()
    ]
    traces += _events(table, view.case, rows)
    order = {"categoryarray": [tick(table, row.run) for row in rows]}
    return Content(tuple(traces), {"xaxis": {"categoryorder": "array", **order}})


def _events(table: Table, case: int, rows: Sequence[Row]) -> list[Trace]:
    """A line before the first run of the case that each event lies before."""
    top = ABOVE * max(_top(row.values["latency_s"]) for row in rows)
    traces = []
    for mark in table.marks:
        run = next((row.run for row in rows if row.run >= mark.run), None)
        if run is not None and case in mark.cases:
            x, text = tick(table, run), inert(mark.text)
            numbers = {
                "x": [x, x],
                "y": [0, top],
                "text": ["", inert(mark.label)],
                "hovertext": [text, text],
            }
            traces.append(Trace("event", None, numbers))
    return traces


def _top(estimate: Estimate) -> float:
    return estimate.value if estimate.high is None else estimate.high


def class_of(run: Run) -> tuple[str, str]:
    """What runs must share for their values to be of one series."""
    return (run.machine.key, run.environment.key)


def tick(table: Table, run: int) -> str:
    """A run's place on the x axis: its number in the page and its commit."""
    commit = table.runs[run].commit
    return inert(f"{run + 1}: {commit[:7]}" if commit else f"{run + 1}")


def _name(run: Run, here: tuple[str, str]) -> str:
    """A line's name: what sets its runs apart from the one that is shown."""
    machine, environment = class_of(run)
    if (machine, environment) == here:
        return "this machine and environment"
    if machine == here[0]:
        return inert(run.environment.label)
    return inert(f"{run.machine.label} · {run.environment.label}")


def _numbers(table: Table, rows: list[Row]) -> dict[str, object]:
    estimates = [row.values["latency_s"] for row in rows]
    return {
        "x": [tick(table, row.run) for row in rows],
        "y": [estimate.value for estimate in estimates],
        "error_y": error_bars(estimates),
        "text": [
            _spell_run(table.runs[row.run], spell(estimate, "latency_s"))
            for row, estimate in zip(rows, estimates, strict=True)
        ],
        "customdata": [row.run for row in rows],
    }


def _spell_run(run: Run, latency: str) -> str:
    subject = run.revision.subject if run.revision else "no commit"
    return f"{latency}<br>{inert(subject)}<br>{inert(run.started_at)}"


HISTORY = Figure("history", TITLE, FRAME, content)
