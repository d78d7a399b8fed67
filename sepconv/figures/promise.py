"""What was realised of what was promised: every separable case of a run as one point."""

from __future__ import annotations

from sepconv.figures.frame import DOTS, RING, Figure, empty_note, error_bars, layout, ratio_axis

TITLE = "Realised against ideal speed-up"

FRAME = {
    "layout": layout(
        TITLE,
        "ideal speed-up, from multiply-adds / ×",
        "realised speed-up over standard / ×",
        hovermode="closest",
        xaxis=ratio_axis(),
        yaxis=ratio_axis(),
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
        "cases": DOTS | {"error_y": error_bars("@line", thickness=1, width=0)},
        "chosen": RING,
    },
    "empty": empty_note("No speed-up was measured in this run."),
}


PROMISE = Figure("promise", TITLE, FRAME)
