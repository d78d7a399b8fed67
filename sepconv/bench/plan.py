"""How each case is measured: in which rings, in how many passes, visits and rounds.

A pass goes over all rings; a visit gives a ring's arms some rounds in turns; a round is some
calls. The calibration pass tells what a call costs, the plan turns that into the rest, and
every pass is the same.

What disturbs a round lasts 20–200 ms, so rounds of one visit share their luck, and visits do
not: with a spread of b between visits and of w between the quads within, a visit of q quads has
the variance b² + w²/q, and costs its overhead o and q times c. Least variance for the time is
at q = (w/b)·√(o/c). Visits are spread over rings as 1/√(what one takes), which for equal
spreads makes the sum of all variances least.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log2, sqrt

from sepconv.case import Case
from sepconv.record import ALONE, BASE, HEAD, Block, Slot

ROUND_S = 2e-3  # of a slot alone: long against the clocks' cost (3 µs)
TURN_ROUND_S = 0.5e-3  # in a ring: the shorter the turns, the more the arms have in common
QUAD = 2  # rounds of each arm that are compared at once
WITHIN_TO_BETWEEN = 2.7  # w/b: 11 % between quads, 4 % between visits, on a shared machine
MOST_QUADS = 12  # per visit of a budgeted sweep
LEAST_ROUNDS = 4  # per block: two quads, or a median that one disturbed round does not move
MOST_ROUNDS = 800
VISITS = 2  # per block without a budget
CALIBRATION_VISITS = 3
MOST_VISITS = 8  # per block within one
LEAST_PASSES = 8  # stopping earlier makes a 95 % interval cover only 69–92 %
MOST_PASSES = 12  # with more, starting workers takes what narrower intervals would give
BLOCK_S = 1 / LEAST_PASSES  # timed: the cap of 1 s per arm, over the passes
PASS_OVERHEAD_S = 0.3  # forking, collecting
VISIT_OVERHEAD_S = 4.5e-3  # of each arm: building or finding the module, pytest's own work
FIRST_PASSES_SHARE = 0.87  # of the budget; the rest is for cases that are still too noisy
START_S = 5.0  # importing torch, calibrating
EVICTION_S = 30e-3  # of a cold round, before it: twice the last-level cache is written
ASSUMED_FLOP_PER_S = 1e10  # to guess a duration before anything was measured
ASSUMED_CALL_S = 1e-4

KEPT_WITHIN = 2  # a shared core is as much slower in its bad hours
KnownCalls = Mapping[tuple[str, str], int]
"""Calls per round, by the identity of the case and its arm."""

Ring = tuple[Slot, ...]
"""The slots that take turns, base before head; or one alone."""


@dataclass(frozen=True)
class Plan:
    """The slots of a sweep, ring by ring, and how many passes over all of them fit."""

    slots: tuple[Slot, ...]
    passes: int


def rings_of(slots: Sequence[Slot]) -> list[Ring]:
    """The slots by their rings, in the order in which each ring is met first."""
    rings: dict[int, list[Slot]] = {}
    for slot in slots:
        rings.setdefault(slot.ring, []).append(slot)
    return [tuple(ring) for ring in rings.values()]


def pair_up(
    call_s: Mapping[Case, float], first: int = 1, known: KnownCalls | None = None
) -> list[Ring]:
    """Who takes turns with whom: each case with the standard conv of its shape, if it is there.

    A standard conv has a slot with each of its partners; who has no partner is alone. `known`
    are the calls per round of earlier runs.
    """
    by_identity = {case.identity: case for case in call_s}
    partners = [
        (by_identity[case.shape.identity], case)
        for case in call_s
        if case.identity != case.shape.identity and case.shape.identity in by_identity
    ]
    paired = {case.identity for pair in partners for case in pair}
    groups = [*partners, *((case,) for case in call_s if case.identity not in paired)]
    return [
        tuple(
            Slot(case, _keep_calls(case, call_s[case], arm, known), 0, call_s[case], 1, number, arm)
            for case, arm in zip(group, (BASE, HEAD) if len(group) == 2 else (ALONE,), strict=True)
        )
        for number, group in enumerate(groups, first)
    ]


def known_calls(slots: Iterable[Slot]) -> KnownCalls:
    """The calls per round of earlier plans, the later ones first."""
    known: dict[tuple[str, str], int] = {}
    for slot in slots:
        known.setdefault((slot.case.identity, slot.arm), slot.calls)
    return known


def plan_passes(
    calibrations: Sequence[Block], budget_s: float | None, known: KnownCalls | None = None
) -> Plan:
    """A plan for the calibrated cases that fits into `budget_s`.

    If not even the least number of passes fits, there are fewer, and the intervals say so.
    Without a budget every case gets its cap.
    """
    call_s = {block.case: fastest_call_s(block) for block in calibrations}
    rings = pair_up(call_s, known=known)
    if budget_s is None:
        return Plan(_flat(_with_cap(ring) for ring in rings), LEAST_PASSES)
    within = [_with_best_quads(ring) for ring in rings]
    pass_s = PASS_OVERHEAD_S + sum(map(visit_s, within))
    available_s = FIRST_PASSES_SHARE * budget_s
    passes = max(2, min(MOST_PASSES, int(available_s / pass_s)))
    spread = _spread_visits(within, available_s / passes - PASS_OVERHEAD_S)
    return Plan(_flat(spread), passes)


def plan_alone(case: Case, call_s: float, block_s: float = BLOCK_S) -> Slot:
    """The slot of a case that is measured by itself, in one visit."""
    slot = Slot(case, _calls(case, call_s, 1), 0, call_s)
    rounds = min(max(round(block_s / _round_s(slot)), LEAST_ROUNDS), MOST_ROUNDS)
    return replace(slot, rounds=rounds)


def plan_ring(
    base: Case,
    head: Case,
    base_call_s: float,
    head_call_s: float,
    *,
    number: int = 1,
    block_s: float = BLOCK_S,
    visits: int = VISITS,
) -> Ring:
    """A ring of two cases, which may be the same, with about `block_s` of rounds for each arm."""
    arms = ((base, base_call_s, BASE), (head, head_call_s, HEAD))
    ring = tuple(
        Slot(case, _calls(case, call_s, 2), 0, call_s, ring=number, arm=arm)
        for case, call_s, arm in arms
    )
    return _with_rounds(ring, block_s, visits)


def calibration_slots(cases: Sequence[Case]) -> list[Slot]:
    """The calibration pass: a few rounds of one call each, every case by itself, in visits that
    are apart, so that one of them meets a fast spell of the machine."""
    return [
        Slot(case, 1, CALIBRATION_VISITS * 2, 0.0, visits=CALIBRATION_VISITS, ring=number)
        for number, case in enumerate(cases, 1)
    ]


def fastest_call_s(calibration: Block) -> float:
    """Seconds per call in the fastest round: what the case takes undisturbed."""
    return max(min(calibration.latencies_s), 1e-7)


def visit_s(ring: Ring) -> float:
    """About the wall seconds of a visit: setting up, warming up, priming, timed rounds."""
    visits = ring[0].visits
    rounds = -(-ring[0].rounds // visits)
    return _overhead_s(ring) + rounds / QUAD * _quad_s(ring)


def ring_s(ring: Ring) -> float:
    """About the wall seconds that a pass spends on the ring."""
    return ring[0].visits * visit_s(ring)


def guess_duration_s(flops_of: Sequence[int], budget_s: float | None) -> float:
    """About how long a sweep of cases with these FLOPs takes, before anything was measured."""
    call_s = [ASSUMED_CALL_S + flops / ASSUMED_FLOP_PER_S for flops in flops_of]
    overhead_s = VISITS * VISIT_OVERHEAD_S
    per_pass = [1.5 * max(BLOCK_S, 6 * seconds) + overhead_s for seconds in call_s]
    unlimited = START_S + LEAST_PASSES * (sum(per_pass) + PASS_OVERHEAD_S)
    return unlimited if budget_s is None else min(unlimited, budget_s)


def _calls(case: Case, call_s: float, arms: int) -> int:
    """Per round, a power of two; one, if it is to find cold caches."""
    if case.cache == "cold":
        return 1
    wanted = (TURN_ROUND_S if arms == 2 else ROUND_S) / call_s
    return int(2 ** max(0, round(log2(wanted))))


def _keep_calls(case: Case, call_s: float, arm: str, known: KnownCalls | None) -> int:
    """As many as in earlier runs, if that still makes a round of about the right length.

    How many calls are made in a row decides a little what one of them takes, so two runs should
    not differ in it by as much as their calibrations do.
    """
    calls = _calls(case, call_s, 1 if arm == ALONE else 2)
    earlier = (known or {}).get((case.identity, arm), calls)
    return earlier if 1 / KEPT_WITHIN <= earlier / calls <= KEPT_WITHIN else calls


def _with_cap(ring: Ring) -> Ring:
    return _with_rounds(ring, BLOCK_S, VISITS)


def _with_rounds(ring: Ring, block_s: float, visits: int) -> Ring:
    """The ring with as many rounds as its slower arm fits into `block_s`, in whole quads."""
    round_s = max(map(_round_s, ring))
    quads = min(max(round(block_s / round_s / QUAD), LEAST_ROUNDS // QUAD), MOST_ROUNDS // QUAD)
    visits = min(visits, quads)
    return _planned(ring, quads // visits * QUAD * visits, visits)


def _with_best_quads(ring: Ring) -> Ring:
    """The ring with one visit of as many quads as tell most for their time."""
    best = WITHIN_TO_BETWEEN * sqrt(_overhead_s(ring) / _quad_s(ring))
    return _planned(ring, QUAD * min(max(1, round(best)), MOST_QUADS), 1)


def _spread_visits(rings: Sequence[Ring], available_s: float) -> list[Ring]:
    """Rings with more visits, so that a pass takes about `available_s`."""
    takes_s = [visit_s(ring) for ring in rings]

    def visits_at(scale: float) -> list[int]:
        return [min(MOST_VISITS, max(1, round(scale / sqrt(seconds)))) for seconds in takes_s]

    def total_s(visits: Sequence[int]) -> float:
        return sum(count * seconds for count, seconds in zip(visits, takes_s, strict=True))

    low, high = 0.0, MOST_VISITS * sqrt(max(takes_s, default=1.0))
    for _ in range(30):  # bisection: the time grows with the scale
        middle = (low + high) / 2
        low, high = (middle, high) if total_s(visits_at(middle)) <= available_s else (low, middle)
    return [
        _planned(ring, max(ring[0].rounds * visits, LEAST_ROUNDS), visits)
        for ring, visits in zip(rings, visits_at(low), strict=True)
    ]


def _planned(ring: Ring, rounds: int, visits: int) -> Ring:
    return tuple(replace(slot, rounds=rounds, visits=visits) for slot in ring)


def _round_s(slot: Slot) -> float:
    """The seconds of a round, with the emptying of the caches before it."""
    return slot.calls * slot.call_s + (EVICTION_S if slot.case.cache == "cold" else 0.0)


def _overhead_s(ring: Ring) -> float:
    """Beside the quads: both arms are set up, and in their first visit warm up."""
    return sum(VISIT_OVERHEAD_S + 1.5 * slot.call_s for slot in ring)


def _quad_s(ring: Ring) -> float:
    """Two rounds of each arm, and a priming call of each in a ring of two."""
    primed = 1.0 if len(ring) == 2 else 0.0
    return sum(QUAD * _round_s(slot) + primed * slot.call_s for slot in ring)


def _flat(rings: Iterable[Ring]) -> tuple[Slot, ...]:
    return tuple(slot for ring in rings for slot in ring)
