"""A sweep: calibrate, plan, then pass after pass until the intervals or the time say stop."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from sepconv.bench.plan import (
    PASS_OVERHEAD_S,
    KnownCalls,
    Plan,
    Ring,
    calibration_slots,
    plan_alone,
    plan_passes,
    ring_s,
    rings_of,
)
from sepconv.bench.supervisor import Supervisor
from sepconv.case import Case
from sepconv.record import Block, Facts, Ledger, Resumption, Status

CALIBRATION = 0
RING_CAP_S = 2.0  # timed seconds, 1 for each arm, after which a ring gets no further pass
LEAST_LEFT_S = 1.5  # of the budget, for a further pass to be worth its start
PASS_SHARE = 0.3  # of what is left, for each further pass: the worst rings need several


@dataclass
class Timing:
    """Where the wall time of a sweep went, in seconds."""

    timed_s: float = 0.0  # inside timed rounds
    warmup_s: float = 0.0  # inside calls that warm up or prime, and those of the calibration


@dataclass
class _Keeper:
    """Passes every case's fate on to the ledger, and remembers what the next pass needs."""

    ledger: Ledger
    timing: Timing
    calibrating: bool = False
    calibrations: list[Block] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    timed_s: dict[int, float] = field(default_factory=dict)  # by ring
    kept: set[tuple[int, int]] = field(default_factory=set)  # pass and ring

    def keep_visit(self, case: Case) -> None:
        self.ledger.keep_visit(case)

    def keep_facts(self, case: Case, facts: Facts) -> None:
        self.ledger.keep_facts(case, facts)

    def keep_blocks(self, *blocks: Block) -> None:
        for block in blocks:
            self.timing.warmup_s += block.warmup_s
            if self.calibrating:
                self.timing.warmup_s += block.timed_s
                self.calibrations.append(block)
                continue
            self.timing.timed_s += block.timed_s
            self.timed_s[block.ring] = self.timed_s.get(block.ring, 0.0) + block.timed_s
            self.kept.add((block.pass_number, block.ring))
        if not self.calibrating:
            self.ledger.keep_blocks(*blocks)

    def keep_failure(self, case: Case, status: Status, error: str, arm: str) -> None:
        self.failed.add(case.identity)
        self.ledger.keep_failure(case, status, error)


class Sweep:
    """One sweep: the rings that are still wanted, and the time that is left."""

    def __init__(
        self,
        supervisor: Supervisor,
        ledger: Ledger,
        *,
        seed: int,
        budget_s: float | None,
        known: KnownCalls | None = None,
    ) -> None:
        self.timing = Timing()
        self._supervisor = supervisor
        self._ledger = ledger
        self._seed = seed
        self._budget_s = budget_s
        self._known = known
        self._start_s = perf_counter()
        self._keeper = _Keeper(ledger, self.timing)
        self._last_ring = 0
        self._ended: list[int] = []  # passes whose estimates the ledger has not renewed yet

    def calibrate(self, cases: Sequence[Case]) -> Plan:
        """Time every case once, and plan the passes from it."""
        self._keeper.calibrating = True
        self._run(CALIBRATION, rings_of(calibration_slots(cases)))
        self._keeper.calibrating = False
        self._end_passes()
        budget_s = None if self._budget_s is None else self._left_s()
        return plan_passes(self._keeper.calibrations, budget_s, self._known)

    def measure(self, plan: Plan, resumption: Resumption | None = None) -> None:
        """The planned passes, then more of them where the budget has time for it."""
        self._last_ring = max((slot.ring for slot in plan.slots), default=0)
        rings = self._mend(rings_of(plan.slots))
        for number in range(1, plan.passes + 1):
            missing = [ring for ring in rings if not _is_done(number, ring, resumption)]
            if not self._goes_on() or not rings:
                break
            if missing:
                self._run(number, missing)
                rings = self._mend(rings, number)
        if resumption is None and self._budget_s is not None:
            self._measure_more(rings, plan.passes)

    def leave_out(self, failed: Collection[str]) -> None:
        """Do not try again what is known to fail."""
        self._keeper.failed |= set(failed)

    def end(self) -> None:
        """Have the ledger renew what it has not yet."""
        self._end_passes()

    def _measure_more(self, rings: Sequence[Ring], passes: int) -> None:
        """Further passes over the widest intervals, as many of them as fit into what is left."""
        number = passes
        while self._goes_on() and self._left_s() > LEAST_LEFT_S:
            self._end_passes()  # what is still unsettled depends on it
            wanted = self._unsettled(rings, self._left_s() * PASS_SHARE - PASS_OVERHEAD_S)
            if not wanted:
                return
            number += 1
            self._run(number, wanted)
            rings = self._mend(rings, number)

    def _run(self, number: int, rings: Sequence[Ring]) -> None:
        # One seed per pass: what is random in it differs from pass to pass, and repeats.
        coin = random.Random(hash((self._seed, number)))
        ordered = [slot for ring in shuffle_by_shape(rings, coin) for slot in ring]
        self._ledger.begin_pass(number, ordered)
        self._supervisor.run_pass(
            number,
            ordered,
            self._keeper,
            seed=self._seed,
            deadline=lambda: self._left_s() <= 0,
            meanwhile=self._end_passes,
        )
        self._ended.append(number)

    def _mend(self, rings: Sequence[Ring], number: int | None = None) -> list[Ring]:
        """The rings without the cases that have failed.

        Who has lost every partner is measured alone from now on, in this pass too.
        """
        failed = self._keeper.failed
        whole = [ring for ring in rings if not any(s.case.identity in failed for s in ring)]
        if len(whole) == len(rings):
            return list(rings)
        in_ring = {slot.case.identity for ring in whole for slot in ring}
        lonely = {
            slot.case: slot.call_s
            for ring in rings
            for slot in ring
            if slot.case.identity not in failed | in_ring
        }
        alone = [
            (replace(plan_alone(case, call_s), ring=ring),)
            for ring, (case, call_s) in enumerate(lonely.items(), self._last_ring + 1)
        ]
        self._last_ring += len(alone)  # a number that was given once means that ring for ever
        if alone:
            self._ledger.keep_plan([slot for (slot,) in alone], None)
            if number is not None and self._goes_on():
                self._run(number, alone)
        return [*whole, *alone]

    def _unsettled(self, rings: Sequence[Ring], available_s: float) -> list[Ring]:
        """The rings of the cases with the widest intervals, the widest first, that fit; at
        least one."""
        chosen: list[Ring] = []
        for case in self._ledger.unsettled():
            for ring in rings:
                if ring in chosen or ring[-1].case.identity != case.identity:
                    continue
                if self._keeper.timed_s.get(ring[0].ring, 0.0) >= RING_CAP_S:
                    continue
                if ring_s(ring) <= available_s or not chosen:
                    available_s -= ring_s(ring)
                    chosen.append(ring)
        return chosen

    def _goes_on(self) -> bool:
        return not self._supervisor.stopping and self._left_s() > 0

    def _left_s(self) -> float:
        if self._budget_s is None:
            return float("inf")
        return self._budget_s - (perf_counter() - self._start_s)

    def _end_passes(self) -> None:
        while self._ended:
            self._ledger.end_pass(self._ended.pop())


def sweep(
    cases: Sequence[Case],
    supervisor: Supervisor,
    ledger: Ledger,
    *,
    seed: int,
    budget_s: float | None = None,
    resumption: Resumption | None = None,
    known: KnownCalls | None = None,
) -> Timing:
    """Measure `cases`; everything goes to `ledger` as soon as it is known.

    The budget counts from here, and is looked at between visits: what it leaves out has fewer
    blocks, or none. A `resumption` has a plan of its own: exactly what is missing of it is
    measured. `known` are the calls per round of earlier runs here, which are kept where they fit.
    """
    run = Sweep(supervisor, ledger, seed=seed, budget_s=budget_s, known=known)
    try:
        if resumption is None:
            plan = run.calibrate(cases)
            if supervisor.stopping:  # a plan of some of the cases would be taken for the whole
                return run.timing
            ledger.keep_plan(plan.slots, plan.passes)
        else:
            plan = Plan(tuple(resumption.slots), resumption.passes)
            ledger.keep_plan(plan.slots, plan.passes)
            run.leave_out(resumption.failed)
        run.measure(plan, resumption)
    finally:
        run.end()
    return run.timing


def _is_done(number: int, ring: Ring, resumption: Resumption | None) -> bool:
    """Whether a pass of the ring is stored; who has lost its partner needs no pass again that
    it made beside it."""
    if resumption is None:
        return False
    if len(ring) == 1 and (number, ring[0].case.identity) in resumption.seen:
        return True
    return (number, ring[0].ring) in resumption.kept


def shuffle_by_shape(rings: Sequence[Ring], shuffle: random.Random) -> list[Ring]:
    """Random order of shapes, and of the rings within each.

    Cases of one shape are measured next to each other, so that a slow spell of the machine
    meets all of them.
    """
    shapes: dict[str, list[Ring]] = {}
    for ring in rings:
        shapes.setdefault(ring[0].case.shape.identity, []).append(ring)
    groups = list(shapes.values())
    shuffle.shuffle(groups)
    for group in groups:
        shuffle.shuffle(group)
    return [ring for group in groups for ring in group]
