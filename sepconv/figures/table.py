"""What every figure draws from: the measurements of several runs as one table of plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

from sepconv.case import Case
from sepconv.figures.palette import CONV_TOKENS, line_style
from sepconv.judge.axis import AXES, Value, name_of, shape_of
from sepconv.judge.finding import axis_values, conv_order, is_standard
from sepconv.record import Estimate, Measurement
from sepconv.run import Run

DIGITS = 5  # an interval is never narrower than what they resolve
SHOWN_ALWAYS = frozenset({"ideal_speedup", "params", "macs", "flops"})  # of the case, not the clock
SHOWN = SHOWN_ALWAYS | {"latency_s", "realised_speedup"}
FIELDS = attrgetter(*Case.__dataclass_fields__)

History = Sequence[tuple[Run, Sequence[Measurement]]]


@dataclass(frozen=True)
class Line:
    """A conv type or a variant of one: what has a colour and a marker of its own."""

    name: str
    color: str  # token of the palette
    symbol: str
    is_standard: bool


@dataclass(frozen=True)
class Place:
    """One case on the axes: for every axis the index into its values."""

    case: Case
    line: int
    indices: Mapping[str, int]


@dataclass(frozen=True)
class Placed:
    """Cases on their lines and axes."""

    lines: tuple[Line, ...]
    axes: Mapping[str, tuple[Value, ...]]  # of all cases, ascending
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Row:
    """One measurement: indices of its run and its case, and its numbers, rounded."""

    run: int
    case: int
    status: str
    error: str | None
    passes: int
    values: Mapping[str, Estimate]  # by metric name


@dataclass(frozen=True)
class Mark:
    """Something that happened before a run: a line in the histories of some cases."""

    label: str  # a few letters, beside the line
    text: str
    run: int
    cases: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """Rows of several runs, oldest run first, with what they refer to."""

    runs: tuple[Run, ...]
    lines: tuple[Line, ...]
    axes: Mapping[str, tuple[Value, ...]]  # of all runs, ascending
    places: tuple[Place, ...]
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...] = ()

    def value(self, case: int, axis: str) -> Value:
        """What the case with that index has on an axis."""
        return self.axes[axis][self.places[case].indices[axis]]

    @cached_property
    def rows_by_run(self) -> tuple[tuple[Row, ...], ...]:
        """The rows of each run."""
        by_run: list[list[Row]] = [[] for _ in self.runs]
        for row in self.rows:
            by_run[row.run].append(row)
        return tuple(map(tuple, by_run))

    def rows_of(self, run: int) -> tuple[Row, ...]:
        return self.rows_by_run[run] if self.runs else ()

    def varying(self, run: int) -> list[str]:
        """The axes on which the cases of a run differ: the only ones worth a selector."""
        cases = {row.case for row in self.rows_of(run)}
        return [name for name in AXES if len({self.value(case, name) for case in cases}) > 1]


def intern_cases(history: History) -> History:
    """The same history with one object for all cases that are equal in all fields, so that what
    is expensive to know of a case is found out once."""
    case_of: dict[object, Case] = {}

    def intern(measurement: Measurement) -> Measurement:
        case = case_of.setdefault(FIELDS(measurement.case), measurement.case)
        return measurement if case is measurement.case else replace(measurement, case=case)

    return [(run, [intern(m) for m in measurements]) for run, measurements in history]


def build_table(history: History, cases: Sequence[Case] = ()) -> Table:
    """One table of all runs; `cases` come first, measured or not."""
    index_of = {case.identity: index for index, case in enumerate(cases)}
    cases = list(cases)
    rows: list[Row] = []
    for run_index, (_, measurements) in enumerate(history):
        for measurement in measurements:
            case = measurement.case
            index = index_of.setdefault(case.identity, len(cases))
            if index == len(cases):
                cases.append(case)
            rows.append(_row(run_index, index, measurement))

    placed = place_cases(cases)
    return Table(
        runs=tuple(run for run, _ in history),
        lines=placed.lines,
        axes=placed.axes,
        places=placed.places,
        rows=tuple(rows),
    )


def place_cases(cases: Sequence[Case]) -> Placed:
    """Where each case is: on its line, and on every axis."""
    names = {name_of(case): case for case in sorted(cases, key=conv_order)}
    line_of = {name: index for index, name in enumerate(names)}
    axes = axis_values(cases)
    places = {name: {value: i for i, value in enumerate(axes[name])} for name in axes}
    return Placed(
        lines=_lines(names),
        axes=axes,
        places=tuple(
            Place(
                case,
                line_of[name_of(case)],
                {
                    name: places[name][value]
                    for name, value in zip(AXES, shape_of(case), strict=True)
                },
            )
            for case in cases
        ),
    )


def round_digits(value: float) -> float:
    """`value` with as many significant digits as the page carries."""
    return float(f"{value:.{DIGITS}g}")


def _row(run: int, case: int, measurement: Measurement) -> Row:
    shown = SHOWN if measurement.is_measured else SHOWN_ALWAYS
    values = {name: _rounded(found) for name, found in measurement.values.items() if name in shown}
    return Row(run, case, measurement.status, measurement.error, measurement.passes, values)


def _rounded(estimate: Estimate) -> Estimate:
    if estimate.low is None or estimate.high is None:
        return Estimate(round_digits(estimate.value))
    return Estimate(*map(round_digits, (estimate.value, estimate.low, estimate.high)))


def _lines(names: Mapping[str, Case]) -> tuple[Line, ...]:
    """Lines in the order of their conv types; variants of one share its colour."""
    further = list(
        dict.fromkeys(
            case.conv_type for case in names.values() if case.conv_type not in CONV_TOKENS
        )
    )
    variants: dict[str, int] = {}
    lines = []
    for name, case in names.items():
        variant = variants.get(case.conv_type, 0)
        variants[case.conv_type] = variant + 1
        stranger = further.index(case.conv_type) if case.conv_type in further else 0
        color, symbol = line_style(case.conv_type, stranger, variant)
        lines.append(Line(name, color, symbol, is_standard(case)))
    return tuple(lines)
