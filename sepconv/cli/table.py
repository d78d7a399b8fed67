"""Tables of results: for people in a terminal, and as JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sepconv.record import Estimate, Measurement, Status
from sepconv.report.markdown import markdown_table
from sepconv.report.shape import AXIS_COLUMNS, form_text, shape_texts, shared_axes
from sepconv.report.text import NONE, flat, headline, inert
from sepconv.units import format_count, format_ratio, format_seconds, significant

Row = Mapping[str, Any]

PIPE_WIDTH = 10_000  # columns where there is no terminal: nothing is cut or wrapped
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what follows
COLORS = {
    Status.OK: "green",
    Status.NOISY: "yellow",
    Status.FAULTING: "yellow",
    Status.THROTTLED: "yellow",
    Status.UNSUPPORTED: "dim",
    Status.SKIPPED: "dim",
    Status.MISSING: "dim",
}


def make_console() -> Console:
    """A console that prints what it is given: no markup, no emoji, nothing cut in a pipe."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def case_table(measurements: Sequence[Measurement], width: int = PIPE_WIDTH) -> Table:
    """What a run says of each case, the conv types of one shape next to each other.

    Axes that are the same for all stand below the table. A terminal that is too narrow for
    everything does without params, FLOPs and the share of the ideal.
    """
    is_wide = width >= WIDE
    ordered = by_shape(measurements)
    cases = [measurement.case for measurement in ordered]
    shared = shared_axes(cases)
    caption = ", ".join(f"{name} {text}" for name, text in shared.items())
    columns = [name for name in VALUE_COLUMNS if is_wide or name not in ("params", "FLOPs")]
    table = Table(
        caption=Text(f"all cases: {caption}", justify="left") if caption else None,
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for name in ("shape", "conv type", *columns):
        is_text = name in ("shape", "conv type", "status")
        title = name if is_wide else name.removeprefix("of ")
        table.add_column(Text(title), justify="left" if is_text else "right", no_wrap=True)
    previous = None
    for measurement, shape in zip(ordered, shape_texts(cases), strict=True):
        values = dict(zip(VALUE_COLUMNS, _value_cells(measurement), strict=True))
        form = form_text(measurement.case)
        if not is_wide:
            form = form.replace("separable", "sep.")
            values["of ideal"] = values["of ideal"].rpartition("of ")[2]
        cells = [shape if shape != previous else "", form, *(values[name] for name in columns)]
        texts = [Text(text) for text in cells]
        texts[-1].stylize(COLORS.get(measurement.status, "red"))
        table.add_row(*texts)
        previous = shape
    return table


def rows_table(
    rows: Sequence[Mapping[str, object]],
    *,
    left: Collection[str],
    wrapped: Collection[str] = (),
    styles: Sequence[str] | None = None,
) -> Table:
    """Rows with the same keys as a table for a terminal: `left` are the columns of words,
    `wrapped` those that may take several lines, `styles` those of each row's last cell."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in rows[0] if rows else ():
        justify: Literal["left", "right"] = "left" if name in left else "right"
        table.add_column(Text(name), justify=justify, no_wrap=name not in wrapped)
    for place, row in enumerate(rows):
        texts = [Text(inert(cell)) for cell in row.values()]
        if styles is not None:
            texts[-1].stylize(styles[place])
        table.add_row(*texts)
    return table


def by_shape(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The conv types of one shape next to each other, shapes in the order of the suite."""
    shapes: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        shapes.setdefault(measurement.case.shape.identity, []).append(measurement)
    return [measurement for group in shapes.values() for measurement in group]


def case_cells(measurements: Sequence[Measurement]) -> list[dict[str, str]]:
    """A row per case, by the names of the columns: the axes that vary, then what was measured."""
    cases = [measurement.case for measurement in measurements]
    varied = [name for name, read in AXIS_COLUMNS.items() if len(set(map(read, cases))) > 1]
    return [
        {name: AXIS_COLUMNS[name](measurement.case) for name in varied}
        | dict(zip(VALUE_COLUMNS, _value_cells(measurement), strict=True))
        for measurement in measurements
    ]


def print_rows(rows: Sequence[Row], output_format: str) -> None:
    """Print rows with the same keys as `json`, `csv` or `markdown`."""
    if output_format == "json":
        print_json(list(rows))
    elif output_format == "csv":
        click.echo(_csv(rows), nl=False)
    else:
        click.echo(markdown_table(rows), nl=False)


def print_json(plain: object) -> None:
    """JSON of ASCII letters: a terminal escape in it stays spelled out."""
    click.echo(json.dumps(plain, indent=2, allow_nan=False))


def show_estimate(estimate: Estimate | None, show: Callable[[float], str]) -> str:
    """A value and half its interval: "2.11 ms ± 1.2 %"."""
    if estimate is None:
        return NONE
    error = estimate.relative_error
    return show(estimate.value) + (f" ± {significant(100 * error, 2)} %" if error else "")


def _value_cells(measurement: Measurement) -> list[str]:
    """What belongs under `VALUE_COLUMNS`."""
    values = measurement.values
    realised, ideal = values.get("realised_speedup"), values.get("ideal_speedup")
    share = NONE if ideal is None else f"of {format_ratio(ideal.value)}"
    if realised is not None and ideal is not None:
        share = f"{realised.value / ideal.value:.0%} {share}"
    return [
        show_estimate(values.get("latency_s"), format_seconds),
        show_estimate(realised, format_ratio),
        share,
        *(_count_cell(values.get(metric)) for metric in ("params", "flops")),
        _status_cell(measurement),
    ]


def _count_cell(estimate: Estimate | None) -> str:
    return NONE if estimate is None else format_count(estimate.value)


def _status_cell(measurement: Measurement) -> str:
    reason = headline(measurement.error)
    return f"{measurement.status}: {reason}" if reason else str(measurement.status)


VALUE_COLUMNS = ("latency", "speed-up", "of ideal", "params", "FLOPs", "status")
WIDE = 110  # columns that everything needs


def _csv(rows: Sequence[Row]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    if rows:
        writer.writerow(map(_csv_cell, rows[0]))
    writer.writerows(map(_csv_cell, row.values()) for row in rows)
    return target.getvalue()


def _csv_cell(value: object) -> object:
    if value is None or isinstance(value, (int, float)):
        return value
    text = inert(flat(value))
    return f"'{text}" if text.startswith(FORMULA_SIGNS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
