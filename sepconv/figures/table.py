"""The table: where every case stands, on a line of its own colour and on every axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sepconv.case import Case
from sepconv.figures.palette import CONV_TOKENS, line_style
from sepconv.judge.axis import AXES, Value, name_of, shape_of
from sepconv.judge.finding import axis_values, conv_order, is_standard

DIGITS = 5  # an interval is never narrower than what they resolve


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
class Table:
    """Cases in their order, with the lines and the axes that they stand on."""

    lines: tuple[Line, ...]
    axes: Mapping[str, tuple[Value, ...]]  # of all cases, ascending
    places: tuple[Place, ...]


def build_table(cases: Sequence[Case]) -> Table:
    """Where each of these cases is: on its line, and on every axis."""
    names = {name_of(case): case for case in sorted(cases, key=conv_order)}
    line_of = {name: index for index, name in enumerate(names)}
    axes = axis_values(cases)
    places = {name: {value: i for i, value in enumerate(axes[name])} for name in axes}
    return Table(
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
