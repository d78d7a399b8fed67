"""What supervisor, server and worker tell each other, over pipes that only they hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sepconv.bench.allocator import TUNED
from sepconv.bench.layout import Layout
from sepconv.case import Case
from sepconv.record import Block, Facts, Slot, Status
from sepconv.run import Environment


@dataclass(frozen=True)
class Side:
    """What an arm runs: whose code, in which interpreter and environment.

    Arms whose `process` is equal are twins, forked from one server.
    """

    source: str | None = None  # a tree whose sepconv/convs is measured, in place of our own
    conv_types: str | None = None  # the user's file
    tree: str | None = None  # what that file may import from: the root of its repository
    python: str = sys.executable
    environment: tuple[tuple[str, str], ...] = ()  # variables beside those of this process
    allocator: str = TUNED
    replica: int = 0  # a server of its own, though another is the same

    @property
    def process(self) -> tuple[str, tuple[tuple[str, str], ...], str, int]:
        """What is settled when a server starts."""
        return self.python, self.environment, self.allocator, self.replica


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
    side: Side = field(default_factory=Side)
    counts: bool = False  # the work of every module, also of those whose cost is known


@dataclass(frozen=True)
class InventoryOrder:
    """Tell which conv types of `side` can be built, and what their code is.

    Each is imported by itself; of `samples` one case of each is built, so that what a builder
    imports is seen too.
    """

    side: Side
    log: str
    samples: tuple[Case, ...] = ()


@dataclass(frozen=True)
class ProfileOrder:
    """Tell where the time of a call of `case` goes."""

    side: Side
    log: str
    case: Case
    seed: int
    cores: tuple[int, ...]


@dataclass(frozen=True)
class ConvTypeCode:
    """A conv type of one side: a digest of all files of that side that it imports."""

    name: str
    digest: str | None  # None: it cannot be imported, for this reason:
    error: str | None = None


@dataclass(frozen=True)
class Inventory:
    """The conv types of one side; if its code cannot be loaded at all, the reason."""

    conv_types: tuple[ConvTypeCode, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class OperatorTime:
    """What one operator of torch takes in a call."""

    name: str
    calls: float  # per call of the case
    self_s: float  # CPU time per call of the case, without the operators it calls


@dataclass(frozen=True)
class Profile:
    """Where the time of a call goes, or why that cannot be told."""

    operators: tuple[OperatorTime, ...] = ()
    first_call_s: float = 0.0
    call_s: float = 0.0  # CPU time, without the profiler
    faults_per_call: float | None = None
    facts: Facts = field(default_factory=Facts)
    error: str | None = None


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
