"""The history of one metric of one case, and the occasions on which it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sepconv.case import Case
from sepconv.comparison import Comparison
from sepconv.record import Estimate, Status
from sepconv.run import Environment, Machine, Revision, Run


@dataclass(frozen=True)
class Occasion:
    """A run, or a comparison with a pinned reference: when, where and what was measured."""

    uid: str
    number: int | None  # in the store, among its kind
    started_at: str  # UTC, ISO 8601
    machine: Machine
    environment: Environment
    revision: Revision | None = None
    branch: str | None = None
    dirty: bool | None = None
    reference: Revision | None = None  # what it was divided by; None of a run
    conditions: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_run(cls, run: Run) -> Occasion:
        """The occasion that a run is."""
        return cls(
            uid=run.uid,
            number=run.id,
            started_at=run.started_at,
            machine=run.machine,
            environment=run.environment,
            revision=run.revision,
            branch=run.branch,
            dirty=run.dirty,
            conditions=run.conditions,
        )

    @classmethod
    def of_comparison(cls, comparison: Comparison) -> Occasion:
        """The occasion that a comparison is: that of its head, divided by its base.

        Raises:
            ValueError: It never came to know the environment of its head.
        """
        head = comparison.head
        if head.environment is None:
            raise ValueError(f"comparison {comparison.uid} has no environment")
        return cls(
            uid=comparison.uid,
            number=comparison.id,
            started_at=comparison.started_at,
            machine=comparison.machine,
            environment=head.environment,
            revision=head.revision,
            branch=head.branch,
            dirty=head.dirty,
            reference=comparison.base.revision,
            conditions=comparison.conditions,
        )

    @property
    def commit(self) -> str | None:
        return self.revision.commit if self.revision else None

    @property
    def reference_commit(self) -> str | None:
        return self.reference.commit if self.reference else None


@dataclass(frozen=True)
class Point:
    """What one occasion says; one that tried and got no value is a point without one."""

    occasion: Occasion
    status: Status
    estimate: Estimate | None


@dataclass(frozen=True)
class Series:
    """One metric of one case, oldest point first; never across machines or environment classes."""

    case: Case
    metric: str
    machine: str  # key of the machine, or the class of machines that a ratio holds for
    environment: str  # key of the environment, or the class of environments
    points: tuple[Point, ...]
    joints: Mapping[int, float] = field(default_factory=dict)
    """Where what came before was multiplied by a measured ratio, since the reference moved: the
    index of the first point after it, and the relative standard error of that ratio."""

    @property
    def values(self) -> tuple[float | None, ...]:
        """One per point, None where there is none: what a change-point detector takes."""
        return tuple(point.estimate.value if point.estimate else None for point in self.points)
