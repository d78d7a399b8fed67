"""Which of many shifts deserve an event: made-up shifts, of series without any values."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.judge.cluster import (
    CROWDED,
    DOUBTS,
    FALSE_DISCOVERIES,
    RESTLESS,
    SMALL,
    Cluster,
    find_clusters,
    gather,
    significant,
)
from sepconv.judge.place import Places
from sepconv.judge.shift import Shift
from tests.judge.nights import cases, series_of

NIGHTS = 200
SCATTER = 0.008


class World:
    """Series of 200 nights, and the shifts that were found in them."""

    def __init__(self, series: int) -> None:
        points = series_of([1.0] * NIGHTS, first=0).points
        self.series = [replace(series_of([], case), points=points) for case in cases(series)]
        self.places = Places(self.series)
        self.shifts: list[Shift] = []

    def shift(
        self,
        series: int,
        night: int,
        *,
        ratio: float = 1.05,
        p_value: float = 1e-8,
        is_new: bool = False,
    ) -> Shift:
        """One more shift."""
        made = Shift(
            series=self.series[series],
            start=night,
            before=night - 1,
            change=log(ratio),
            error=0.002,
            freedom=50,
            scatter=SCATTER,
            p_value=p_value,
            sightings=NIGHTS - night,
            nights_before=night,
            is_new=is_new,
        )
        self.shifts.append(made)
        return made

    def clusters(self) -> list[Cluster]:
        return find_clusters(self.shifts, self.series, self.places)


def p_values(*values: float) -> list[Shift]:
    world = World(len(values))
    return [world.shift(i, 10, p_value=value) for i, value in enumerate(values)]


def test_without_shifts_there_is_no_cluster() -> None:
    assert World(5).clusters() == []
    assert significant([], 5) == []


@given(st.lists(st.sampled_from([1e-9, 1e-4, 0.001, 0.004, 0.008, 0.3, 1.0]), max_size=12))
def test_as_many_count_as_benjamini_and_hochberg_allow(values: list[float]) -> None:
    ordered = sorted(values)
    allowed = [
        count
        for count in range(1, len(ordered) + 1)
        if ordered[count - 1] <= FALSE_DISCOVERIES * count / 12
    ]

    found = significant(p_values(*values), 12)

    assert [shift.p_value for shift in found] == ordered[: max(allowed, default=0)]


def test_what_counts_depends_on_how_many_series_were_looked_at() -> None:
    shifts = p_values(1e-4)

    assert significant(shifts, 100) == shifts
    assert significant(shifts, 101) == []
    assert significant(shifts * 101, 1) == shifts * 101  # a series may shift more than once


def test_shifts_are_gathered_by_place_and_direction() -> None:
    world = World(6)
    early = [world.shift(0, 50), world.shift(1, 53)]
    late = [world.shift(2, 120), world.shift(3, 118)]
    faster = [world.shift(4, 51, ratio=0.9)]

    found = gather(world.shifts, world.shifts, world.places)

    assert {frozenset(each.counted) for each in found} == {
        frozenset(each) for each in (early, late, faster)
    }


def test_weaker_shifts_of_the_same_place_and_direction_are_counted_to_it() -> None:
    world = World(6)
    counted = [world.shift(0, 50), world.shift(1, 50)]
    weaker = [world.shift(2, 51, p_value=0.04), world.shift(3, 48, p_value=0.01)]
    world.shift(4, 50, p_value=0.06)  # anything
    world.shift(5, 60, p_value=0.01)  # elsewhere
    world.shift(5, 50, ratio=0.95, p_value=0.01)  # the other way

    (found,) = gather(counted, world.shifts, world.places)

    assert (found.counted, found.others) == (counted, weaker)
    assert found.shifts == [*counted, *weaker]


def test_every_shift_that_counts_is_in_one_cluster() -> None:
    world = World(30)
    chance = random.Random(1)
    for series in range(30):
        world.shift(series, chance.randrange(1, NIGHTS), ratio=chance.choice([0.9, 1.1]))

    found = gather(world.shifts, world.shifts, world.places)

    gathered = [shift for each in found for shift in each.shifts]
    assert len(gathered) == len(set(gathered)) == len(world.shifts)
    for each in found:
        starts = [world.places.start(shift) for shift in each.counted]
        assert max(starts) - min(starts) <= 6


def test_shifts_at_the_ends_of_the_history_are_gathered_as_well() -> None:
    world = World(4)
    first, last = world.shift(0, 1), world.shift(1, NIGHTS - 1)

    found = gather(world.shifts, world.shifts, world.places)

    assert {each.counted[0] for each in found} == {first, last}


def test_what_many_series_do_together_is_believed() -> None:
    world = World(60)
    together = [world.shift(series, 100 + series % 2, p_value=1e-6) for series in range(20)]

    (found,) = world.clusters()

    assert set(found.counted) == set(together)
    assert found.doubts == ()


def test_what_calm_series_do_together_once_is_believed_though_each_shows_little() -> None:
    """That a series shifts there does not make it one that shifts by itself."""
    world = World(60)
    together = [world.shift(series, 100, ratio=1 + 2 * SCATTER) for series in range(4)]

    (found,) = world.clusters()

    assert (found.counted, found.doubts) == (together, ())


def test_a_lone_shift_of_a_calm_series_is_believed() -> None:
    world = World(60)
    shift = world.shift(7, 100)

    (found,) = world.clusters()

    assert (found.counted, found.doubts) == ([shift], ())


def test_a_lone_shift_that_is_not_significant_is_none() -> None:
    world = World(60)
    world.shift(7, 100, p_value=1e-3)

    assert world.clusters() == []


def test_a_lone_shift_must_count_without_the_hundred_that_have_company() -> None:
    """A hundred true ones let Benjamini and Hochberg be less strict with a false one."""
    world = World(150)
    for series in range(100):
        world.shift(series, 100)
    lone = world.shift(120, 20, p_value=1e-3)
    assert lone in significant(world.shifts, 150)

    (found,) = world.clusters()

    assert lone not in found.shifts


def test_a_lone_change_smaller_than_the_nights_scatter_is_doubted() -> None:
    world = World(60)
    world.shift(7, 100, ratio=1 + 2 * SCATTER)

    (found,) = world.clusters()

    assert found.doubts == (SMALL,)


def test_a_shift_like_one_that_its_series_has_made_by_itself_is_doubted() -> None:
    world = World(60)
    for night, ratio in ((50, 1.05), (150, 0.95)):
        world.shift(7, night, ratio=ratio)

    found = world.clusters()

    assert [each.doubts for each in found] == [(RESTLESS,), (RESTLESS,)]


def test_a_shift_much_larger_than_what_its_series_does_by_itself_is_believed() -> None:
    world = World(60)
    small, large = world.shift(7, 50, ratio=1.03), world.shift(7, 150, ratio=1.20)

    found = {each.counted[0]: each.doubts for each in world.clusters()}

    assert found == {small: (RESTLESS,), large: ()}


@pytest.mark.parametrize("nights", [(30, 70, 110), (30, 70, 110, 150)])
def test_a_shift_that_its_series_has_often_made_by_itself_says_nothing(
    nights: tuple[int, ...],
) -> None:
    world = World(60)
    for number, night in enumerate(nights):
        world.shift(7, night, ratio=1.05 if number % 2 else 0.95)

    assert world.clusters() == []


def test_where_many_series_shift_alone_all_of_them_are_doubted() -> None:
    """One in a month is believed: seven in 200 nights."""
    world = World(60)
    for series in range(7):
        world.shift(series, 20 + 25 * series)
    assert [each.doubts for each in world.clusters()] == [()] * 7

    world.shift(20, 10, ratio=0.8)
    world.shift(21, 190, ratio=1 + 2 * SCATTER)

    assert sorted(each.doubts for each in world.clusters()) == sorted([(CROWDED,)] * 8 + [(SMALL,)])


def test_every_doubt_is_known_to_be_one() -> None:
    assert {RESTLESS, SMALL, CROWDED} == DOUBTS


def restless(world: World, series: Sequence[int], *, seed: int, rate: float) -> None:
    """Shifts of these series by themselves, at so many per night, up and down."""
    chance = random.Random(seed)
    for number in series:
        for night in range(1, NIGHTS):
            if chance.random() < rate:
                world.shift(number, night, ratio=chance.choice([0.96, 1.04]))


def test_what_some_restless_series_gather_by_themselves_is_no_company() -> None:
    """In 30 histories of 60 series, 18 of which shift four times by themselves."""
    gathered = []
    for seed in range(30):
        world = World(60)
        restless(world, range(18), seed=seed, rate=0.02)
        gathered += [each for each in world.clusters() if not each.doubts]

    assert len(gathered) <= 1


@pytest.mark.parametrize(("series", "rate"), [(60, 0.01), (60, 0.003), (300, 0.003)])
def test_where_every_series_is_restless_those_that_have_not_moved_yet_are_not_taken_for_calm(
    series: int, rate: float
) -> None:
    told = 0
    for seed in range(20):
        world = World(series)
        restless(world, range(series), seed=seed, rate=rate)
        told += sum(not cluster.doubts for cluster in world.clusters())

    assert told <= 1


def test_among_restless_series_a_group_that_moves_together_is_believed() -> None:
    world = World(300)
    restless(world, range(300), seed=1, rate=0.003)
    together = [world.shift(i, 100) for i in range(10)]

    (found,) = [each for each in world.clusters() if not each.doubts]

    assert set(together) <= set(found.counted)


def test_restless_series_are_believed_where_most_of_them_shift_at_once() -> None:
    world = World(60)
    restless(world, range(60), seed=1, rate=0.01)
    together = {world.shift(series, 100) for series in range(30)}

    found = [each for each in world.clusters() if not each.doubts]

    assert len(found) == 1
    assert together <= set(found[0].shifts)


def test_a_series_that_shifts_twice_in_one_place_is_no_company_of_its_own() -> None:
    """Two steps the same way within a week, as detectors make of a slow one."""
    world = World(2000)
    for number in range(2):
        for night in (30, 60, 90, 120, 150):
            world.shift(number, night, ratio=1.05)
    one, other = world.shift(0, 180), world.shift(0, 184)

    believed = [each for each in world.clusters() if not each.doubts]

    assert not any({one, other} <= set(each.shifts) for each in believed)


def test_new_nights_are_company_only_as_far_as_they_are_rare() -> None:
    """Odd single nights at 1 in 1000 of 2000 series: two at once are nothing."""
    world = World(2000)
    for series in range(2):
        world.shift(series, NIGHTS - 1, p_value=1e-3, is_new=True)

    assert world.clusters() == []

    for series in range(2, 40):
        world.shift(series, NIGHTS - 1, p_value=1e-4, is_new=True)

    assert [len(each.shifts) for each in world.clusters()] == [40]


def test_a_lone_shift_beside_a_company_is_counted_to_it() -> None:
    """Alone, a series is not sure of the place: a week away, the same way."""
    world = World(60)
    for series in range(20):
        world.shift(series, 100)
    beside = world.shift(30, 107)
    opposite = world.shift(31, 107, ratio=0.9)
    far = world.shift(32, 120)

    found = world.clusters()

    company = next(each for each in found if len(each.counted) == 20)
    assert beside in company.others
    assert [each.counted for each in found if each is not company] in (
        [[opposite], [far]],
        [[far], [opposite]],
    )


@pytest.mark.parametrize("ratio", [1.05, 0.95])
def test_what_a_series_has_done_in_company_does_not_make_it_restless(ratio: float) -> None:
    world = World(60)
    for night in (40, 80):
        for series in range(20):
            world.shift(series, night, ratio=ratio)
    lone = world.shift(5, 150, ratio=ratio)

    found = {each.counted[0]: each.doubts for each in world.clusters() if len(each.counted) == 1}

    assert found == {lone: ()}
