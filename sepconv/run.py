"""A run, and what it belongs to: machine, environment, revision; and what a machine can do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

DEFAULT_BRANCHES = ("main", "master", "trunk", "develop")
"""What the default branch may be called, the likeliest first, where nothing says which it is."""

METHOD_VERSION = 2
"""Changes when the harness changes what a number means: a known break in every series."""


@dataclass(frozen=True)
class Machine:
    """A coarse, stable identity: what does not change from one night to the next.

    Volatile facts (clock, load, temperature, driver) belong to the run's `conditions`.
    """

    cpu_model: str
    architecture: str  # instruction set: x86_64, aarch64
    physical_cores: int
    logical_cores: int
    memory_gib: int  # rounded to a power of two, so that a hypervisor's share does not matter
    accelerators: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        """Hash of all fields."""
        return _key(asdict(self))

    @property
    def label(self) -> str:
        """As people would say it: "AMD EPYC, 2 cores, 24 GiB"; what is not known is left out."""
        cores = f"{self.logical_cores} core{'s' if self.logical_cores != 1 else ''}"
        parts = [
            self.cpu_model,
            cores if self.logical_cores else "",
            f"{self.memory_gib} GiB" if self.memory_gib else "",
            *self.accelerators,
        ]
        return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Environment:
    """What makes runs comparable on one machine: runs with different keys never share a series.

    An explicit list of fields. What is worth knowing but does not part series (kernel,
    libc, load) is in the run's `conditions`.
    """

    python: str  # major.minor
    torch: str
    backends: tuple[str, ...]  # "oneDNN 3.7", "MKL 2024.2", "cuDNN 9.1", …
    cpu_capability: str  # the instruction set that torch dispatches to: "AVX2"
    allocator: str  # "tuned" or "default", or why it could not be tuned
    omp_settings: tuple[str, ...] = ()  # OMP_* and KMP_* variables that were set
    flush_denormals: bool = True
    cuda: str | None = None
    method_version: int = METHOD_VERSION

    @cached_property
    def key(self) -> str:
        """Hash of all fields."""
        return _key(asdict(self))

    @property
    def label(self) -> str:
        """The fields that people look for first."""
        cuda = f", CUDA {self.cuda}" if self.cuda else ""
        return f"torch {self.torch}{cuda}, Python {self.python}, {self.allocator} allocator"


@dataclass(frozen=True)
class Revision:
    """A commit of the repository that the measured conv types come from."""

    commit: str  # full hash
    parents: tuple[str, ...]
    committed_at: str  # UTC, ISO 8601
    authored_at: str
    subject: str


@dataclass(frozen=True)
class Run:
    """One execution of a suite, several passes of it, at one commit on one machine."""

    uid: str  # random, so that stores of different machines can be merged
    suite: str
    started_at: str  # UTC, ISO 8601
    machine: Machine
    environment: Environment
    revision: Revision | None = None
    branch: str | None = None
    dirty: bool | None = None  # None without git
    harness_version: str = ""
    seed: int = 0  # of weights, inputs and the order of the cases
    precision: float = 0.02  # the interval that the suite asked for, as a fraction
    time_budget_s: float | None = None
    passes: int | None = None  # planned over all cases; None before the plan is made
    linked_uid: str | None = None  # the first of the runs of one suite, one per allocator policy
    conditions: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None  # its number in the store
    state: str = "running"  # running, done, interrupted, failed
    finished_at: str | None = None
    timing: Mapping[str, float] = field(default_factory=dict)  # seconds by phase, their sum all

    @property
    def commit(self) -> str | None:
        return self.revision.commit if self.revision else None


@dataclass(frozen=True)
class Peak:
    """What this machine can do at best, measured: a roof of the roofline."""

    name: str  # "matmul_flop_per_s", "cache_bytes_per_s" or "memory_bytes_per_s"
    device: str
    dtype: str
    threads: int
    value: float
    measured_at: str  # UTC, ISO 8601


@dataclass(frozen=True)
class Selfcheck:
    """How often the gate cried wolf, and what it found, on one device of one machine."""

    device: str
    checked_at: str  # UTC, ISO 8601
    passed: bool
    detail: Mapping[str, Any]  # false alarms, found slowdowns, what can be resolved


def _key(plain: Mapping[str, Any]) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:16]
