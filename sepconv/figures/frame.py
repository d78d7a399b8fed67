"""What all figures share: the layout, the axes, and how a value is spelled.

A figure's frame is its look without its numbers: a layout, and a template for each role that a
trace can have. The page's script fills it in; it knows nothing of the look by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sepconv.record import Estimate
from sepconv.units import SECOND_SCALES, format_seconds, format_speedup, significant

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
AXIS_TITLE = {"font": {"size": 13, "color": "@muted"}, "standoff": 8}
PLOTLY_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})
LEAST_RATIO = 0.84  # a ratio's axis begins there or below
DECADES = (1, 2, 5)
RATIO_TICKS = tuple(round(n * 10.0**e, 4) for e in range(-3, 4) for n in DECADES)
SECOND_TICKS = tuple(float(f"{n}e{e}") for e in range(-7, 3) for n in DECADES)

DOTS = {
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
    "hovertemplate": "%{text}<extra></extra>",
}
"""Many cases of one line, a point for each."""

RING = {
    "type": "scatter",
    "mode": "markers",
    "marker": {"color": "@ink", "symbol": "circle-open", "size": 18, "line": {"width": 2}},
    "hoverinfo": "skip",
    "showlegend": False,
}
"""What stands around the case that is chosen."""


@dataclass(frozen=True)
class Figure:
    """A figure by its name: how it looks, whatever it shows."""

    name: str
    title: str
    frame: Mapping[str, Any]  # layout, traces by role, empty (what to say without numbers)


def layout(title: str, x_title: str, y_title: str, **further: Any) -> dict[str, Any]:
    """The look that all figures share; the title is for whoever saves the figure alone."""
    axis = {
        "gridcolor": "@grid",
        "linecolor": "@axis",
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": "@axis",
        "ticklen": 4,
        "automargin": True,
    }
    shared: dict[str, Any] = {
        "template": {  # instead of plotly's own, 7 kB of colours that we do not use
            "layout": {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
        },
        "title": {"text": title, "font": {"size": 1, "color": "rgba(0,0,0,0)"}},
        "font": {"family": FONT, "size": 13, "color": "@ink"},
        "margin": {"l": 56, "r": 16, "t": 40, "b": 48},
        "autosize": True,
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": "@card",
            "bordercolor": "@axis",
            "font": {"family": FONT, "size": 13, "color": "@ink"},
        },
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "xanchor": "left",
            "yanchor": "bottom",
            "font": {"size": 12.5, "color": "@ink"},
            "bgcolor": "rgba(0,0,0,0)",
        },
        "xaxis": axis | {"title": AXIS_TITLE | {"text": x_title}, "showgrid": False},
        "yaxis": axis | {"title": AXIS_TITLE | {"text": y_title}},
    }
    for name, value in further.items():
        nested = isinstance(value, dict) and name in shared
        shared[name] = shared[name] | value if nested else value
    return shared


def line_at_one(label: str, color: str) -> list[dict[str, Any]]:
    """Shapes that mark where a ratio is 1, with words below the line and room for them.

    The room is made by a second line that nobody sees: plotly's `autorangeoptions` take the
    logarithm of a logarithm, and cut off what is above 1.
    """
    across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
    words = {"text": label, "textposition": "end", "yanchor": "top"}
    return [
        across
        | {
            "y0": 1,
            "y1": 1,
            "line": {"color": color, "width": 1.5},
            "label": words | {"font": {"size": 12, "color": "@muted"}},
        },
        across | {"y0": LEAST_RATIO, "y1": LEAST_RATIO, "line": {"width": 0}},
    ]


def error_bars(color: str, *, thickness: float, width: float) -> dict[str, Any]:
    """The look of intervals; their halves come with the numbers."""
    return {
        "type": "data",
        "symmetric": False,
        "color": color,
        "thickness": thickness,
        "width": width,
    }


def ratio_axis(ticks: Sequence[float] = RATIO_TICKS) -> dict[str, Any]:
    """A logarithmic axis of ratios: "0.5×", "1×", "2×"."""
    return {
        "type": "log",
        "tickvals": list(ticks),
        "ticktext": [f"{tick:g}×" for tick in ticks],
    }


def empty_note(text: str) -> dict[str, Any]:
    """What an empty figure says in its middle."""
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
        "showarrow": False,
        "font": {"size": 14, "color": "@muted"},
    }


def spell(estimate: Estimate, metric: str) -> str:
    """A value with its interval in the same unit, for people: "2.11 ms [2.05, 2.17]"."""
    if metric == "realised_speedup":
        return format_speedup(estimate.value, estimate.low, estimate.high)
    value, scale = format_seconds(estimate.value), second_scale(estimate.value)
    if estimate.low is None or estimate.high is None:
        return f"{value} (no interval)"
    low, high = (significant(bound / scale) for bound in (estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def second_scale(seconds: float) -> float:
    """The unit that `format_seconds` chooses, in seconds."""
    scales = [scale for scale, _ in SECOND_SCALES]
    return next((scale for scale in scales if abs(seconds) >= 0.9995 * scale), scales[-1])


def inert(text: str) -> str:
    """`text` as plotly shows it literally: in names and labels it reads tags, entities and TeX."""
    return text.translate(PLOTLY_ESCAPES)
