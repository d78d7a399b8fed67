"""A case in as few words as tell it from its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields

from sepconv.case import Case
from sepconv.report.text import NONE, inert
from sepconv.selection import AXES

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


def form_text(case: Case) -> str:
    """The conv type and its options."""
    options = _options(case)
    name = AXIS_COLUMNS["conv type"](case)
    return name if options == NONE else f"{name} {options}"


def shared_axes(cases: Sequence[Case]) -> dict[str, str]:
    """The axes on which all cases are at one value, if it matters or is not the default."""
    shared = {}
    for name, read in AXIS_COLUMNS.items():
        values = set(map(read, cases))
        if len(values) == 1 and (name in ALWAYS_SAID or values != {DEFAULTS.get(name, NONE)}):
            shared[name] = values.pop()
    return shared


def _size(first: object, second: object, sign: str) -> str:
    return str(first) if first == second else f"{first}{sign}{second}"


def _axis_reader(name: str) -> Callable[[Case], str]:
    def read(case: Case) -> str:
        size = getattr(case, name)
        return _size(size[0], size[1], "×") if isinstance(size, tuple) else inert(size)

    return read


def _options(case: Case) -> str:
    return inert(" ".join(f"{name}={value}" for name, value in case.options.items())) or NONE


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
