"""A made-up history: that it is what it says, whatever is made of it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from sqlalchemy import select

from sepconv.case import Case
from sepconv.cli.sample import Truth, write_history
from sepconv.cli.sample.__main__ import analyse_history
from sepconv.comparison import Comparison, Outcome, Purpose
from sepconv.cost import cost_of
from sepconv.event import EventKind
from sepconv.judge.timeline import Timeline
from sepconv.record import Status
from sepconv.run import Environment, Machine, Run
from sepconv.store import Store
from sepconv.store.pack import unpack_rounds
from sepconv.store.schema import metadata
from tests.store.conftest import postgresql_server as postgresql_server
from tests.store.conftest import postgresql_url as postgresql_url

KEPT = Path(__file__).parents[2] / "results" / "sample-history.db"
MOST_BYTES = 1_500_000
CASES, RUNS = 60, 64

Sample = tuple[Store, Truth]
Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    """A history in memory, long enough for everything to happen in it."""
    with Store() as store:
        yield store, write_history(store, cases=CASES, runs=RUNS, seed=1)


@pytest.fixture(scope="module")
def nights(sample: Sample) -> list[Comparison]:
    """The comparisons with the reference, oldest first."""
    return sample[0].comparisons(purposes={Purpose.NIGHTLY})[::-1]


def rows_of(store: Store) -> Rows:
    """Every row of every table in the order of their keys; raw rounds as numbers."""
    found: Rows = {}
    with store.reading() as connection:
        for table in metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key.columns)
            found[table.name] = [
                tuple(unpack_rounds(value) if isinstance(value, bytes) else value for value in row)
                for row in connection.execute(query)
            ]
    return found


def logs(night: Comparison, cases: list[Case] | None = None) -> dict[str, float]:
    """ln(head ÷ reference) of the cases that have it, by identity."""
    wanted = None if cases is None else {case.identity for case in cases}
    return {
        one.head.identity: log(one.ratio)
        for one in night.cases
        if one.ratio is not None and (wanted is None or one.head.identity in wanted)
    }


def latencies(nights: list[Comparison]) -> dict[str, list[float]]:
    """ln(latency of the reference) in each of the nights, by identity."""
    found: dict[str, list[float]] = defaultdict(list)
    for one in (one for night in nights for one in night.cases):
        if one.base_latency_s is not None:
            found[one.base.identity].append(log(one.base_latency_s))
    return found


def around(nights: list[Comparison], began_at: str) -> tuple[list[Comparison], list[Comparison]]:
    """Two nights before and two from there on, which have the same reference."""
    before = [each for each in nights if each.started_at < began_at][-2:]
    after = [each for each in nights if each.started_at >= began_at][:2]
    assert len({each.base.revision for each in (*before, *after)}) == 1
    return before, after


def mean_change(
    before: list[Comparison], after: list[Comparison], cases: list[Case] | None = None
) -> float:
    """Of ln(head ÷ reference), over the cases."""
    means = [
        fmean(value for night in side for value in logs(night, cases).values())
        for side in (before, after)
    ]
    return means[1] - means[0]


def test_the_same_arguments_give_the_same_rows() -> None:
    with Store() as first, Store() as second:
        truth = write_history(first, cases=13, runs=17, seed=3)

        assert write_history(second, cases=13, runs=17, seed=3) == truth
        assert rows_of(first) == rows_of(second)


def test_writing_it_again_changes_nothing() -> None:
    with Store() as store:
        write_history(store, cases=13, runs=17, seed=3)
        before = rows_of(store)

        write_history(store, cases=13, runs=17, seed=3)

        assert rows_of(store) == before


def test_histories_of_different_seeds_share_no_run() -> None:
    with Store() as store:
        write_history(store, cases=6, runs=4, seed=1)
        write_history(store, cases=6, runs=4, seed=2)
        write_history(store, cases=7, runs=4, seed=2)

        assert len(store.runs()) == 12
        assert len(store.comparisons()) == 12


@pytest.mark.parametrize("cases", [1, 2, 3, 4, 7, 300])
@pytest.mark.parametrize("runs", [1, 2, 3, 9])
def test_a_history_may_be_as_small_as_it_likes(cases: int, runs: int) -> None:
    with Store() as store:
        truth = write_history(store, cases=cases, runs=runs, seed=5)

        history = store.history()
    assert len(history) == runs
    assert max(len(measurements) for _, measurements in history) == cases
    assert len({case.identity for case in truth.cases}) == cases


def test_ten_thousand_cases_are_different_and_share_shapes() -> None:
    from sepconv.cli.sample.cases import make_cases

    cases = make_cases(10_000)

    assert len({case.identity for case in cases}) == 10_000
    standard = {case.identity for case in cases if case.conv_type == "standard"}
    assert all(case.shape.identity in standard for case in cases)
    assert cases[:100] == make_cases(100)


def test_everything_says_that_it_is_synthetic(sample: Sample) -> None:
    store, _ = sample

    for run in (stored.run for stored in store.runs()):
        assert (run.suite, run.branch, run.conditions) == ("synthetic", "main", {"synthetic": True})
        assert run.machine.cpu_model.startswith("synthetic")
    for comparison in store.comparisons():
        assert (comparison.suite, comparison.conditions) == ("synthetic", {"synthetic": True})
        assert comparison.machine.cpu_model.startswith("synthetic")
        assert comparison.base.label.startswith("synthetic")
    assert all(each.subject.startswith("synthetic: ") for each in store.revisions())
    assert all("synthetic" in error for error in errors_of(store))


def errors_of(store: Store) -> list[str]:
    """What was said of the cases that crashed, in runs and in comparisons."""
    measurements = [each for _, own in store.history() for each in own]
    said = [each.error for each in measurements if each.status is Status.CRASHED]
    compared = [one for each in store.comparisons() for one in each.cases]
    said += [one.reason for one in compared if one.outcome is Outcome.FAILED]
    assert all(said)
    return [each or "" for each in said]


def test_a_case_crashes_now_and_then(sample: Sample) -> None:
    assert 1 <= len(errors_of(sample[0])) <= 30


def test_every_night_has_a_run_and_a_comparison(sample: Sample, nights: list[Comparison]) -> None:
    store, truth = sample

    runs = [run for run, _ in store.history()]

    assert len(runs) == RUNS
    assert [night.started_at for night in nights] == list(truth.nights)
    compared = {night.head.revision for night in nights}
    assert {run.revision for run in runs} <= compared
    assert all(night.base.environment == night.head.environment for night in nights)


def test_nights_are_missed_and_killed(sample: Sample, nights: list[Comparison]) -> None:
    store, truth = sample
    dates = {datetime.fromisoformat(each.started_at).date() for each in nights}
    first, last = min(dates), max(dates)

    missed = [
        day
        for day in (first + timedelta(days=n) for n in range((last - first).days))
        if day not in dates
    ]

    assert missed == [date.fromisoformat(day) for day in truth.missed] != []
    states = Counter(run.state for run, _ in store.history())
    assert states == {"done": RUNS - 1, "interrupted": 1}
    half = [len(own) for run, own in store.history() if run.state == "interrupted"]
    half += [len(each.cases) for each in nights if each.state == "interrupted"]
    assert half == [CASES // 2] * 2
    assert len(truth.killed) == 2


def test_the_commits_are_a_graph_with_merges_that_leads_from_night_to_night(
    sample: Sample, nights: list[Comparison]
) -> None:
    store, truth = sample
    revisions = store.revisions()
    timeline = Timeline(revisions)
    known = {each.commit for each in revisions}

    tips = [each.head.revision for each in nights if each.head.revision is not None]

    assert all(parent in known for each in revisions for parent in each.parents)
    assert sum(not each.parents for each in revisions) == 1
    assert any(len(each.parents) == 2 for each in revisions)
    chain = [each.commit for each in timeline.first_parents(tips[-1].commit)]
    places = [chain.index(tip.commit) for tip in tips]
    assert places == sorted(places, reverse=True)
    assert any(a == b for a, b in pairwise(places))  # a night without commit
    assert known - set(chain)  # and commits of side branches
    for change in truth.changes:
        before, after = tips[change.night - 1], tips[change.night]
        assert change.revision in timeline.between(before.commit, after.commit)


def test_a_change_shows_in_its_cases_alone_and_from_its_night_on(
    sample: Sample, nights: list[Comparison]
) -> None:
    _, truth = sample
    assert len(truth.changes) == 6

    for change in truth.changes:
        before, after = around(nights, change.began_at)
        affected = {case.identity for case in change.cases}
        others = [case for case in truth.cases if case.identity not in affected]
        found = mean_change(before, after, list(change.cases))
        assert found == pytest.approx(log(change.ratio), abs=0.01), change.what
        assert mean_change(before, after, others) == pytest.approx(0, abs=0.004), change.what


def test_what_is_taken_back_is_as_it_was(sample: Sample) -> None:
    _, truth = sample

    (fix,) = (change for change in truth.changes if change.fixes is not None)

    (fixed,) = (each for each in truth.changes if each.revision.commit == fix.fixes)
    assert list(fix.cases) == list(fixed.cases)
    assert fix.ratio * fixed.ratio == pytest.approx(1)
    assert fix.night > fixed.night


def test_a_newer_torch_changes_latencies_by_conv_type_and_no_ratio(
    sample: Sample, nights: list[Comparison]
) -> None:
    _, truth = sample
    assert truth.torch_upgraded_at is not None
    before = [each for each in nights if each.started_at < truth.torch_upgraded_at][-3:]
    after = [each for each in nights if each.started_at >= truth.torch_upgraded_at][:3]

    def change_of(conv_type: str) -> float:
        """Of the reference's latencies, case by case."""
        old, new = latencies(before), latencies(after)
        cases = [case for case in truth.cases if case.conv_type == conv_type]
        return fmean(fmean(new[case.identity]) - fmean(old[case.identity]) for case in cases)

    change = {name: change_of(name) for name in truth.torch_ratios}

    # what the machine's state does, it does to all conv types
    for name, ratio in truth.torch_ratios.items():
        expected = log(ratio / truth.torch_ratios["standard"])
        assert change[name] - change["standard"] == pytest.approx(expected, abs=0.01)
    assert mean_change(before[-2:], after[:2]) == pytest.approx(0, abs=0.005)
    assert {each.head.environment for each in before}.isdisjoint(
        each.head.environment for each in after
    )


def test_another_machine_goes_on_with_the_same_ratios(
    sample: Sample, nights: list[Comparison]
) -> None:
    _, truth = sample
    assert truth.machine_changed_at is not None

    before, after = around(nights, truth.machine_changed_at)

    assert {each.machine.key for each in before}.isdisjoint(each.machine.key for each in after)
    assert mean_change(before, after) == pytest.approx(0, abs=0.005)


def test_a_reference_that_moved_is_chained_to_the_one_before(
    sample: Sample, nights: list[Comparison]
) -> None:
    store, truth = sample
    assert truth.reference_moved_at is not None

    (chain,) = store.comparisons(purposes={Purpose.CHAIN})

    first = next(each for each in nights if each.started_at >= truth.reference_moved_at)
    before = [each for each in nights if each.started_at < truth.reference_moved_at]
    assert chain.base.revision == before[-1].base.revision
    assert chain.head.revision == first.base.revision == before[-1].head.revision
    old, new, link = logs(before[-1]), logs(first), logs(chain)
    both = old.keys() & new.keys() & link.keys()
    error = fmean(new[each] + link[each] - old[each] for each in both)
    assert error == pytest.approx(0, abs=0.005)


def test_intervals_contain_what_is_true_nineteen_times_in_twenty(
    sample: Sample, nights: list[Comparison]
) -> None:
    """Before the first change head is the reference, but for what a night adds: see NIGHT_SD."""
    _, truth = sample
    unchanged = [each for each in nights if each.started_at < truth.changes[0].began_at]

    covered = [
        one.low <= 1 <= one.high
        for night in unchanged
        for one in night.cases
        if one.low is not None and one.high is not None
    ]

    assert len(covered) > 300
    assert 0.88 < fmean(covered) < 0.98


def test_a_measurement_has_what_a_sweep_gives(sample: Sample) -> None:
    store, _ = sample
    run, measurements = store.history()[0]

    for each in measurements:
        if each.status is Status.CRASHED:
            continue
        cost = cost_of(each.case)
        assert each.values["macs"].value == cost.macs
        assert each.values["params"].value == cost.params
        latency, speedup = each.values["latency_s"], each.values.get("realised_speedup")
        assert each.values["cpu_latency_s"].value < latency.value
        assert latency.low is not None
        assert latency.low < latency.value
        is_precise = (latency.relative_error or 1) <= run.precision
        assert each.status is (Status.OK if is_precise else Status.NOISY)
        assert (speedup is None) == (each.case.conv_type == "standard")
        assert ("ideal_speedup" in each.values) == (speedup is not None)


def test_only_the_newest_two_runs_have_rounds(sample: Sample) -> None:
    store, _ = sample

    numbers = [stored.run.id or 0 for stored in store.runs()]

    assert [bool(store.blocks(number)) for number in numbers[:3]] == [True, True, False]
    for number in numbers[:2]:
        blocks = store.blocks(number)
        assert all(block.rounds for block in blocks)
        own = Counter(block.case.identity for block in blocks)
        measured = [each for each in store.measurements(number) if each.is_measured]
        assert all(own[each.case.identity] >= each.passes for each in measured)
        pairs = Counter(pair.head.identity for pair in store.pairs(number))
        assert set(pairs.values()) == {4}


def test_no_change_is_put_in_where_none_is_wanted() -> None:
    with Store() as store:
        truth = write_history(store, cases=6, runs=20, seed=1, events=0)

        assert truth.changes == []
        assert all("slower" not in each.subject for each in store.revisions())


def test_a_short_history_has_fewer_changes() -> None:
    with Store() as store:
        counts = [
            sum(change.fixes is None for change in write_history(store, cases=30, **size).changes)
            for size in ({"runs": 7, "seed": 1}, {"runs": 16, "seed": 1}, {"runs": 40, "seed": 1})
        ]

    assert counts == [0, 2, 5]


@pytest.fixture(scope="module")
def written() -> Iterator[Sample]:
    """What the commands in results/README.md write today."""
    with Store() as store:
        truth = write_history(store, cases=48, runs=48, seed=4)
        analyse_history(store, truth)
        yield store, truth


@pytest.fixture
def kept() -> Iterator[Store]:
    with Store(KEPT, read_only=True) as store:
        yield store


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two rows are, but for the last digits of what is computed."""
    return all(
        a == pytest.approx(b, rel=1e-9) if isinstance(b, float) else a == b
        for a, b in zip(one, other, strict=True)
    )


def test_the_history_that_is_kept_is_what_is_written_today(written: Sample, kept: Store) -> None:
    expected, found = rows_of(written[0]), rows_of(kept)

    assert expected.keys() == found.keys()
    for table in expected.keys() - {"event", "note"}:
        assert len(found[table]) == len(expected[table]), table
        for one, other in zip(found[table], expected[table], strict=True):
            assert same(one, other), table


def test_the_events_that_are_kept_are_those_that_are_found_today(
    written: Sample, kept: Store
) -> None:
    """If the detector has changed, write the sample anew: results/README.md has the commands."""
    expected, found = (
        Counter((each.kind, each.direction, each.state) for each in store.events())
        for store in (written[0], kept)
    )

    assert found == expected


def test_every_change_of_the_kept_history_is_an_event_of_it(written: Sample, kept: Store) -> None:
    _, truth = written
    events = kept.events()
    latency = [each for each in events if each.kind is EventKind.LATENCY]

    assert len(latency) == len(truth.changes) == 6
    for change in truth.changes:
        (event,) = (each for each in latency if change.revision in each.commits)
        assert event.direction == ("slower" if change.ratio > 1 else "faster")
        assert event.mean_ratio == pytest.approx(change.ratio, rel=0.01)
    assert len([each for each in events if each.kind is EventKind.ENVIRONMENT]) == 2


def test_the_kept_history_is_small_and_one_file(kept: Store) -> None:
    kept.runs(limit=1)

    assert KEPT.stat().st_size <= MOST_BYTES
    assert [path.name for path in KEPT.parent.glob(f"{KEPT.name}*")] == [KEPT.name]


def write_sample(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "sepconv.cli.sample", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_says_what_it_put_in(tmp_path: Path) -> None:
    path = tmp_path / "sample.db"

    done = write_sample("--cases", "9", "--runs", "20", "--analyse", "--store", str(path))

    assert (done.returncode, done.stderr) == (0, "")
    assert f"wrote sqlite:///{path}: 20 nights × 9 cases, made up:" in done.stdout
    for what in ("slower", "another machine", "a newer torch", "another reference", "killed"):
        assert what in done.stdout
    with Store(path) as store:
        assert len(store.runs()) == 20
        assert store.events()


def test_what_is_made_up_is_not_put_beside_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    with Store(path) as store:
        machine = Machine("Some CPU", "x86_64", 2, 4, 16)
        environment = Environment("3.11", "2.13.0", (), "AVX2", "tuned")
        store.begin_run(Run("a" * 32, "quick", "2026-03-01T10:00:00+00:00", machine, environment))

    done = write_sample("--cases", "3", "--runs", "2", "--store", str(path))

    assert done.returncode == 2
    assert "holds measured results (suite 'quick')" in done.stderr
    assert "name a new one with --store" in done.stderr
    with Store(path) as store:
        assert len(store.runs()) == 1


@pytest.mark.parametrize("arguments", [["--cases", "0"], ["--runs", "-1"], ["--events", "-1"]])
def test_a_history_of_nothing_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    usual = ["--cases", "3", "--runs", "2", "--store", str(tmp_path / "sample.db")]

    done = write_sample(*usual, *arguments)

    assert done.returncode == 2
    assert arguments[0] in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.postgresql
def test_postgresql_holds_the_same_history(postgresql_url: str) -> None:
    with Store() as expected, Store(postgresql_url) as found:
        write_history(expected, cases=13, runs=17, seed=3)
        write_history(found, cases=13, runs=17, seed=3)

        ours, theirs = rows_of(expected), rows_of(found)
        for table in ours:
            assert len(ours[table]) == len(theirs[table]), table
        assert found.history() == expected.history()
        assert found.comparisons() == expected.comparisons()
        assert found.revisions() == expected.revisions()
