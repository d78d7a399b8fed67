"""How many times as long each case takes with the default allocator, by the size of its output."""

from __future__ import annotations

from sepconv.figures.frame import (
    DOTS,
    Figure,
    empty_note,
    error_bars,
    layout,
    line_at_one,
    ratio_axis,
)

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
        yaxis=ratio_axis(COST_TICKS),
        shapes=line_at_one("costs nothing", "@muted"),
    ),
    "traces": {
        "cases": DOTS | {"error_y": error_bars("@line", thickness=1.5, width=4)},
    },
    "empty": empty_note("No run with the other allocator is linked to this one."),
}


ALLOCATOR = Figure("allocator", TITLE, FRAME)
