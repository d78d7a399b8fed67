"""What supervisor, server and worker tell each other, over pipes that only they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sepconv.bench.layout import Layout
from sepconv.case import Case
from sepconv.record import Block, Environment, Facts, Slot, Status


@dataclass(frozen=True)
class Hello:
    """A server has torch and pytest loaded, and the allocator set."""

    pid: int
    environment: Environment
    devices: tuple[str, ...]  # that torch can use: "cpu", "cuda", "cuda:1", …
    accelerators: tuple[str, ...]  # their product names
    conditions: Mapping[str, Any]
    conv_types: tuple[str, ...] = ()  # the names in the user's file
    conv_types_digest: str | None = None  # of its source


@dataclass(frozen=True)
class Refused:
    """The server cannot work with the user's file of conv types."""

    path: str
    reason: str


@dataclass(frozen=True)
class PassOrder:
    """One pass, for one worker: its slots in the order to measure them in."""

    number: int  # 0 is the calibration
    slots: tuple[Slot, ...]
    seed: int
    suites: str  # the folder of the pytest suites
    log: str  # the file that gets the worker's output
    cores: tuple[int, ...]  # that may be used, ascending
    timeout_s: float  # after which an arm accuses the other
    layout: Layout = "shuffled"  # of the worker's memory, as against the server's
    primes: bool = True  # one untimed call at the beginning of each turn
    memory_limit_bytes: int | None = None  # beyond what the worker has when it begins
    conv_types: str | None = None  # the user's file


@dataclass(frozen=True)
class Begun:
    """The worker turns to this case: if it dies now, this case is the one that killed it."""

    ring: int
    identity: str
    printed: int  # bytes in the log so far: what comes now is the case's


@dataclass(frozen=True)
class Waiting:
    """An arm has built its first case, and waits for the other one."""


@dataclass(frozen=True)
class Visited:
    """A visit is over, and more will complete the block; the worker waits for an answer."""

    ring: int
    visit: int
    case: Case


@dataclass(frozen=True)
class Measured:
    """A block, after its last visit; the worker waits for an answer."""

    visit: int
    block: Block


@dataclass(frozen=True)
class Failed:
    """The reason why this case gives no block; the worker waits for an answer."""

    ring: int
    visit: int
    case: Case
    status: Status
    error: str


@dataclass(frozen=True)
class Broken:
    """The other arm of this ring has failed, so that this one measured in vain; the worker
    waits for an answer."""

    ring: int
    visit: int


@dataclass(frozen=True)
class Looked:
    """What the calibration saw of a case beside its time."""

    case: Case
    facts: Facts


@dataclass(frozen=True)
class Silent:
    """The other arm of this ring has had its turn for longer than a case may take."""

    ring: int


@dataclass(frozen=True)
class Ended:
    """The worker has done its pass; with anything but 0 or 1, pytest itself could not work."""

    exit_code: int


@dataclass(frozen=True)
class Exited:
    """The server saw its worker end: the exit status, or minus the number of the signal."""

    pid: int
    exit_code: int
