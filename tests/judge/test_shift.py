"""Shifts of made-up series: where, by how much, and how strong the evidence is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp, log
from statistics import fmean

import pytest
from scipy.special import stdtr

from sepconv.judge.shift import Shift, find_shifts
from sepconv.series import Series
from tests.judge.nights import cases, noise, series_of, stepped

SD = 0.008


def strongest(series: Series, *others: Series) -> Shift:
    """The shift of the first of these series that has most evidence."""
    own = (shift for shift in find_shifts([series, *others]) if shift.series is series)
    return min(own, key=lambda shift: shift.p_value)


def calm(count: int, nights: int, seed: int = 100) -> list[Series]:
    """Series in which nothing happens."""
    return [series_of(noise(nights, seed + i), case) for i, case in enumerate(cases(count))]


def correlated(count: int, seed: int, memory: float) -> list[float]:
    """Values whose nights are alike: each keeps that much of the one before."""
    chance, value, found = random.Random(seed), 0.0, []
    for _ in range(count):
        value = memory * value + chance.gauss(0, SD * (1 - memory**2) ** 0.5)
        found.append(exp(value))
    return found


def test_a_change_of_level_is_told_with_its_place_its_size_and_its_evidence() -> None:
    series = series_of(stepped(noise(100, 1), {60: 1.05}))

    shift = strongest(series)

    assert (shift.start, shift.before) == (60, 59)
    assert (shift.nights_before, shift.sightings) == (60, 40)
    assert shift.ratio == pytest.approx(1.05, abs=0.005)
    assert shift.interval[0] < 1.05 < shift.interval[1]
    assert shift.scatter == pytest.approx(SD, rel=0.3)
    assert shift.p_value < 1e-20
    assert not shift.is_new


def test_what_becomes_faster_is_told_as_well() -> None:
    assert strongest(series_of(stepped(noise(100, 2), {60: 0.95}))).ratio == pytest.approx(
        0.95, abs=0.005
    )


def test_several_shifts_are_told_oldest_first_each_up_to_the_next() -> None:
    series = series_of(stepped(noise(120, 3), {40: 1.06, 90: 0.95}))

    found = find_shifts([series])

    assert [shift.start for shift in found] == [40, 90]
    assert [shift.nights_before for shift in found] == [40, 50]
    assert [shift.sightings for shift in found] == [50, 30]


def test_nights_without_a_value_are_no_evidence_and_keep_the_places() -> None:
    values: list[float | None] = [*stepped(noise(80, 4), {50: 1.06})]
    values[10] = values[49] = values[50] = None

    shift = strongest(series_of(values))

    assert (shift.before, shift.start) == (48, 51)
    assert (shift.nights_before, shift.sightings) == (48, 29)


@pytest.mark.parametrize("seed", range(3))
def test_a_series_in_which_nothing_happens_has_no_strong_shift(seed: int) -> None:
    found = find_shifts(calm(4, 100, 10 * seed))

    assert all(shift.p_value > 1e-3 for shift in found)


def test_the_p_values_of_chance_are_as_rare_as_they_say() -> None:
    """Of 60 series one p-value in a hundred would be 0.6 of them; three would be too many."""
    found = find_shifts(calm(60, 40))

    for level in (0.01, 0.05):
        series = {id(shift.series) for shift in found if shift.p_value < level}
        assert len(series) <= 60 * level + 3 * (60 * level) ** 0.5


@pytest.mark.slow
def test_the_p_values_of_chance_hold_over_many_series() -> None:
    count = 1500

    found = find_shifts([each for seed in range(50) for each in calm(30, 50, 1000 * seed)])

    for level in (0.001, 0.01, 0.05):
        series = {id(shift.series) for shift in found if shift.p_value < level}
        assert len(series) <= count * level + 3 * (count * level) ** 0.5


def test_the_p_value_is_that_of_the_difference_anywhere_in_the_series() -> None:
    shift = strongest(series_of(stepped(noise(100, 1), {60: 1.02})))

    at_one_place = 2 * stdtr(shift.freedom, -abs(shift.change) / shift.error)
    assert shift.p_value == pytest.approx(100 * at_one_place)


def test_the_p_value_of_a_new_night_is_that_of_a_heavy_tail_on_either_side() -> None:
    """Times three, as one, two and three nights are tried; alone, a series has no other measure."""
    shift = strongest(series_of([*noise(60, 1), 1.03]))

    distance = shift.change / shift.scatter / (1 + 1 / 60) ** 0.5
    assert shift.sightings == 1
    assert shift.p_value == pytest.approx(3 * 2 * stdtr(4, -distance))


@pytest.mark.parametrize("count", range(7))
def test_a_series_of_fewer_than_seven_nights_says_nothing(count: int) -> None:
    assert find_shifts([series_of([1.0, 1.0, 1.0, 1.5, 1.5, 1.5][:count])]) == []


def test_no_series_have_no_shift() -> None:
    assert find_shifts([]) == []


def test_a_series_without_any_value_says_nothing_and_harms_no_other() -> None:
    empty = series_of([None] * 20, cases(2)[1])

    assert strongest(series_of(stepped(noise(60, 5), {30: 1.10})), empty).start == 30


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_series_with_a_value_that_no_latency_can_have_says_nothing_and_harms_no_other(
    value: float,
) -> None:
    odd = series_of([*noise(30, 1), value, *noise(30, 2)], cases(2)[1], error=None)

    assert strongest(series_of(stepped(noise(60, 5), {30: 1.10})), odd).start == 30


def test_a_series_whose_nights_are_all_equal_has_no_shift() -> None:
    assert find_shifts([series_of([1.0] * 50, error=None)]) == []


def test_a_step_of_a_series_without_scatter_has_a_finite_interval() -> None:
    shift = strongest(series_of(stepped([1.0] * 50, {25: 1.03}), error=None))

    low, high = shift.interval
    assert 1.029 < low < shift.ratio < high < 1.031
    assert 0 <= shift.p_value < 1e-20


def test_values_without_intervals_are_judged_by_how_they_scatter() -> None:
    bare = strongest(series_of(stepped(noise(80, 6), {50: 1.06}), error=None))
    known = strongest(series_of(stepped(noise(80, 6), {50: 1.06})))

    assert (bare.start, bare.change) == (known.start, known.change)


def test_wide_scatter_makes_the_same_change_weaker_evidence() -> None:
    quiet = strongest(series_of(stepped(noise(100, 7, 0.005), {60: 1.05}), error=0.005))
    wide = strongest(series_of(stepped(noise(100, 7, 0.015), {60: 1.05}), error=0.015))

    assert wide.error > 2 * quiet.error
    assert wide.p_value > quiet.p_value


def test_nights_that_are_alike_make_the_same_change_weaker_evidence() -> None:
    independent = strongest(series_of(stepped(noise(120, 8), {60: 1.06})))
    alike = strongest(series_of(stepped(correlated(120, 8, 0.7), {60: 1.06})))

    assert alike.error > 1.3 * independent.error
    assert alike.freedom < independent.freedom


def test_a_second_state_that_is_rare_counts_as_scatter() -> None:
    chance = random.Random(9)
    values = [value * (1.06 if chance.random() < 0.12 else 1.0) for value in noise(120, 9)]

    found = find_shifts([series_of(values)])

    assert all(shift.p_value > 1e-4 for shift in found)


def test_the_error_of_a_chain_counts_where_the_reference_moved() -> None:
    """The step may be that of the chain: 3 % at an error of 2 % is no evidence."""
    values = stepped(noise(100, 10), {60: 1.03})
    sure, unsure = series_of(values), series_of(values, joints={60: 0.02})
    assert strongest(sure).p_value < 1e-10
    assert strongest(unsure).p_value > 0.01
    assert strongest(unsure).error > 0.02


@pytest.mark.parametrize(
    ("moved", "share"), [(10, 0), (40, 1 / 3), (57, 1), (58, 1), (63, 1), (80, 1 / 2), (99, 1 / 40)]
)
def test_the_error_of_a_chain_counts_as_far_as_the_levels_lie_beyond_it(
    moved: int, share: float
) -> None:
    """Thirty nights tell the level before, forty the one after."""
    values = stepped(noise(100, 10), {30: 1.05, 60: 1.05})
    sure, unsure = (
        find_shifts([series_of(values, joints=joints)])[1] for joints in ({}, {moved: 0.02})
    )

    assert (sure.nights_before, sure.sightings) == (30, 40)
    assert unsure.error == pytest.approx((sure.error**2 + (share * 0.02) ** 2) ** 0.5)


def test_the_error_of_a_chain_counts_also_where_nights_without_a_value_surround_it() -> None:
    values: list[float | None] = [*stepped(noise(100, 11), {60: 1.03})]
    values[59] = values[60] = values[61] = None

    assert strongest(series_of(values, joints={60: 0.02})).error > 0.02


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_newest_nights_are_a_shift_before_they_are_a_change_point(count: int) -> None:
    series = series_of(stepped(noise(60, 12), {60 - count: 1.08}))

    shift = strongest(series, *calm(20, 60))

    assert shift.is_new
    assert (shift.start, shift.before) == (60 - count, 59 - count)
    assert (shift.nights_before, shift.sightings) == (60 - count, count)
    assert shift.ratio == pytest.approx(1.08, abs=0.015)
    assert shift.p_value < 0.05


def test_the_more_nights_show_it_the_surer_it_is() -> None:
    others = calm(20, 60)
    p_values = [
        strongest(series_of(stepped(noise(60, 12), {60 - count: 1.08})), *others).p_value
        for count in (1, 2, 3)
    ]

    assert p_values == sorted(p_values, reverse=True)
    assert p_values[2] < 1e-4 < p_values[0]


def test_new_nights_of_a_short_history_are_not_alike_because_both_are_new() -> None:
    nights = [*noise(12, 3), 1.6, 1.65]

    found = strongest(series_of(nights), *calm(4, 14))

    assert found.is_new
    assert found.sightings == 2
    assert found.p_value < 0.01 / 5  # one of five series that were looked at


def test_newest_nights_that_lie_on_both_sides_are_none() -> None:
    values = [*noise(57, 13), 1.08, 0.92, 1.08]

    found = find_shifts([series_of(values), *calm(5, 60)])

    assert [shift.sightings for shift in found if abs(shift.change) > 0.05] == [1]


def test_a_change_too_small_to_act_upon_is_no_news() -> None:
    values = [*noise(57, 14, 0.001), 1.004, 1.004, 1.004]

    assert find_shifts([series_of(values, error=0.001)]) == []


def test_a_night_that_disturbed_every_series_is_less_news_of_each() -> None:
    """Half of them up, half of them down: it scattered more than others."""
    chance = random.Random(15)
    restless = [
        series_of([*noise(59, seed), exp(chance.gauss(0, 5 * SD))], case)
        for seed, case in enumerate(cases(20))
    ]
    shift = min(
        (shift for shift in find_shifts(restless) if shift.is_new), key=lambda shift: shift.p_value
    )

    assert shift.p_value > 10 * strongest(shift.series, *calm(20, 60)).p_value


def test_a_night_in_which_every_series_shifts_alike_is_news_of_all() -> None:
    series = [
        series_of(stepped(noise(60, seed), {59: 1.06}), case)
        for seed, case in enumerate(cases(20), 300)
    ]

    found = [shift for shift in find_shifts(series) if shift.is_new]

    assert len(found) == 20
    assert fmean(shift.change for shift in found) == pytest.approx(log(1.06), abs=0.01)


def test_newest_nights_need_six_before_them_on_their_level() -> None:
    values = [*noise(6, 16), 1.2]

    assert strongest(series_of(values)).is_new
    (weak,) = find_shifts([series_of([*noise(5, 16), 1.2, 1.2])])
    assert (weak.sightings, weak.nights_before) == (1, 6)  # one of them is of the level before
    assert weak.p_value > 0.1


def test_news_of_a_level_that_is_new_itself_waits_until_that_is_known() -> None:
    """Four nights after a change, a fifth that is off again is judged by nothing."""
    values = stepped(noise(60, 17), {55: 1.10})
    values[-1] *= 1.10

    assert [shift.start for shift in find_shifts([series_of(values)])] == [55]


def test_the_error_of_a_chain_counts_for_the_newest_nights_too() -> None:
    values = stepped(noise(60, 18), {58: 1.05})

    sure = strongest(series_of(values), *calm(20, 60))
    unsure = [
        shift
        for shift in find_shifts([series_of(values, joints={58: 0.03}), *calm(20, 60)])
        if shift.is_new
    ]

    assert all(shift.p_value > 10 * sure.p_value for shift in unsure)


def test_shifts_are_told_apart_by_what_they_are_not_by_their_numbers() -> None:
    series = series_of(stepped(noise(60, 19), {30: 1.10}))

    one, other = strongest(series), strongest(series)

    assert one != other
    assert len({one, other, one}) == 2


def new_ones(values: Sequence[Sequence[float]]) -> int:
    """How many series have news that would count alone: at 1 in 1000."""
    own = [series_of(each, case) for each, case in zip(values, cases(len(values)), strict=True)]
    return sum(shift.is_new and shift.p_value < 1e-3 for shift in find_shifts(own))


@pytest.mark.slow
def test_the_newest_nights_of_chance_are_news_no_more_often_than_they_say() -> None:
    found = sum(
        new_ones([noise(40, 1000 * round_ + seed) for seed in range(40)]) for round_ in range(25)
    )

    assert found <= 4  # of 1000 series, at 1 in 1000


@pytest.mark.slow
def test_nights_that_are_alike_are_news_no_more_often_than_they_say() -> None:
    found = sum(
        new_ones([correlated(60, 1000 * round_ + seed, 0.8) for seed in range(40)])
        for round_ in range(25)
    )

    assert found <= 4
