"""Which rings a comparison has: two cases each, as many as there is time for, and a few in which
base meets itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sepconv.bench.plan import (
    ASSUMED_CALL_S,
    ASSUMED_FLOP_PER_S,
    CALIBRATION_VISITS,
    LEAST_ROUNDS,
    PASS_OVERHEAD_S,
    VISIT_OVERHEAD_S,
    Ring,
    fastest_call_s,
    plan_ring,
    ring_s,
)
from sepconv.case import Case
from sepconv.cost import cost_of
from sepconv.errors import UnknownConvType
from sepconv.record import BASE, HEAD, Block

TIMED_S = 0.05  # in rounds of each arm, in a pass
VISITS = 2
MOST_NULLS = 4  # rings of base against base …
CASES_PER_NULL = 6  # … one for so many cases
NULL_CALL_S = 5e-3  # of a call at most: they are there to be precise
EXPECTED_PASSES = 10  # of an average ring, from screen to sameness
LOOKS = 3  # of every case alone: both sides by default, and the calibration
LOOK_CALLS = 12  # warm-up and rounds of each
MUCH_SLOWER = 1.5  # head against base, alone: then its rounds are planned by its own calls

CallSeconds = Mapping[str, Mapping[str, float]]
"""Seconds per call, by arm and by the identity of the case."""


@dataclass(frozen=True)
class Duel:
    """The two cases of a ring; mostly one case, whose code differs."""

    base: Case
    head: Case

    def on(self, arm: str) -> Case:
        """The case of that arm."""
        return self.base if arm == BASE else self.head


def choose_unseen(duels: Mapping[int, Duel], left_s: float) -> list[int]:
    """Those that may fit into the time, by what their arithmetic promises, the shortest calls
    first: looking at all of a large suite would take the time that there is for measuring."""
    guesses = {number: max(map(_guess_s, (duel.base, duel.head))) for number, duel in duels.items()}
    chosen: list[int] = []
    for number in sorted(guesses, key=lambda number: guesses[number]):
        visits = LOOKS * CALIBRATION_VISITS + EXPECTED_PASSES * 2 * VISITS
        calls = LOOKS * LOOK_CALLS + EXPECTED_PASSES * 2 * LEAST_ROUNDS
        left_s -= visits * VISIT_OVERHEAD_S + calls * guesses[number]
        if left_s > 0 or not chosen:
            chosen.append(number)
    return chosen


def choose_rings(rings: Sequence[Ring], left_s: float) -> list[Ring]:
    """Those that fit into the time, the shortest calls first: they show the least change for
    their time."""
    left_s -= EXPECTED_PASSES * PASS_OVERHEAD_S
    chosen: list[Ring] = []
    for ring in sorted(rings, key=lambda ring: max(slot.call_s for slot in ring)):
        left_s -= EXPECTED_PASSES * ring_s(ring)
        if left_s > 0 or not chosen:
            chosen.append(ring)
    return chosen


def plan_duel(
    duel: Duel,
    number: int,
    call_s: CallSeconds,
    alone: Mapping[str, Mapping[str, Block]],
) -> Ring:
    """The ring of a duel, whose arms make the same calls if they are of one case.

    `alone` are blocks of both sides by themselves.

    A head that is much slower than base gets fewer rounds, not longer ones.
    """
    base_s, head_s = call_s[BASE][duel.base.identity], call_s[HEAD][duel.head.identity]
    ring = plan_ring(
        duel.base, duel.head, base_s, head_s, number=number, block_s=TIMED_S, visits=VISITS
    )
    blocks = [
        alone[arm].get(slot.case.identity) for arm, slot in zip((BASE, HEAD), ring, strict=True)
    ]
    if duel.base.identity != duel.head.identity or None in blocks:
        return ring
    alone_s = [fastest_call_s(block) for block in blocks if block is not None]
    times = alone_s[1] / alone_s[0]
    if times < MUCH_SLOWER:
        return ring
    shorter = plan_ring(
        duel.base, duel.head, base_s, base_s, number=number, block_s=TIMED_S / times, visits=VISITS
    )
    return tuple(
        replace(slot, call_s=base_s * (times if slot.arm == HEAD else 1)) for slot in shorter
    )


def null_rings(rings: Sequence[Ring], first: int) -> list[Ring]:
    """Rings of base against base: a few of the cases, spread over the lengths of their calls."""
    usual = [ring for ring in rings if ring[0].call_s <= NULL_CALL_S] or list(rings[:1])
    usual.sort(key=lambda ring: ring[0].call_s)
    count = min(MOST_NULLS, -(-len(rings) // CASES_PER_NULL))
    places = [round((place + 0.5) * len(usual) / count - 0.5) for place in range(count)]
    chosen = [usual[place] for place in sorted(set(places))] if usual else []
    return [
        tuple(
            replace(
                slot, case=ring[0].case, calls=ring[0].calls, call_s=ring[0].call_s, ring=number
            )
            for slot in ring
        )
        for number, ring in enumerate(chosen, first)
    ]


def _guess_s(case: Case) -> float:
    """About the seconds of a call, before anything was measured."""
    try:
        return ASSUMED_CALL_S + cost_of(case).flops / ASSUMED_FLOP_PER_S
    except UnknownConvType:
        return ASSUMED_CALL_S
