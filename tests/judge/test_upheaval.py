"""Changed work, and changed environments: news that no noisy series has to show."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import exp

import pytest

from sepconv.case import Case
from sepconv.comparison import Comparison, Contender, Purpose
from sepconv.event import EventKind
from sepconv.judge.upheaval import NIGHTS, environment_events, workload_events
from sepconv.record import Estimate, Status
from sepconv.run import Environment
from sepconv.series import Occasion, Point, Series
from tests.judge.nights import (
    ENVIRONMENT,
    MACHINE,
    NEWER,
    NOW,
    OTHER_MACHINE,
    cases,
    night,
    revision_of,
    revisions,
)

CASES = cases(6)


def exact(
    values: Sequence[float | None],
    case: Case = CASES[0],
    *,
    metric: str = "params",
    commits: Sequence[int] | None = None,
) -> Series:
    """A value of each night, whose commit has its number unless told otherwise."""
    points = []
    for number, value in enumerate(values, 1):
        commit = number if commits is None else commits[number - 1]
        occasion = Occasion.of_comparison(night(number, {}, commit=revision_of(commit)))
        estimate = None if value is None else Estimate(value)
        points.append(Point(occasion, Status.OK if estimate else Status.FAILED, estimate))
    return Series(case, metric, MACHINE.key, ENVIRONMENT.key, tuple(points))


def test_an_exact_metric_that_changes_is_an_event_of_that_commit() -> None:
    (event,) = workload_events([exact([100, 100, 104])], revisions(3), now=NOW)

    assert (event.kind, event.direction, event.machine) == (EventKind.WORKLOAD, "changed", "")
    assert (event.last_good, event.first_bad) == (revision_of(2), revision_of(3))
    assert event.commits == [revision_of(3)]
    assert [(m.case, m.metric, m.ratio, m.low, m.p_value) for m in event.members] == [
        (CASES[0], "params", 1.04, None, None)
    ]
    assert (event.first_seen_at, event.last_seen_at) == (NOW, NOW)
    assert event.last_good_at < event.began_at


def test_an_exact_metric_that_stays_or_is_none_or_noisy_is_no_event() -> None:
    series = [
        exact([100, 100, 100]),
        exact([0, 100, 0], CASES[1]),
        exact([100, None, 100], CASES[2]),
        exact([0.001, 0.002, 0.003], CASES[3], metric="latency_s"),
        exact([100], CASES[4]),
        exact([None, None], CASES[5]),
    ]

    assert workload_events(series, revisions(3), now=NOW) == []


def test_what_one_range_of_commits_changed_is_one_event_oldest_first() -> None:
    series = [
        exact([100, 110, 110, 110]),
        exact([50, 55, 55, 55], CASES[1]),
        exact([9, 9, 9, 8], CASES[1], metric="macs"),
        exact([7, 8, 8, 8], metric="macs"),
    ]

    first, second = workload_events(series[::-1], revisions(4), now=NOW)

    assert {(m.case, m.metric) for m in first.members} == {
        (CASES[0], "params"),
        (CASES[1], "params"),
        (CASES[0], "macs"),
    }
    assert [(m.metric, m.ratio) for m in second.members] == [("macs", pytest.approx(8 / 9))]


def test_the_range_spans_the_nights_that_were_missed_or_gave_nothing() -> None:
    series = exact([100, None, 104], commits=[1, 3, 6])

    (event,) = workload_events([series], revisions(6), now=NOW)

    assert [each.subject for each in event.commits] == [f"commit {i}" for i in (2, 3, 4, 5, 6)]


def test_machines_that_saw_the_same_change_in_the_same_range_have_one_event() -> None:
    series = exact([100, 104])

    (event,) = workload_events([series, replace(series, machine="another")], [], now=NOW)

    assert len(event.members) == 1


def test_the_uid_stays_when_more_nights_and_cases_are_known() -> None:
    (before,) = workload_events([exact([100, 104])], revisions(2), now=NOW)
    more = [exact([100, 104, 104, 104]), exact([10, 11, 11, 11], CASES[1])]

    (after,) = workload_events(more, revisions(4), now=NOW)

    assert after.uid == before.uid
    assert len(after.members) == 2


def test_without_git_the_nights_tell_the_place() -> None:
    series = exact([100, 104, 100])
    points = [
        replace(each, occasion=replace(each.occasion, revision=None)) for each in series.points
    ]

    first, second = workload_events([replace(series, points=tuple(points))], [], now=NOW)

    assert first.uid != second.uid
    assert (first.last_good, first.first_bad, first.commits) == (None, None, [])


def upgraded(
    count: int = 14,
    *,
    at: int = 8,
    after: Environment = NEWER,
    ratio: Callable[[Case], float] = lambda _case: 1.05,
    sd: float = 0.005,
    seed: int = 1,
    of: Sequence[Case] = tuple(CASES),
    **others: object,
) -> list[Comparison]:
    """Nights whose environment is another one from night `at` on, and what the reference takes.

    What head takes says nothing: it always seems to be twice as slow from then on.
    """
    chance = random.Random(seed)
    known = {"conditions": {"kernel": "6.1"}}
    found = []
    for number in range(1, count + 1):
        is_new = number >= at
        own = night(
            number,
            dict.fromkeys(of, 2.0 if is_new else 1.0),
            environment=after if is_new else ENVIRONMENT,
            **(known | others if is_new else known),  # type: ignore[arg-type]
        )
        compared = [
            replace(
                one,
                base_latency_s=0.001
                * (ratio(one.base) if is_new else 1)
                * exp(chance.gauss(0, sd)),
            )
            for one in own.cases
        ]
        found.append(replace(own, cases=compared))
    return found


def test_what_an_upgrade_costs_the_reference_is_told_case_by_case() -> None:
    def ratio(case: Case) -> float:
        return 1.08 if case.conv_type == "depthwise_separable" else 1.0

    (event,) = environment_events(upgraded(ratio=ratio), revisions(14), now=NOW)

    assert (event.kind, event.direction) == (EventKind.ENVIRONMENT, "slower")
    assert (event.machine, event.sightings) == (MACHINE.key, 7)
    assert event.explanations == ["torch 2.13.0 → 2.14.0"]
    assert (event.last_good, event.first_bad) == (revision_of(7), revision_of(8))
    assert [(m.case, m.metric) for m in event.members] == [(c, "latency_s") for c in CASES]
    for member in event.members:
        assert (member.low or 0) < ratio(member.case) < (member.high or 0)
        assert member.ratio == pytest.approx(ratio(member.case), abs=0.015)


def test_what_becomes_faster_is_told_as_well() -> None:
    (event,) = environment_events(upgraded(ratio=lambda _: 0.9), revisions(14), now=NOW)

    assert event.direction == "faster"


def test_what_makes_some_slower_and_others_faster_is_told_as_changed() -> None:
    def ratio(case: Case) -> float:
        return 1.1 if case.conv_type == "standard" else 1.1**-0.5

    (event,) = environment_events(upgraded(ratio=ratio), revisions(14), now=NOW)

    assert event.direction == "changed"


def test_an_upgrade_is_news_even_if_it_changes_nothing() -> None:
    (event,) = environment_events(upgraded(ratio=lambda _: 1.0), revisions(14), now=NOW)

    assert event.direction == "changed"
    assert all((m.low or 0) < 1 < (m.high or 0) for m in event.members)


@pytest.mark.parametrize(
    ("changes", "explanation"),
    [
        (
            {"machine": OTHER_MACHINE},
            "machine Some CPU, 2 cores, 16 GiB → Another CPU, 2 cores, 16 GiB",
        ),
        ({"conditions": {"kernel": "6.8"}}, "kernel 6.1 → 6.8"),
    ],
)
def test_another_machine_or_kernel_is_news_if_it_clearly_costs_something(
    changes: dict[str, object], explanation: str
) -> None:
    (event,) = environment_events(
        upgraded(after=ENVIRONMENT, **changes),  # type: ignore[arg-type]
        revisions(14),
        now=NOW,
    )
    quiet = upgraded(after=ENVIRONMENT, ratio=lambda _: 1.0, **changes)  # type: ignore[arg-type]

    assert (event.direction, event.explanations) == ("slower", [explanation])
    assert environment_events(quiet, revisions(14), now=NOW) == []


def test_a_kernel_that_was_not_known_before_is_not_another_one() -> None:
    nights = upgraded(after=ENVIRONMENT, conditions={})

    assert environment_events(nights, revisions(14), now=NOW) == []


def test_a_new_kernel_that_may_have_cost_next_to_nothing_is_no_news() -> None:
    """Nights that agree within 0.2 % may do so by chance: 2.5 % more can be less than 1 %."""
    nights = upgraded(
        after=ENVIRONMENT, ratio=lambda _: 1.025, sd=0.002, conditions={"kernel": "6.8"}
    )

    assert environment_events(nights, revisions(14), now=NOW) == []


def test_of_twenty_new_kernels_that_cost_nothing_none_is_news() -> None:
    """At nights that scatter by 2 %, and at such that hardly do: seven may agree by chance."""
    found = [
        event
        for seed in range(20)
        for event in environment_events(
            upgraded(
                after=ENVIRONMENT,
                ratio=lambda _: 1.0,
                sd=0.02 if seed % 2 else 0.0005,
                seed=seed,
                conditions={"kernel": "6.8"},
            ),
            revisions(14),
            now=NOW,
        )
    ]

    assert found == []


@pytest.mark.parametrize(("count", "at"), [(2, 2), (8, 8), (14, 2), (1, 1), (5, 9)])
def test_one_night_on_a_side_says_nothing(count: int, at: int) -> None:
    assert environment_events(upgraded(count, at=at), revisions(14), now=NOW) == []


def test_two_nights_on_each_side_are_enough() -> None:
    (event,) = environment_events(upgraded(4, at=3), revisions(4), now=NOW)

    assert event.sightings == 2


def test_only_the_nights_next_to_the_change_count() -> None:
    """The machine was much faster a month ago, and is so again."""
    nights = upgraded(60, at=30, ratio=lambda _: 1.05)
    nights = [
        one
        if abs(number - 29.5) < NIGHTS
        else replace(one, cases=[replace(each, base_latency_s=1e-4) for each in one.cases])
        for number, one in enumerate(nights, 1)
    ]

    (event,) = environment_events(nights, revisions(60), now=NOW)

    assert event.sightings == NIGHTS
    assert event.mean_ratio == pytest.approx(1.05, abs=0.01)


def test_nights_beyond_another_change_do_not_count() -> None:
    nights = upgraded(20, at=8)
    newest = replace(NEWER, torch="2.15.0")
    nights = [
        *nights[:10],
        *(replace(one, head=replace(one.head, environment=newest)) for one in nights[10:]),
    ]

    first, second = environment_events(nights, revisions(20), now=NOW)

    assert (first.sightings, second.sightings) == (3, 7)
    assert second.explanations == ["torch 2.14.0 → 2.15.0"]


def test_where_the_reference_moved_at_the_same_time_nothing_can_be_said() -> None:
    nights = upgraded(reference=revision_of(5))

    assert environment_events(nights, revisions(14), now=NOW) == []


def test_a_reference_that_moved_soon_ends_what_is_compared() -> None:
    nights = upgraded()
    moved = [replace(one, base=replace(one.base, revision=revision_of(5))) for one in nights[10:]]

    (event,) = environment_events([*nights[:10], *moved], revisions(14), now=NOW)

    assert event.sightings == 3


def test_nights_whose_reference_has_no_commit_are_compared_among_themselves() -> None:
    nights = [replace(one, base=replace(one.base, revision=None)) for one in upgraded()]

    assert len(environment_events(nights, revisions(14), now=NOW)) == 1


def test_a_case_that_one_side_lacks_is_left_out() -> None:
    nights = [
        *upgraded(14)[:7],
        *upgraded(14, of=CASES[1:])[7:],
    ]
    lost = [replace(each, base_latency_s=None) for each in nights[8].cases]
    late = [
        replace(one, cases=[replace(one.cases[0], base_latency_s=None), *one.cases[1:]])
        for one in nights[9:]
    ]

    (event,) = environment_events(
        [*nights[:8], replace(nights[8], cases=lost), *late], revisions(14), now=NOW
    )

    assert [member.case for member in event.members] == CASES[2:]


def test_where_no_case_is_on_both_sides_nothing_can_be_said() -> None:
    nights = [*upgraded(of=CASES[:3])[:7], *upgraded(of=CASES[3:])[7:]]

    assert environment_events(nights, revisions(14), now=NOW) == []


def test_nights_are_taken_in_the_order_of_the_clock() -> None:
    """An old commit that is measured after the upgrade has the new environment."""
    nights = upgraded()
    nights[12] = replace(
        nights[12], head=replace(nights[12].head, revision=revision_of(2), branch=None)
    )

    (event,) = environment_events(nights[::-1], revisions(14), now=NOW)

    assert (event.last_good, event.first_bad) == (revision_of(7), revision_of(8))


def test_only_nights_count_and_of_those_only_whose_environment_is_known() -> None:
    nights = upgraded()
    gates = [replace(each, purpose=Purpose.GATE) for each in nights]
    killed = [
        replace(each, head=Contender("HEAD", each.head.revision, "main")) for each in nights[7:]
    ]

    assert environment_events(gates, revisions(14), now=NOW) == []
    assert environment_events([*nights[:7], *killed], revisions(14), now=NOW) == []


def test_the_event_is_the_same_one_when_more_nights_are_known() -> None:
    (before,) = environment_events(upgraded(9), revisions(14), now=NOW)
    (after,) = environment_events(upgraded(14), revisions(14), now=NOW)

    assert after.uid == before.uid
    assert (before.sightings, after.sightings) == (2, 7)
