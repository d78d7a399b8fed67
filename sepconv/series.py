"""The history of one metric of one case, on one machine in one environment."""

from __future__ import annotations

from dataclasses import dataclass

from sepconv.case import Case
from sepconv.record import Estimate, Status
from sepconv.run import Run


@dataclass(frozen=True)
class Point:
    """What one run says; a run that tried and got no value is a point without one."""

    run: Run
    status: Status
    estimate: Estimate | None


@dataclass(frozen=True)
class Series:
    """One metric of one case over runs, oldest first; never across machines or environments."""

    case: Case
    metric: str
    machine: str  # key
    environment: str  # key
    points: tuple[Point, ...]

    @property
    def values(self) -> tuple[float | None, ...]:
        """One per run, None where there is none: what a change-point detector takes."""
        return tuple(point.estimate.value if point.estimate else None for point in self.points)
