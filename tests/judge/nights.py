"""Made-up nights: comparisons with a pinned reference, whose truth is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp

from sepconv.case import Case
from sepconv.comparison import Compared, Comparison, Contender, Outcome, Purpose
from sepconv.judge.history import RATIO
from sepconv.record import Estimate, Status
from sepconv.run import Environment, Machine, Revision
from sepconv.series import Occasion, Point, Series

MACHINE = Machine("Some CPU", "x86_64", 2, 2, 16)
OTHER_MACHINE = replace(MACHINE, cpu_model="Another CPU")
ENVIRONMENT = Environment("3.11", "2.13.0", ("oneDNN 3.7",), "AVX2", "tuned")
NEWER = replace(ENVIRONMENT, torch="2.14.0")
START = datetime(2026, 1, 1, 2, tzinfo=UTC)
NOW = "2027-01-01T00:00:00+00:00"


def commit_of(number: int) -> str:
    return f"{number:040x}"


def revision_of(number: int, parents: Sequence[int] | None = None) -> Revision:
    """Commit 0 is the first; each is built on the one before unless `parents` says otherwise."""
    before = ([number - 1] if number else []) if parents is None else parents
    at = (START + timedelta(days=number)).isoformat(timespec="seconds")
    return Revision(commit_of(number), tuple(map(commit_of, before)), at, at, f"commit {number}")


def cases(count: int) -> list[Case]:
    """So many cases of the three conv types."""
    types = ("standard", "depthwise_separable", "spatially_separable")
    return [
        Case(
            conv_type=types[i % 3],
            in_channels=8 * (1 + i // 3),
            out_channels=8 * (1 + i // 3),
            height=14,
            width=14,
        )
        for i in range(count)
    ]


def night(
    number: int,
    ratios: Mapping[Case, float | None],
    *,
    machine: Machine = MACHINE,
    environment: Environment = ENVIRONMENT,
    reference: Revision | None = None,
    base_latency_s: float = 0.001,
    error: float = 0.005,
    commit: Revision | None = None,
    **others: object,
) -> Comparison:
    """The comparison of one night; a ratio of None is a case that head could not run."""
    at = (START + timedelta(days=number)).isoformat(timespec="seconds")
    compared = [
        Compared(
            ring=ring,
            base=case,
            head=case,
            outcome=Outcome.UNDECIDED if ratio else Outcome.FAILED,
            ratio=ratio,
            low=ratio * exp(-2.36 * error) if ratio else None,
            high=ratio * exp(2.36 * error) if ratio else None,
            confidence=0.95,
            passes=8,
            base_latency_s=base_latency_s,
            head_latency_s=base_latency_s * (ratio or 1),
        )
        for ring, (case, ratio) in enumerate(ratios.items(), 1)
    ]
    plain = {
        "uid": f"{number:032x}",
        "suite": "nightly",
        "started_at": at,
        "machine": machine,
        "base": Contender(
            "reference", reference or revision_of(0), dirty=False, environment=environment
        ),
        "head": Contender(
            "HEAD", commit or revision_of(number), "main", False, environment=environment
        ),
        "cases": compared,
        "state": "done",
        "purpose": Purpose.NIGHTLY,
    }
    return Comparison(**(plain | others))  # type: ignore[arg-type]


def noisy_nights(
    count: int,
    of: Sequence[Case],
    truth: Callable[[int, Case], float] = lambda _number, _case: 1.0,
    *,
    seed: int = 0,
    sd: float = 0.008,
    **others: object,
) -> list[Comparison]:
    """Nights 1 to `count`, whose ratios scatter around the truth of each."""
    chance = random.Random(seed)
    return [
        night(
            number,
            {case: truth(number, case) * exp(chance.gauss(0, sd)) for case in of},
            error=sd,
            **others,  # type: ignore[arg-type]
        )
        for number in range(1, count + 1)
    ]


def revisions(count: int) -> list[Revision]:
    return [revision_of(number) for number in range(count + 1)]


def series_of(
    values: Sequence[float | None],
    case: Case | None = None,
    *,
    first: int = 1,
    error: float | None = 0.008,
    joints: Mapping[int, float] | None = None,
) -> Series:
    """A value of each night from `first` on; None is a night in which the case failed."""
    points = []
    for number, value in enumerate(values, first):
        occasion = Occasion.of_comparison(night(number, {}))
        if value is None:
            points.append(Point(occasion, Status.FAILED, None))
            continue
        low, high = (None if error is None else value * exp(t * error) for t in (-2.36, 2.36))
        points.append(Point(occasion, Status.OK, Estimate(value, low, high)))
    own = case or cases(1)[0]
    return Series(own, RATIO, "a class", "an environment", tuple(points), joints or {})


def noise(count: int, seed: int, sd: float = 0.008) -> list[float]:
    """So many values that scatter around 1."""
    chance = random.Random(seed)
    return [exp(chance.gauss(0, sd)) for _ in range(count)]


def stepped(values: Sequence[float], steps: Mapping[int, float]) -> list[float]:
    """The values, all from each index on multiplied by its ratio."""
    result = list(values)
    for start, ratio in steps.items():
        result[start:] = [value * ratio for value in result[start:]]
    return result
