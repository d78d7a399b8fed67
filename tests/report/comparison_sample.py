"""Made-up comparisons of every kind, with the passes that their rows rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log
from random import Random

from sepconv.case import Case
from sepconv.comparison import (
    Acknowledgement,
    Compared,
    ComparedPass,
    Comparison,
    Contender,
    Detail,
    LeftOut,
    Outcome,
    Stage,
)
from sepconv.ratio import LogRatio, Pair
from sepconv.run import Revision
from tests.report.sample import (
    ENVIRONMENT,
    HOSTILE,
    MACHINE,
    make_case,
    sweep,
    true_latency,
    work,
)

BASE_COMMIT = Revision(
    "c0ffee" + "0" * 34, (), "2026-03-01T09:00:00+00:00", "", "Normalise in one place"
)
HEAD_COMMIT = Revision(
    "beef12" + "1" * 34, (), "2026-03-02T09:00:00+00:00", "", "Fold the bias into the pointwise"
)
METHOD = {
    "estimator": "20 %-trimmed mean of ln(head ÷ base) over quads of a pass; t-interval",
    "screen_passes": 8,
    "confirm_passes": [8, 24],
    "margin": 0.01,
    "same_margin": 0.02,
    "alpha": 0.01,
    "floor": 0.004,
    "null_sd": 0.006,
}
ASKED = ("main", "--suite", "pull-request", "--budget", "90s")
ERROR = (
    "RuntimeError: could not create a primitive\n"
    '  File "forms.py", line 12, in forward\n'
    "    return self.pointwise(self.depthwise(x))"
)
Told = tuple[Comparison, list[ComparedPass]]


def make_comparison(cases: Sequence[Compared] = (), **changes: object) -> Comparison:
    made = Comparison(
        uid="c0" * 16,
        suite="pull-request",
        started_at="2026-03-02T10:00:00+00:00",
        machine=MACHINE,
        base=Contender("main", BASE_COMMIT, "main", False, "d1gest", "where it left main"),
        head=Contender("the working tree", HEAD_COMMIT, "feature/née", True, "d1fferent"),
        harness_version="0.1.0",
        seed=7,
        budget_s=90.0,
        method=METHOD,
        conditions={"asked": ASKED, "load_1min": 0.42, "kernel": "Linux 6.1"},
        cases=cases,
        state="done",
        finished_at="2026-03-02T10:01:31+00:00",
        timing={"starting_s": 9.1, "timed_s": 72.4},
        id=12,
    )
    both = [replace(side, environment=ENVIRONMENT) for side in (made.base, made.head)]
    return replace(made, base=both[0], head=both[1], **changes)  # type: ignore[arg-type]


def judged(
    ring: int, case: Case, outcome: Outcome, change: float = 0.0, **changes: object
) -> Compared:
    """A case with a plausible interval around that change, a fraction."""
    latency = true_latency(case)
    half = 0.008 + 0.12 * abs(change)
    macs, params = work(case)
    metrics = {
        "params": (float(params), float(params)),
        "macs": (float(macs), float(macs)),
        "flops": (2.0 * macs, 2.0 * macs),
        "allocations": (3.0, 3.0),
        "allocated_bytes": (8192.0, 8192.0),
        "minor_faults_per_call": (0.0, 440.0),
    }
    one = Compared(
        ring=ring,
        base=case,
        head=case,
        outcome=outcome,
        ratio=1 + change,
        low=1 + change - half,
        high=1 + change + half,
        confidence=0.99,
        detectable=0.021,
        passes=8,
        base_latency_s=latency,
        head_latency_s=latency * (1 + change),
        metrics=metrics,
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def told_nothing(ring: int, case: Case, outcome: Outcome, reason: str) -> Compared:
    return Compared(ring, case, case, outcome, reason=reason)


def passes_of(case: Compared, random: Random) -> list[ComparedPass]:
    """Eight screening passes; of what was decided, as many that confirm it."""
    if case.ratio is None:
        return []
    stages = [Stage.SCREEN]
    if case.outcome in (Outcome.SLOWER, Outcome.FASTER):
        stages.append(Stage.CONFIRM)
    return [
        one_pass(case, stage, 8 * nth + number, log(case.ratio) + random.gauss(0, 0.008))
        for nth, stage in enumerate(stages)
        for number in range(1, 9)
    ]


def one_pass(case: Compared, stage: Stage, number: int, change: float) -> ComparedPass:
    ratio = LogRatio(change, 0.002, change + 0.0005, change - 0.0005)
    server = 1 if stage is Stage.CONFIRM else 0
    pair = Pair(case.ring, number, case.base, case.head, 24, ratio, ratio, server)
    base_s = case.base_latency_s or 1e-4
    return ComparedPass(stage, pair, base_s, base_s * exp(change))


def with_passes(comparison: Comparison, *, seed: int = 1) -> Told:
    random = Random(seed)
    passes = [one for case in comparison.cases for one in passes_of(case, random)]
    if passes:
        null = replace(comparison.cases[0], ring=900)
        passes += [
            one_pass(null, Stage.NULL, number, random.gauss(0, 0.003)) for number in range(1, 9)
        ]
    return comparison, passes


def pull_request(count: int = 24) -> Told:
    """Cases of the suite of that name, with every outcome among them."""
    cases = sweep((24, 96), (28, 56), strides=(1, 2))[:count]
    made = [judged(ring, case, Outcome.SAME, 0.001) for ring, case in enumerate(cases, 1)]
    changed: dict[int, Compared] = {
        1: judged(2, cases[1], Outcome.SLOWER, 0.051),
        4: judged(5, cases[4], Outcome.FASTER, -0.12),
        7: judged(8, cases[7], Outcome.SLOWER, 0.33, details=(Detail.ALLOCATES_MORE,)),
        8: judged(9, cases[8], Outcome.UNDECIDED, 0.013, reason="too noisy for its 8 passes"),
        10: judged(11, cases[10], Outcome.SLOWER, 0.08),
        13: told_nothing(14, cases[13], Outcome.FAILED, f"head: failed: {ERROR}"),
        14: told_nothing(15, cases[14], Outcome.NEW, "base: failed: no such mode"),
        16: told_nothing(17, cases[16], Outcome.MISSING, "head has no such conv type"),
        17: judged(18, cases[17], Outcome.SLOWER, 0.041, details=(Detail.TAIL_CHANGED,)),
        19: told_nothing(20, cases[19], Outcome.NOT_COMPARABLE, "head: no module named 'x'"),
    }
    if count > 19:
        changed[7] = replace(
            changed[7],
            metrics=dict(changed[7].metrics) | {"allocated_bytes": (8192.0, 65536.0)},
        )
        changed[10] = replace(
            changed[10],
            acknowledged=Acknowledgement("Ada", "numerically right now", "2026-03-02T11:00:00"),
        )
        made = [changed.get(place, one) for place, one in enumerate(made)]
    left_out = [LeftOut(make_case("standard", 512, 7), "there was no time for it")] * 3
    return with_passes(make_comparison(made, left_out=left_out))


def many(count: int) -> Told:
    """As many cases as wanted, every seventh of them slower."""
    sides = range(7, 7 + count // 60 + 1)
    cases = [
        make_case(form, channels, side, stride=stride)
        for side in sides
        for channels in (8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
        for stride in (1, 2)
        for form in ("standard", "depthwise_separable", "spatially_separable")
    ][:count]
    made = [
        judged(
            ring,
            case,
            Outcome.SLOWER if ring % 7 == 0 else Outcome.SAME,
            0.02 + (ring % 50) / 500 if ring % 7 == 0 else ((ring % 11) - 5) / 1000,
        )
        for ring, case in enumerate(cases, 1)
    ]
    return with_passes(make_comparison(made))


def hostile() -> Told:
    case = make_case("mine" + HOSTILE, options={HOSTILE: HOSTILE})
    other = make_case("mine" + HOSTILE, 32)
    revision = replace(HEAD_COMMIT, subject=HOSTILE)
    cases = [
        judged(
            1, case, Outcome.SLOWER, 0.05, reason=HOSTILE,
            acknowledged=Acknowledgement(HOSTILE, HOSTILE, "2026-03-02T11:00:00"),
        ),
        judged(2, other, Outcome.SLOWER, 0.04),
        told_nothing(3, make_case("mine" + HOSTILE, 16), Outcome.FAILED, f"{HOSTILE}\n{HOSTILE}"),
    ]  # fmt: skip
    comparison = make_comparison(
        cases,
        suite=HOSTILE,
        machine=replace(MACHINE, cpu_model=HOSTILE),
        left_out=[LeftOut(make_case("x" + HOSTILE), HOSTILE)],
        unchanged=[HOSTILE],
        conditions={"asked": [HOSTILE], HOSTILE: {HOSTILE: [HOSTILE]}},
        method=METHOD | {HOSTILE: HOSTILE},
    )
    head = replace(comparison.head, label=HOSTILE, branch=HOSTILE, note=HOSTILE, revision=revision)
    head = replace(head, settings={HOSTILE: HOSTILE})
    head = replace(head, environment=replace(ENVIRONMENT, torch=HOSTILE))
    return with_passes(replace(comparison, head=head))


def unpaired() -> Told:
    """Two stored runs, on different versions of torch."""
    case = make_case()
    reason = "unpaired: the two runs did not take turns"
    comparison = make_comparison(
        [judged(1, case, Outcome.NOT_COMPARABLE, 0.21, reason=reason)],
        conditions={"unpaired": True},
        method={"estimator": "latencies of two runs that did not take turns", "margin": 0.01},
    )
    head = replace(comparison.head, environment=replace(ENVIRONMENT, torch="2.14.0"))
    return replace(comparison, head=head), []


def settings() -> Told:
    """Two values of an axis: of each ring, base and head are other cases."""
    cases = [make_case("standard", channels, 28) for channels in (24, 96)]
    pairs = [replace(case, threads=2) for case in cases]
    made = [
        replace(judged(ring, case, Outcome.FASTER, -0.4), head=other)
        for ring, (case, other) in enumerate(zip(cases, pairs, strict=True), 1)
    ]
    comparison = make_comparison(made)
    base = Contender("threads=1", settings={"threads": "1"}, environment=ENVIRONMENT)
    head = Contender("threads=2", settings={"threads": "2"}, environment=ENVIRONMENT)
    return with_passes(replace(comparison, base=base, head=head))


def one_case(change: float = 0.05, outcome: Outcome = Outcome.SLOWER) -> Told:
    return with_passes(make_comparison([judged(1, make_case(), outcome, change)]))


def only_failures() -> Told:
    cases = [
        told_nothing(ring, case, Outcome.FAILED, f"head: failed: {ERROR}")
        for ring, case in enumerate(sweep((16, 32), (14,)), 1)
    ]
    return make_comparison(cases, method={}), []


KINDS = {
    "empty": lambda: (make_comparison(), []),
    "unchanged": lambda: (make_comparison(unchanged=["standard", "depthwise_separable"]), []),
    "interrupted": lambda: (
        replace(pull_request()[0], state="interrupted", finished_at=None),
        pull_request()[1],
    ),
    "only failures": only_failures,
    "one case": one_case,
    "all the same": lambda: one_case(0.001, Outcome.SAME),
    "faster": lambda: one_case(-0.2, Outcome.FASTER),
    "pull request": pull_request,
    "without passes": lambda: (pull_request()[0], []),
    "unpaired": unpaired,
    "settings": settings,
    "hostile": hostile,
    "several hundred": lambda: many(500),
}
"""Every kind of comparison that a page can be of."""
