"""From the parameters of a benchmark to its case, or the reason why it describes none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sepconv.case import Case
from sepconv.conv_type import OPTION_DEFAULTS
from sepconv.errors import InvalidCase, InvalidExchange
from sepconv.record import Measurement
from sepconv.selection import AXES, AXIS_GROUPS, is_axis
from sepconv.store.exchange.document import COUNT_LIMIT
from sepconv.store.exchange.format import Entry

ALIASES = {"batch": "batch_size"}  # taken without being asked, beside the names of axes
REQUIRED = ("in_channels", "out_channels", "height", "width")
REASON_LENGTH = 200

OBJECT = re.compile(r"UNSERIALIZABLE\[(.*)\]", re.DOTALL)  # what pytest-benchmark cannot write
DEVICE = re.compile(r"device\(type='(\w+)'(?:, index=(\d+))?\)")

MEANT = {
    "in_channels": "cin inch inchannel ic inplanes nin infeatures inputchannels",
    "out_channels": "cout outch outchannel oc outplanes nout filters nfilters outputchannels",
    "channels": "c ch channel nchannels numchannels",
    "height": "h inputheight",
    "width": "w inputwidth",
    "resolution": "hw size res imgsize imagesize inputsize spatial",
    "kernel_size": "k ks ksize kernel filtersize",
    "stride": "s strides",
    "batch_size": "b bs n batches nbatch",
    "padding": "p pad",
    "dilation": "d dil dilations",
    "groups": "g ngroups",
    "threads": "nthreads numthreads t",
    "device": "dev",
    "conv_type": "conv form kind layer variant algorithm algo op",
}
"""What people call the axes, lower case and without underscores: suggested, never assumed."""


@dataclass(frozen=True)
class Skipped:
    """A benchmark that describes no case, and why."""

    entry: Entry
    reason: str
    missing: tuple[str, ...] = ()  # fields of a case that nothing says
    unused: tuple[str, ...] = ()  # parameters that are no axis


@dataclass(frozen=True)
class Translation:
    """What people say of a file: which parameter is which axis, and what the file leaves out."""

    axes: Mapping[str, str] = field(default_factory=dict)  # parameter → axis
    settings: Mapping[str, Any] = field(default_factory=dict)  # axis → value, where none is given
    conv_type: str | None = None  # where no parameter gives one; else the name of the function

    def to_dict(self) -> dict[str, Any]:
        """Its contents in JSON's types, always in the same order."""
        return {
            "axes": dict(sorted(self.axes.items())),
            "settings": {name: repr(value) for name, value in sorted(self.settings.items())},
            "conv_type": self.conv_type,
        }

    def axis_of(self, param: str) -> str | None:
        """The axis that a parameter is; None if it is none."""
        axis = self.axes.get(param) or ALIASES.get(param, param)
        return axis if is_axis(axis) or axis.startswith("options.") else None

    def unused(self, entry: Entry) -> tuple[str, ...]:
        """The parameters that say nothing of the case."""
        return tuple(param for param in entry.params if self.axis_of(param) is None)

    def case_of(self, entry: Entry) -> Case | Skipped:
        """The case of a benchmark: its parameters first, then the settings, then the defaults.

        What sepconv wrote says everything itself.
        """
        unused = self.unused(entry)
        if entry.refused_because is not None:
            return Skipped(entry, entry.refused_because, unused=unused)
        try:
            said = (Translation() if entry.is_own else self)._said(entry)
            if missing := tuple(name for name in REQUIRED if name not in said):
                reason = f"nothing says its {_listed(missing)}"
                return Skipped(entry, reason, missing, unused)
            return _case(said)
        except InvalidCase as error:
            return Skipped(entry, _shortened(str(error)), unused=unused)

    def _said(self, entry: Entry) -> dict[str, Any]:
        """The fields of the case that something says, options as `options.NAME`."""
        said: dict[str, Any] = {}
        for param, value in entry.params.items():
            axis = self.axis_of(param)
            if axis is None or (value is None and not axis.startswith("options.")):
                continue
            for name in AXIS_GROUPS.get(axis, (axis,)):
                plain = _read_object(name, value)
                if said.setdefault(name, plain) != plain:
                    raise InvalidCase(name, plain, f"{said[name]!r}, as another parameter says")
        for axis, value in self.settings.items():
            for name in AXIS_GROUPS.get(axis, (axis,)):
                said.setdefault(name, value)
        said.setdefault("conv_type", self.conv_type or entry.conv_type)
        return said


@dataclass(frozen=True)
class Translated:
    """What a file describes, and what of it cannot be told."""

    measurements: tuple[Measurement, ...]
    entries: tuple[Entry, ...]  # one for each measurement
    skipped: tuple[Skipped, ...]
    unused: tuple[str, ...]  # parameters of what is imported that are no axis


def translate(entries: Sequence[Entry], translation: Translation, source: str) -> Translated:
    """The measurements of a file.

    Raises:
        InvalidExchange: No benchmark describes a case, or several describe the same one.
    """
    found = [(entry, translation.case_of(entry)) for entry in entries]
    kept = [(entry, case) for entry, case in found if isinstance(case, Case)]
    skipped = tuple(each for _, each in found if isinstance(each, Skipped))
    if not kept:
        raise InvalidExchange(source, "", _why_nothing(skipped))
    unused = tuple(dict.fromkeys(n for entry, _ in kept for n in translation.unused(entry)))
    _refuse_twins(kept, unused, source)
    return Translated(
        measurements=tuple(entry.measurement(case) for entry, case in kept),
        entries=tuple(entry for entry, _ in kept),
        skipped=skipped,
        unused=unused,
    )


def refuse_unknown(axes: Iterable[str], entries: Sequence[Entry]) -> None:
    """Refuse a mapping of a parameter that no benchmark has.

    Raises:
        InvalidExchange: There is one, which is likely a typing mistake.
    """
    known = {param for entry in entries for param in entry.params}
    for param in axes:
        if param not in known:
            there = f"the parameters are {_listed(sorted(known))}" if known else "there are none"
            raise InvalidExchange("--map", param, f"no benchmark has that parameter; {there}")


def suggest(missing: Iterable[str], unused: Iterable[str]) -> list[str]:
    """What to type so that `missing` is said, by the parameters that are not used yet."""
    wanted = list(missing)
    typed: list[str] = []
    for param in unused:
        axis = _meant(param)
        covered = AXIS_GROUPS.get(axis, (axis,))
        if axis and any(name in wanted for name in covered):
            typed.append(f"--map {_quoted(f'{param}={axis}')}")
            wanted = [name for name in wanted if name not in covered]
    return typed + [f"--set {axis}=N" for axis in _grouped(wanted)]


def _case(said: Mapping[str, Any]) -> Case:
    fields = {name: said[name] for name in AXES if name in said}
    options = {
        name.removeprefix("options."): value
        for name, value in said.items()
        if name.startswith("options.")
    }
    _refuse_large(fields)
    return Case.from_dict(fields | {"options": options})


def _refuse_large(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        for size in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(size, int) and size > COUNT_LIMIT:
                raise InvalidCase(name, size, f"at most {COUNT_LIMIT}")


def _read_object(name: str, value: Any) -> Any:
    """What an axis is where pytest-benchmark wrote an object of Python: `torch.float32`."""
    if not isinstance(value, str):
        return value
    match = OBJECT.fullmatch(value)
    text = match[1] if match else value
    if name in ("dtype", "memory_format"):
        return text.removeprefix("torch.").removesuffix("_format")
    if name == "device" and (device := DEVICE.fullmatch(text)):
        return ":".join(filter(None, device.groups()))
    if match:
        raise InvalidCase(name, text, "a plain value, not an object of Python")
    return value


def _refuse_twins(kept: Sequence[tuple[Entry, Case]], unused: Sequence[str], source: str) -> None:
    first: dict[str, Entry] = {}
    for entry, case in kept:
        twin = first.setdefault(case.identity, entry)
        if twin is not entry:
            reason = (
                f"{twin.place} {twin.name!r} and {entry.place} {entry.name!r} are both the case "
                f"{case.label}; {_how_to_tell_apart(case, twin, entry, unused)}"
            )
            raise InvalidExchange(source, "", reason)


def _how_to_tell_apart(case: Case, first: Entry, second: Entry, unused: Sequence[str]) -> str:
    differing = [name for name in unused if first.params.get(name) != second.params.get(name)]
    if not differing:
        return "import one of them alone, or give them parameters that differ"
    param = differing[0]
    built_in = case.conv_type in OPTION_DEFAULTS
    axis = _meant(param) or ("conv_type" if built_in else f"options.{param}")
    return f"tell them apart with --map {_quoted(f'{param}={axis}')}"


def _why_nothing(skipped: Sequence[Skipped]) -> str:
    """What is wrong with all benchmarks of a file, and what to type."""
    if not skipped:
        return "there is no benchmark in it"
    count = len(skipped)
    none = f"none of its {count} benchmarks describes a case"
    missing = list(dict.fromkeys(name for each in skipped for name in each.missing))
    unused = list(dict.fromkeys(name for each in skipped for name in each.unused))
    reasons = list(dict.fromkeys(each.reason for each in skipped if not each.missing))
    parts = [none if count > 1 else "its only benchmark describes no case"]
    if missing:
        parts.append(f"nothing says {_listed(missing)}")
    parts += reasons[:3]
    if unused:
        parts.append(f"parameters that are not used: {_listed(unused)}")
    if missing:
        parts.append(f"try {' '.join(suggest(missing, unused))}")
    return "; ".join(parts)


def _meant(param: str) -> str:
    """The axis that people mean by such a name; "" if that cannot be guessed."""
    name = param.rpartition(".")[2].replace("_", "").replace("-", "").lower()
    by_name = {axis.replace("_", ""): axis for axis in (*AXES, *AXIS_GROUPS)}
    words = {word: axis for axis, line in MEANT.items() for word in line.split()}
    return by_name.get(name) or words.get(name, "")


def _grouped(fields: Sequence[str]) -> list[str]:
    """The axes that say these fields: `channels` where both of them are wanted."""
    wanted = [group for group, members in AXIS_GROUPS.items() if set(members) <= set(fields)]
    by_field = {name: group for group in wanted for name in AXIS_GROUPS[group]}
    return list(dict.fromkeys(by_field.get(name, name) for name in fields))


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(_shortened(name, 40) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _quoted(argument: str) -> str:
    """As a shell reads it as one word."""
    return shlex.quote(argument)


def _shortened(text: str, length: int = REASON_LENGTH) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
