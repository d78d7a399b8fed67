from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isnan

import pytest

from sepconv.case import Case
from sepconv.record import Block, Estimate, Measurement, Round, Status
from sepconv.run import Run
from sepconv.selection import parse_selection
from sepconv.store import Store

RunOn = Callable[..., Run]

STANDARD = Case(conv_type="standard", in_channels=16, out_channels=16, height=14, width=14)
SEPARABLE = replace(STANDARD, conv_type="depthwise_separable")


def measured(case: Case, latency: Estimate, **further: float) -> Measurement:
    values = {name: Estimate(value) for name, value in further.items()}
    return Measurement(case, Status.OK, values={"latency_s": latency} | values)


@pytest.fixture
def filled(store: Store, run: Run) -> Store:
    """Two runs: the second one could not run the separable form."""
    runs = [replace(run, uid=f"{i}" * 32, started_at=f"2026-03-0{i}T00:00:00") for i in (1, 2)]
    first, second = map(store.begin_run, runs)
    store.put_measurements(
        first,
        [
            measured(STANDARD, Estimate(0.002, 0.0019, 0.0021), macs=9.0),
            measured(SEPARABLE, Estimate(0.001), realised_speedup=2.0, ideal_speedup=4.0),
        ],
    )
    failed = Measurement(SEPARABLE, Status.FAILED, "it raised", {"latency_s": Estimate(9.0)})
    store.put_measurements(second, [measured(STANDARD, Estimate(0.003), macs=10.0), failed])
    return store


def rows_of(store: Store, **asked: object) -> list[tuple[object, ...]]:
    panel = store.panel(**asked)  # type: ignore[arg-type]
    return [
        (
            panel.run[row],
            panel.cases[panel.case[row]].conv_type,
            panel.statuses[panel.status[row]],
            None if panel.error[row] < 0 else panel.errors[panel.error[row]],
            panel.latency.estimate(row),
            panel.speedup.estimate(row),
        )
        for row in range(len(panel))
    ]


def test_a_panel_says_what_the_measurements_say(filled: Store) -> None:
    assert rows_of(filled) == [
        (0, "standard", "ok", None, Estimate(0.002, 0.0019, 0.0021), None),
        (0, "depthwise_separable", "ok", None, Estimate(0.001), Estimate(2.0)),
        (1, "standard", "ok", None, Estimate(0.003), None),
        (1, "depthwise_separable", "failed", "it raised", None, None),
    ]


def test_the_exact_values_are_those_of_the_newest_measurement(filled: Store) -> None:
    panel = filled.panel()

    standard, separable = (panel.case_index[case.identity] for case in (STANDARD, SEPARABLE))
    assert panel.exact["macs"][standard] == 10.0
    assert isnan(panel.exact["ideal_speedup"][separable])


def test_only_the_newest_runs_are_read_if_asked(filled: Store) -> None:
    assert [run.uid[0] for run in filled.panel(limit=1).runs] == ["2"]
    assert [row[0] for row in rows_of(filled, limit=1)] == [0, 0]


@pytest.mark.parametrize("since", ["2026-03-02", "2026-03-02T01:00:00+01:00"])
def test_only_the_runs_since_a_moment_are_read_if_asked(filled: Store, since: str) -> None:
    assert [run.uid[0] for run in filled.panel(since=since).runs] == ["2"]


def test_only_the_chosen_cases_are_read(filled: Store) -> None:
    where = parse_selection("conv_type=standard")

    assert filled.panel(where=where).cases == (STANDARD,)
    assert [row[1] for row in rows_of(filled, where=where)] == ["standard", "standard"]


def test_an_empty_store_is_an_empty_panel(store: Store) -> None:
    panel = store.panel()

    assert (len(panel), panel.runs, panel.cases) == (0, (), ())


def block(case: Case, pass_number: int, latency_s: float) -> Block:
    rounds = tuple(Round(wall_s=latency_s * (8 + i), cpu_s=latency_s) for i in range(5))
    return Block(case, pass_number, 10, rounds, 0.1, 0.2, "2026-03-01T00:00:00+00:00")


def test_the_rounds_of_a_block_come_as_quantiles_of_one_call(filled: Store) -> None:
    panel = filled.panel()
    filled.add_blocks(panel.runs[1].id or 0, [block(STANDARD, 1, 0.5), block(STANDARD, 2, 1.0)])

    rounds = filled.rounds(panel, [1, 0], most=10)

    place = panel.case_index[STANDARD.identity]
    assert (list(rounds.run), list(rounds.case)) == ([1, 1], [place, place])
    assert list(rounds.pass_number) == [1, 2]
    assert list(rounds.quantiles[0.5]) == pytest.approx([0.5, 1.0])
    assert list(rounds.quantiles[0.25]) == pytest.approx([0.45, 0.9])


def test_runs_with_more_blocks_than_there_is_room_for_have_none(filled: Store) -> None:
    panel = filled.panel()
    for run, blocks in zip(panel.runs, (1, 3), strict=True):
        filled.add_blocks(run.id or 0, [block(STANDARD, number, 1.0) for number in range(blocks)])

    assert list(filled.rounds(panel, [1, 0], most=3).run) == [1, 1, 1]
    assert list(filled.rounds(panel, [1, 0], most=2).run) == [0]
