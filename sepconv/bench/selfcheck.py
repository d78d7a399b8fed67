"""Rings whose answer is known: the same work in both arms, or a head that is slowed down.

They are measured as any ring is. What the gate makes of them tells its rate of false alarms,
and what it finds, on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import expm1
from pathlib import Path
from time import perf_counter

from sepconv.bench.plan import (
    BLOCK_S,
    LEAST_PASSES,
    PASS_OVERHEAD_S,
    Ring,
    calibration_slots,
    fastest_call_s,
    plan_ring,
    ring_s,
)
from sepconv.bench.supervisor import Supervisor
from sepconv.case import Case
from sepconv.errors import MeasuringFailed
from sepconv.ratio import Pair
from sepconv.record import Block, Facts, Status

SLOWED = "slowed"
SLOWED_FILE = Path(__file__).with_name("slowed.py")
BLOCKS_S = (BLOCK_S / 2, 0.05, 0.04, 0.03, 0.02, 0.01)  # timed per arm and pass, as time allows
CALIBRATION, EXTRA_CALIBRATION = 0, 1  # the numbers of the passes before the ones that count
CALIBRATION_ROUNDS = 24  # of each case: the fastest of them is near the truth
HASTE = 0.9  # of the time that is left is planned with, where it has become short
ELEMENT_S = 3e-9  # of one tanh, to begin with
PROBE_SHARE = 0.15  # of a call: so much is added to learn what an element really costs


@dataclass(frozen=True)
class Trial:
    """One ring with a known answer: head is slower by `injected` (0.05 is 5 %), or is base."""

    ring: int
    base: Case
    head: Case
    injected: float = 0.0


@dataclass
class Tried:
    """What became of a trial: the blocks of base and head, pass by pass, or why there are none."""

    trial: Trial
    blocks: list[tuple[Block, Block]] = field(default_factory=list)
    error: str | None = None

    @property
    def timed_s(self) -> float:
        """Seconds inside timed rounds, of both arms together."""
        return sum(base.timed_s + head.timed_s for base, head in self.blocks)


@dataclass
class _Collector:
    """Keeps the blocks of rings that are measured for their own sake."""

    alone: dict[str, Block] = field(default_factory=dict)  # by identity
    paired: dict[int, list[tuple[Block, Block]]] = field(default_factory=dict)  # by ring
    errors: dict[str, str] = field(default_factory=dict)  # by identity

    def keep_visit(self, case: Case) -> None:
        """Only whole blocks are of use here."""

    def keep_facts(self, case: Case, facts: Facts) -> None:
        """What a call allocates is no question of a selfcheck."""

    def keep_blocks(self, *blocks: Block) -> None:
        if len(blocks) == 2:
            self.paired.setdefault(blocks[0].ring, []).append((blocks[0], blocks[1]))
        else:
            self.alone[blocks[0].case.identity] = blocks[0]

    def keep_failure(self, case: Case, status: Status, error: str, arm: str) -> None:
        self.errors.setdefault(case.identity, f"{status}: {error}")


def usual_cases(device: str = "cpu") -> tuple[Case, ...]:
    """Short and longer calls of two conv types: about 0.1 ms to 2 ms on a CPU."""
    return tuple(
        Case(
            conv_type=conv_type,
            in_channels=channels,
            out_channels=channels,
            height=size,
            width=size,
            device=device,
        )
        for conv_type, channels, size in (
            ("standard", 32, 14),
            ("standard", 64, 28),
            ("depthwise_separable", 64, 28),
            ("depthwise_separable", 128, 56),
        )
    )


def slowed(case: Case, extra: int) -> Case:
    """The same work as `case`, and then the tanh of `extra` elements."""
    return replace(case, conv_type=SLOWED, options={"form": case.conv_type, "extra": extra})


def calibrate(supervisor: Supervisor, cases: Sequence[Case], seed: int) -> dict[Case, float]:
    """Seconds per call of each case that can be measured.

    Raises:
        MeasuringFailed: None of them can; the message says why of the first.
    """
    slots = [
        replace(slot, rounds=CALIBRATION_ROUNDS, visits=2) for slot in calibration_slots(cases)
    ]
    found = _Collector()
    supervisor.run_pass(CALIBRATION, slots, found, seed=seed)
    call_s = {
        case: fastest_call_s(found.alone[case.identity])
        for case in cases
        if case.identity in found.alone
    }
    if not call_s:
        reason = next(iter(found.errors.values()), "the calibration was stopped")
        raise MeasuringFailed(f"nothing could be measured: {reason}")
    return call_s


def calibrate_extra(
    supervisor: Supervisor, call_s: Mapping[Case, float], share: float, seed: int
) -> dict[Case, int]:
    """How many elements make each of these slowed cases slower by `share` of its call.

    Learnt in rings of a case and of itself with some extra: a ring is the only place where a
    few percent can be told. Not with a large extra: the first elements after a convolution,
    which find cold caches, cost more than the rest.
    """
    probes = {base: max(1, round(PROBE_SHARE * took / ELEMENT_S)) for base, took in call_s.items()}
    trials = [
        Trial(number, base, slowed_more(base, probe))
        for number, (base, probe) in enumerate(probes.items(), 1)
    ]
    tried = run_trials(
        supervisor, trials, call_s, passes=1, first_pass=EXTRA_CALIBRATION, budget_s=5.0, seed=seed
    )
    return {
        each.trial.base: elements_for(share, probes[each.trial.base], each.blocks[0])
        for each in tried
        if each.blocks
    }


def slowed_more(base: Case, extra: int) -> Case:
    """A slowed case with another extra."""
    return replace(base, options={**base.options, "extra": extra})


def elements_for(share: float, probe: int, blocks: tuple[Block, Block]) -> int:
    """The elements that cost `share` of a call, from a ring in which head had `probe` of them."""
    added = expm1(Pair.of(*blocks).cpu.trimmed_mean)
    return max(1, round(probe * share / max(added, share / 10)))


def plan_trials(
    trials: Sequence[Trial], call_s: Mapping[Case, float], passes: int, budget_s: float
) -> list[Ring]:
    """The rings of these trials, with as long blocks as let all passes fit into the budget."""
    for block_s in BLOCKS_S:
        rings = [
            plan_ring(
                *(trial.base, trial.head, call_s[trial.base], call_s[trial.base]),
                number=trial.ring,
                block_s=block_s,
            )
            for trial in trials
        ]
        if passes * (PASS_OVERHEAD_S + sum(map(ring_s, rings))) <= budget_s:
            break
    return rings


def run_trials(
    supervisor: Supervisor,
    trials: Sequence[Trial],
    call_s: Mapping[Case, float],
    *,
    budget_s: float,
    seed: int,
    passes: int = LEAST_PASSES,
    first_pass: int = EXTRA_CALIBRATION + 1,
    watch: Callable[[int], None] = lambda _number: None,
) -> list[Tried]:
    """Measure the rings of `trials` in `passes` passes each.

    Where the machine turns out to be slower than the plan, the last trials are left out, so
    that the others get all their passes within the budget. `call_s` has the seconds of each
    base; every pass begins with another ring, so that none is always first. `watch` is told
    the number of each pass, counted from 1.
    """
    rings = plan_trials(trials, call_s, passes, budget_s)
    found = _Collector()
    end = perf_counter() + budget_s
    for number in range(passes):
        start = perf_counter()
        if supervisor.stopping or start > end:
            break
        watch(number + 1)
        turned = [*rings[number % len(rings) :], *rings[: number % len(rings)]]
        supervisor.run_pass(
            first_pass + number,
            [slot for ring in turned for slot in ring],
            found,
            seed=seed,
            deadline=lambda: perf_counter() > end,
        )
        took_s, left_s = perf_counter() - start, end - perf_counter()
        rings = rings[: how_many_fit(len(rings), took_s, passes - number - 1, left_s)]
    kept = {ring[0].ring for ring in rings}
    return [_tried(trial, found, trial.ring in kept) for trial in trials]


def how_many_fit(rings: int, pass_s: float, passes: int, left_s: float) -> int:
    """Of so many rings, which took `pass_s` together, how many fit into each further pass."""
    needed_s = passes * pass_s
    if not passes or needed_s <= left_s:
        return rings
    return max(1, int(rings * HASTE * left_s / needed_s))


def _tried(trial: Trial, found: _Collector, is_kept: bool) -> Tried:
    if not is_kept:
        return Tried(trial, error="left out: there was no time for all its passes")
    failures = (found.errors.get(case.identity) for case in (trial.base, trial.head))
    return Tried(trial, found.paired.get(trial.ring, []), next(filter(None, failures), None))
