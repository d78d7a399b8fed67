"""The whole analysis, on stores with made-up nights: what it finds, and what it stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sepconv.case import Case
from sepconv.cli.analysis import analyse, judged_series, metric_series
from sepconv.comparison import Comparison, Purpose
from sepconv.errors import StoreUnavailable
from sepconv.event import Event, EventKind, EventState, Note
from sepconv.judge.history import RATIO
from sepconv.record import Estimate, Measurement, Status
from sepconv.run import Run
from sepconv.store import Store
from tests.judge.nights import (
    ENVIRONMENT,
    MACHINE,
    NEWER,
    cases,
    night,
    noise,
    noisy_nights,
    revision_of,
    revisions,
    stepped,
)

NOW = "2026-11-20T03:00:00+00:00"
LATER = "2026-11-21T03:00:00+00:00"
CASES = cases(9)
COUNT = 50


@pytest.fixture
def store() -> Iterator[Store]:
    with Store("sqlite://") as store:
        store.keep_revisions(revisions(COUNT))
        yield store


def keep(store: Store, comparisons: Sequence[Comparison]) -> None:
    for each in comparisons:
        store.finish_comparison(store.begin_comparison(each), each)


def slowed(number: int, case: Case) -> float:
    """What commit 30 made of the depthwise separable cases."""
    return 1.10 if number >= 30 and case.conv_type == "depthwise_separable" else 1.0


def keep_run(store: Store, number: int, values: Mapping[Case, Mapping[str, float]]) -> None:
    """The run of a night, whose commit has the same number."""
    run = Run(
        uid=f"run {number}",
        suite="nightly",
        started_at=revision_of(number).committed_at,
        machine=MACHINE,
        environment=ENVIRONMENT,
        revision=revision_of(number),
        branch="main",
        dirty=False,
    )
    measured = [
        Measurement(case, Status.OK, values={name: Estimate(value) for name, value in own.items()})
        for case, own in values.items()
    ]
    store.put_measurements(store.begin_run(run), measured)


def told(events: Sequence[Event]) -> set[tuple[EventKind, EventState]]:
    return {(event.kind, event.state) for event in events}


def test_a_store_without_nights_has_no_events(store: Store) -> None:
    analysis = analyse(store, now=NOW)

    assert (analysis.series, analysis.events, analysis.before) == ([], [], [])


def test_a_change_of_the_nights_is_an_event_of_the_store(store: Store) -> None:
    keep(store, noisy_nights(COUNT, CASES, slowed))

    analysis = analyse(store, now=NOW)

    (event,) = analysis.events
    assert (event.kind, event.state, event.direction) == (
        EventKind.LATENCY,
        EventState.CONFIRMED,
        "slower",
    )
    assert {member.case for member in event.members} == set(CASES[1::3])
    assert event.commits == [revision_of(30)]
    assert event.id is not None
    assert store.events() == analysis.events
    assert analysis.before == []
    assert [len(each.points) for each in analysis.series] == [COUNT] * len(CASES)


def test_looked_at_twice_nothing_changes_but_when_it_was_seen(store: Store) -> None:
    keep(store, noisy_nights(COUNT, CASES, slowed))
    once = analyse(store, now=NOW).events

    twice = analyse(store, now=LATER)

    assert twice.before == once
    assert twice.events == [replace(event, last_seen_at=LATER) for event in once]


def test_what_was_suspicious_is_confirmed_by_the_next_night(store: Store) -> None:
    nights = noisy_nights(COUNT, CASES, lambda number, _: 1.15 if number > COUNT - 2 else 1.0)
    keep(store, nights[:-1])
    before = analyse(store, now=NOW)

    keep(store, nights[-1:])
    after = analyse(store, now=LATER)

    assert [event.state for event in before.events] == [EventState.SUSPICIOUS]
    assert [event.state for event in after.events] == [EventState.CONFIRMED]
    assert [event.uid for event in after.events] == [event.uid for event in before.events]
    assert after.events[0].first_seen_at == NOW


def test_what_somebody_said_in_the_meantime_stays(store: Store) -> None:
    keep(store, noisy_nights(COUNT, CASES, slowed))
    (event,) = analyse(store, now=NOW).events
    meant = Note(EventState.ACKNOWLEDGED, "Ada", "it is meant", "2026-11-20T09:00:00+00:00")
    store.note_event(event.id or 0, meant)

    (again,) = analyse(store, now=LATER).events

    assert (again.state, again.notes[-1]) == (EventState.ACKNOWLEDGED, meant)


def test_latencies_are_judged_of_cases_that_have_no_ratio(store: Store) -> None:
    keep(store, noisy_nights(COUNT, CASES[:3]))
    level = stepped(noise(COUNT, 1), {20: 1.2})
    for number, value in enumerate(level, 1):
        keep_run(store, number, {case: {"latency_s": value / 1000} for case in CASES[2:4]})

    analysis = analyse(store, now=NOW)

    metrics = [(each.case, each.metric) for each in analysis.series]
    assert sorted(metrics, key=str) == sorted(
        [*((case, RATIO) for case in CASES[:3]), (CASES[3], "latency_s")], key=str
    )
    (event,) = analysis.events
    assert [(m.case, m.metric) for m in event.members] == [(CASES[3], "latency_s")]
    assert event.machine == MACHINE.key
    assert event.commits == [revision_of(21)]


def test_a_latency_of_zero_does_not_end_the_analysis(store: Store) -> None:
    """As a clock that is too coarse, or somebody else's tool, may have told it."""
    for number in range(1, 20):
        keep_run(store, number, {CASES[0]: {"latency_s": 0.0}, CASES[1]: {"latency_s": 0.001}})

    assert analyse(store, now=NOW).events == []


def test_changed_work_and_a_changed_environment_are_events(store: Store) -> None:
    nights = noisy_nights(COUNT, CASES[:3])
    keep(
        store,
        [
            replace(one, head=replace(one.head, environment=NEWER)) if number > 25 else one
            for number, one in enumerate(nights, 1)
        ],
    )
    for number in range(1, 6):
        params = 100.0 if number < 4 else 110.0
        keep_run(store, number, {CASES[0]: {"params": params, "flops": 2 * params}})

    analysis = analyse(store, now=NOW)

    assert told(analysis.events) == {
        (EventKind.WORKLOAD, EventState.CONFIRMED),
        (EventKind.ENVIRONMENT, EventState.CONFIRMED),
    }
    work = next(event for event in analysis.events if event.kind is EventKind.WORKLOAD)
    assert [(member.metric, member.ratio) for member in work.members] == [("params", 1.1)]
    assert work.commits == [revision_of(4)]


def test_only_nights_and_chains_count_not_what_people_compare(store: Store) -> None:
    nights = noisy_nights(COUNT, CASES[:2], slowed)
    keep(store, [replace(one, purpose=Purpose.GATE) for one in nights])

    assert judged_series(store) == []


def test_a_reference_that_moved_makes_no_event(store: Store) -> None:
    """The new reference takes half the time: without the chain, all would be twice as slow."""
    nights = noisy_nights(COUNT, CASES)
    moved = [
        replace(
            one,
            base=replace(one.base, revision=revision_of(25)),
            cases=[
                replace(
                    each,
                    ratio=2 * (each.ratio or 1),
                    low=2 * (each.low or 1),
                    high=2 * (each.high or 1),
                )
                for each in one.cases
            ],
        )
        for one in nights[25:]
    ]
    chain = night(
        26,
        dict.fromkeys(CASES, 0.5),
        commit=revision_of(25),
        error=0.003,
        uid="chain",
        purpose=Purpose.CHAIN,
    )
    keep(store, [*nights[:25], *moved, chain])

    assert analyse(store, now=NOW).events == []


def test_with_a_limit_older_events_stay_as_they_are(store: Store) -> None:
    nights = noisy_nights(COUNT, CASES, slowed)
    keep(store, nights)
    before = analyse(store, now=NOW).events

    analysis = analyse(store, now=LATER, nights=12)

    assert analysis.events == before
    assert [len(each.points) for each in analysis.series] == [COUNT] * len(CASES)


def test_the_series_of_a_metric_are_in_the_order_of_the_commits(store: Store) -> None:
    keep(store, [night(number, {CASES[0]: 1.0}) for number in (3, 1)])
    late = night(9, {CASES[0]: 1.5}, commit=revision_of(2), uid="late")
    keep(store, [replace(late, head=replace(late.head, branch=None))])
    for number in (3, 2):
        keep_run(store, number, {CASES[0]: {"latency_s": number / 1000}})

    (ratios,) = metric_series(store, RATIO)
    (latencies,) = metric_series(store, "latency_s")

    assert ratios.values == (1.0, 1.5, 1.0)
    assert latencies.values == (0.002, 0.003)
    assert metric_series(store, "params") == []


def test_a_store_for_reading_is_not_brought_up_to_date(tmp_path: Path) -> None:
    with Store(tmp_path / "store.db") as store:
        keep(store, noisy_nights(10, CASES[:1]))

    with (
        Store(tmp_path / "store.db", read_only=True) as store,
        pytest.raises(StoreUnavailable),
    ):
        analyse(store, now=NOW)
