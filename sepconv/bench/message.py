"""What supervisor, server and worker tell each other, over pipes that only they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sepconv.case import Case
from sepconv.record import Block, Environment, Slot, Status


@dataclass(frozen=True)
class Hello:
    """A server has torch and pytest loaded, and the allocator set."""

    pid: int
    environment: Environment
    devices: tuple[str, ...]  # that torch can use: "cpu", "cuda", "cuda:1", …
    accelerators: tuple[str, ...]  # their product names
    conditions: Mapping[str, Any]


@dataclass(frozen=True)
class PassOrder:
    """One pass, for a worker: the slots in the order to measure them in."""

    number: int  # 0 is the calibration
    slots: tuple[Slot, ...]
    seed: int
    suites: str  # the folder of the pytest suites
    log: str  # the file that gets the worker's output


@dataclass(frozen=True)
class Begun:
    """The worker turns to this case: if it dies now, this case is the one that killed it."""

    identity: str


@dataclass(frozen=True)
class Visited:
    """A visit is over, and more will complete the block; the worker waits for an answer."""

    identity: str


@dataclass(frozen=True)
class Measured:
    """A block; the worker waits for an answer."""

    block: Block


@dataclass(frozen=True)
class Failed:
    """The reason why this case gives no block; the worker waits for an answer."""

    case: Case
    status: Status
    error: str


@dataclass(frozen=True)
class Ended:
    """The worker has done its pass; with anything but 0 or 1, pytest itself could not work."""

    exit_code: int


@dataclass(frozen=True)
class Exited:
    """The server saw its worker end: the exit status, or minus the number of the signal."""

    pid: int
    exit_code: int
