"""Where fewer multiplications pay: the speed-up as a map over two swept axes, panel by panel.

Only a frame: which axes are swept, held and put side by side is chosen in the page, so its script
(`report/dashboard/script/surface.js`) computes what is drawn. Colours are in log₂ and centred on
1×; they are told apart with any colour vision, and ink can be read on all of them.
"""

from __future__ import annotations

from typing import Any

from sepconv.figures.frame import Figure, empty_note, error_bars, layout

TITLE = "Speed-up over two axes"

SCALE = [[0, "@more"], [0.5, "@even"], [1, "@less"]]
SIGN: dict[str, Any] = {"type": "scatter", "mode": "markers", "showlegend": False}
QUIET = {"ticks": "", "showgrid": False, "showline": False, "fixedrange": True}

FRAME = {
    "layout": layout(
        TITLE,
        "channels",
        "input height and width / pixels",
        hovermode="closest",
        showlegend=False,
        xaxis=QUIET,
        yaxis=QUIET,
        coloraxis={
            "colorscale": SCALE,
            "showscale": False,  # the page's key is readable on narrow screens too
        },
    ),
    "traces": {
        "cells": {
            "type": "heatmap",
            "coloraxis": "coloraxis",
            "xgap": 1.5,
            "ygap": 1.5,
            "hoverinfo": "text",
            "hoverongaps": False,
            "textfont": {"size": 11.5, "color": "@ink"},
        },
        "contour": {  # only its line at 1×: plotly interpolates as `crossovers` does
            "type": "contour",
            "autocontour": False,
            "contours": {"start": 0, "end": 0, "size": 1, "coloring": "none"},
            "line": {"color": "@ink", "width": 2.5, "smoothing": 0},
            "connectgaps": False,
            "hoverinfo": "skip",
            "showscale": False,
            "showlegend": False,
        },
        "crossover": SIGN
        | {
            "marker": {"symbol": "diamond", "size": 7, "color": "@ink"},
            "error_x": error_bars("@ink", thickness=2, width=4),
            "hovertemplate": "%{text}<extra></extra>",
        },
        "undecided": SIGN
        | {
            "marker": {"symbol": "circle-open", "size": 6, "color": "@muted"},
            "hoverinfo": "skip",
        },
        "failed": SIGN
        | {
            "marker": {"symbol": "x-thin-open", "size": 9, "color": "@muted"},
            "hovertemplate": "%{text}<extra></extra>",
        },
        "regression": SIGN
        | {
            "marker": {
                "symbol": "triangle-up",
                "size": 10,
                "color": "@broken",
                "line": {"color": "@paper", "width": 1},
            },
            "hovertemplate": "%{text}<extra></extra>",
        },
    },
    "panel": {
        "font": {"size": 12.5, "color": "@ink"},
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
    },
    "empty": empty_note("No speed-up was measured in this run."),
}

SURFACE = Figure("surface", TITLE, FRAME)
