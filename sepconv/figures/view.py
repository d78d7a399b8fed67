"""What is looked at: the run, the axis along x, where the other axes are held, the chosen case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sepconv.figures.table import Row, Table
from sepconv.judge.axis import AXES, Value
from sepconv.judge.finding import Finding

Scale = Literal["log", "linear"]


@dataclass(frozen=True)
class View:
    """A choice of what to see; a page keeps the same thing in its address."""

    run: int = 0
    over: str = "channels"
    held: Mapping[str, Value] = field(default_factory=dict)  # every axis' value, unless it is x
    case: int | None = None
    scale: Scale = "log"


def default_view(table: Table, finding: Finding, run: int) -> View:
    """A run seen at its headline shape, along the channels if they vary."""
    varying = [name for name, values in finding.axes.items() if len(values) > 1]
    over = next((name for name in ("channels", *varying) if name in varying), "channels")
    if not finding.headlines:
        cases = [row.case for row in table.rows_of(run)]
        case = cases[0] if cases else None
        held = {name: table.value(case, name) for name in AXES} if case is not None else {}
        return View(run, over, held, case)
    headline = finding.headlines[0]
    held = {name: axis.value(headline.shape) for name, axis in AXES.items()}
    promising = [c for c in headline.contenders if c.speedup and not c.is_standard]
    chosen = (promising or headline.contenders)[0].measurement.case.identity
    rows = table.rows_of(run)
    case = next(row.case for row in rows if table.places[row.case].case.identity == chosen)
    return View(run, over, held, case)


def select(table: Table, view: View, metric: str) -> list[list[Row]]:
    """Per line, the run's rows that have the metric and are where the view holds every axis,
    in the order of the x axis."""
    held = [name for name in table.varying(view.run) if name != view.over]
    lines: list[list[Row]] = [[] for _ in table.lines]
    for row in table.rows_of(view.run):
        place = table.places[row.case]
        if metric in row.values and all(
            table.value(row.case, name) == view.held.get(name) for name in held
        ):
            lines[place.line].append(row)
    for rows in lines:
        rows.sort(key=lambda row: table.places[row.case].indices[view.over])
    return lines
