"""A real server and workers, and a ledger that remembers."""

import random
from pathlib import Path

import pytest

from sepconv.bench.plan import pair_up, rings_of
from sepconv.bench.supervisor import Supervisor
from sepconv.bench.sweep import shuffle_by_shape, sweep
from sepconv.case import Case
from sepconv.record import Block, Facts, Resumption, Slot, Status
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
    with Supervisor(SUITES, conv_types=FAULTS) as supervisor:
        yield supervisor


def test_a_sweep_plans_its_passes_keeps_them_all_and_uses_the_rest_of_its_budget(server):
    wanted = cases("standard", "depthwise_separable", "spatially_separable")
    notes = Notes(wanted)

    timing = sweep(wanted, server, notes, seed=0, budget_s=9.0)

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

    sweep(wanted, server, notes, seed=0, resumption=Resumption(slots, 3, kept, frozenset()))

    assert sorted(notes.kept) == [(2, 1), (3, 1), (3, 2)]


def test_what_failed_before_is_not_tried_again_by_a_resumed_sweep(server):
    wanted = cases("standard", "depthwise_separable", "fault_segfault")
    notes = Notes(wanted)
    slots = [slot for ring in pair_up(dict.fromkeys(wanted, 1e-4)) for slot in _with_rounds(ring)]
    failed = frozenset({wanted[2].identity})

    sweep(wanted, server, notes, seed=0, resumption=Resumption(slots, 1, frozenset(), failed))

    assert notes.kept == [(1, 1)]
    assert notes.failed == []


def test_a_standard_conv_that_has_lost_every_partner_is_measured_alone(server):
    wanted = cases("standard", "fault_later")
    notes = Notes(wanted)
    slots = [slot for ring in pair_up(dict.fromkeys(wanted, 1e-4)) for slot in _with_rounds(ring)]

    sweep(wanted, server, notes, seed=0, resumption=Resumption(slots, 2, frozenset(), frozenset()))

    assert notes.failed == ["fault_later"]
    assert notes.kept == [(1, 2), (2, 2)]
    assert [slot.arm for ring in rings_of(notes.slots) for slot in ring][-1] == ""


def _with_rounds(ring: tuple[Slot, ...]) -> list[Slot]:
    return [Slot(s.case, s.calls, 4, s.call_s, ring=s.ring, arm=s.arm) for s in ring]
