"""How the rounds of each block were spread."""

from __future__ import annotations

from typing import Any

from sepconv.figures.frame import Figure, empty_note, layout

TITLE = "Rounds of one case, block by block"

FRAME: dict[str, Any] = {
    "layout": layout(
        TITLE,
        "pass",
        "latency / s per call",
        hovermode="closest",
        xaxis={"type": "category"},
        yaxis={"tickformat": "~s", "ticksuffix": "s"},
    ),
    "traces": {
        "block": {
            "type": "box",
            "line": {"color": "@line", "width": 1.5},
            "fillcolor": "rgba(0,0,0,0)",
            "whiskerwidth": 0.5,
            "hovertemplate": "%{text}<extra></extra>",
            "hoverinfo": "text",
            "showlegend": False,
        },
    },
    "empty": empty_note("The store keeps no rounds of this case."),
}

ROUNDS = Figure("rounds", TITLE, FRAME)
