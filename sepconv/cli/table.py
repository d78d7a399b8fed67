"""Tables of results: for people in a terminal, and as JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, Literal

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sepconv.case import Case
from sepconv.record import Estimate, Measurement, Status
from sepconv.selection import AXES
from sepconv.units import format_count, format_ratio, format_seconds, significant

Row = Mapping[str, Any]

PIPE_WIDTH = 10_000  # columns where there is no terminal: nothing is cut or wrapped
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what follows
NONE = "–"
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


def inert(text: object) -> str:
    """`text` on one line, without anything that a terminal would act on."""
    spaced = " ".join(str(text).split())
    return "".join(char for char in spaced if char.isprintable())


def headline(error: str | None) -> str:
    """What an error says first; of a traceback, which says it last, the exception."""
    lines = [line for line in map(inert, (error or "").splitlines()) if line]
    if not lines:
        return ""
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


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
        form = _form_text(measurement.case)
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


def shape_texts(cases: Sequence[Case]) -> list[str]:
    """The axes that vary, in short: "64 56×56 s1 b1"."""
    varied = [
        name
        for name, read in AXIS_COLUMNS.items()
        if name not in FORM_AXES and len(set(map(read, cases))) > 1
    ]
    shown = [name for name in AXIS_COLUMNS if name in varied or name in ALWAYS_SHAPED]
    return [
        " ".join(SHORT.get(name, "{}").format(_short(name, case)) for name in shown)
        for case in cases
    ]


def _short(name: str, case: Case) -> str:
    if name == "resolution":
        return f"{case.height}×{case.width}"
    return AXIS_COLUMNS[name](case)


def _form_text(case: Case) -> str:
    """The conv type and its options."""
    options = _options(case)
    name = AXIS_COLUMNS["conv type"](case)
    return name if options == NONE else f"{name} {options}"


def case_cells(measurements: Sequence[Measurement]) -> list[dict[str, str]]:
    """A row per case, by the names of the columns: the axes that vary, then what was measured."""
    cases = [measurement.case for measurement in measurements]
    varied = [name for name, read in AXIS_COLUMNS.items() if len(set(map(read, cases))) > 1]
    return [
        {name: AXIS_COLUMNS[name](measurement.case) for name in varied}
        | dict(zip(VALUE_COLUMNS, _value_cells(measurement), strict=True))
        for measurement in measurements
    ]


def shared_axes(cases: Sequence[Case]) -> dict[str, str]:
    """The axes on which all cases are at one value, if it matters or is not the default."""
    shared = {}
    for name, read in AXIS_COLUMNS.items():
        values = set(map(read, cases))
        if len(values) == 1 and (name in ALWAYS_SAID or values != {DEFAULTS.get(name, NONE)}):
            shared[name] = values.pop()
    return shared


def print_rows(rows: Sequence[Row], output_format: str) -> None:
    """Print rows with the same keys as `json`, `csv` or `markdown`."""
    if output_format == "json":
        print_json(list(rows))
    elif output_format == "csv":
        click.echo(_csv(rows), nl=False)
    else:
        click.echo(_markdown(rows), nl=False)


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


def _size(first: object, second: object, sign: str) -> str:
    return str(first) if first == second else f"{first}{sign}{second}"


def _axis_reader(name: str) -> Callable[[Case], str]:
    def read(case: Case) -> str:
        size = getattr(case, name)
        return _size(size[0], size[1], "×") if isinstance(size, tuple) else inert(size)

    return read


def _options(case: Case) -> str:
    return inert(" ".join(f"{name}={value}" for name, value in case.options.items())) or NONE


VALUE_COLUMNS = ("latency", "speed-up", "of ideal", "params", "FLOPs", "status")
GROUPED = {"in_channels", "out_channels", "height", "width", "conv_type"}
FORM_AXES = {"conv type", "options"}
ALWAYS_SHAPED = {"channels", "resolution"}
SHORT = {
    "kernel size": "k{}",
    "stride": "s{}",
    "batch size": "b{}",
    "threads": "{}t",
    "dilation": "d{}",
    "groups": "g{}",
    "padding": "p{}",
}
WIDE = 110  # columns that everything needs
AXIS_COLUMNS: dict[str, Callable[[Case], str]] = {
    "conv type": lambda case: inert(case.conv_type).replace("_", " "),
    "channels": lambda case: _size(case.in_channels, case.out_channels, "→"),
    "resolution": lambda case: _size(case.height, case.width, "×"),
    **{name.replace("_", " "): _axis_reader(name) for name in AXES if name not in GROUPED},
    "options": _options,
}
"""What people read of a case, in its own order; pairs of equal numbers are one."""

ALWAYS_SAID = {"conv type", "channels", "resolution", "kernel size", "stride", "batch size"}
DEFAULTS = {
    field.name.replace("_", " "): str(field.default)
    for field in fields(Case)
    if field.default is not MISSING
}


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
    text = inert(_flat(value))
    return f"'{text}" if text.startswith(FORMULA_SIGNS) and not _is_number(text) else text


def _markdown(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[markdown_cell(value) for value in row.values()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def markdown_cell(value: object) -> str:
    """`value` as text that Markdown shows as it is: it makes no cell, tag or mention."""
    text = "" if value is None else inert(_flat(value))
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")
    return "".join(f"\\{char}" if char in "\\`*_~|[]" else char for char in escaped)


def _flat(value: object) -> object:
    """One text of what has parts: "ok 14, failed 1"."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
