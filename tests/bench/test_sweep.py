"""A real server and workers, and a ledger that remembers."""

import random
from pathlib import Path

import pytest

from sepconv.bench.plan import pair_up, rings_of
from sepconv.bench.supervisor import Supervisor
from sepconv.bench.sweep import shuffle_by_shape, sweep
from sepconv.case import Case
from sepconv.record import ALONE, Block, Facts, Resumption, Round, Slot, Status
from sepconv.suite import Suite

SUITES = Path(__file__).parents[2] / "benchmarks"
FAULTS = Path(__file__).parents[1] / "fault_types.py"
SUITE = Suite.from_dict(
    {
        "name": "order",
        "axes": {
            "conv_type": ["standard", "depthwise_separable", "spatially_separable"],
            "channels": [8, 16, 32],
            "resolution": [14, 28],
        },
    }
)


def rings():
    return pair_up(dict.fromkeys(SUITE.expand(), 1e-4))


def test_a_pass_visits_every_ring_once_in_an_order_that_only_the_seed_decides():
    first = shuffle_by_shape(rings(), random.Random(3))
    again = shuffle_by_shape(rings(), random.Random(3))
    other = shuffle_by_shape(rings(), random.Random(4))

    assert first == again
    assert first != other
    assert sorted(ring[0].ring for ring in other) == [ring[0].ring for ring in rings()]


def test_the_rings_of_one_shape_are_measured_next_to_each_other():
    ordered = shuffle_by_shape(rings(), random.Random(1))

    shapes = [ring[0].case.shape.identity for ring in ordered]
    assert all(len(set(shapes[i : i + 2])) == 1 for i in range(0, len(shapes), 2))


class Notes:
    """A ledger that finds everything unsettled, the first case most of all."""

    def __init__(self, cases: list[Case]) -> None:
        self.cases = cases
        self.slots: list[Slot] = []
        self.passes = 0
        self.begun: list[tuple[int, list[int]]] = []
        self.ended: list[int] = []
        self.kept: list[tuple[int, int]] = []
        self.failed: list[str] = []

    def begin_pass(self, number: int, slots: list[Slot]) -> None:
        self.begun.append((number, sorted({slot.ring for slot in slots})))

    def keep_plan(self, slots: list[Slot], passes: int | None) -> None:
        self.slots += slots
        self.passes = passes or self.passes

    def keep_visit(self, case: Case) -> None: ...

    def keep_facts(self, case: Case, facts: Facts) -> None: ...

    def keep_blocks(self, *blocks: Block) -> None:
        self.kept.append((blocks[0].pass_number, blocks[0].ring))

    def keep_failure(self, case: Case, status: Status, error: str) -> None:
        self.failed.append(case.conv_type)

    def end_pass(self, number: int) -> None:
        self.ended.append(number)

    def unsettled(self) -> list[Case]:
        return self.cases


def cases(*conv_types: str, channels: int = 4) -> list[Case]:
    return [
        Case(conv_type=each, in_channels=channels, out_channels=channels, height=14, width=14)
        for each in conv_types
    ]


@pytest.fixture(scope="module")
def server():
    """A server that has started: on a busy machine that takes as long as a whole budget here."""
    with Supervisor(SUITES, conv_types=FAULTS) as supervisor:
        assert supervisor.hello.pid
        yield supervisor


@pytest.mark.slow
def test_a_sweep_plans_its_passes_keeps_them_all_and_uses_the_rest_of_its_budget(server):
    wanted = cases("standard", "depthwise_separable", "spatially_separable")
    notes = Notes(wanted)

    timing = sweep(wanted, server, notes, seed=0, budget_s=20.0)

    numbers = [number for number, _ in notes.begun]
    assert numbers[: notes.passes + 1] == list(range(notes.passes + 1))
    assert {(number, ring) for number in range(1, notes.passes + 1) for ring in (1, 2)} <= set(
        notes.kept
    )
    assert sorted(notes.ended) == numbers
    assert timing.timed_s > 0
    assert timing.warmup_s > 0


def test_a_resumed_sweep_measures_exactly_what_is_missing(server):
    wanted = cases("standard", "depthwise_separable", "spatially_separable")
    notes = Notes(wanted)
    slots = [
        Slot(case, 2, 4, 1e-4, ring=number, arm=arm)
        for number, head in enumerate(wanted[1:], 1)
        for case, arm in ((wanted[0], "base"), (head, "head"))
    ]
    kept = frozenset({(1, 1), (1, 2), (2, 2)})

    sweep(wanted, server, notes, seed=0, resumption=resumption(slots, 3, kept=kept))

    assert sorted(notes.kept) == [(2, 1), (3, 1), (3, 2)]


def test_what_failed_before_is_not_tried_again_by_a_resumed_sweep(server):
    wanted = cases("standard", "depthwise_separable", "fault_segfault")
    notes = Notes(wanted)
    slots = [slot for ring in pair_up(dict.fromkeys(wanted, 1e-4)) for slot in _with_rounds(ring)]
    failed = frozenset({wanted[2].identity})

    sweep(wanted, server, notes, seed=0, resumption=resumption(slots, 1, failed=failed))

    assert notes.kept == [(1, 1)]
    assert notes.failed == []


def test_a_standard_conv_that_has_lost_every_partner_is_measured_alone(server):
    wanted = cases("standard", "fault_later")
    notes = Notes(wanted)
    slots = [slot for ring in pair_up(dict.fromkeys(wanted, 1e-4)) for slot in _with_rounds(ring)]

    sweep(wanted, server, notes, seed=0, resumption=resumption(slots, 2))

    assert notes.failed == ["fault_later"]
    assert notes.kept == [(1, 2), (2, 2)]
    assert [slot.arm for ring in rings_of(notes.slots) for slot in ring][-1] == ""


def test_who_lost_its_partners_late_repeats_no_pass_that_it_made_beside_one(server):
    wanted = cases("standard", "depthwise_separable", "spatially_separable")
    standard, failed = wanted[0], frozenset(case.identity for case in wanted[1:])
    slots = [slot for ring in pair_up(dict.fromkeys(wanted, 1e-4)) for slot in _with_rounds(ring)]
    seen = frozenset((number, standard.identity) for number in (1, 2))
    notes = Notes(wanted)

    sweep(wanted, server, notes, seed=0, resumption=resumption(slots, 3, seen=seen, failed=failed))

    assert notes.kept == [(3, 3)]


class Script:
    """A supervisor whose passes are told beforehand: which conv type fails in which."""

    stopping = False

    def __init__(self, **fails: int) -> None:
        self._fails = fails

    def run_pass(self, number, slots, keeper, **_options):
        for ring in rings_of(slots):
            failing = [s.case for s in ring if self._fails.get(s.case.conv_type, 99) <= number]
            for case in failing:
                keeper.keep_failure(case, Status.FAILED, "as told", ALONE)
            if not failing:
                keeper.keep_blocks(*(block_of(slot, number) for slot in ring))


def block_of(slot: Slot, number: int) -> Block:
    rounds = (Round(1e-3, 1e-3),) * 2
    return Block(slot.case, number, 1, rounds, 1e-3, 1e-3, "2026-01-01", 0, slot.ring, slot.arm)


def test_the_number_of_a_ring_that_was_given_up_is_never_that_of_another():
    wanted = cases("standard", "depthwise_separable", "spatially_separable")
    slots = [slot for ring in pair_up(dict.fromkeys(wanted, 1e-4)) for slot in _with_rounds(ring)]
    notes = Notes(wanted)
    script = Script(spatially_separable=2, depthwise_separable=3)

    sweep(wanted, script, notes, seed=0, resumption=resumption(slots, 4))

    assert sorted(notes.kept) == [(1, 1), (1, 2), (2, 1), (3, 3), (4, 3)]


def resumption(slots, passes, kept=frozenset(), seen=frozenset(), failed=frozenset()):
    return Resumption(slots, passes, kept, seen, failed)


def _with_rounds(ring: tuple[Slot, ...]) -> list[Slot]:
    return [Slot(s.case, s.calls, 4, s.call_s, ring=s.ring, arm=s.arm) for s in ring]
