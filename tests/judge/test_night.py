"""What the nights before say: missed ones, references that nothing connects, how far one came."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sepconv.comparison import Contender, Purpose
from sepconv.judge.night import Reached, missed_dates, unconnected_reference
from tests.judge.nights import cases, night, revision_of

FIRST = datetime.fromisoformat("2026-11-01T02:23:00+00:00")


def at(*days: float) -> list[str]:
    return [(FIRST + timedelta(days=day)).isoformat() for day in days]


def test_the_dates_between_the_last_night_and_this_one_were_missed():
    assert missed_dates(at(0, 1, 2), at(5)[0]) == ["2026-11-04", "2026-11-05"]


def test_the_night_after_the_last_one_has_missed_none():
    assert missed_dates(at(0, 1, 2), at(3)[0]) == []
    assert missed_dates(at(0, 1, 2), at(3.3)[0]) == []


def test_only_what_lies_between_the_last_two_is_missed_tonight():
    assert missed_dates(at(0, 1, 2, 6), at(7)[0]) == []


def test_nights_around_midnight_are_counted_by_hours_and_not_by_dates():
    nights = ["2026-11-01T00:01:00+00:00", "2026-11-01T23:59:00+00:00", "2026-11-03T00:02:00+00:00"]

    assert missed_dates(nights, "2026-11-03T23:58:00+00:00") == []
    assert missed_dates(nights, "2026-11-05T00:01:00+00:00") == ["2026-11-04"]


@pytest.mark.parametrize(
    "days", [(), (0,), (0, 1), (0, 7, 14, 21), (0, 0.01, 0.02, 0.03), (0, 3, 4, 9)]
)
def test_where_nights_are_not_daily_or_too_few_none_was_missed(days):
    assert missed_dates(at(*days), at(60)[0]) == []


def test_many_old_commits_in_one_night_are_one_night():
    days = [0, 1, 2, *(2 + minute / 1440 for minute in range(40))]

    assert missed_dates(at(*days), at(4)[0]) == ["2026-11-04"]


CASE = cases(1)[0]


def chain(number: int, old: int, new: int, ratio: float | None = 1.0):
    base = Contender("old", revision_of(old), dirty=False)
    found = night(number, {CASE: ratio}, purpose=Purpose.CHAIN, commit=revision_of(new))
    return replace(found, base=base)


def of_reference(number: int, reference: int):
    return night(number, {CASE: 1.0}, reference=revision_of(reference))


def commit(number: int) -> str:
    return revision_of(number).commit


def test_the_reference_of_earlier_nights_is_to_be_chained_once():
    nights = [of_reference(3, 0), of_reference(4, 0)]

    assert unconnected_reference(nights, commit(2)) == revision_of(0)
    assert unconnected_reference([*nights, chain(5, 0, 2)], commit(2)) is None
    assert unconnected_reference(nights, commit(0)) is None
    assert unconnected_reference([], commit(0)) is None


def test_references_are_connected_by_any_number_of_steps_and_both_ways():
    nights = [of_reference(5, 0), of_reference(6, 1)]
    steps = [chain(7, 0, 1), chain(8, 2, 1)]

    assert unconnected_reference([*nights, *steps], commit(2)) is None
    assert unconnected_reference([*nights, steps[0]], commit(2)) == revision_of(1)


def test_of_several_the_newest_nights_reference_comes_first():
    nights = [of_reference(5, 0), of_reference(6, 1)]

    assert unconnected_reference(nights, commit(2)) == revision_of(1)


def test_a_chain_that_measured_nothing_connects_nothing():
    found = unconnected_reference([of_reference(3, 0), chain(4, 0, 2, None)], commit(2))

    assert found == revision_of(0)


@pytest.mark.parametrize(
    ("stored", "planned", "said"),
    [
        ([], None, "before anything was measured"),
        ([], 3, "before anything was measured"),
        ([(1, "a")], None, "in pass 1, after 1 case"),
        ([(1, "a"), (1, "b")], None, "in pass 1, after 2 cases"),
        ([(1, "a"), (1, "b"), (1, "c"), (2, "c")], None, "in pass 2, after 1 of 3 cases"),
        ([(1, "a"), (1, "a")], 300, "in pass 1, after 1 of 300 cases"),
    ],
)
def test_how_far_it_came_is_told_in_passes_and_cases(stored, planned, said):
    assert str(Reached.of_passes(stored, planned)) == said
