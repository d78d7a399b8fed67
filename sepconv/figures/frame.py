"""What all figures share: the layout, the axes, and how numbers are put into a trace's frame.

A figure's frame is its look without its numbers: a layout, and a template for each role that a
trace can have. Python fills it in to a plotly figure, the page's script fills in the very same
frame when something else is selected; neither knows anything of the look by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sepconv.figures.palette import THEMES, paint
from sepconv.figures.table import Line, Row, Table
from sepconv.figures.view import View
from sepconv.judge.axis import AXES
from sepconv.record import Estimate
from sepconv.units import SECOND_SCALES, format_seconds, format_speedup, significant

if TYPE_CHECKING:
    import plotly.graph_objects as go

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
TICK_LIMIT = 10  # more values than that cannot all be labelled
AXIS_TITLE = {"font": {"size": 13, "color": "@muted"}, "standoff": 8}
PLOTLY_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})
LEAST_RATIO = 0.9  # a ratio's axis begins there or below
DECADES = (1, 2, 5)
RATIO_TICKS = tuple(round(n * 10.0**e, 4) for e in range(-3, 4) for n in DECADES)
SECOND_TICKS = tuple(float(f"{n}e{e}") for e in range(-7, 3) for n in DECADES)


@dataclass(frozen=True)
class Trace:
    """One trace: its role in the frame, the line it belongs to, and its numbers."""

    role: str
    line: Line | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)  # x, y, text, customdata, …


@dataclass(frozen=True)
class Content:
    """What a figure shows, as data: the traces in drawing order and what the axes say."""

    traces: tuple[Trace, ...]
    axes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_empty: bool = False


@dataclass(frozen=True)
class Figure:
    """A figure by its name: what it shows of a view, and how it looks."""

    name: str
    title: str
    frame: Mapping[str, Any]  # layout, traces by role, empty (what to say without numbers)
    content: Callable[[Table, View], Content] | None = None  # None: only the page's script draws it

    def draw(self, content: Content, theme: str = "light") -> go.Figure:
        """The plotly figure of that content."""
        import plotly.graph_objects as go

        words = THEMES[theme]
        layout = paint(self.frame["layout"], words)
        for name, settings in content.axes.items():
            layout[name] = layout.get(name, {}) | paint(settings, words)
        if content.is_empty:
            layout["annotations"] = [paint(self.frame["empty"], words)]
        traces = [self._fill(trace, words) for trace in content.traces]
        return go.Figure({"data": traces, "layout": layout})

    def _fill(self, trace: Trace, words: Mapping[str, str]) -> dict[str, Any]:
        own = {}
        if trace.line:
            own = {
                "@line": words[trace.line.color],
                "@symbol": trace.line.symbol,
                "@name": inert(trace.line.name),
            }
        filled: dict[str, Any] = paint(self.frame["traces"][trace.role], {**words, **own})
        for name, value in trace.numbers.items():
            nested = isinstance(value, dict) and name in filled
            filled[name] = filled[name] | value if nested else value
        return filled


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


def x_axis(table: Table, view: View) -> dict[str, Any]:
    """The x axis of a figure over a swept axis: numbers by the view's scale, else categories."""
    used = {table.places[row.case].indices[view.over] for row in table.rows_of(view.run)}
    values = [value for i, value in enumerate(table.axes[view.over]) if i in used]
    axis: dict[str, Any] = {"title": AXIS_TITLE | {"text": AXES[view.over].title}}
    if not values or any(isinstance(value, str) for value in values):
        return axis | {"type": "category", "categoryarray": [str(value) for value in values]}
    axis["type"] = view.scale
    if len(values) <= TICK_LIMIT:
        axis |= {"tickvals": values, "ticktext": [str(value) for value in values]}
    return axis


def points(table: Table, view: View, rows: Sequence[Row], metric: str) -> dict[str, Any]:
    """Numbers of one line along the view's axis, with error bars where there is an interval."""
    estimates = [row.values[metric] for row in rows]
    values = [table.value(row.case, view.over) for row in rows]
    return {
        "x": spell_out(table, view, values),
        "y": [estimate.value for estimate in estimates],
        "error_y": error_bars(estimates),
        "customdata": [spell(estimate, metric) for estimate in estimates],
    }


def spell_out(table: Table, view: View, values: Sequence[Any]) -> list[Any]:
    """Values along x: as numbers, or all as text if the axis is of categories."""
    is_category = x_axis(table, view)["type"] == "category"
    return [str(value) for value in values] if is_category else list(values)


def error_bars(estimates: Sequence[Estimate]) -> dict[str, Any]:
    """Upper and lower half of each interval; None, and so no bar, where there is no interval."""
    return {
        "array": [None if e.high is None else e.high - e.value for e in estimates],
        "arrayminus": [None if e.low is None else e.value - e.low for e in estimates],
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
