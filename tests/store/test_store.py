from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan

import pytest
from sqlalchemy import text

from sepconv.case import Case
from sepconv.errors import StoreError, StoreUnavailable, UnknownRun
from sepconv.ratio import LogRatio, Pair
from sepconv.record import Block, Estimate, Measurement, Round, Slot, Status
from sepconv.run import Run
from sepconv.store import Store

RunOn = Callable[..., Run]


def test_a_run_comes_back_as_it_was_stored(store: Store, run: Run) -> None:
    number = store.begin_run(run)

    assert store.find_run("latest") == replace(run, id=number)


def test_a_run_without_git_comes_back_as_it_was_stored(store: Store, run: Run) -> None:
    bare = replace(run, revision=None, branch=None, dirty=None, time_budget_s=None)

    number = store.begin_run(bare)

    assert store.find_run(str(number)) == replace(bare, id=number)


def test_a_run_begun_twice_is_one_run(store: Store, run: Run) -> None:
    first = store.begin_run(run)
    second = store.begin_run(replace(run, suite="another"))

    assert first == second
    assert [each.run.suite for each in store.runs()] == ["quick"]


def test_runs_share_their_machine_environment_and_revision(store: Store, run: Run) -> None:
    store.begin_run(run)
    store.begin_run(replace(run, uid="b" * 32))

    with store.reading() as connection:
        counts = [
            connection.scalar(text(f"SELECT count(*) FROM {table}"))
            for table in ("machine", "environment", "revision")
        ]
    assert counts == [1, 1, 1]


def test_the_end_of_a_run_is_stored(store: Store, run: Run) -> None:
    number = store.begin_run(run)

    store.finish_run(
        number, state="done", finished_at="2026-03-01T12:00:00+02:00", timing={"total_s": 58.5}
    )

    found = store.find_run("latest")
    assert (found.state, found.timing) == ("done", {"total_s": 58.5})
    assert found.finished_at == "2026-03-01T10:00:00+00:00"


def test_a_run_that_never_began_cannot_end(store: Store) -> None:
    with pytest.raises(UnknownRun, match="no run 7"):
        store.finish_run(7, state="done", finished_at="2026-03-01", timing={})


def test_a_block_of_an_unknown_run_is_refused(store: Store, block: Block) -> None:
    with pytest.raises(UnknownRun):
        store.add_block(7, block)

    assert store.runs() == []


def test_a_plan_comes_back_in_its_order(
    store: Store, run: Run, case: Case, separable: Case
) -> None:
    slots = [
        Slot(separable, 4, 30, 0.0005, ring=2, arm="head"),
        Slot(case, 2, 15, 0.001, ring=2, arm="base"),
        Slot(case, 2, 15, 0.001, visits=3, ring=1, arm="base"),
    ]
    number = store.begin_run(run)

    store.add_plan(number, slots)
    store.add_plan(number, slots)

    assert store.plan(number) == slots


def test_a_case_planned_again_has_the_newer_plan(store: Store, run: Run, case: Case) -> None:
    number = store.begin_run(run)
    store.add_plan(number, [Slot(case, 4, 30, 0.0005)])

    store.add_plan(number, [Slot(case, 8, 15, 0.0005)])

    assert store.plan(number) == [Slot(case, 8, 15, 0.0005)]


def test_both_arms_of_a_ring_can_be_the_same_case(store: Store, run: Run, case: Case) -> None:
    slots = [Slot(case, 4, 30, 0.0005, ring=1, arm=arm) for arm in ("base", "head")]
    number = store.begin_run(run)

    store.add_plan(number, slots)

    assert store.plan(number) == slots


def test_the_planned_passes_are_those_of_the_run(store: Store, run: Run, case: Case) -> None:
    number = store.begin_run(run)

    store.add_plan(number, [Slot(case, 4, 30, 0.0005)], 8)
    store.add_plan(number, [Slot(case, 4, 30, 0.0005)])

    assert store.find_run("latest").passes == 8


def test_the_passes_of_an_unknown_run_cannot_be_planned(store: Store) -> None:
    with pytest.raises(UnknownRun, match="no run 7"):
        store.add_plan(7, [], 8)


def test_a_block_comes_back_with_its_rounds_and_summary(
    store: Store, run: Run, block: Block
) -> None:
    number = store.begin_run(run)

    store.add_block(number, block)

    [found] = store.blocks(number)
    assert found.rounds == block.rounds
    assert found.summary == block.summary()
    for name in ("case", "pass_number", "server", "ring", "arm", "started_at", "throttled"):
        assert getattr(found, name) == getattr(block, name)


def test_a_block_stored_twice_is_one_block(store: Store, run: Run, block: Block) -> None:
    number = store.begin_run(run)

    store.add_block(number, block)
    store.add_block(number, replace(block, first_call_s=9.0))

    [found] = store.blocks(number)
    assert found.summary.first_call_s == block.first_call_s


def test_blocks_of_other_passes_servers_rings_and_arms_are_other_blocks(
    store: Store, run: Run, block: Block
) -> None:
    number = store.begin_run(run)
    blocks = [block, replace(block, pass_number=2), replace(block, server=2)]
    blocks += [replace(block, arm="head"), replace(block, ring=4)]

    for each in blocks:
        store.add_block(number, each)

    found = [(each.pass_number, each.server, each.ring, each.arm) for each in store.blocks(number)]
    assert found == [
        (1, 1, 3, "base"),
        (2, 1, 3, "base"),
        (1, 2, 3, "base"),
        (1, 1, 3, "head"),
        (1, 1, 4, "base"),
    ]


def test_a_ring_comes_back_with_its_blocks_and_their_pair(
    store: Store, run: Run, ring: tuple[Block, Block, Pair]
) -> None:
    base, head, pair = ring
    number = store.begin_run(run)

    store.add_block(number, base, head, pair=pair)

    assert [each.summary for each in store.blocks(number)] == [base.summary(), head.summary()]
    assert [each.throttled for each in store.blocks(number)] == [None, "too hot"]
    assert store.pairs(number) == [pair]


def test_a_pair_without_a_standard_error_has_none(
    store: Store, run: Run, ring: tuple[Block, Block, Pair]
) -> None:
    base, head, _ = (replace(each, rounds=each.rounds[:1]) for each in (*ring[:2], ring[0]))
    pair = Pair.of(base, head)
    number = store.begin_run(run)

    store.add_block(number, base, head, pair=pair)

    assert pair.cpu.standard_error is None
    assert store.pairs(number) == [pair]


def test_a_ring_stored_twice_is_one_ring(
    store: Store, run: Run, ring: tuple[Block, Block, Pair]
) -> None:
    base, head, pair = ring
    number = store.begin_run(run)

    store.add_block(number, base, head, pair=pair)
    store.add_block(number, base, head, pair=replace(pair, count=99))

    assert len(store.blocks(number)) == 2
    assert store.pairs(number) == [pair]


def test_pairs_are_in_the_order_of_their_passes_and_rings(
    store: Store, run: Run, ring: tuple[Block, Block, Pair]
) -> None:
    pair = ring[2]
    number = store.begin_run(run)
    for pass_number, ring_number, server in [(2, 1, 0), (1, 2, 0), (1, 1, 1), (1, 1, 0)]:
        own = replace(pair, pass_number=pass_number, ring=ring_number, server=server)
        store.add_block(number, pair=own)

    found = [(each.pass_number, each.ring, each.server) for each in store.pairs(number)]

    assert found == [(1, 1, 0), (1, 1, 1), (1, 2, 0), (2, 1, 0)]


@pytest.mark.parametrize("broken", [nan, inf])
def test_a_ring_with_a_pair_that_is_no_number_is_refused_whole(
    store: Store, run: Run, ring: tuple[Block, Block, Pair], broken: float
) -> None:
    base, head, pair = ring
    number = store.begin_run(run)

    with pytest.raises(StoreError, match=r"ring 3, .*cpu_mean to be a finite number"):
        store.add_block(
            number, base, head, pair=replace(pair, cpu=LogRatio(0.1, None, broken, 0.1))
        )

    assert store.blocks(number) == store.pairs(number) == []


def test_a_case_of_a_ring_that_was_refused_is_stored_with_the_next(
    store: Store, run: Run, ring: tuple[Block, Block, Pair]
) -> None:
    base, head, pair = ring
    number = store.begin_run(run)
    with pytest.raises(StoreError):
        store.add_block(number, base, replace(head, warmup_s=nan), pair=pair)

    store.add_block(number, base, head, pair=pair)

    assert [each.case for each in store.blocks(number)] == [base.case, head.case]


def test_the_blocks_of_one_case_can_be_had_alone(
    store: Store, run: Run, block: Block, separable: Case
) -> None:
    number = store.begin_run(run)
    store.add_block(number, block)
    store.add_block(number, replace(block, case=separable))

    assert [each.case for each in store.blocks(number, separable)] == [separable]


@pytest.mark.parametrize("broken", [nan, inf])
def test_a_block_from_a_broken_clock_is_refused(
    store: Store, run: Run, block: Block, broken: float
) -> None:
    number = store.begin_run(run)

    with pytest.raises(StoreError, match="finite"):
        store.add_block(number, replace(block, rounds=(Round(broken, 0.1),)))

    assert store.blocks(number) == []


def test_a_metric_that_is_unsupported_comes_back_with_its_reason(
    store: Store, run: Run, measured: Measurement
) -> None:
    reason = "this allocator counts nothing"
    unsure = replace(measured, unsupported={"allocations": reason, "allocated_bytes": reason})
    number = store.begin_run(run)

    store.put_measurements(number, [unsure])
    store.put_measurements(number, [unsure])

    assert store.measurements(number) == [unsure]


def test_a_metric_with_a_value_is_not_unsupported(
    store: Store, run: Run, measured: Measurement
) -> None:
    number = store.begin_run(run)

    store.put_measurements(number, [replace(measured, unsupported={"latency_s": "no clock"})])

    assert store.measurements(number) == [measured]


def test_an_unsupported_metric_leaves_no_point_in_its_series(
    store: Store, run: Run, measured: Measurement
) -> None:
    unsure = replace(measured, unsupported={"allocations": "this allocator counts nothing"})

    store.put_measurements(store.begin_run(run), [unsure])

    assert store.series("allocations") == []


def test_measurements_come_back_in_the_order_in_which_they_were_stored(
    store: Store, run: Run, measured: Measurement, separable: Case
) -> None:
    failed = Measurement(separable, Status.CRASHED, "Segmentation fault", {}, 0)
    number = store.begin_run(run)

    store.put_measurements(number, [failed, measured])
    store.put_measurements(number, [measured, failed])

    assert store.measurements(number) == [failed, measured]


def test_a_newer_measurement_takes_the_place_of_the_older(
    store: Store, run: Run, measured: Measurement
) -> None:
    number = store.begin_run(run)
    store.put_measurements(number, [measured])
    newer = replace(measured, status=Status.FAILED, error="it broke", values={"macs": Estimate(1)})

    store.put_measurements(number, [newer])

    assert store.measurements(number) == [newer]


@pytest.mark.parametrize("broken", [nan, inf, -inf])
def test_a_value_that_is_no_number_is_stored_as_a_failed_one(
    store: Store, run: Run, measured: Measurement, broken: float
) -> None:
    number = store.begin_run(run)

    store.put_measurements(number, [replace(measured, values={"latency_s": Estimate(broken)})])

    [found] = store.measurements(number)
    assert found.values == {}
    with store.reading() as connection:
        rows = connection.execute(text("SELECT metric, value, status, error FROM value")).all()
    assert [tuple(row) for row in rows] == [
        ("latency_s", None, "failed", f"the value was {broken}")
    ]


def test_an_interval_without_end_is_none(store: Store, run: Run, measured: Measurement) -> None:
    number = store.begin_run(run)
    unsure = replace(measured, values={"latency_s": Estimate(1.0, -inf, inf)})

    store.put_measurements(number, [unsure])

    assert store.measurements(number)[0].values == {"latency_s": Estimate(1.0)}


def test_runs_are_listed_newest_first_with_what_they_hold(
    store: Store, run_on: RunOn, measured: Measurement, separable: Case, block: Block
) -> None:
    newer = store.begin_run(run_on(2, passes=8, linked_uid="f001"))
    older = store.begin_run(run_on(1))
    failed = Measurement(separable, Status.FAILED, "it broke")
    store.put_measurements(older, [measured, failed])
    store.add_block(older, block)

    listed = store.runs()

    assert [each.run.id for each in listed] == [newer, older]
    assert [each.run.passes for each in listed] == [8, None]
    assert [each.run.linked_uid for each in listed] == ["f001", None]
    assert (dict(listed[0].counts), listed[0].blocks) == ({}, 0)
    assert listed[1].counts == {Status.OK: 1, Status.FAILED: 1}
    assert listed[1].blocks == 1
    assert [each.run.id for each in store.runs(limit=1)] == [newer]


@pytest.mark.parametrize("reference", ["1", "latest", "a1b2", "A1B2C3", "c0ffee", "C0FFEE0"])
def test_a_run_is_found_by_number_uid_or_commit(store: Store, run: Run, reference: str) -> None:
    store.begin_run(run)

    assert store.find_run(reference).uid == run.uid


def test_of_the_runs_of_a_commit_the_newest_is_found(store: Store, run: Run) -> None:
    store.begin_run(replace(run, uid="newer", started_at="2026-03-02T00:00:00+00:00"))
    store.begin_run(run)

    assert store.find_run("c0ffee").uid == "newer"


@pytest.mark.parametrize(
    "reference", ["2", "c0f", "ffee", "%%%%", "____", "", "9" * 30, "nul\0nul", "x\ud800yz"]
)
def test_a_reference_to_nothing_says_what_there_is(store: Store, run: Run, reference: str) -> None:
    store.begin_run(run)

    with pytest.raises(UnknownRun, match="the store has run 1, the latest is 1") as caught:
        store.find_run(reference)

    assert "sepconv runs" in str(caught.value)


def test_an_ambiguous_reference_lists_what_it_could_mean(store: Store, run_on: RunOn) -> None:
    for day in (1, 11):
        store.begin_run(replace(run_on(day), uid=f"face{day}"))

    with pytest.raises(UnknownRun, match="face1, face11: write more"):
        store.find_run("face")


def test_an_empty_store_has_no_latest_run(store: Store) -> None:
    with pytest.raises(UnknownRun, match="no run yet: run `sepconv quick` first"):
        store.find_run("latest")


def test_the_history_is_oldest_first_and_ends_with_the_newest(
    store: Store, run_on: RunOn, measured: Measurement
) -> None:
    for day in (3, 1, 2):
        number = store.begin_run(run_on(day))
        store.put_measurements(number, [replace(measured, passes=day)])

    history = store.history(limit=2)

    assert [run.uid[:4] for run, _ in history] == ["f002", "f003"]
    assert [[each.passes for each in measurements] for _, measurements in history] == [[2], [3]]


def test_the_history_takes_as_many_queries_for_many_runs_as_for_one(
    store: Store, run_on: RunOn, measured: Measurement
) -> None:
    from sqlalchemy import Engine, event

    statements: list[str] = []
    count = lambda *arguments: statements.append(arguments[2])  # noqa: E731
    event.listen(Engine, "before_cursor_execute", count)
    try:
        spent = []
        for day in (1, 2, 3):
            store.put_measurements(store.begin_run(run_on(day)), [measured])
            statements.clear()
            store.history()
            spent.append(len(statements))
    finally:
        event.remove(Engine, "before_cursor_execute", count)

    assert len(set(spent)) == 1


def test_a_series_is_in_the_order_of_time(
    store: Store, run_on: RunOn, measured: Measurement
) -> None:
    for day in (3, 1, 2):
        values = {"latency_s": Estimate(float(day))}
        store.put_measurements(store.begin_run(run_on(day)), [replace(measured, values=values)])

    [series] = store.series("latency_s")

    assert series.values == (1.0, 2.0, 3.0)
    assert series.case == measured.case
    assert series.machine == run_on(1).machine.key
    assert series.environment == run_on(1).environment.key


def test_series_never_cross_machines_or_environments(
    store: Store, run: Run, run_on: RunOn, measured: Measurement
) -> None:
    machine = replace(run.machine, memory_gib=64)
    environment = replace(run.environment, torch="2.14.0")
    runs = [run, run_on(2, machine=machine), run_on(3, environment=environment)]
    for each in runs:
        store.put_measurements(store.begin_run(each), [measured])

    found = {(series.machine, series.environment) for series in store.series()}

    assert found == {(each.machine.key, each.environment.key) for each in runs}


def test_a_run_that_tried_in_vain_is_a_point_without_a_value(
    store: Store, run_on: RunOn, measured: Measurement
) -> None:
    crashed = Measurement(measured.case, Status.CRASHED, "signal 11")
    skipped = Measurement(measured.case, Status.SKIPPED, "no time left")
    for day, measurement in ((1, measured), (2, crashed), (3, skipped)):
        store.put_measurements(store.begin_run(run_on(day)), [measurement])

    [series] = store.series("latency_s")

    assert series.values == (0.002, None)
    assert series.points[1].status is Status.CRASHED


def test_a_metric_that_does_not_apply_has_no_series(
    store: Store, run: Run, measured: Measurement
) -> None:
    store.put_measurements(store.begin_run(run), [measured])

    assert store.series("realised_speedup") == []


def test_thinning_drops_the_rounds_of_older_runs_and_keeps_their_summaries(
    store: Store, run_on: RunOn, block: Block
) -> None:
    numbers = [store.begin_run(run_on(day, state="done")) for day in (1, 2, 3)]
    for number in numbers:
        store.add_block(number, block)

    thinned = store.thin(keep_runs=2)

    assert thinned == 1
    assert store.thin(keep_runs=2) == 0
    found = [store.blocks(number)[0] for number in numbers]
    assert [each.rounds is None for each in found] == [True, False, False]
    assert all(each.summary == block.summary() for each in found)


def test_everything_survives_closing(url: str, run: Run, block: Block) -> None:
    with Store(url) as store:
        store.add_block(store.begin_run(run), block)

    with Store(url, read_only=True) as store:
        assert [each.rounds for each in store.blocks(1)] == [block.rounds]


def test_a_store_opened_for_reading_is_not_written(url: str, run: Run) -> None:
    Store(url).close()

    with Store(url, read_only=True) as store:
        with pytest.raises(StoreUnavailable, match="opened for reading only"):
            store.begin_run(run)

        assert store.runs() == []


def test_nobody_sees_half_a_transaction(
    store: Store, run: Run, measured: Measurement, separable: Case
) -> None:
    number = store.begin_run(run)
    broken = Measurement(separable, Status.OK, values={"latency_s": "soon"})  # type: ignore[dict-item]

    with pytest.raises(AttributeError):
        store.put_measurements(number, [measured, broken])

    assert store.measurements(number) == []


def test_a_store_in_memory_lives_with_its_process(run: Run) -> None:
    with Store() as store, Store("sqlite:///:memory:") as other:
        store.begin_run(run)

        assert len(store.runs()) == 1
        assert other.runs() == []
