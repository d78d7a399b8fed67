"""How many times as long each case takes with the default allocator, by the size of its output."""

from __future__ import annotations

from dataclasses import replace

from sepconv.figures.frame import (
    Content,
    Figure,
    Trace,
    empty_note,
    error_bars,
    inert,
    layout,
    line_at_one,
)
from sepconv.figures.table import Line, Table, round_digits
from sepconv.figures.view import View
from sepconv.judge.allocator import AllocatorRatio, allocator_ratios, policies
from sepconv.record import Estimate, Measurement, Status
from sepconv.units import format_seconds, format_speedup

TITLE = "What the allocator costs"
BYTE_TICKS = {
    float(count * scale): f"{count} {unit}"
    for scale, unit in ((2**10, "KiB"), (2**20, "MiB"), (2**30, "GiB"))
    for count in (1, 4, 16, 64, 256)
}
COST_TICKS = (0.25, 0.5, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 8, 10, 20, 50, 100)

FRAME = {
    "layout": layout(
        TITLE,
        "output of one call / bytes",
        "default ÷ tuned latency / ×",
        hovermode="closest",
        xaxis={
            "type": "log",
            "tickvals": list(BYTE_TICKS),
            "ticktext": list(BYTE_TICKS.values()),
        },
        yaxis={
            "type": "log",
            "tickvals": list(COST_TICKS),
            "ticktext": [f"{tick:g}×" for tick in COST_TICKS],
        },
        shapes=line_at_one("costs nothing", "@muted"),
    ),
    "traces": {
        "cases": {
            "type": "scatter",
            "mode": "markers",
            "name": "@name",
            "marker": {
                "color": "@line",
                "symbol": "@symbol",
                "size": 10,
                "opacity": 0.85,
                "line": {"color": "@paper", "width": 1},
            },
            "error_y": {
                "type": "data",
                "symmetric": False,
                "color": "@line",
                "thickness": 1.5,
                "width": 4,
            },
            "hovertemplate": "%{text}<extra></extra>",
        },
    },
    "empty": empty_note("No run with the other allocator is linked to this one."),
}


def content(table: Table, view: View) -> Content:
    """A point per case that both runs measured; an interval where both latencies have one."""
    by_line: dict[int, list[AllocatorRatio]] = {}
    line_of = {place.case.identity: place.line for place in table.places}
    for ratio in shown_ratios(table, view.run):
        by_line.setdefault(line_of[ratio.case.identity], []).append(ratio)
    traces = [_trace(table.lines[line], by_line[line]) for line in sorted(by_line)]
    return Content(tuple(traces), is_empty=not traces)


def shown_ratios(table: Table, run: int) -> list[AllocatorRatio]:
    """The ratios of a run and its sibling under the other policy, with as many digits as the page
    carries; none without a sibling."""
    pair = policies(table.runs[run], table.runs) if table.runs else None
    if pair is None:
        return []
    tuned, default = (_measurements(table, table.runs.index(each)) for each in pair)
    return [replace(r, ratio=_rounded(r.ratio)) for r in allocator_ratios(tuned, default)]


def _measurements(table: Table, run: int) -> list[Measurement]:
    return [
        Measurement(table.places[row.case].case, Status(row.status), values=row.values)
        for row in table.rows_of(run)
    ]


def _trace(line: Line, ratios: list[AllocatorRatio]) -> Trace:
    estimates = [ratio.ratio for ratio in ratios]
    numbers = {
        "x": [ratio.output_bytes for ratio in ratios],
        "y": [estimate.value for estimate in estimates],
        "error_y": error_bars(estimates),
        "text": [_text(ratio) for ratio in ratios],
    }
    return Trace("cases", line, numbers)


def _text(found: AllocatorRatio) -> str:
    ratio = format_speedup(found.ratio.value, found.ratio.low, found.ratio.high)
    tuned, default = format_seconds(found.tuned_s), format_seconds(found.default_s)
    return f"{inert(found.case.label)}<br>{ratio}<br>{tuned} tuned, {default} default"


def _rounded(estimate: Estimate) -> Estimate:
    low, high = (
        None if bound is None else round_digits(bound) for bound in (estimate.low, estimate.high)
    )
    return Estimate(round_digits(estimate.value), low, high)


ALLOCATOR = Figure("allocator", TITLE, FRAME, content)
