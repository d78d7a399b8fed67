"""Where a change happened: all series on one scale, and the range of nights that is named."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.judge.place import Places, Range, locate
from sepconv.judge.shift import Shift, find_shifts
from sepconv.series import Series
from tests.judge.nights import cases, noise, series_of, stepped


def of_nights(numbers: Sequence[int]) -> Series:
    """A series that was measured in these nights."""
    whole = series_of([1.0] * (max(numbers) + 1), first=0)
    return replace(whole, points=tuple(whole.points[number] for number in numbers))


def order_of(places: Places) -> list[int]:
    return [int(each.uid, 16) for each in places.occasions]


def located(series: Sequence[Series], number: int = 0) -> tuple[Places, Range]:
    """Where the shifts of all series happened that are the first, or another one, of each."""
    places, every = Places(series), find_shifts(series)
    found = [[shift for shift in every if shift.series is one] for one in series]
    return places, locate([own[number] for own in found], places)


def nights_of(places: Places, where: Range) -> tuple[int, int, int]:
    """The nights of a range, and the likeliest one."""
    named = (places.occasions[place] for place in (where.earliest, where.latest, where.best))
    earliest, latest, best = (int(each.uid, 16) for each in named)
    return earliest, latest, best


@given(st.lists(st.sets(st.integers(0, 30), min_size=1), min_size=1, max_size=6))
def test_every_series_keeps_its_order_and_every_night_has_one_place(
    numbers: list[set[int]],
) -> None:
    series = [of_nights(sorted(each)) for each in numbers]

    places = Places(series)

    assert sorted(order_of(places)) == sorted(set().union(*numbers))
    for one in series:
        own = [places.of(one, index) for index in range(len(one.points))]
        assert own == sorted(own)


@given(st.permutations(range(8)), st.lists(st.sets(st.integers(0, 7), min_size=1), max_size=6))
def test_the_order_of_the_series_counts_not_the_clock(
    order: list[int], parts: list[set[int]]
) -> None:
    """Old commits were measured late; one series has all the nights, others have some."""
    series = [of_nights(order)]
    series += [of_nights([number for number in order if number in part]) for part in parts]
    random.Random(1).shuffle(series)

    assert order_of(Places(series)) == order


def test_series_that_have_no_night_in_common_are_told_apart_by_the_clock() -> None:
    """The suite was changed: the old cases end where the new ones begin."""
    places = Places([of_nights(range(1, 21)), of_nights(range(21, 31))])

    assert order_of(places) == list(range(1, 31))


def test_what_the_longest_series_lacks_has_its_place_between_its_neighbours() -> None:
    places = Places([of_nights([2, 3, 6, 7]), of_nights([1, 2, 4, 6]), of_nights([3, 5, 9])])

    assert order_of(places) == [1, 2, 3, 4, 5, 6, 7, 9]


def test_a_large_change_is_located_to_the_night() -> None:
    series = series_of(stepped(noise(60, 1), {40: 1.10}))

    places, where = located([series])

    assert nights_of(places, where) == (40, 41, 41)


def test_together_series_tell_the_place_more_exactly_than_any_of_them() -> None:
    series = [
        series_of(stepped(noise(80, seed), {50: 1.02}), case)
        for seed, case in enumerate(cases(16), 50)
    ]
    widths = [where.latest - where.earliest for one in series for where in [located([one])[1]]]

    places, where = located(series)

    assert nights_of(places, where) == (50, 51, 51)
    assert sum(widths) / len(widths) > 2


@pytest.mark.parametrize("seed", range(4))
def test_the_true_place_lies_within_the_range(seed: int) -> None:
    series = series_of(stepped(noise(80, seed + 10), {50: 1.025}))

    places, where = located([series])

    assert where.earliest < where.best <= where.latest
    earliest, latest, _ = nights_of(places, where)
    assert earliest < 51 <= latest


def test_nights_without_a_value_widen_the_range() -> None:
    values: list[float | None] = [*stepped(noise(60, 3), {40: 1.10})]
    values[39] = values[40] = values[41] = None
    other = series_of(noise(60, 4), cases(2)[1])

    places = Places([series_of(values), other])
    (shift,) = find_shifts([series_of(values)])

    assert nights_of(places, locate([shift], places))[:2] == (39, 43)


def test_a_change_that_is_taken_back_soon_is_located_by_the_level_that_it_ends() -> None:
    series = series_of(stepped(noise(80, 5), {50: 1.08, 60: 1 / 1.08}))

    first = located([series], 0)
    second = located([series], 1)

    assert nights_of(*first) == (50, 51, 51)
    assert nights_of(*second) == (60, 61, 61)


def test_a_change_of_the_newest_night_is_located_there() -> None:
    series = series_of(stepped(noise(60, 6), {59: 1.10}))

    places, where = located([series])

    assert nights_of(places, where) == (59, 60, 60)


def test_nothing_is_located_before_the_second_night() -> None:
    """A level needs a night before it, or no commit could be named; whatever the evidence is."""
    series = series_of(noise(12, 7))
    vague = Shift(series, 2, 1, 0.01, 0.1, 10, 0.008, 1e-9, 10, 2)
    places = Places([series])

    where = locate([vague], places)

    assert where.earliest == 0
    assert where.latest == 5


def test_a_single_night_that_was_disturbed_does_not_decide_the_place() -> None:
    """Two nights before the change something else ran: that is no part of the new level."""
    values = stepped(noise(80, 8), {50: 1.05})
    values[47] *= 1.5

    places, where = located([series_of(values)])

    assert nights_of(places, where) == (50, 51, 51)


def test_a_series_without_any_scatter_is_located_as_well() -> None:
    series = series_of(stepped([1.0] * 40, {20: 1.05}), error=None)

    places, where = located([series])

    assert nights_of(places, where) == (20, 21, 21)
