"""A sweep: calibrate, plan, then pass after pass until the intervals or the time say stop."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from sepconv.bench.plan import calibration_slot, plan_passes
from sepconv.bench.supervisor import Supervisor
from sepconv.case import Case
from sepconv.record import Block, Ledger, Slot, Status

CALIBRATION = 0
CASE_CAP_S = 1.0  # timed seconds after which a case gets no further pass
LEAST_LEFT_S = 1.0  # of the budget, for a further pass to be worth its start


@dataclass
class Timing:
    """Where the wall time of a sweep went, in seconds."""

    timed_s: float = 0.0  # inside timed rounds
    warmup_s: float = 0.0  # inside warm-up calls, and calls of the calibration


@dataclass
class _Keeper:
    """Passes every case's fate on to the ledger, and remembers what the next pass needs."""

    ledger: Ledger
    timing: Timing
    calibrating: bool = True
    calibrations: list[Block] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    timed_s: dict[str, float] = field(default_factory=dict)

    def keep_visit(self, case: Case) -> None:
        self.ledger.keep_visit(case)

    def keep_block(self, block: Block) -> None:
        self.timing.warmup_s += block.warmup_s
        if self.calibrating:
            self.timing.warmup_s += block.timed_s
            self.calibrations.append(block)
            return
        self.timing.timed_s += block.timed_s
        identity = block.case.identity
        self.timed_s[identity] = self.timed_s.get(identity, 0.0) + block.timed_s
        self.ledger.keep_block(block)

    def keep_failure(self, case: Case, status: Status, error: str) -> None:
        self.failed.add(case.identity)
        self.ledger.keep_failure(case, status, error)


def sweep(
    cases: Sequence[Case],
    supervisor: Supervisor,
    ledger: Ledger,
    *,
    seed: int,
    budget_s: float | None = None,
) -> Timing:
    """Measure `cases`; everything goes to `ledger` as soon as it is known.

    The budget counts from here, and is looked at between blocks: what it leaves out has fewer
    blocks, or none.
    """
    start = perf_counter()

    def left_s() -> float:
        return float("inf") if budget_s is None else budget_s - (perf_counter() - start)

    timing = Timing()
    keeper = _Keeper(ledger, timing)
    shuffle = random.Random(seed)

    ended: list[int] = []  # passes whose estimates the ledger has not renewed yet

    def end_passes() -> None:
        while ended:
            ledger.end_pass(ended.pop())

    def run_pass(number: int, slots: Sequence[Slot]) -> None:
        ordered = shuffle_by_shape(slots, shuffle)
        ledger.begin_pass(number, ordered)
        supervisor.run_pass(
            number,
            ordered,
            keeper,
            seed=seed,
            deadline=lambda: left_s() <= 0,
            meanwhile=end_passes,
        )

    run_pass(CALIBRATION, [calibration_slot(case) for case in cases])
    keeper.calibrating = False
    plan = plan_passes(keeper.calibrations, None if budget_s is None else left_s())
    ledger.keep_plan(plan.slots, plan.passes)

    slots, number = plan.slots, 0
    try:
        while slots and not supervisor.stopping and left_s() > 0:
            number += 1
            run_pass(number, slots)
            ended.append(number)
            slots = tuple(slot for slot in slots if slot.case.identity not in keeper.failed)
            if number >= plan.passes:
                end_passes()  # what is still unsettled depends on it
                if budget_s is None or left_s() < LEAST_LEFT_S:
                    break
                slots = _unsettled(slots, ledger, keeper.timed_s)
    finally:
        end_passes()
    return timing


def shuffle_by_shape(slots: Sequence[Slot], shuffle: random.Random) -> list[Slot]:
    """Random order of shapes, and of the conv types within each.

    Cases that will be divided by each other are measured next to each other, so that a slow
    spell of the machine meets both.
    """
    shapes: dict[str, list[Slot]] = {}
    for slot in slots:
        shapes.setdefault(slot.case.shape.identity, []).append(slot)
    groups = list(shapes.values())
    shuffle.shuffle(groups)
    for group in groups:
        shuffle.shuffle(group)
    return [slot for group in groups for slot in group]


def _unsettled(
    slots: Sequence[Slot], ledger: Ledger, timed_s: dict[str, float]
) -> tuple[Slot, ...]:
    """The slots whose intervals are still too wide and whose cap is not reached."""
    wanted = {case.identity for case in ledger.unsettled()}
    return tuple(
        slot
        for slot in slots
        if slot.case.identity in wanted
        and timed_s.get(slot.case.identity, 0.0) + slot.block_s <= CASE_CAP_S
    )
