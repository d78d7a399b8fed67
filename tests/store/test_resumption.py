from __future__ import annotations

from dataclasses import replace

import pytest

from sepconv.case import Case
from sepconv.errors import UnknownRun
from sepconv.record import (
    ALONE,
    BASE,
    HEAD,
    TRIED_IN_VAIN,
    Block,
    Measurement,
    Resumption,
    Slot,
    Status,
)
from sepconv.run import Run
from sepconv.store import Store


@pytest.fixture
def slots(case: Case, separable: Case) -> list[Slot]:
    """A ring of standard and a partner, one of standard against itself, and one slot alone."""
    alone = replace(case, in_channels=4)
    return [
        Slot(case, 4, 30, 0.0005, ring=1, arm=BASE),
        Slot(separable, 2, 30, 0.001, ring=1, arm=HEAD),
        Slot(case, 4, 30, 0.0005, ring=2, arm=BASE),
        Slot(case, 4, 30, 0.0005, ring=2, arm=HEAD),
        Slot(alone, 8, 30, 0.0002, visits=2, ring=3, arm=ALONE),
    ]


@pytest.fixture
def number(store: Store, run: Run, slots: list[Slot]) -> int:
    """A run whose plan is stored, for eight passes."""
    number = store.begin_run(run)
    store.add_plan(number, slots, 8)
    return number


def blocks_of(block: Block, slots: list[Slot], pass_number: int) -> list[Block]:
    return [
        replace(block, case=slot.case, pass_number=pass_number, ring=slot.ring, arm=slot.arm)
        for slot in slots
    ]


def test_a_run_without_a_plan_cannot_be_resumed(store: Store, run: Run, case: Case) -> None:
    number = store.begin_run(run)
    store.put_measurements(number, [Measurement(case, Status.MISSING)])

    assert store.resumption(number) is None


@pytest.mark.parametrize("number", [0, 7])
def test_a_run_that_never_began_cannot_be_resumed(store: Store, number: int) -> None:
    assert store.resumption(number) is None


def test_a_plan_without_its_passes_cannot_be_resumed(
    store: Store, run: Run, slots: list[Slot]
) -> None:
    number = store.begin_run(run)
    store.add_plan(number, slots)

    assert store.resumption(number) is None


def test_a_plan_that_every_case_has_left_cannot_be_resumed(store: Store, run: Run) -> None:
    number = store.begin_run(run)
    store.add_plan(number, [], 8)

    assert store.resumption(number) is None


def test_of_a_run_killed_before_its_first_block_everything_is_left(
    store: Store, number: int, slots: list[Slot]
) -> None:
    assert store.resumption(number) == Resumption(slots, 8, frozenset(), frozenset(), frozenset())


def test_what_is_kept_are_the_rings_of_a_pass_that_are_stored(
    store: Store, number: int, slots: list[Slot], block: Block
) -> None:
    for ring in (slots[:2], slots[2:4], slots[4:]):
        store.add_block(number, *blocks_of(block, ring, 1))
    store.add_block(number, *blocks_of(block, slots[:2], 2))

    left = store.resumption(number)

    assert left is not None
    assert left.kept == {(1, 1), (1, 2), (1, 3), (2, 1)}


def test_a_ring_with_one_block_of_two_is_not_kept(
    store: Store, number: int, slots: list[Slot], block: Block
) -> None:
    store.add_block(number, *blocks_of(block, slots[:1], 1))
    store.add_block(number, *blocks_of(block, slots[3:4], 1))

    left = store.resumption(number)

    assert left is not None
    assert left.kept == frozenset()


def test_a_block_of_another_server_is_a_block_of_its_pass(
    store: Store, number: int, slots: list[Slot], block: Block
) -> None:
    base, head = blocks_of(block, slots[:2], 1)
    store.add_block(number, replace(base, server=1), replace(head, server=1))

    left = store.resumption(number)

    assert left is not None
    assert left.kept == {(1, 1)}


def test_the_blocks_of_another_run_are_not_kept(
    store: Store, number: int, run: Run, slots: list[Slot], block: Block
) -> None:
    other = store.begin_run(replace(run, uid="another"))
    store.add_block(other, *blocks_of(block, slots[:2], 1))
    store.put_measurements(other, [Measurement(slots[0].case, Status.FAILED)])

    assert store.resumption(number) == Resumption(slots, 8, frozenset(), frozenset(), frozenset())


def test_a_ring_whose_other_arm_failed_is_kept_with_the_block_that_it_has(
    store: Store, number: int, slots: list[Slot], block: Block
) -> None:
    store.put_measurements(number, [Measurement(slots[1].case, Status.CRASHED, "signal 11")])
    store.add_block(number, *blocks_of(block, slots[:1], 3))

    left = store.resumption(number)

    assert left is not None
    assert left.failed == {slots[1].case.identity}
    assert left.kept == {(3, 1)}


def test_a_ring_of_which_every_case_failed_is_never_kept(
    store: Store, number: int, slots: list[Slot], block: Block
) -> None:
    store.add_block(number, *blocks_of(block, slots[4:], 1))
    store.put_measurements(number, [Measurement(slots[0].case, Status.FAILED, "it broke")])

    left = store.resumption(number)

    assert left is not None
    assert left.kept == {(1, 3)}


@pytest.mark.parametrize("status", Status)
def test_only_a_case_that_gives_no_block_has_failed(
    store: Store, number: int, case: Case, status: Status
) -> None:
    store.put_measurements(number, [Measurement(case, status)])

    left = store.resumption(number)

    assert left is not None
    assert bool(left.failed) == (status in TRIED_IN_VAIN or status is Status.UNSUPPORTED)


def test_a_run_that_is_resumed_runs_again_until_its_new_end(store: Store, number: int) -> None:
    store.finish_run(number, state="interrupted", finished_at="2026-03-01", timing={"timed_s": 1})

    store.resume_run(number)

    resumed = store.find_run(str(number))
    assert (resumed.state, resumed.finished_at) == ("running", None)
    assert resumed.timing == {"timed_s": 1}
    store.finish_run(number, state="done", finished_at="2026-03-02", timing={"timed_s": 3})
    assert store.find_run(str(number)).timing == {"timed_s": 3}


def test_a_run_that_never_began_cannot_go_on(store: Store) -> None:
    with pytest.raises(UnknownRun, match="no run 7"):
        store.resume_run(7)
