"""How long each case is measured: the same in every pass, and within the time budget.

A pass gives every case one block; a block is some rounds, spread over some visits; a round is
some calls. The calibration pass tells what a call costs, the plan turns that into the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sepconv.case import Case
from sepconv.record import Block, Slot

ROUND_S = 2e-3  # long against the clocks' cost (3 µs), short against a scheduler's slice
LEAST_ROUNDS = 3  # per block: a median that one disturbed round does not move
MOST_ROUNDS = 400
VISITS = 2  # per block: the machine's noise lasts 20–200 ms, rounds in a row repeat one spell
VISITS_IN_BUDGET = 6  # where wall time counts, more visits are worth fewer timed seconds
LEAST_PASSES = 8  # stopping earlier makes a 95 % interval cover only 69–92 %
BLOCK_S = 1 / LEAST_PASSES  # timed: the cap of 1 s per case, over the passes
PASS_OVERHEAD_S = 0.4  # forking, collecting
BLOCK_OVERHEAD_S = 6e-3  # building the module, storing
VISIT_OVERHEAD_S = 2.5e-3  # pytest's own work
FIRST_PASSES_SHARE = 0.85  # of the budget; the rest is for cases that are still too noisy
START_S = 5.0  # importing torch, calibrating
ASSUMED_FLOP_PER_S = 1e10  # to guess a duration before anything was measured
ASSUMED_CALL_S = 1e-4


@dataclass(frozen=True)
class Plan:
    """The slots of a sweep, and how many passes over all of them fit."""

    slots: tuple[Slot, ...]
    passes: int


def plan_slot(case: Case, call_s: float, block_s: float = BLOCK_S, visits: int = VISITS) -> Slot:
    """Calls per round and rounds per block for a case whose call takes `call_s`."""
    calls = max(1, round(ROUND_S / call_s))
    rounds = min(max(round(block_s / (calls * call_s)), LEAST_ROUNDS), MOST_ROUNDS)
    return Slot(case, calls, rounds, call_s, visits=min(visits, rounds))


def plan_passes(calibrations: Sequence[Block], budget_s: float | None) -> Plan:
    """A plan of equal timed seconds for every case that fits into `budget_s`.

    Slow cases keep their least number of rounds; if even that does not fit into the least
    number of passes, there are fewer passes, and the intervals say so. Without a budget every
    case gets its cap.
    """
    call_s = {block.case: fastest_call_s(block) for block in calibrations}
    visits = VISITS if budget_s is None else VISITS_IN_BUDGET
    primed_s = (visits - 1) * sum(call_s.values())  # one call more before each later visit
    warmup_s = sum(block.warmup_s for block in calibrations) + primed_s
    block_overhead_s = BLOCK_OVERHEAD_S + visits * VISIT_OVERHEAD_S
    fixed_s = PASS_OVERHEAD_S + len(calibrations) * block_overhead_s + warmup_s

    def slots_of(block_s: float) -> tuple[Slot, ...]:
        return tuple(plan_slot(case, seconds, block_s, visits) for case, seconds in call_s.items())

    def timed_s(slots: Sequence[Slot]) -> float:
        return sum(slot.block_s for slot in slots)

    if budget_s is None:
        return Plan(slots_of(BLOCK_S), LEAST_PASSES)
    least_s = fixed_s + timed_s(slots_of(0.0))
    passes = max(2, min(LEAST_PASSES, int(FIRST_PASSES_SHARE * budget_s / least_s)))
    available_s = FIRST_PASSES_SHARE * budget_s / passes - fixed_s
    low, high = 0.0, BLOCK_S
    for _ in range(30):  # bisection: timed seconds grow with the seconds per block
        middle = (low + high) / 2
        low, high = (middle, high) if timed_s(slots_of(middle)) <= available_s else (low, middle)
    return Plan(slots_of(low), passes)


def fastest_call_s(calibration: Block) -> float:
    """Seconds per call in the fastest round: what the case takes undisturbed."""
    return max(min(calibration.latencies_s), 1e-7)


def guess_duration_s(flops_of: Sequence[int], budget_s: float | None) -> float:
    """About how long a sweep of cases with these FLOPs takes, before anything was measured."""
    call_s = [ASSUMED_CALL_S + flops / ASSUMED_FLOP_PER_S for flops in flops_of]
    overhead_s = BLOCK_OVERHEAD_S + VISITS * VISIT_OVERHEAD_S
    per_pass = [max(BLOCK_S, 6 * seconds) + overhead_s for seconds in call_s]
    unlimited = START_S + LEAST_PASSES * (sum(per_pass) + PASS_OVERHEAD_S)
    return unlimited if budget_s is None else min(unlimited, budget_s + START_S)


def calibration_slot(case: Case) -> Slot:
    """The slot of the calibration pass: a few rounds of one call each."""
    return Slot(case, calls=1, rounds=LEAST_ROUNDS, call_s=0.0)
