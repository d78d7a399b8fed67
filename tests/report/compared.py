"""Made-up comparisons, for whatever shows them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from sepconv.case import Case
from sepconv.comparison import Acknowledgement, Compared, Comparison, Contender, Outcome
from sepconv.run import Environment, Machine, Revision

CASE = Case(conv_type="standard", in_channels=24, out_channels=24, height=28, width=28)
BASE = Revision("ba5e" * 10, (), "2026-03-01T09:00:00+00:00", "", "Base")
HEAD = Revision("4ead" * 10, ("ba5e" * 10,), "2026-03-02T09:00:00+00:00", "", "Head")
METHOD = {
    "screen_passes": 8,
    "alpha": 0.01,
    "margin": 0.01,
    "same_margin": 0.02,
    "floor": 0.004,
}
ENVIRONMENT = Environment(
    python="3.11.9",
    torch="2.13.0",
    backends=("mkldnn",),
    cpu_capability="AVX2",
    allocator="glibc, tuned",
    omp_settings=(),
    flush_denormals=True,
    cuda=None,
    method_version=2,
)
WORD = Acknowledgement("Ada <ada@example.org>", "padding is exact now", "2026-03-02T10:00:00+00:00")


def compared(
    outcome: Outcome,
    ratio: float | None = 1.0,
    *,
    ring: int = 1,
    case: Case = CASE,
    **changed: object,
) -> Compared:
    """One case with an interval of ±1 %."""
    measured = {
        "ratio": ratio,
        "low": None if ratio is None else ratio - 0.01,
        "high": None if ratio is None else ratio + 0.01,
        "confidence": 0.99,
        "detectable": 0.02,
        "passes": 8,
        "base_latency_s": 1e-3,
        "head_latency_s": None if ratio is None else ratio * 1e-3,
        "metrics": {"params": (576.0, 576.0), "macs": (4e6, 4e6), "flops": (8e6, 8e6)},
    }
    return replace(Compared(ring, case, case, outcome), **(measured | changed))  # type: ignore[arg-type]


def comparison(*cases: Compared, **changed: object) -> Comparison:
    """Base against head with these cases, numbered from 1."""
    whole = Comparison(
        uid="c0" * 16,
        suite="pull-request",
        started_at="2026-03-02T10:00:00+00:00",
        machine=Machine("Some CPU", "x86_64", 2, 4, 16),
        base=Contender("main", BASE, dirty=False, environment=ENVIRONMENT),
        head=Contender("feature", HEAD, "feature", dirty=False, environment=ENVIRONMENT),
        method=METHOD,
        conditions={"asked": ["main", "feature"], "topic": "branch feature"},
        cases=[replace(case, ring=ring) for ring, case in enumerate(cases, 1)],
        state="done",
        finished_at="2026-03-02T10:01:00+00:00",
        timing={"timed_s": 40.0},
        id=12,
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def many(count: int, outcome: Outcome = Outcome.SLOWER) -> list[Compared]:
    """So many cases, no two alike."""
    shapes = product(("standard", "depthwise_separable"), (1, 2), range(8, 8 + count))
    return [
        compared(
            outcome,
            1.03 + 0.001 * (place % 50),
            case=replace(CASE, conv_type=form, stride=stride, in_channels=n, out_channels=n),
        )
        for place, (form, stride, n) in zip(range(count), shapes, strict=False)
    ]
