"""Series of made-up nights: in the order of the commits, and by one reference."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import exp, log, sqrt
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.case import Case
from sepconv.comparison import Compared, Comparison, Contender, Outcome, Purpose
from sepconv.judge.history import RATIO, absolute_series, class_of, ratio_series, relative_error
from sepconv.record import Estimate, Status
from sepconv.series import Occasion, Point, Series
from tests.judge.nights import (
    ENVIRONMENT,
    MACHINE,
    NEWER,
    OTHER_MACHINE,
    cases,
    night,
    noisy_nights,
    revision_of,
    revisions,
)

CASE, OTHER = cases(2)


def chain(
    number: int, old: int, new: int, ratios: Mapping[Case, float], *, error: float = 0.01
) -> Comparison:
    """The comparison of two references, new ÷ old."""
    return night(
        number,
        ratios,
        reference=revision_of(old),
        commit=revision_of(new),
        error=error,
        uid=f"chain {old} {new} {number}",
        purpose=Purpose.CHAIN,
    )


def ratios_of(numbers: Sequence[int], reference: int, ratio: float = 1.0) -> list[Comparison]:
    """The nights of these numbers by one reference."""
    return [night(each, {CASE: ratio}, reference=revision_of(reference)) for each in numbers]


def commits_of(series: Series) -> list[int]:
    return [int(point.occasion.commit or "", 16) for point in series.points]


def test_a_series_has_the_ratio_of_every_night_and_its_interval() -> None:
    nights = noisy_nights(5, [CASE, OTHER])

    found = ratio_series(nights, revisions(5))

    assert [(each.case, each.metric) for each in found] == [(CASE, RATIO), (OTHER, RATIO)]
    for series, place in zip(found, (0, 1), strict=True):
        own = [each.cases[place] for each in nights]
        assert [point.estimate for point in series.points] == [
            Estimate(one.ratio or 0, one.low, one.high) for one in own
        ]
        assert {point.status for point in series.points} == {Status.OK}
        assert series.joints == {}


def test_the_series_are_of_classes_that_people_can_read() -> None:
    (series,) = ratio_series([night(1, {CASE: 1.0})], revisions(1))

    assert (series.machine, series.environment) == ("x86_64 AVX2", "tuned allocator, method 2")


def test_the_order_is_that_of_the_commits_not_of_the_nights() -> None:
    nights = [
        night(number, {CASE: 1 + number / 100, OTHER: 1.0}, commit=revision_of(commit))
        for number, commit in ((1, 4), (2, 9), (3, 6), (4, 10))
    ]

    found = ratio_series(random.Random(1).sample(nights, 4), revisions(10))

    assert [commits_of(each) for each in found] == [[4, 6, 9, 10]] * 2
    assert {tuple(each.values) for each in found} == {(1.01, 1.03, 1.02, 1.04), (1.0,) * 4}


def test_only_clean_nights_of_the_default_branch_count() -> None:
    known = [*revisions(4), revision_of(5, [2])]
    gate = night(4, {CASE: 1.0}, purpose=Purpose.GATE)
    dirty = night(3, {CASE: 1.0})
    dirty = replace(dirty, head=replace(dirty.head, dirty=True))
    side = night(5, {CASE: 1.0}, commit=known[5])
    side = replace(side, head=replace(side.head, branch="feature"))

    (found,) = ratio_series(
        [night(1, {CASE: 1.0}), night(2, {CASE: 1.0}), dirty, gate, side], known
    )

    assert commits_of(found) == [1, 2]


def test_a_night_that_was_killed_before_it_knew_its_environment_leaves_no_point() -> None:
    killed = replace(night(2, {}), head=Contender("HEAD", revision_of(2)), state="interrupted")

    (found,) = ratio_series([night(1, {CASE: 1.0}), killed, night(3, {CASE: 1.1})], revisions(3))

    assert found.values == (1.0, 1.1)


def test_a_night_that_was_killed_later_has_the_cases_that_it_came_to() -> None:
    killed = night(2, {CASE: 1.0}, state="interrupted")

    found = ratio_series([night(1, {CASE: 1.0, OTHER: 1.0}), killed], revisions(2))

    assert [commits_of(each) for each in found] == [[1, 2], [1]]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.FAILED, Status.FAILED),
        (Outcome.MISSING, Status.MISSING),
        (Outcome.NEW, Status.SKIPPED),
        (Outcome.NOT_COMPARABLE, Status.SKIPPED),
        (Outcome.UNDECIDED, Status.SKIPPED),
    ],
)
def test_a_case_without_a_ratio_leaves_a_gap_that_says_why(
    outcome: Outcome, status: Status
) -> None:
    lost = replace(night(2, {}), cases=[Compared(1, CASE, CASE, outcome)])

    (found,) = ratio_series([night(1, {CASE: 1.0}), lost, night(3, {CASE: 1.1})], revisions(3))

    assert found.values == (1.0, None, 1.1)
    assert found.points[1] == Point(Occasion.of_comparison(lost), status, None)


@pytest.mark.parametrize("ratio", [0.0, -1.0])
def test_a_ratio_that_none_can_be_is_as_good_as_none(ratio: float) -> None:
    odd = replace(
        night(2, {}), cases=[Compared(1, CASE, CASE, Outcome.SAME, ratio=ratio, passes=8)]
    )

    (found,) = ratio_series([night(1, {CASE: 1.0}), odd], revisions(2))

    assert found.values == (1.0, None)
    assert found.points[1].status is Status.SKIPPED


def test_allocator_and_method_part_series_and_torch_does_not() -> None:
    environments = [
        ENVIRONMENT,
        NEWER,
        replace(ENVIRONMENT, allocator="default"),
        replace(ENVIRONMENT, method_version=3),
        replace(ENVIRONMENT, cpu_capability="AVX512"),
    ]
    nights = [
        night(number, {CASE: 1.0}, environment=each) for number, each in enumerate(environments, 1)
    ]

    found = ratio_series(nights, revisions(5))

    assert [commits_of(each) for each in found] == [[1, 2], [3], [4], [5]]
    assert len({(each.machine, each.environment) for each in found}) == 4


def test_what_came_before_is_expressed_by_the_reference_that_moved_forward() -> None:
    """The new reference takes 0.8 of the time of the old one."""
    nights = [
        *ratios_of([1, 2, 3], 0, 0.8),
        chain(4, 0, 3, {CASE: 0.8}),
        *ratios_of([4, 5], 3, 1.0),
    ]

    (found,) = ratio_series(nights, revisions(5))

    assert found.values == pytest.approx((1.0,) * 5)
    assert found.joints == {3: pytest.approx(0.01, rel=0.01)}
    interval = found.points[0].estimate
    assert interval is not None
    assert (interval.low, interval.high) == (
        pytest.approx(exp(-2.36 * 0.005)),
        pytest.approx(exp(2.36 * 0.005)),
    )


def test_a_reference_that_moves_back_is_chained_by_the_same_comparison() -> None:
    nights = [
        *ratios_of([6, 7], 5, 1.25),
        chain(8, 0, 5, {CASE: 0.8}),
        *ratios_of([8, 9], 0, 1.0),
    ]

    (found,) = ratio_series(nights, revisions(9))

    assert found.values == pytest.approx((1.0,) * 4)
    assert set(found.joints) == {2}


def test_a_reference_that_moved_twice_is_chained_over_both_steps() -> None:
    nights = [
        *ratios_of([1, 2], 0, 0.72),
        chain(3, 0, 2, {CASE: 0.8}, error=0.01),
        *ratios_of([3, 4], 2, 0.9),
        chain(5, 2, 4, {CASE: 0.9}, error=0.02),
        *ratios_of([5], 4, 1.0),
    ]

    (found,) = ratio_series(nights, revisions(5))

    assert found.values == pytest.approx((1.0,) * 5)
    assert found.joints == {2: pytest.approx(0.01, rel=0.01), 4: pytest.approx(0.02, rel=0.01)}


def test_a_reference_that_comes_back_needs_no_chain_between_its_own_nights() -> None:
    nights = [
        *ratios_of([1, 2], 0, 1.0),
        *ratios_of([3], 2, 1.25),
        *ratios_of([4], 0, 1.0),
        chain(3, 0, 2, {CASE: 0.8}),
    ]

    (found,) = ratio_series(nights, revisions(4))

    assert found.values == pytest.approx((1.0,) * 4)
    assert set(found.joints) == {2, 3}


def test_the_error_of_a_joint_is_that_of_the_way_between_the_two_references() -> None:
    """Both were measured against the newest, and not against each other."""
    nights = [
        *ratios_of([1], 0, 1.0),
        *ratios_of([2], 1, 1.0),
        *ratios_of([3], 2, 1.0),
        chain(4, 0, 2, {CASE: 1.0}, error=0.01),
        chain(5, 1, 2, {CASE: 1.0}, error=0.01),
    ]

    (found,) = ratio_series(nights, revisions(3))

    assert found.joints == {
        1: pytest.approx(0.01 * sqrt(2), rel=0.01),
        2: pytest.approx(0.01, rel=0.01),
    }


def test_where_the_old_reference_was_not_measured_again_the_series_begins_anew() -> None:
    nights = [*ratios_of([1, 2], 0, 0.8), *ratios_of([3, 4], 2, 1.0)]

    old, new = ratio_series(nights, revisions(4))

    assert (commits_of(old), commits_of(new)) == ([1, 2], [3, 4])
    assert old.values == (0.8, 0.8)


def test_a_case_that_the_chain_lacks_begins_anew_by_itself() -> None:
    nights = [
        night(1, {CASE: 0.8, OTHER: 0.8}),
        chain(2, 0, 1, {CASE: 0.8}),
        night(2, {CASE: 1.0, OTHER: 1.0}, reference=revision_of(1)),
    ]

    found = ratio_series(nights, revisions(2))

    assert [(each.case, len(each.points)) for each in found] == [(CASE, 2), (OTHER, 1), (OTHER, 1)]


def test_of_several_chains_the_most_exact_one_counts() -> None:
    nights = [
        *ratios_of([1], 0, 0.8),
        chain(2, 0, 1, {CASE: 0.7}, error=0.02),
        chain(3, 0, 1, {CASE: 0.8}, error=0.005),
        chain(4, 1, 0, {CASE: 1.6}, error=0.03),
        *ratios_of([5], 1, 1.0),
    ]

    (found,) = ratio_series(nights, revisions(5))

    assert found.values == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize("changes", [{"low": None, "high": None}, {"ratio": -1.0}, {"ratio": None}])
def test_a_chain_of_unknown_error_connects_nothing(changes: Mapping[str, float | None]) -> None:
    done = chain(2, 0, 1, {CASE: 0.8})
    bare = replace(done, cases=[replace(done.cases[0], **changes)])  # type: ignore[arg-type]
    nights = [*ratios_of([1], 0, 0.8), bare, *ratios_of([2], 1, 1.0)]

    assert len(ratio_series(nights, revisions(2))) == 2


def test_a_chain_without_commits_connects_nothing() -> None:
    done = chain(2, 0, 1, {CASE: 0.8})
    nights = [
        *ratios_of([1], 0, 0.8),
        replace(done, base=replace(done.base, revision=None)),
        replace(done, head=replace(done.head, revision=None), uid="2"),
        *ratios_of([2], 1, 1.0),
    ]

    assert len(ratio_series(nights, revisions(2))) == 2


def test_nights_whose_reference_has_no_commit_are_a_series_of_their_own() -> None:
    bare = night(2, {CASE: 0.9})
    bare = replace(bare, base=replace(bare.base, revision=None))

    found = ratio_series([night(1, {CASE: 1.0}), bare, night(3, {CASE: 1.0})], revisions(3))

    assert sorted(commits_of(each) for each in found) == [[1, 3], [2]]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 2**32))
def test_whatever_way_the_reference_went_the_newest_value_is_tonights_ratio(
    references: list[int], seed: int
) -> None:
    chance = random.Random(seed)
    latency = {number: exp(chance.gauss(0, 0.2)) for number in range(len(references) + 4)}
    nights = [
        night(at, {CASE: latency[at] / latency[reference]}, reference=revision_of(reference))
        for at, reference in enumerate(references, 4)
    ]
    chains = [
        chain(number, old, new, {CASE: latency[new] / latency[old]})
        for number, (old, new) in enumerate(pairwise(references))
        if old != new
    ]

    (found,) = ratio_series([*nights, *chains], revisions(len(references) + 4))

    assert found.values[-1] == nights[-1].cases[0].ratio
    assert found.values == pytest.approx(
        [latency[at] / latency[references[-1]] for at in range(4, len(references) + 4)]
    )
    moves = [i for i, (old, new) in enumerate(pairwise(references), 1) if old != new]
    assert sorted(found.joints) == moves
    assert all(error == pytest.approx(0.01, rel=0.01) for error in found.joints.values())


def on_machines(keys: str, *, slower: float = 1.10, seed: int = 1) -> list[Comparison]:
    """Nights on machine a, or on b, where head ÷ reference is larger; c is like a."""
    chance = random.Random(seed)
    machines = {"a": MACHINE, "b": OTHER_MACHINE, "c": replace(MACHINE, cpu_model="A third CPU")}
    return [
        night(
            number,
            {CASE: exp(chance.gauss(0, 0.005)) * (slower if key == "b" else 1.0)},
            machine=machines[key],
        )
        for number, key in enumerate(keys, 1)
    ]


def test_machines_that_take_turns_are_brought_to_the_level_of_the_usual_one() -> None:
    keys = "aabaaabaababaaba"

    (found,) = ratio_series(on_machines(keys), revisions(len(keys)))

    values = [value or 0 for value in found.values]
    assert all(abs(log(value)) < 0.025 for value in values)
    usual = [each.cases[0].ratio for each in on_machines(keys)]
    assert [value for value, key in zip(values, keys, strict=True) if key == "a"] == [
        value for value, key in zip(usual, keys, strict=True) if key == "a"
    ]
    scaled = next(point.estimate for point in found.points[2:])
    assert scaled is not None
    assert log((scaled.high or 0) / (scaled.low or 1)) == pytest.approx(2 * 2.36 * 0.005)


def test_a_change_of_the_code_is_not_taken_for_one_of_machines_that_take_turns() -> None:
    keys = "abababababababababab"
    nights = [
        replace(each, cases=[replace(each.cases[0], ratio=(each.cases[0].ratio or 1) * 1.2)])
        if number > 10
        else each
        for number, each in enumerate(on_machines(keys), 1)
    ]

    (found,) = ratio_series(nights, revisions(len(keys)))

    logs = [log(value or 1) for value in found.values]
    assert fmean(logs[10:]) - fmean(logs[:10]) == pytest.approx(log(1.2), abs=0.01)
    assert max(logs[:10]) - min(logs[:10]) < 0.05


@pytest.mark.parametrize("keys", ["aaaaaaaabbbbb", "aaaabbbbaaaaa", "aaaabbbaaabbb"])
def test_where_the_machine_changed_three_times_or_less_nothing_is_levelled(keys: str) -> None:
    nights = on_machines(keys)

    (found,) = ratio_series(nights, revisions(len(keys)))

    assert list(found.values) == [each.cases[0].ratio for each in nights]


def test_a_machine_that_never_comes_next_to_the_usual_one_is_not_levelled() -> None:
    keys = "aaacbcbcbcbcbcaaaaaaaa"
    nights = on_machines(keys)

    (found,) = ratio_series(nights, revisions(len(keys)))

    assert list(found.values) == [each.cases[0].ratio for each in nights]


def test_nights_without_a_value_do_not_hide_that_machines_take_turns() -> None:
    keys = "aabaaabaababaaba"
    nights = on_machines(keys)
    nights[1] = replace(nights[1], cases=[replace(nights[1].cases[0], ratio=None)])

    (found,) = ratio_series(nights, revisions(len(keys)))

    assert found.values[1] is None
    assert all(value is None or abs(log(value)) < 0.025 for value in found.values)


@pytest.mark.parametrize(
    "changes", [{"ratio": None}, {"low": None}, {"high": None}, {"low": 0.0}, {"low": -1.0}]
)
def test_without_a_whole_interval_there_is_no_error(changes: Mapping[str, float | None]) -> None:
    one = night(1, {CASE: 1.0}).cases[0]

    assert relative_error(replace(one, **changes)) is None  # type: ignore[arg-type]


def test_the_error_of_a_ratio_is_that_which_its_interval_was_made_of() -> None:
    one = Compared(1, CASE, CASE, Outcome.SAME, ratio=1.0, low=exp(-0.03), high=exp(0.03), passes=8)

    assert relative_error(one) == pytest.approx(0.03 / 2.365, rel=1e-3)
    assert relative_error(replace(one, confidence=0.90)) == pytest.approx(0.03 / 1.895, rel=1e-3)
    assert relative_error(replace(one, passes=0)) == pytest.approx(0.03 / 12.706, rel=1e-3)


def absolute(numbers: Sequence[int], of: Sequence[Occasion]) -> Series:
    """A latency on each of these occasions, that of its number in the sequence."""
    points = [Point(of[number], Status.OK, Estimate(number / 1000)) for number in numbers]
    return Series(CASE, "latency_s", MACHINE.key, ENVIRONMENT.key, tuple(points))


def occasions(commits: Sequence[int], **changes: object) -> list[Occasion]:
    return [
        replace(
            Occasion.of_comparison(night(number, {}, commit=revision_of(commit))),
            **changes,  # type: ignore[arg-type]
        )
        for number, commit in enumerate(commits)
    ]


def test_latencies_come_in_the_order_of_the_commits() -> None:
    nights = occasions([1, 5, 3, 4])
    series = absolute([1, 2, 3], nights), absolute([0, 1, 2, 3], nights)

    found = absolute_series(series, revisions(5))

    assert [commits_of(each) for each in found] == [[3, 4, 5], [1, 3, 4, 5]]
    assert found[1].values == (0.0, 0.002, 0.003, 0.001)
    assert replace(found[0], points=()) == replace(series[0], points=())


def test_a_series_of_another_branch_alone_is_left_out() -> None:
    own, side = occasions([1, 2]), occasions([7, 8], branch="feature", dirty=False)
    known = [*revisions(2), revision_of(7, [1]), revision_of(8, [7])]
    side = [replace(each, uid=f"side {each.uid}") for each in side]

    found = absolute_series([absolute([0, 1], own), absolute([0, 1], side)], known)

    assert [commits_of(each) for each in found] == [[1, 2]]


def test_of_nothing_there_is_no_series() -> None:
    assert ratio_series([], []) == []
    assert absolute_series([], []) == []


def test_the_class_of_an_occasion_does_not_name_its_machine() -> None:
    nights = [night(1, {}, machine=machine) for machine in (MACHINE, OTHER_MACHINE)]

    one, other = map(class_of, map(Occasion.of_comparison, nights))

    assert one == other
