"""A comparison: look at both sides, calibrate, then passes of rings until the umpire has enough."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from sepconv.bench.allocator import DEFAULT
from sepconv.bench.duel import Duel, choose_rings, choose_unseen, null_rings, plan_duel
from sepconv.bench.message import Side
from sepconv.bench.plan import (
    Ring,
    calibration_slots,
    fastest_call_s,
)
from sepconv.bench.supervisor import Sides, Supervisor
from sepconv.bench.sweep import CALIBRATION, Timing, shuffle_by_shape
from sepconv.case import Case
from sepconv.comparison import Stage, Umpire
from sepconv.record import BASE, HEAD, Block, Facts, Status

PASSES_IN_VAIN = 3  # in which a ring was measured, and said nothing
PASSES_PER_SERVER = 4  # of confirming sides that are no twins: servers may differ for ever
LOST = "no pass of it said anything: a clock did not move within its rounds"


@dataclass
class _Look:
    """Keeps what one side's cases tell when they are looked at alone."""

    umpire: Umpire
    arm: str
    blocks: dict[str, Block] = field(default_factory=dict)  # by identity
    facts: dict[str, Facts] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def keep_visit(self, case: Case) -> None:
        """Only whole blocks are of use here."""

    def keep_facts(self, case: Case, facts: Facts) -> None:
        self.facts[case.identity] = facts

    def keep_blocks(self, *blocks: Block) -> None:
        for block in blocks:
            self.blocks[block.case.identity] = block

    def keep_failure(self, case: Case, status: Status, error: str, arm: str) -> None:
        self.failed.add(case.identity)
        self.umpire.keep_failure(self.arm, case, status, error)

    def tell(self) -> None:
        """Tell the umpire what was seen, page faults included."""
        for identity, block in self.blocks.items():
            facts = self.facts.get(identity, Facts())
            faults = block.summary().faults_per_call
            if faults is not None:
                facts = facts.and_also(Facts({"minor_faults_per_call": faults}))
            self.umpire.keep_look(self.arm, block.case, facts)


@dataclass
class _Passes:
    """Hands the blocks of rings on, with the server that they come from."""

    umpire: Umpire
    stage: Stage
    server: int
    timing: Timing
    failed: set[tuple[str, str]] = field(default_factory=set)  # arm and identity
    said: set[int] = field(default_factory=set)  # rings

    def keep_visit(self, case: Case) -> None:
        """Only whole blocks are of use here."""

    def keep_facts(self, case: Case, facts: Facts) -> None:
        """Looked at before."""

    def keep_blocks(self, *blocks: Block) -> None:
        base, head = (replace(block, server=self.server) for block in blocks)
        self.timing.timed_s += base.timed_s + head.timed_s
        self.timing.warmup_s += base.warmup_s + head.warmup_s
        if self.umpire.keep_pass(self.stage, base, head):
            self.said.add(base.ring)

    def keep_failure(self, case: Case, status: Status, error: str, arm: str) -> None:
        if self.stage is Stage.NULL:
            arm = BASE  # whose code both arms run
        self.failed.add((arm, case.identity))
        self.umpire.keep_failure(arm, case, status, error)


class Contest:
    """One comparison: the rings that are still in it, and the time that is left."""

    def __init__(
        self,
        supervisor: Supervisor,
        umpire: Umpire,
        sides: Sides,
        *,
        seed: int,
        budget_s: float | None = None,
    ) -> None:
        self.timing = Timing()
        self.left_out: list[Case] = []  # of head, for want of time
        self._supervisor = supervisor
        self._umpire = umpire
        self._sides = sides
        self._are_twins = sides[0].process == sides[1].process
        self._seed = seed
        self._budget_s = budget_s
        self._start_s = perf_counter()
        self._rings: dict[int, Ring] = {}
        self._nulls: dict[int, Ring] = {}
        self._vain: dict[int, int] = {}  # passes of a ring in a row that said nothing
        self._server = 0
        self._number = 0
        self._confirming = 0  # passes

    def plan(self, duels: Mapping[int, Duel]) -> None:
        """Look at every case on both sides, calibrate, and choose what there is time for.

        `duels` are by the numbers that their rings will have.
        """
        if self._budget_s is not None:
            chosen = choose_unseen(duels, self._left_s())
            self._leave_out(duels, chosen)
            duels = {number: duel for number, duel in duels.items() if number in chosen}
        every = list(duels.values())
        looks = self._look(every)
        call_s = self._calibrate(every, looks)
        alone = {arm: look.blocks for arm, look in looks.items()}
        rings = [
            plan_duel(duel, number, call_s, alone)
            for number, duel in duels.items()
            if duel.base.identity in call_s[BASE] and duel.head.identity in call_s[HEAD]
        ]
        if self._budget_s is not None:
            planned = {ring[0].ring: duels[ring[0].ring] for ring in rings}
            rings = choose_rings(rings, self._left_s())
            self._leave_out(planned, [ring[0].ring for ring in rings])
        self._rings = {ring[0].ring: ring for ring in rings}
        first = max(duels, default=0) + 1
        self._nulls = {ring[0].ring: ring for ring in null_rings(rings, first)}
        slots = [slot for ring in (*rings, *self._nulls.values()) for slot in ring]
        self._umpire.keep_plan(slots, list(self._nulls))

    def measure(self) -> None:
        """Pass after pass, for as long as the umpire wants one."""
        while not self._supervisor.stopping:
            wanted = self._umpire.next_pass(self._left_s() > 0)
            if wanted is None:
                return
            stage, numbers = wanted
            if stage is Stage.CONFIRM:
                self._renew_servers()
            self._number += 1
            self._run(stage, [self._rings[n] for n in numbers if n in self._rings], self._sides)
            base = self._sides[0]
            against = base if self._are_twins else replace(base, replica=1)
            nulls = [self._nulls[n] for n in numbers if n in self._nulls]
            self._run(Stage.NULL, nulls, (base, against))

    def _renew_servers(self) -> None:
        """Fresh servers for the first pass that confirms; for sides that are no twins, which may
        differ by what their servers drew once, every few passes."""
        passes = self._confirming if self._are_twins else self._confirming % PASSES_PER_SERVER
        if passes == 0:
            self._supervisor.end_servers()  # other memory, another address space
            self._server += 1
        self._confirming += 1

    def _run(self, stage: Stage, rings: Sequence[Ring], sides: Sides) -> None:
        if not rings:
            return
        coin = random.Random(hash((self._seed, self._number, stage is Stage.NULL)))
        slots = [slot for ring in shuffle_by_shape(rings, coin) for slot in ring]
        keeper = _Passes(self._umpire, stage, self._server, self.timing)
        seed = self._seed
        self._supervisor.run_pass(self._number, slots, keeper, seed=seed, sides=sides)
        self._drop_failed(keeper.failed)
        if not keeper.failed and not self._supervisor.stopping:
            self._drop_silent(rings, keeper.said)

    def _drop_failed(self, failed: set[tuple[str, str]]) -> None:
        """Without what has failed, by the rule of the umpire: that case on that side."""
        for number, ring in list(self._rings.items()):
            if any((slot.arm, slot.case.identity) in failed for slot in ring):
                del self._rings[number]
        for number, ring in list(self._nulls.items()):
            if (BASE, ring[0].case.identity) in failed:
                del self._nulls[number]

    def _drop_silent(self, rings: Sequence[Ring], said: set[int]) -> None:
        """Without the rings that are measured again and again, and say nothing."""
        for number in (ring[0].ring for ring in rings):
            self._vain[number] = 0 if number in said else self._vain.get(number, 0) + 1
            if self._vain[number] == PASSES_IN_VAIN:
                self._rings.pop(number, None)
                self._nulls.pop(number, None)
                self._umpire.lose(number, LOST)

    def _look(self, duels: Sequence[Duel]) -> dict[str, _Look]:
        """Every case alone on its side, with the default allocator: whether it works, what it
        computes, what its memory costs."""
        looks = {}
        for arm, side in zip((BASE, HEAD), self._sides, strict=True):
            looks[arm] = _Look(self._umpire, arm)
            self._run_alone(_cases_of(duels, arm), looks[arm], by_default(side), counts=True)
            looks[arm].tell()
        return looks

    def _calibrate(
        self, duels: Sequence[Duel], looks: Mapping[str, _Look]
    ) -> dict[str, dict[str, float]]:
        """Seconds per call by arm and identity; of what both sides have, those of base.

        So both arms of a ring make the same calls, and neither has a history of its own.
        """
        found: dict[str, dict[str, float]] = {BASE: {}, HEAD: {}}
        for arm, side in zip((BASE, HEAD), self._sides, strict=True):
            works = [
                case for case in _cases_of(duels, arm) if case.identity not in looks[arm].failed
            ]
            known = {
                case.identity: found[BASE][case.identity]
                for case in works
                if case.identity in found[BASE]
            }
            keeper = _Look(self._umpire, arm)
            self._run_alone([case for case in works if case.identity not in known], keeper, side)
            measured = {name: fastest_call_s(block) for name, block in keeper.blocks.items()}
            found[arm] = known | measured
        return found

    def _run_alone(
        self, cases: Sequence[Case], keeper: _Look, side: Side, *, counts: bool = False
    ) -> None:
        if cases:
            self._supervisor.run_pass(
                CALIBRATION,
                calibration_slots(cases),
                keeper,
                seed=self._seed,
                sides=(side, side),
                counts=counts,
            )

    def _leave_out(self, duels: Mapping[int, Duel], chosen: Sequence[int]) -> None:
        self.left_out += [duel.head for number, duel in duels.items() if number not in chosen]

    def _left_s(self) -> float:
        if self._budget_s is None:
            return float("inf")
        return self._budget_s - (perf_counter() - self._start_s)


def by_default(side: Side) -> Side:
    """The side with the allocator as users have it."""
    return replace(side, allocator=DEFAULT)


def _cases_of(duels: Sequence[Duel], arm: str) -> list[Case]:
    """Each case of an arm once."""
    return list({duel.on(arm).identity: duel.on(arm) for duel in duels}.values())
