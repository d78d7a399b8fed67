"""Everything sepconv raises on purpose.

    SepconvError
    ├── InvalidCase            a point of the sweep that describes no convolution     (ValueError)
    ├── InvalidSuite           a suite file that says something we cannot read        (ValueError)
    ├── InvalidSelection       a `--where` expression that cannot be parsed           (ValueError)
    ├── InvalidConvTypes       a file of conv types that cannot be loaded             (ValueError)
    ├── InvalidRounds          rounds that cannot be paired or divided                (ValueError)
    ├── InvalidRevision        a commit that git cannot find or compare with          (ValueError)
    ├── InvalidSource          a tree whose layers cannot be loaded                   (ValueError)
    ├── InvalidExchange        a file of another tool that says what we cannot read   (ValueError)
    ├── InvalidConfiguration   a sepconv.toml, or [tool.sepconv], that we cannot read (ValueError)
    ├── BuildFailed            the command that builds a side of a comparison failed
    ├── DeviceBusy             another sweep is measuring on that device
    ├── NothingToResume        no run in the store can be continued here
    ├── WrongOutput            a conv type's own code returned something else than it must
    ├── UnknownConvType        no registered conv type has that name                  (LookupError)
    ├── UnsupportedCase        a valid case that this machine or torch cannot run
    ├── MeasuringFailed        the processes that measure could not do their work
    ├── ReportUnwritable       the report cannot be written where it was asked for
    └── StoreError
        ├── StoreUnavailable   the database cannot be opened, read or written
        ├── NotAStore          the file is no sepconv database
        ├── SchemaMismatch     the database was written by another schema version
        ├── UnknownRun         no run with that id, commit or number                  (LookupError)
        ├── UnknownComparison  no comparison with that number or id                   (LookupError)
        └── UnknownEvent       no event with that number or id                        (LookupError)

Messages say what was expected, what was found, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable


class SepconvError(Exception):
    """The base of everything that sepconv raises on purpose."""


class InvalidCase(SepconvError, ValueError):
    """A case names an argument with a value that no convolution can have."""

    def __init__(self, argument: str, found: object, expected: str) -> None:
        super().__init__(f"{argument} must be {expected}, got {found!r}")
        self.argument = argument
        self.found = found
        self.expected = expected


class InvalidSuite(SepconvError, ValueError):
    """A suite file names a key or a value that a suite cannot have."""

    def __init__(self, source: str, key: str, found: object, expected: str) -> None:
        super().__init__(f"{source}: {key}: expected {expected}, found {found!r}")
        self.source = source
        self.key = key
        self.found = found
        self.expected = expected


class InvalidSelection(SepconvError, ValueError):
    """A `--where` expression cannot be read; the message points at the place."""

    def __init__(self, expression: str, position: int, expected: str) -> None:
        super().__init__(
            f"cannot read the selection: expected {expected} here:\n"
            f"  {expression}\n  {' ' * position}^\n"
            "write it like: stride=2 and channels in (16, 64)"
        )
        self.expression = expression
        self.position = position
        self.expected = expected


class InvalidConvTypes(SepconvError, ValueError):
    """A file of conv types cannot be loaded, or does not hold what it should."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}; expected a module-level "
            'CONV_TYPES = {"name": builder}, with builder(case) -> nn.Module'
        )
        self.path = path
        self.reason = reason


class InvalidRounds(SepconvError, ValueError):
    """Two arms cannot be compared: they do not pair up, or hold what is no time."""


class InvalidRevision(SepconvError, ValueError):
    """A side of a comparison names no commit of the repository, or none can be chosen for it."""


class InvalidSource(SepconvError, ValueError):
    """The layers of a tree cannot be loaded in place of our own."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


class InvalidExchange(SepconvError, ValueError):
    """A file of another tool cannot be read, or describes nothing that can be kept."""

    def __init__(self, source: str, place: str, reason: str) -> None:
        super().__init__(": ".join(filter(None, (source, place, reason))))
        self.source = source
        self.place = place  # within the file: "benchmarks[3].stats.median"; "" for all of it
        self.reason = reason


class InvalidConfiguration(SepconvError, ValueError):
    """A configuration file has a key or a value that it cannot have, or cannot be read."""

    def __init__(self, source: object, key: str, found: object, expected: str) -> None:
        place = f"{source}: {key}" if key else f"{source}"
        super().__init__(f"{place}: expected {expected}, found {found!r}")
        self.source = source
        self.key = key
        self.found = found
        self.expected = expected


class BuildFailed(SepconvError):
    """The command that builds a side of a comparison failed; the message has its last lines."""


class WrongOutput(SepconvError):
    """The builder, the module or the cost of a conv type returned something else than it must."""

    def __init__(self, source: str, found: str, expected: str) -> None:
        super().__init__(f"{source} returned {found}, expected {expected}")
        self.source = source
        self.found = found
        self.expected = expected


class DeviceBusy(SepconvError):
    """Another sweep is measuring on that device, and both would measure each other."""

    def __init__(self, device: str, holder: str) -> None:
        super().__init__(
            f"{device} is being measured by another sweep ({holder}); "
            "wait for it with --wait, or try again later"
        )
        self.device = device
        self.holder = holder


class NothingToResume(SepconvError):
    """No run in the store can be continued here; the message says why."""


class UnknownConvType(SepconvError, LookupError):
    """No registered conv type has that name."""

    def __init__(self, found: str, known: Iterable[str]) -> None:
        self.found = found
        self.known = tuple(known)
        super().__init__(f"unknown conv type {found!r}; known are {', '.join(self.known)}")


class UnsupportedCase(SepconvError):
    """The case is valid, but this machine, this torch or this version cannot run it."""


class MeasuringFailed(SepconvError):
    """The processes that measure could not be started or stopped working for all cases."""


class ReportUnwritable(SepconvError):
    """The report cannot be written where it was asked for."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"cannot write {path}: {reason}; name another place, or make this one writable"
        )
        self.path = path


class StoreError(SepconvError):
    """Anything that keeps the store from doing its work."""


class StoreUnavailable(StoreError):
    """The database cannot be opened, read or written; the message guesses at the cause."""


class NotAStore(StoreError):
    """The file exists, but it is no sepconv database."""


class SchemaMismatch(StoreError):
    """The database was written by another version of the schema."""

    def __init__(self, store: str, *, found: str, expected: str) -> None:
        super().__init__(
            f"{store} has schema version {found}, but this sepconv reads version {expected}; "
            "install the sepconv that wrote it, or name another store with --store"
        )
        self.found = found
        self.expected = expected


class UnknownRun(StoreError, LookupError):
    """No run in the store answers to that number, id or commit."""


class UnknownComparison(StoreError, LookupError):
    """No comparison in the store answers to that number or id."""


class UnknownEvent(StoreError, LookupError):
    """No event in the store answers to that number or id."""
