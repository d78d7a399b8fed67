"""What a call reaches of what the machine can do: FLOP/s against FLOP per byte, under the roofs.

Only a frame: which cases are drawn is chosen in the page, so its script
(`report/dashboard/script/roofline.js`) computes what is drawn.
"""

from __future__ import annotations

from typing import Any

from sepconv.figures.frame import DOTS, RING, Figure, empty_note, layout

TITLE = "Roofline"

ROOF: dict[str, Any] = {
    "type": "scatter",
    "mode": "lines+text",
    "textfont": {"size": 12, "color": "@muted"},
    "hoverinfo": "skip",
    "showlegend": False,
}

FRAME = {
    "layout": layout(
        TITLE,
        "arithmetic intensity / FLOP per byte",
        "achieved / FLOP per second",
        hovermode="closest",
        showlegend=False,  # the page has a key, which wraps on narrow screens
        xaxis={"type": "log", "showgrid": True, "dtick": "D2", "exponentformat": "SI"},
        yaxis={"type": "log", "dtick": 1, "exponentformat": "SI"},
    ),
    "traces": {
        "roof": ROOF | {"line": {"color": "@standard", "width": 2.5}},
        "cache": ROOF | {"line": {"color": "@muted", "width": 1.5, "dash": "dot"}},
        "ridge": ROOF | {"mode": "lines", "line": {"color": "@axis", "width": 1, "dash": "dash"}},
        "cases": DOTS,
        "chosen": RING,
    },
    "panel": {
        "font": {"size": 12.5, "color": "@ink"},
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
    },
    "empty": empty_note("No latency of a case whose work is known was measured in this run."),
}

ROOFLINE = Figure("roofline", TITLE, FRAME)
