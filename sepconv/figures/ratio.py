"""Head against base, case by case: the change in time per call with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from sepconv.comparison import Compared, Outcome
from sepconv.figures.frame import FONT, inert, layout
from sepconv.figures.outcome import MARKS, OUTCOME_THEMES
from sepconv.figures.palette import paint
from sepconv.figures.table import round_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

TITLE = "Head against base"
X_TITLE = "head against base, change in time per call / %"
MOST_ROWS = 60  # more of them are no figure, but a table
LABEL_LENGTH = 44  # letters of a row's name; the rest is told where it is pointed at
ROW_PIXELS = 26
AXIS_PIXELS = 92
LEAST_REACH = 10.0  # per cent: up to here every change is drawn where it is
FAR = 4.0  # times the third quartile of all changes: what is beyond is drawn at the edge
ROOM = 1.12  # of the axis around what is drawn


@dataclass(frozen=True)
class Point:
    """One case: its change and the interval of it in per cent, and where it stands in the list."""

    place: int  # in the list of all cases, which the page's anchors are in the order of
    label: str
    outcome: Outcome
    change: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True)
class Forest:
    """The points, the most important first, with the margins in per cent."""

    points: tuple[Point, ...]
    total: int  # cases that have a ratio; those beyond `MOST_ROWS` are not drawn
    margin: float | None = None
    same_margin: float | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """What the axis covers. A single huge change would make all others invisible: it is
        drawn at the edge, with its number."""
        sizes = sorted(abs(point.change) for point in self.points)
        typical = sizes[(3 * len(sizes)) // 4] if sizes else 0.0
        limit = max(LEAST_REACH, FAR * typical)
        ends = [-1.5 * margin for margin in self._margins] + [1.5 * m for m in self._margins]
        for point in self.points:
            ends.append(min(max(point.change, -limit), limit))
            bounds = [bound for bound in (point.low, point.high) if bound is not None]
            ends += [min(max(bound, -limit), limit) for bound in bounds]
        low, high = min([-1.0, *ends]), max([1.0, *ends])
        room = (ROOM - 1) * (high - low)
        return round_digits(low - room), round_digits(high + room)

    @property
    def _margins(self) -> list[float]:
        return [margin for margin in (self.margin, self.same_margin) if margin is not None]


def content(
    cases: Sequence[Compared],
    labels: Sequence[str],
    texts: Sequence[str],
    method: Mapping[str, Any] | None = None,
) -> Forest:
    """The first cases that have a ratio; `labels` and `texts` are the words for each of `cases`,
    in a row and when it is pointed at."""
    method = method or {}
    points = [
        _point(place, case, label, text)
        for place, (case, label, text) in enumerate(zip(cases, labels, texts, strict=True))
        if case.ratio is not None and isfinite(case.ratio)
    ]
    margins = [method.get(name) for name in ("margin", "same_margin")]
    return Forest(
        tuple(points[:MOST_ROWS]),
        len(points),
        *(None if margin is None else round_digits(100 * margin) for margin in margins),
    )


def percent(ratio: float | None) -> float | None:
    """The change that a ratio stands for, in per cent; None where there is no finite one."""
    if ratio is None or not isfinite(ratio):
        return None
    return round_digits(100 * (ratio - 1))


def spec(forest: Forest) -> dict[str, Any]:
    """The figure in plain values, its colours as tokens of `OUTCOME_THEMES`."""
    left, right = forest.reach
    rows = len(forest.points)
    return {
        "data": [_trace(forest, outcome) for outcome in Outcome if _of(forest, outcome)],
        "layout": layout(
            TITLE,
            X_TITLE,
            "",
            hovermode="closest",
            showlegend=False,
            height=AXIS_PIXELS + ROW_PIXELS * rows,
            margin={"l": 8, "r": 20, "t": 64, "b": 12},
            xaxis={
                "side": "top",
                "range": [left, right],
                "showgrid": True,
                "ticksuffix": " %",
                "nticks": 9,
                "zeroline": True,
                "zerolinecolor": "@muted",
                "zerolinewidth": 1.5,
                "fixedrange": True,
            },
            yaxis={
                "range": [rows - 0.4, -0.6],
                "tickvals": list(range(rows)),
                "ticktext": [inert(_cut(point.label)) for point in forest.points],
                "showgrid": False,
                "ticks": "",
                "tickfont": {"size": 12.5},
                "fixedrange": True,
            },
            shapes=_bands(forest),
            annotations=_far_away(forest, left, right),
        ),
    }


def draw(forest: Forest, theme: str = "light") -> go.Figure:
    """The plotly figure of these points."""
    import plotly.graph_objects as go

    return go.Figure(paint(spec(forest), OUTCOME_THEMES[theme]))


def _point(place: int, case: Compared, label: str, text: str) -> Point:
    change = percent(case.ratio)
    assert change is not None
    return Point(place, label, case.outcome, change, percent(case.low), percent(case.high), text)


def _of(forest: Forest, outcome: Outcome) -> list[tuple[int, Point]]:
    return [(row, p) for row, p in enumerate(forest.points) if p.outcome is outcome]


def _trace(forest: Forest, outcome: Outcome) -> dict[str, Any]:
    """The points of one outcome; what is beyond the axis stands at its edge."""
    rows, points = zip(*_of(forest, outcome), strict=True)
    left, right = forest.reach
    mark = MARKS[outcome]

    def is_far(point: Point) -> bool:
        return not left <= point.change <= right

    return {
        "type": "scatter",
        "mode": "markers",
        "name": str(outcome),
        "x": [_at_edge(point.change, left, right) for point in points],
        "y": list(rows),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [_half(point.high, point.change, is_far(point)) for point in points],
            "arrayminus": [_half(point.change, point.low, is_far(point)) for point in points],
            "color": mark.color,
            "thickness": 2,
            "width": 4,
        },
        "marker": {
            "color": mark.color,
            "symbol": mark.symbol,
            "size": 10,
            "line": {"width": 2 if mark.symbol.endswith("-open") else 0, "color": mark.color},
        },
        "customdata": [point.place for point in points],
        "text": [inert(point.text).replace("\n", "<br>") for point in points],
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
    }


def _half(upper: float | None, lower: float | None, is_far: bool) -> float | None:
    """One side of an interval; None of a point that is not where it belongs."""
    if upper is None or lower is None or is_far:
        return None
    return round_digits(max(upper - lower, 0.0))


def _cut(label: str) -> str:
    return label if len(label) <= LABEL_LENGTH else f"{label[: LABEL_LENGTH - 1]}…"


def _at_edge(change: float, left: float, right: float) -> float:
    return min(max(change, left), right)


def _bands(forest: Forest) -> list[dict[str, Any]]:
    """The margin of sameness, and upon it that of an alarm; mirrored as ratios are."""
    bands = ((forest.same_margin, "@band"), (forest.margin, "@alarm"))
    return [
        {
            "type": "rect",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": round_digits(100 * (1 / (1 + margin / 100) - 1)),
            "x1": margin,
            "fillcolor": color,
            "line": {"width": 0},
            "layer": "below",
        }
        for margin, color in sorted(
            ((margin, color) for margin, color in bands if margin is not None),
            key=lambda band: -(band[0] or inf),
        )
    ]


def _far_away(forest: Forest, left: float, right: float) -> list[dict[str, Any]]:
    """The number of each change that is beyond the axis, beside its marker."""
    return [
        {
            "x": _at_edge(point.change, left, right),
            "y": row,
            "text": f"{point.change:+.3g} %" + (" →" if point.change > 0 else " ←"),
            "xanchor": "right" if point.change > 0 else "left",
            "xshift": -9 if point.change > 0 else 9,
            "showarrow": False,
            "bgcolor": "@card",
            "font": {"family": FONT, "size": 12, "color": "@ink"},
        }
        for row, point in enumerate(forest.points)
        if not left <= point.change <= right
    ]
