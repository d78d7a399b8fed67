import pytest

from sepconv.judge.course import Change, Course, find_courses
from sepconv.judge.history import ratio_series
from sepconv.record import Estimate, Status
from sepconv.series import Occasion, Point, Series
from tests.judge.nights import ENVIRONMENT, MACHINE, cases, noisy_nights, revisions

(CASE,) = cases(1)


def series_of(*values, metric="latency_s", started=lambda number: f"2026-01-{number + 1:02d}"):
    points = [
        Point(
            Occasion(f"{number:032x}", number, started(number), MACHINE, ENVIRONMENT),
            Status.OK if value is not None else Status.CRASHED,
            None if value is None else Estimate(value),
        )
        for number, value in enumerate(values)
    ]
    return Series(CASE, metric, MACHINE.key, ENVIRONMENT.key, tuple(points))


def test_a_noisy_series_changes_where_its_level_does():
    nights = noisy_nights(40, [CASE], lambda number, _: 1.08 if number > 25 else 1.0)

    (course,) = find_courses(ratio_series(nights, revisions(40)))

    (change,) = course.changes
    assert change.index == 25
    assert change.low < 1.08 < change.high
    assert change.ratio == pytest.approx(1.08, rel=0.01)
    assert course.levels == pytest.approx([1.0, 1.08], rel=0.01)


def test_the_newest_nights_are_no_new_level_yet():
    nights = noisy_nights(40, [CASE], lambda number, _: 1.08 if number > 38 else 1.0)

    (course,) = find_courses(ratio_series(nights, revisions(40)))

    assert course.changes == []


def test_an_exact_series_changes_exactly_and_across_gaps():
    (course,) = find_courses([series_of(10, 10, None, 12, 12, 9, metric="macs")])

    assert [(c.index, c.ratio, c.low) for c in course.changes] == [(3, 1.2, None), (5, 0.75, None)]
    assert course.levels == [10, 12, 9]


def test_a_count_that_may_be_nothing_has_no_levels_to_tell():
    (course,) = find_courses([series_of(*[0.0] * 10, *[5.0] * 10, metric="allocations")])

    assert course.changes == []


def test_a_count_that_begins_with_nothing_is_divided_by_no_zero():
    (course,) = find_courses([series_of(0, 3, 6, metric="params")])

    assert [change.index for change in course.changes] == [2]


def test_a_series_that_is_too_short_or_empty_has_no_change():
    courses = find_courses([series_of(1.0), series_of(None, None)])

    assert [course.changes for course in courses] == [[], []]
    assert courses[1].levels == []


def test_courses_come_in_the_order_of_their_series():
    given = [series_of(1.0, metric=name) for name in ("latency_s", "macs", "allocations")]

    assert [course.series for course in find_courses(given)] == given


def test_what_was_measured_since_keeps_the_changes_that_lie_there():
    series = series_of(*range(1, 10))
    course = Course(series, [Change(2, 1.5), Change(6, 1.2)])

    later = course.since("2026-01-05")

    assert later.series.points[0].occasion.started_at == "2026-01-05"
    assert [change.index for change in later.changes] == [2]
    assert later.newest is series.points[-1]
    assert course.since("2027-01-01") is None


def test_joints_keep_their_places_when_older_points_are_left_out():
    from dataclasses import replace

    series = replace(series_of(*range(1, 10)), joints={1: 0.1, 6: 0.2})

    later = Course(series).since("2026-01-05")

    assert later.series.joints == {2: 0.2}
