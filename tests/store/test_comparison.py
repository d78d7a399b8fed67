"""Comparisons come back as they were stored, on every database."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest

from sepconv.case import Case
from sepconv.comparison import (
    Acknowledgement,
    Compared,
    ComparedPass,
    Comparison,
    Contender,
    Detail,
    LeftOut,
    Outcome,
    Stage,
)
from sepconv.errors import StoreError, UnknownComparison
from sepconv.ratio import LogRatio, Pair
from sepconv.record import Block
from sepconv.run import Run
from sepconv.store import Store


@pytest.fixture
def begun(run: Run) -> Comparison:
    assert run.revision is not None
    other = replace(run.revision, commit="beef" * 10, parents=())
    return Comparison(
        uid="c0" * 16,
        suite="pull-request",
        started_at="2026-03-01T10:00:00+00:00",
        machine=run.machine,
        base=Contender("main", run.revision, dirty=False, environment=run.environment),
        head=Contender(
            "the working tree",
            other,
            "feature/née",
            True,
            "d1gest",
            "where it left main",
            replace(run.environment, torch="2.14.0"),
            {"python": "/usr/bin/python3", "threads": "2"},
        ),
        harness_version="0.1.0",
        seed=7,
        budget_s=120.0,
        conditions={"load": 1.5},
    )


@pytest.fixture
def finished(begun: Comparison, case: Case, separable: Case) -> Comparison:
    slower = Compared(
        1,
        case,
        case,
        Outcome.SLOWER,
        (Detail.TAIL_CHANGED, Detail.ALLOCATES_MORE),
        1.05,
        1.03,
        1.07,
        0.995,
        0.021,
        8,
        None,
        1e-4,
        1.05e-4,
        {"params": (100.0, None), "macs": (5.0, 5.0)},
    )
    failed = Compared(2, case, separable, Outcome.FAILED, reason="head: crashed: SIGSEGV")
    return replace(
        begun,
        cases=[slower, failed],
        left_out=[LeftOut(separable, "no time")],
        unchanged=["standard"],
        method={"margin": 0.01, "floor": 0.004},
        timing={"timed_s": 20.0},
        state="done",
        finished_at="2026-03-01T10:01:00+00:00",
    )


def test_a_comparison_comes_back_as_it_was_begun(store: Store, begun: Comparison) -> None:
    number = store.begin_comparison(begun)

    assert store.comparisons() == [replace(begun, id=number, cases=[], left_out=[], unchanged=[])]
    assert store.begin_comparison(begun) == number


def test_a_finished_comparison_comes_back_with_all_its_cases(
    store: Store, begun: Comparison, finished: Comparison
) -> None:
    number = store.begin_comparison(begun)

    store.finish_comparison(number, finished)
    store.finish_comparison(number, finished)

    assert store.comparisons() == [replace(finished, id=number)]


def test_comparisons_come_newest_first_and_not_more_than_wanted(
    store: Store, finished: Comparison
) -> None:
    for day in (2, 3, 1):
        own = replace(finished, uid=f"{day}" * 32, started_at=f"2026-03-0{day}T10:00:00+00:00")
        store.finish_comparison(store.begin_comparison(own), own)

    days = [each.started_at[9] for each in store.comparisons()]

    assert days == ["3", "2", "1"]
    assert [each.uid[0] for each in store.comparisons(limit=2)] == ["3", "2"]
    assert all(len(each.cases) == 2 for each in store.comparisons(limit=2))


def test_passes_come_back_pass_by_pass_and_the_same_one_is_stored_once(
    store: Store, begun: Comparison, ring: tuple[Block, Block, Pair]
) -> None:
    number = store.begin_comparison(begun)
    pair = ring[2]
    second = ComparedPass(Stage.CONFIRM, replace(pair, pass_number=2, server=1), 1e-3, 2e-3)
    first = ComparedPass(Stage.NULL, pair, 1e-3, 1e-3)
    for one in (second, first, second):
        store.add_compared_pass(number, one)

    assert store.compared_passes(number) == [first, second]
    assert store.compared_passes(number + 1) == []


@pytest.mark.parametrize("value", [nan, inf])
def test_a_ratio_that_is_no_number_never_gets_there(
    store: Store, begun: Comparison, ring: tuple[Block, Block, Pair], value: float
) -> None:
    number = store.begin_comparison(begun)
    pair = replace(ring[2], cpu=LogRatio(value, 0.1, 0.0, 0.0))

    with pytest.raises(StoreError, match="cpu_trimmed_mean to be a finite number"):
        store.add_compared_pass(number, ComparedPass(Stage.SCREEN, pair, 1e-3, 1e-3))
    assert store.compared_passes(number) == []


def test_an_interval_without_bound_is_stored_as_none(
    store: Store, begun: Comparison, finished: Comparison
) -> None:
    number = store.begin_comparison(begun)
    wide = replace(finished.cases[0], high=inf, detectable=inf)

    store.finish_comparison(number, replace(finished, cases=[wide]))

    (found,) = store.comparisons()[0].cases
    assert (found.low, found.high, found.detectable) == (1.03, None, None)


def test_what_never_began_cannot_be_finished(store: Store, finished: Comparison) -> None:
    with pytest.raises(UnknownComparison, match="no comparison 99"):
        store.finish_comparison(99, finished)


def test_a_pass_of_a_comparison_takes_few_bytes(
    tmp_path: Path, begun: Comparison, ring: tuple[Block, Block, Pair]
) -> None:
    """On SQLite: a comparison of 24 cases has some 300 of them."""
    with Store(tmp_path / "store.db") as store:
        number = store.begin_comparison(begun)
        for at in range(300):
            pair = replace(ring[2], pass_number=at)
            store.add_compared_pass(number, ComparedPass(Stage.SCREEN, pair, 1e-3, 1e-3))
        with store.reading() as connection:
            size = connection.exec_driver_sql(
                "SELECT sum(pgsize) FROM dbstat WHERE name = 'comparison_pass'"
            ).scalar()

    assert size / 300 < 200


def test_a_comparison_is_found_by_its_number_its_uid_and_as_the_latest(
    store: Store, finished: Comparison
) -> None:
    for day in (1, 2):
        own = replace(finished, uid=f"{day}abc" * 8, started_at=f"2026-03-0{day}T10:00:00+00:00")
        store.finish_comparison(store.begin_comparison(own), own)

    assert store.find_comparison("1").uid == "1abc" * 8
    assert store.find_comparison("2abc2").id == 2
    assert store.find_comparison("latest").id == 2


@pytest.mark.parametrize("reference", ["9", "nothing", "", "%", "9" * 30, "1a"])
def test_what_is_no_comparison_is_told_with_what_there_is(
    store: Store, begun: Comparison, reference: str
) -> None:
    store.begin_comparison(begun)

    with pytest.raises(UnknownComparison, match="the newest is 1"):
        store.find_comparison(reference)


WORD = Acknowledgement("Ada", "it's meant\0", "2026-03-01T12:00:00+01:00")
CLEAN = replace(WORD, reason="it's meant", at="2026-03-01T11:00:00+00:00")


def test_an_acknowledgement_comes_back_with_its_case(
    store: Store, begun: Comparison, finished: Comparison
) -> None:
    number = store.begin_comparison(begun)
    store.finish_comparison(number, finished)

    store.acknowledge(number, {1: WORD})

    cases = store.find_comparison(str(number)).cases
    assert [case.acknowledged for case in cases] == [CLEAN, None]


def test_the_newest_word_about_a_case_counts_whatever_came_last(
    store: Store, begun: Comparison, finished: Comparison
) -> None:
    number = store.begin_comparison(begun)
    store.finish_comparison(number, finished)
    newer = replace(CLEAN, reason="newer", at="2026-03-02T11:00:00+00:00", carried_from="c1")

    for word in (newer, WORD):
        store.acknowledge(number, {1: word})

    assert store.find_comparison(str(number)).cases[0].acknowledged == newer


def test_a_withdrawn_word_is_gone_for_readers_and_there_for_the_next_comparison(
    store: Store, begun: Comparison, finished: Comparison
) -> None:
    number = store.begin_comparison(begun)
    store.finish_comparison(number, finished)
    taken = replace(CLEAN, at="2026-03-02T11:00:00+00:00", is_withdrawn=True)
    store.acknowledge(number, {1: WORD})

    store.acknowledge(number, {1: taken})

    assert store.find_comparison(str(number)).cases[0].acknowledged is None
    assert begun.base.revision is not None
    (told,) = store.acknowledged(begun.base.revision.commit)
    assert told.cases[0].acknowledged == taken
    assert store.acknowledged("f00d" * 10) == []


def test_what_was_carried_over_is_stored_with_the_comparison(
    store: Store, begun: Comparison, finished: Comparison
) -> None:
    carried = replace(CLEAN, carried_from="e" * 32)
    cases = [replace(finished.cases[0], acknowledged=carried), finished.cases[1]]
    number = store.begin_comparison(begun)

    store.finish_comparison(number, replace(finished, cases=cases))

    assert store.find_comparison(str(number)).cases[0].acknowledged == carried


def test_a_uid_that_begins_with_digits_alone_is_found_by_them(
    store: Store, begun: Comparison
) -> None:
    number = store.begin_comparison(replace(begun, uid="123456789012" + "a" * 20))

    assert store.find_comparison("123456789012").id == number
    assert store.find_comparison(str(number)).id == number
