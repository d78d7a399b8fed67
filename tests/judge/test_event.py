"""Events of made-up years: what was put in is found, at its commit, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp, log

import pytest

from sepconv.case import Case
from sepconv.comparison import Comparison, Purpose
from sepconv.event import Event, EventKind, EventState
from sepconv.judge.event import find_events
from sepconv.judge.history import ratio_series
from sepconv.judge.triage import update_events
from sepconv.run import Revision
from sepconv.series import Series
from tests.judge.nights import (
    NEWER,
    NOW,
    cases,
    night,
    noise,
    noisy_nights,
    revision_of,
    revisions,
    series_of,
    stepped,
)

NIGHTS = 365
CASES = cases(60)
KNOWN = revisions(NIGHTS)
MISSED = {88, 89, 201, 202, 203}
DISTURBED = {45, 170, 290}  # something else ran: every case by its own
MOVED = 180  # the reference


@dataclass(frozen=True)
class Change:
    """A change that was put into the year."""

    night: int
    ratio: float
    of: Callable[[Case], bool]

    @property
    def cases(self) -> set[str]:
        return {case.identity for case in CASES if self.of(case)}


CHANGES = [
    Change(60, 1.06, lambda case: case.conv_type == "depthwise_separable"),
    Change(130, 0.92, lambda case: case.conv_type == "standard" and case.in_channels > 80),
    Change(202, 1.05, lambda case: case.conv_type == "spatially_separable"),
    Change(260, 1 / 1.06, lambda case: case.conv_type == "depthwise_separable"),
    Change(320, 1.04, lambda case: True),
]


def level(number: int, case: Case) -> float:
    """Of a commit, by the first one."""
    log_level = sum(
        log(change.ratio) for change in CHANGES if number >= change.night and change.of(case)
    )
    return exp(log_level)


@pytest.fixture(scope="module")
def year() -> list[Comparison]:
    """The nights of a year, some of which are missed, killed, or disturbed."""
    chance = random.Random(2)
    found = []
    for one in noisy_nights(NIGHTS, CASES, level, seed=1, sd=0.01):
        number = int(one.uid, 16)
        cases_ = list(one.cases)
        if number in DISTURBED:
            cases_ = [
                replace(each, ratio=(each.ratio or 1) * exp(chance.gauss(0.01, 0.06)))
                for each in cases_
            ]
        if number >= MOVED:
            cases_ = [
                replace(
                    each,
                    ratio=(each.ratio or 1) / level(MOVED, each.head),
                    low=(each.low or 1) / level(MOVED, each.head),
                    high=(each.high or 1) / level(MOVED, each.head),
                )
                for each in cases_
            ]
        if number in (100, 221):
            cases_ = cases_[:30]
        if number not in MISSED:
            moved = replace(one.base, revision=revision_of(MOVED if number >= MOVED else 0))
            found.append(replace(one, base=moved, cases=cases_))
    chain = night(
        MOVED,
        {case: level(MOVED, case) * exp(chance.gauss(0, 0.004)) for case in CASES},
        commit=revision_of(MOVED),
        error=0.004,
        uid="chain",
        purpose=Purpose.CHAIN,
    )
    return [*found, chain]


@pytest.fixture(scope="module")
def series(year: list[Comparison]) -> list[Series]:
    return ratio_series(year, KNOWN)


@pytest.fixture(scope="module")
def events(series: list[Series]) -> list[Event]:
    return find_events(series, KNOWN, now=NOW)


def between(series: Sequence[Series], first: int, last: int) -> list[Series]:
    """What was measured in these nights."""
    ends = revision_of(first).committed_at, revision_of(last).committed_at
    return [
        replace(
            one,
            points=tuple(p for p in one.points if ends[0] <= p.occasion.started_at <= ends[1]),
            joints={},
        )
        for one in series
    ]


def test_every_change_of_a_noisy_year_is_an_event_and_nothing_else_is(
    events: list[Event],
) -> None:
    assert len(events) == len(CHANGES)
    for event, change in zip(events, CHANGES, strict=True):
        assert (event.kind, event.direction) == (
            EventKind.LATENCY,
            "slower" if change.ratio > 1 else "faster",
        )
        found = {member.case.identity for member in event.members}
        assert found <= change.cases
        assert len(found) > 0.9 * len(change.cases)
        assert event.mean_ratio == pytest.approx(change.ratio, abs=0.006)
        assert event.explanations == []


def test_the_commit_is_named_and_only_where_nights_were_missed_a_range(
    events: list[Event],
) -> None:
    named = [[each.subject for each in event.commits] for event in events]

    assert named == [
        ["commit 60"],
        ["commit 130"],
        [f"commit {number}" for number in (201, 202, 203, 204)],
        ["commit 260"],
        ["commit 320"],
    ]
    assert events[2].last_good == revision_of(200)
    assert events[2].first_bad == revision_of(204)
    assert (events[2].last_good_at, events[2].began_at) == (
        revision_of(200).committed_at,
        revision_of(204).committed_at,
    )


def test_every_event_tells_in_how_many_nights_it_was_seen(events: list[Event]) -> None:
    assert [event.sightings for event in events][-2:] == [60, NIGHTS - 320 + 1]


def test_members_are_told_with_their_interval_the_surest_first(events: list[Event]) -> None:
    for event, change in zip(events, CHANGES, strict=True):
        values = [member.p_value or 0.0 for member in event.members]
        assert values == sorted(values)
        inside = [(member.low or 0) < change.ratio < (member.high or 0) for member in event.members]
        assert sum(inside) >= 0.8 * len(inside)
        keys = [(member.case.identity, member.metric) for member in event.members]
        assert len(keys) == len(set(keys))


def test_all_of_them_are_confirmed_and_what_was_taken_back_is_fixed(events: list[Event]) -> None:
    states = [event.state for event in update_events([], events, now=NOW)]

    assert states == [EventState.FIXED, *[EventState.CONFIRMED] * 4]


def test_looked_at_again_the_events_are_the_same(series: list[Series]) -> None:
    some = between(series[:20], 190, 290)

    found = find_events(some, KNOWN, now=NOW)

    assert len(found) == 2
    assert find_events(some[::-1], KNOWN[::-1], now=NOW) == found


def test_more_nights_keep_the_uids_of_what_is_known(series: list[Series]) -> None:
    """Of the last change, the first two nights are known, which is enough to tell of it; then
    forty more."""
    early = find_events(between(series, 240, 321), KNOWN, now="2026-11-20")
    late = find_events(between(series, 240, NIGHTS), KNOWN, now=NOW)

    before = update_events([], early, now="2026-11-20")
    after = update_events(before, late, now=NOW)

    assert [each.first_bad for each in before] == [revision_of(260), revision_of(320)]
    assert [each.state for each in before] == [EventState.CONFIRMED] * 2
    assert [event.uid for event in after] == [event.uid for event in before]
    assert [before[-1].sightings, after[-1].sightings] == [2, NIGHTS - 320 + 1]


def test_quiet_nights_have_no_event() -> None:
    nights = noisy_nights(100, CASES[:30], seed=5)

    assert find_events(ratio_series(nights, KNOWN), KNOWN, now=NOW) == []


def of_nights(
    changes: Sequence[int], *, count: int = 60, **others: object
) -> tuple[list[Comparison], set[int]]:
    """Nights of 12 cases whose latency rose by 8 % in these nights each."""
    of = CASES[:12]
    nights = noisy_nights(
        count, of, lambda number, _case: 1.08 ** sum(number >= each for each in changes), seed=3
    )
    return nights, set(changes)


def test_a_change_without_a_commit_is_of_the_environment_and_never_confirmed_by_nights() -> None:
    """The same commit was measured night by night from night 20 on."""
    nights, _ = of_nights([40])
    nights = [
        replace(one, head=replace(one.head, revision=revision_of(min(number, 20))))
        for number, one in enumerate(nights, 1)
    ]

    (event,) = find_events(ratio_series(nights, KNOWN), KNOWN, now=NOW)

    assert (event.kind, event.direction, event.commits) == (EventKind.ENVIRONMENT, "slower", [])
    assert event.last_good == event.first_bad == revision_of(20)
    assert event.sightings == 21
    (told,) = update_events([event], [event], now=NOW)
    assert told.state is EventState.SUSPICIOUS
    assert not told.is_alarm


def test_what_else_changed_in_that_night_is_named_and_keeps_it_suspicious() -> None:
    nights, _ = of_nights([40])
    nights = [
        replace(one, head=replace(one.head, environment=NEWER)) if number >= 40 else one
        for number, one in enumerate(nights, 1)
    ]

    (event,) = find_events(ratio_series(nights, KNOWN), KNOWN, now=NOW)

    assert event.kind is EventKind.LATENCY
    assert event.explanations == ["torch 2.13.0 → 2.14.0"]
    assert update_events([], [event], now=NOW)[0].state is EventState.SUSPICIOUS


def test_nights_without_git_tell_a_change_of_the_code_that_nobody_can_name() -> None:
    nights, _ = of_nights([40])
    nights = [replace(one, head=replace(one.head, revision=None, dirty=None)) for one in nights]

    (event,) = find_events(ratio_series(nights, []), [], now=NOW)

    assert (event.kind, event.last_good, event.first_bad) == (EventKind.LATENCY, None, None)
    assert event.commits == []


def test_every_class_of_machines_has_events_of_its_own() -> None:
    """What only one of two instruction sets shows is an event of that one."""
    slower = series_of(stepped(noise(80, 1), {40: 1.10}))
    calm = replace(series_of(noise(80, 2)), machine="another class")
    later = replace(series_of(stepped(noise(80, 3), {60: 1.10})), machine="a third class")

    found = find_events([later, calm, slower], KNOWN, now=NOW)

    assert [event.machine for event in found] == ["a class", "a third class"]
    assert len({event.uid for event in found}) == 2


def test_a_case_with_two_series_is_one_member() -> None:
    """Allocators part series: the same case has two, and both show the change."""
    one = series_of(stepped(noise(80, 1), {40: 1.10}))
    other = replace(series_of(stepped(noise(80, 2), {40: 1.12})), environment="another")

    (event,) = find_events([one, other], KNOWN, now=NOW)

    (member,) = event.members
    assert member.ratio == pytest.approx(1.11, abs=0.02)


def test_a_lone_restless_case_is_told_with_its_doubt() -> None:
    values = stepped(noise(120, 4), {40: 1.06, 80: 1 / 1.06})
    calm = [series_of(noise(120, seed), case) for seed, case in enumerate(CASES[1:9], 10)]

    found = find_events([series_of(values), *calm], KNOWN, now=NOW)

    assert len(found) == 2
    assert all(event.explanations for event in found)
    assert {event.state for event in update_events([], found, now=NOW)} == {EventState.SUSPICIOUS}


def test_without_series_there_is_no_event() -> None:
    assert find_events([], KNOWN, now=NOW) == []
    assert find_events([series_of([1.0, 1.1])], KNOWN, now=NOW) == []


def test_commits_that_are_not_known_leave_the_range_open() -> None:
    known: list[Revision] = [replace(each, parents=()) for each in KNOWN]
    nights, _ = of_nights([40])

    (event,) = find_events(ratio_series(nights, known), known, now=NOW)

    assert event.last_good is not None
    assert event.first_bad is not None
    assert (event.last_good.subject, event.first_bad.subject) == ("commit 39", "commit 40")
    assert event.commits == [known[40]]
