"""Where head is slower: the change in time per call over two axes, a panel per conv type.

A cell of several cases shows the worst of them; the page's script makes the same panels when
another value of the remaining axes is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from sepconv.comparison import Compared, Outcome
from sepconv.figures.frame import inert, layout
from sepconv.figures.outcome import OUTCOME_THEMES
from sepconv.figures.palette import paint
from sepconv.figures.ratio import percent
from sepconv.judge.axis import AXES, Value
from sepconv.judge.finding import axis_values

if TYPE_CHECKING:
    import plotly.graph_objects as go

TITLE = "Where it got slower"
PREFERRED = ("channels", "resolution")  # x and y, where they vary
MOST_PANELS = 12
MOST_COLUMNS = 9  # with more of them, a cell has no room for its number
LEAST_SCALE, MOST_SCALE = 5.0, 50.0  # per cent: where the colours end
ROW_PIXELS, LEAST_ROW_PIXELS, AXIS_PIXELS = 36, 4, 84
MOST_PIXELS = 640  # of all rows together; with many of them, each is lower
MOST_TICKS = 24
TICK_LENGTH = 16  # letters of a value; a longer one is cut

FRAME: dict[str, Any] = {
    "layout": layout(
        TITLE,
        "",
        "",
        hovermode="closest",
        showlegend=False,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        xaxis={"ticks": "", "fixedrange": True, "showline": False},
        yaxis={"ticks": "", "fixedrange": True, "showgrid": False, "showline": False},
    ),
    "cells": {
        "type": "heatmap",
        "colorscale": [[0, "@less"], [0.5, "@even"], [1, "@more"]],
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
        "hoverinfo": "text",
        "texttemplate": "%{text}",
        "textfont": {"size": 13, "color": "@ink"},
    },
    "y_title": {
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 13, "color": "@muted"},
    },
    "frame": {
        "type": "rect",
        "layer": "above",
        "line": {"color": "@ink", "width": 2.5},
        "fillcolor": "rgba(0,0,0,0)",
    },
}
"""The look of a panel without its numbers; `frame` is drawn around what is slower, and the title
of the y axis lies above it, since a panel may be lower than it is long."""


@dataclass(frozen=True)
class Side:
    """An axis of the panels, or one that is held: its values, ascending."""

    name: str
    title: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One case on the surface; `place` is that in the list of all cases."""

    place: int
    form: int
    x: int
    y: int
    held: tuple[int, ...]
    change: float  # per cent
    is_slower: bool  # confirmed


@dataclass(frozen=True)
class Surface:
    """All cells, the slowest first, so that the first at a place is the worst there."""

    x: Side
    y: Side
    held: tuple[Side, ...]
    forms: tuple[str, ...]
    cells: tuple[Cell, ...]
    forms_left_out: int = 0

    @property
    def scale(self) -> float:
        """The change at which the colours end, in per cent: nine of ten cells lie within."""
        sizes = sorted(abs(cell.change) for cell in self.cells)
        return round(min(max(sizes[(9 * len(sizes)) // 10], LEAST_SCALE), MOST_SCALE), 1)


def content(cases: Sequence[Compared], forms: Sequence[str]) -> Surface | None:
    """The surface of the cases that have a ratio; None where no axis varies, since a single
    place is no surface. `forms` names the conv type of each of `cases`."""
    told = [place for place, case in enumerate(cases) if percent(case.ratio) is not None]
    values = axis_values([cases[place].head for place in told])
    varying = [name for name, found in values.items() if len(found) > 1]
    if not varying:
        return None
    x, y = _two_axes(values, varying)
    held = [name for name in varying if name not in (x, y)]
    shown = list(dict.fromkeys(forms[place] for place in told))[:MOST_PANELS]
    place_of = {name: {value: i for i, value in enumerate(values[name])} for name in (x, y, *held)}
    cells = [
        _cell(place, cases[place], shown.index(forms[place]), (x, y, *held), place_of)
        for place in told
        if forms[place] in shown
    ]
    return Surface(
        _side(x, values[x]),
        _side(y, values[y]),
        tuple(_side(name, values[name]) for name in held),
        tuple(shown),
        tuple(sorted(cells, key=lambda cell: (-cell.change, cell.place))),
        len({forms[place] for place in told}) - len(shown),
    )


def panel(surface: Surface, form: int, held: Sequence[int | None] | None = None) -> dict[str, Any]:
    """One panel in plain values, its colours as tokens; `held` chooses a value of each held
    axis, None all of them."""
    wanted = held or [None] * len(surface.held)
    worst: dict[tuple[int, int], Cell] = {}
    for cell in surface.cells:
        is_wanted = all(w is None or w == found for w, found in zip(wanted, cell.held, strict=True))
        if cell.form == form and is_wanted:
            worst.setdefault((cell.x, cell.y), cell)
    columns, rows = len(surface.x.values), len(surface.y.values)
    grid = [[worst.get((x, y)) for x in range(columns)] for y in range(rows)]
    cells = look_of_cells(surface) | {
        "z": [[None if cell is None else cell.change for cell in row] for row in grid],
        "text": [[spell(cell) for cell in row] for row in grid],
        "customdata": [[None if cell is None else cell.place for cell in row] for row in grid],
        "zmin": -surface.scale,
        "zmax": surface.scale,
    }
    shapes = [
        look_of_frame(surface) | {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        for (x, y), cell in sorted(worst.items())
        if cell.is_slower
    ]
    return {"data": [cells], "layout": panel_layout(surface) | {"shapes": shapes}}


def panel_layout(surface: Surface) -> dict[str, Any]:
    """What all panels have in common."""
    base: dict[str, Any] = FRAME["layout"]
    title = base["xaxis"]["title"]
    return base | {
        "height": AXIS_PIXELS + _row_pixels(len(surface.y.values)) * len(surface.y.values),
        "xaxis": base["xaxis"] | _ticks(surface.x) | {"title": title | {"text": surface.x.title}},
        "yaxis": base["yaxis"] | _ticks(surface.y) | {"title": title | {"text": ""}},
        "annotations": [FRAME["y_title"] | {"text": surface.y.title}],
    }


def draw(surface: Surface, form: int = 0, theme: str = "light") -> go.Figure:
    """The plotly figure of one panel."""
    import plotly.graph_objects as go

    return go.Figure(paint(panel(surface, form), OUTCOME_THEMES[theme]))


def spell(cell: Cell | None) -> str:
    """A cell's change in few letters: "+5.1", "+132"."""
    if cell is None:
        return ""
    return f"{cell.change:+.{1 if abs(cell.change) < 99.95 else 0}f}"


def look_of_cells(surface: Surface) -> dict[str, Any]:
    """The template of the cells; of many small ones, without numbers and with narrow gaps."""
    cells: dict[str, Any] = FRAME["cells"]
    if _has_room(surface):
        return cells
    small = {name: value for name, value in cells.items() if name != "texttemplate"}
    return small | {"xgap": 1, "ygap": 1}


def look_of_frame(surface: Surface) -> dict[str, Any]:
    """The template of what is drawn around a cell that is slower."""
    frame: dict[str, Any] = FRAME["frame"]
    return frame if _has_room(surface) else frame | {"line": frame["line"] | {"width": 1}}


def _has_room(surface: Surface) -> bool:
    return len(surface.x.values) <= MOST_COLUMNS and len(surface.y.values) <= MOST_TICKS


def _two_axes(values: Mapping[str, Sequence[Value]], varying: Sequence[str]) -> tuple[str, str]:
    """Channels and resolution where they vary; in the place of what does not, the axis of most
    values; where nothing else varies, the other one of the two."""
    others = sorted(
        (name for name in varying if name not in PREFERRED), key=lambda name: -len(values[name])
    )
    chosen = [name for name in PREFERRED if name in varying]
    chosen += others[: 2 - len(chosen)]
    chosen += [name for name in reversed(PREFERRED) if name not in chosen][: 2 - len(chosen)]
    x, y = chosen
    return (y, x) if x == "resolution" else (x, y)


def _cell(
    place: int,
    case: Compared,
    form: int,
    names: Sequence[str],
    place_of: Mapping[str, Mapping[Value, int]],
) -> Cell:
    x, y, *held = (place_of[name][AXES[name].value(case.head)] for name in names)
    change = percent(case.ratio)
    assert change is not None
    return Cell(place, form, x, y, tuple(held), change, case.outcome is Outcome.SLOWER)


def _side(name: str, values: Sequence[Value]) -> Side:
    return Side(name, AXES[name].title, tuple(map(str, values)))


def _ticks(side: Side) -> dict[str, Any]:
    """A place per value; the axis of the panels counts places, not sizes."""
    count = len(side.values)
    labelled = range(0, count, ceil(count / MOST_TICKS))
    return {
        "range": [-0.5, count - 0.5],
        "tickvals": list(labelled),
        "ticktext": [inert(_cut(side.values[place])) for place in labelled],
    }


def _row_pixels(rows: int) -> int:
    return max(LEAST_ROW_PIXELS, min(ROW_PIXELS, MOST_PIXELS // rows))


def _cut(text: str) -> str:
    return text if len(text) <= TICK_LENGTH else f"{text[: TICK_LENGTH - 1]}…"
