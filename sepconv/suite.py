"""A named sweep, read from TOML: axes, their products, includes, excludes, metrics, time budget."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from sepconv.case import Case
from sepconv.conv_type import OPTION_DEFAULTS, Options
from sepconv.errors import InvalidCase, InvalidSuite
from sepconv.metric import METRICS
from sepconv.selection import AXES, AXIS_GROUPS, is_axis, matches
from sepconv.units import parse_duration, parse_percentage

KEYS = (
    "name",
    "description",
    "metrics",
    "time_budget",
    "precision",
    "allocators",
    "axes",
    "include",
    "exclude",
)
ALLOCATORS = ("tuned", "default")
PAIRED_AXES = ("kernel_size", "stride", "padding", "dilation")
BUILT_IN_OPTIONS = {f"options.{name}" for own in OPTION_DEFAULTS.values() for name in own}
CASE_LIMIT = 100_000  # a sweep that would take months is a typing error
DEFAULT_PRECISION = 0.02


@dataclass(frozen=True)
class Suite:
    """A sweep as its file states it; `expand` makes the cases, once the machine is known.

    Raises:
        InvalidSuite: A key or value is wrong; the message names the file and the key.
    """

    name: str
    axes: Mapping[str, Sequence[Any]]
    metrics: tuple[str, ...] = ("latency_s",)
    time_budget_s: float | None = None
    precision: float = DEFAULT_PRECISION  # stop at an interval of ± this fraction
    allocators: tuple[str, ...] = ()  # a run for each, in this order; empty: the command decides
    include: tuple[Mapping[str, Any], ...] = ()
    exclude: tuple[Mapping[str, Any], ...] = ()
    description: str = ""
    source: str = "suite"  # the file, for messages
    digest: str = field(default="", compare=False)

    @classmethod
    def load(cls, path: Path) -> Suite:
        """The suite in the TOML file `path`."""
        try:
            text = path.read_bytes()
            plain = tomllib.loads(text.decode())
        except OSError as error:
            raise InvalidSuite(str(path), "file", error.strerror, "a readable file") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidSuite(str(path), "file", str(error), "TOML in UTF-8") from error
        return cls.from_dict(plain, source=str(path), digest=sha256(text).hexdigest()[:16])

    @classmethod
    def from_dict(
        cls, plain: Mapping[str, Any], *, source: str = "suite", digest: str = ""
    ) -> Suite:
        """The suite that parsed TOML states."""
        for key in plain:
            if key not in KEYS:
                raise InvalidSuite(source, key, plain[key], "one of the keys " + ", ".join(KEYS))
        name = plain.get("name")
        if not isinstance(name, str) or not name.strip():
            raise InvalidSuite(source, "name", name, 'a name, as in: name = "quick"')
        return cls(
            name=name,
            axes=_read_axes(plain.get("axes", {}), source),
            metrics=_read_metrics(plain.get("metrics", ["latency_s"]), source),
            time_budget_s=_read_quantity(plain, "time_budget", parse_duration, None, source),
            precision=_read_quantity(
                plain, "precision", parse_percentage, DEFAULT_PRECISION, source
            ),
            allocators=_read_allocators(plain, source),
            include=_read_tables(plain, "include", source),
            exclude=_read_tables(plain, "exclude", source),
            description=str(plain.get("description", "")),
            source=source,
            digest=digest,
        )

    @property
    def wants_devices(self) -> bool:
        """Whether the sweep depends on which devices the machine has."""
        tables = [self.axes, *self.include]
        return any("available" in _listed(table.get("device", [])) for table in tables)

    def expand(
        self,
        *,
        devices: Sequence[str] = ("cpu",),
        logical_cores: int = 1,
        conv_types: Sequence[str] = (),
    ) -> tuple[Case, ...]:
        """Every case of the sweep once, in the order of the file.

        `device = ["available"]` becomes `devices`, `threads = ["all"]` becomes
        `logical_cores`. Axes that do not apply to a conv type are removed before
        duplicates are: `options.mode` × standard is one case.

        `conv_types`, the users' own, take part wherever built-in ones do, without the options
        that belong to those; unless the suite names one of them, and so says where.
        """
        tables = list(self._tables(conv_types))
        points = sum(prod(len(_listed(values)) for values in table.values()) for _, table in tables)
        if points > CASE_LIMIT:
            raise InvalidSuite(self.source, "axes", points, f"at most {CASE_LIMIT} cases")
        cases: dict[str, Case] = {}
        for key, table in tables:
            for case in self._product(key, table, devices, logical_cores):
                if key == "include" or not any(matches(case, wanted) for wanted in self.exclude):
                    cases.setdefault(case.identity, case)
        return tuple(cases.values())

    def _tables(self, conv_types: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What is multiplied out, each table followed by what others' conv types add to it."""
        stated = [("axes", self.axes), *(("include", table) for table in self.include)]
        named = {name for _, table in stated for name in _listed(table.get("conv_type", []))}
        for key, table in stated:
            yield key, table
            if "conv_type" in table and conv_types and named.isdisjoint(conv_types):
                common = {axis: table[axis] for axis in table if axis not in BUILT_IN_OPTIONS}
                yield key, common | {"conv_type": list(conv_types)}

    def _product(
        self, key: str, table: Mapping[str, Any], devices: Sequence[str], logical_cores: int
    ) -> Iterator[Case]:
        if not table:
            return
        words = {("device", "available"): devices, ("threads", "all"): [logical_cores]}
        axes = {axis: _spell_out(axis, _listed(values), words) for axis, values in table.items()}
        for values in product(*axes.values()):
            point = dict(zip(axes, values, strict=True))
            try:
                yield Case(**_case_arguments(point)).applicable()
            except InvalidCase as error:
                expected = f"{error.expected} (in the case {point})"
                where = f"{key}.{_axis_of(error.argument, axes)}"
                raise InvalidSuite(self.source, where, error.found, expected) from error
            except TypeError as error:
                raise InvalidSuite(self.source, key, sorted(axes), _missing_axes(axes)) from error


def _spell_out(
    axis: str, values: Iterable[Any], words: Mapping[tuple[str, str], Sequence[Any]]
) -> list[Any]:
    """The values of an axis with its words replaced by what they mean on this machine."""
    meant: list[Any] = []
    for value in values:
        meant += words.get((axis, value), [value]) if isinstance(value, str) else [value]
    return meant


def _case_arguments(point: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of `Case`: `channels` and `resolution` spread out, options gathered."""
    arguments: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for axis, value in point.items():
        if axis.startswith("options."):
            options[axis.removeprefix("options.")] = value
            continue
        for name in AXIS_GROUPS.get(axis, (axis,)):
            arguments[name] = tuple(value) if isinstance(value, list) else value
    return arguments | {"options": Options(options)}


def _axis_of(argument: str, axes: Iterable[str]) -> str:
    """The axis that set `argument`: `channels` for `in_channels`, if that is what was written."""
    return next((axis for axis in axes if argument in AXIS_GROUPS.get(axis, ())), argument)


def _missing_axes(axes: Iterable[str]) -> str:
    spread = {name for axis in axes for name in AXIS_GROUPS.get(axis, (axis,))}
    needed = ("conv_type", "in_channels", "out_channels", "height", "width")
    lacking = [name for name in needed if name not in spread]
    return f"also {', '.join(lacking)} (channels sets in_channels and out_channels, resolution \
sets height and width)"


def _listed(values: Any) -> list[Any]:
    """The values of an axis; an include may give one value without brackets."""
    return values if isinstance(values, list) else [values]


def _read_axes(plain: Any, source: str) -> dict[str, list[Any]]:
    if not isinstance(plain, dict):
        raise InvalidSuite(source, "axes", plain, "a table, as in: [axes]")
    axes = _flatten(plain)
    for axis, values in axes.items():
        _check_axis(f"axes.{axis}", axis, source)
        if not isinstance(values, list) or not values:
            raise InvalidSuite(source, f"axes.{axis}", values, "a list of values, not empty")
    _check_options(axes, source)
    return axes


def _check_options(axes: Mapping[str, Any], source: str) -> None:
    """Refuse an option that no conv type of the sweep knows: it would silently do nothing."""
    conv_types = [str(name) for name in _listed(axes.get("conv_type", []))]
    if any(name not in OPTION_DEFAULTS for name in conv_types):
        return
    known = {f"options.{option}" for name in conv_types for option in OPTION_DEFAULTS[name]}
    for axis in axes:
        if axis.startswith("options.") and axis not in known:
            accepted = ", ".join(sorted(known)) or "no option"
            raise InvalidSuite(source, f"axes.{axis}", axis, f"{accepted} for these conv types")


def _flatten(table: Mapping[str, Any]) -> dict[str, Any]:
    """TOML reads `options.mode = […]` as a table within a table."""
    flat = {axis: value for axis, value in table.items() if axis != "options"}
    options = table.get("options", {})
    if isinstance(options, dict):
        flat |= {f"options.{name}": value for name, value in options.items()}
    else:
        flat["options"] = options
    return flat


def _check_axis(key: str, axis: str, source: str) -> None:
    if not is_axis(axis):
        accepted = ", ".join([*AXIS_GROUPS, *AXES, "options.NAME"])
        raise InvalidSuite(source, key, axis, f"one of the axes {accepted}")


def _read_tables(plain: Mapping[str, Any], key: str, source: str) -> tuple[dict[str, Any], ...]:
    tables = plain.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidSuite(source, key, tables, f"tables, as in: [[{key}]]")
    flat = [_flatten(table) for table in tables]
    for number, table in enumerate(flat, 1):
        if not table:
            raise InvalidSuite(source, f"{key} {number}", table, "at least one axis")
        for axis, value in table.items():
            _check_axis(f"{key} {number}", axis, source)
            if axis in PAIRED_AXES and key == "exclude":
                table[axis] = [tuple(v) if isinstance(v, list) else v for v in _listed(value)]
    return tuple(flat)


def _read_metrics(plain: Any, source: str) -> tuple[str, ...]:
    if not isinstance(plain, list) or not plain:
        raise InvalidSuite(source, "metrics", plain, "a list of metrics, not empty")
    for name in plain:
        if name not in METRICS:
            raise InvalidSuite(source, "metrics", name, "one of " + ", ".join(METRICS))
    return tuple(plain)


def _read_allocators(plain: Mapping[str, Any], source: str) -> tuple[str, ...]:
    names = plain.get("allocators", [])
    if "allocators" in plain and (not isinstance(names, list) or not names):
        raise InvalidSuite(source, "allocators", names, "a list of allocators, not empty")
    for name in names:
        if name not in ALLOCATORS:
            raise InvalidSuite(source, "allocators", name, "one of " + ", ".join(ALLOCATORS))
        if names.count(name) > 1:
            raise InvalidSuite(source, "allocators", name, "each allocator once")
    return tuple(names)


def _read_quantity(
    plain: Mapping[str, Any], key: str, parse: Any, default: Any, source: str
) -> Any:
    """A duration or percentage given as text."""
    if key not in plain:
        return default
    try:
        return parse(str(plain[key]))
    except ValueError as error:
        expected = str(error).removeprefix("expected ").partition(", found")[0]
        raise InvalidSuite(source, key, plain[key], expected) from error
