"""How many times faster than standard each separable form really is, along one axis."""

from __future__ import annotations

from sepconv.figures.frame import Figure, empty_note, error_bars, layout, line_at_one, ratio_axis

TITLE = "Realised speed-up over standard"

FRAME = {
    "layout": layout(
        TITLE,
        "channels",
        "speed-up over standard / ×",
        yaxis=ratio_axis(),
        shapes=line_at_one("as fast as standard", "@standard"),
    ),
    "traces": {
        "realised": {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "@name",
            "line": {"color": "@line", "width": 2.5},
            "marker": {"color": "@line", "symbol": "@symbol", "size": 9},
            "error_y": error_bars("@line", thickness=1.5, width=4),
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


SPEEDUP = Figure("speedup", TITLE, FRAME)
