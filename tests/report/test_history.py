"""Histories in words: what is seen of a series, and of each of its nights."""

from dataclasses import replace

import pytest

from sepconv.comparison import Outcome
from sepconv.judge.course import Change, Course
from sepconv.judge.history import ratio_series
from sepconv.record import Estimate
from sepconv.report.history import (
    Night,
    class_of,
    course_plain,
    format_estimate,
    format_value,
    history_rows,
    night_rows,
    point_rows,
)
from sepconv.report.sparkline import BARS, GAP, sparkline
from sepconv.series import Occasion
from tests.judge.nights import (
    NEWER,
    OTHER_MACHINE,
    cases,
    commit_of,
    night,
    revision_of,
    revisions,
)

CASE, OTHER = cases(2)
RATIOS = [1.0, 1.0, 1.0, 1.1, 1.1, 1.1]


def nights_of(ratios, **others):
    return [night(number, {CASE: ratio}, **others) for number, ratio in enumerate(ratios, 1)]


def course_of(comparisons, *changes):
    (series,) = ratio_series(comparisons, revisions(50))
    return Course(series, changes)


def told(comparisons):
    return [Night(Occasion.of_comparison(each), each.state) for each in comparisons]


def by_class(comparisons, course):
    return {(course.series.machine, course.series.environment): told(comparisons)}


def whats(comparisons, course, reasons=None):
    return [row["what"] for row in night_rows(course, told(comparisons), reasons or {})]


def test_a_row_has_the_newest_value_the_last_change_and_where_levels_began():
    comparisons = nights_of(RATIOS)
    course = course_of(comparisons, Change(3, 1.1, 1.08, 1.12))

    (row,) = history_rows([course], by_class(comparisons, course))

    assert row == {
        "case": CASE.label,
        "points": 6,
        "history": "▂▂▂▇▇▇",
        "newest": "1.100× ± 1.2 %",
        "last change": "+10.0 % [+8.0, +12.0 %]",
        "changes": f"2026-01-05 {commit_of(4)[:10]} +10.0 %",
    }


def test_a_narrow_row_does_without_counts_and_intervals():
    comparisons = nights_of(RATIOS)
    course = course_of(comparisons, Change(3, 1.1, 1.08, 1.12))

    (row,) = history_rows([course], by_class(comparisons, course), is_narrow=True)

    assert list(row) == ["case", "history", "newest", "changes"]
    assert (row["newest"], row["changes"]) == ("1.100×", "2026-01-05 +10.0 %")


def test_of_many_changes_the_newest_are_told_and_the_rest_counted():
    comparisons = nights_of([1.0] * 10)
    course = course_of(comparisons, *(Change(index, 1.02) for index in range(1, 6)))

    (row,) = history_rows([course], {})

    assert row["changes"].startswith("2026-01-07 ")
    assert row["changes"].endswith("; 2 before")
    assert row["changes"].count("+2.0 %") == 3


def test_a_night_without_the_case_and_a_night_that_nobody_measured_are_gaps():
    comparisons = nights_of([1.0] * 5)
    comparisons[3] = night(4, {OTHER: 1.0})
    comparisons += [night(8, {CASE: 1.0})]
    series = next(each for each in ratio_series(comparisons, revisions(50)) if each.case == CASE)

    (row,) = history_rows([Course(series)], by_class(comparisons, Course(series)))

    assert row["history"] == f"▄▄▄{GAP}▄{GAP}{GAP}▄".replace("▄", BARS[4])


def test_a_case_that_could_not_be_run_at_last_says_so_in_place_of_a_value():
    course = course_of(nights_of([1.0, None]))

    (row,) = history_rows([course], {})

    assert row["newest"] == "failed"
    assert row["points"] == 1


def test_what_is_the_same_for_all_rows_is_left_out():
    one = course_of(nights_of([1.0]))
    elsewhere = course_of(nights_of([1.0], environment=replace(NEWER, cpu_capability="AVX512")))
    absolute = Course(replace(one.series, metric="latency_s"))

    assert "measured on" not in history_rows([one], {})[0]
    assert history_rows([one, elsewhere], {})[1]["measured on"].startswith("x86_64 AVX512, ")
    assert [row["metric"] for row in history_rows([one, absolute], {})] == [
        "ratio_to_reference",
        "latency_s",
    ]


def test_an_absolute_series_is_named_by_machine_and_environment():
    series = replace(course_of(nights_of([1.0])).series, metric="latency_s")

    assert class_of(series) == (
        "Some CPU, 2 cores, 16 GiB; torch 2.13.0, Python 3.11, tuned allocator"
    )


def test_a_night_has_its_date_commit_and_value():
    comparisons = nights_of([1.0, 1.0])

    row, _ = night_rows(course_of(comparisons), told(comparisons), {})

    assert row == {
        "night": "2026-01-02",
        "commit": commit_of(1)[:10],
        "value": "1.000× ± 1.2 %",
        "what": "",
    }


def test_a_new_level_is_told_with_its_commit_s_subject():
    comparisons = nights_of(RATIOS)

    found = whats(comparisons, course_of(comparisons, Change(3, 1.1, 1.08, 1.12)))

    assert found[3] == "new level: +10.0 % [+8.0, +12.0 %]; “commit 4”"
    assert {*found[:3], *found[4:]} == {""}


def test_another_torch_and_another_machine_are_told_where_they_came():
    comparisons = [
        night(1, {CASE: 1.0}),
        night(2, {CASE: 1.0}, environment=NEWER),
        night(3, {CASE: 1.0}, environment=NEWER, machine=OTHER_MACHINE),
    ]

    _, second, third = whats(comparisons, course_of(comparisons))

    assert second.startswith("torch 2.13.0 → 2.14.0")
    assert third.startswith("machine Some CPU, 2 cores, 16 GiB → Another CPU, 2 cores, 16 GiB")


def test_a_reference_that_moved_is_told():
    from sepconv.comparison import Purpose

    old, new = revision_of(0), revision_of(2)
    chain = replace(
        night(9, {CASE: 1.0}, commit=new, reference=old), purpose=Purpose.CHAIN, uid="c" * 32
    )
    comparisons = [night(1, {CASE: 1.0}), night(3, {CASE: 1.0}, reference=new)]

    found = whats(comparisons, course_of([*comparisons, chain]))

    assert found[1].startswith(f"the reference moved to {new.commit[:10]}")


def test_missed_nights_are_a_row_of_their_own():
    comparisons = [night(number, {CASE: 1.0}) for number in (1, 2, 3, 4, 5, 7, 11)]

    found = whats(comparisons, course_of(comparisons))

    assert found[5] == "1 night missed: 2026-01-07"
    assert found[7] == "3 nights missed: 2026-01-09 to 2026-01-11"


def test_a_night_that_failed_says_why():
    comparisons = nights_of([1.0, None, 1.0])
    error = "Traceback (most recent call last):\n  File …\nRuntimeError: no \x1b[31mkernel\n"

    found = whats(comparisons, course_of(comparisons), {comparisons[1].uid: error})

    assert found[1] == "failed: RuntimeError: no [31mkernel"
    assert whats(comparisons, course_of(comparisons))[1] == "failed"


def test_a_killed_night_says_how_far_it_came_even_without_the_case():
    comparisons = nights_of([1.0, 1.0, 1.0])
    comparisons[1] = replace(
        comparisons[1],
        cases=(),
        state="interrupted",
        conditions={"killed": "in pass 3, after 1 of 6 cases"},
    )
    stopped = replace(comparisons[1], conditions={})

    assert whats(comparisons, course_of(comparisons))[1] == "killed in pass 3, after 1 of 6 cases"
    comparisons[1] = stopped
    assert whats(comparisons, course_of(comparisons))[1] == "interrupted"


def test_a_night_that_left_the_case_out_says_only_that():
    comparisons = nights_of([1.0, 1.0, 1.0])
    comparisons[1] = night(2, {OTHER: 1.0})
    series = next(each for each in ratio_series(comparisons, revisions(5)) if each.case == CASE)

    rows = night_rows(Course(series), told(comparisons), {})

    assert (rows[1]["value"], rows[1]["what"]) == ("–", "not measured")


def test_a_point_of_a_night_that_is_not_among_the_others_is_there_too():
    comparisons = nights_of([1.0, 1.0])

    rows = night_rows(course_of(comparisons), told(comparisons[:1]), {})

    assert [row["night"] for row in rows] == ["2026-01-02", "2026-01-03"]


def test_a_course_as_data_has_every_point_and_change():
    comparisons = nights_of([*RATIOS, None])

    plain = course_plain(course_of(comparisons, Change(3, 1.1, 1.08, 1.12)))

    assert (plain["label"], plain["metric"]) == (CASE.label, "ratio_to_reference")
    assert plain["changes"] == [
        {
            "index": 3,
            "started_at": "2026-01-05T02:00:00+00:00",
            "commit": commit_of(4),
            "ratio": 1.1,
            "low": 1.08,
            "high": 1.12,
        }
    ]
    assert plain["points"][-1]["status"] == "failed"
    assert plain["points"][-1]["value"] is None
    assert plain["points"][0]["reference"] == commit_of(0)


def test_spreadsheets_get_a_row_for_each_point():
    rows = point_rows([course_of(nights_of(RATIOS), Change(3, 1.1))])

    assert [row["begins_level"] for row in rows] == [False] * 3 + [True] + [False] * 2
    assert rows[0]["label"] == CASE.label


@pytest.mark.parametrize(
    ("metric", "value", "told"),
    [
        ("latency_s", 0.00211, "2.11 ms"),
        ("ratio_to_reference", 1.05234, "1.052×"),
        ("realised_speedup", 4.2345, "4.234×"),
        ("ideal_speedup", 7.89, "7.890×"),
        ("macs", 231211008, "231 M"),
        ("allocated_bytes", 2048, "2.00 KiB"),
        ("minor_faults_per_call", 0.0, "0"),
        ("throughput_per_s", 1234.5, "1234"),
        ("somebody_s_own", 1.5, "1.500"),
    ],
)
def test_a_value_is_told_in_the_unit_that_people_read(metric, value, told):
    assert format_value(metric, value) == told


def test_an_interval_is_told_where_there_is_one():
    assert format_estimate("latency_s", Estimate(0.002, 0.0019, 0.0021)) == "2.00 ms ± 5.0 %"
    assert format_estimate("latency_s", Estimate(0.002)) == "2.00 ms"
    assert format_estimate("minor_faults_per_call", Estimate(0.0, 0.0, 0.1)) == "0"


def test_a_line_shows_levels_gaps_and_no_more_letters_than_it_may():
    values = [1.0] * 20 + [None] * 10 + [1.2] * 20

    line = sparkline(values, [1.0, 1.2], 25)

    assert line == BARS[1] * 10 + GAP * 5 + BARS[6] * 10


def test_one_disturbed_night_does_not_flatten_the_others():
    line = sparkline([1.0, 1.0, 9.0, 1.0, 1.05, 1.05], [1.0, 1.05], 10)

    assert line == "▂▂█▂▇▇"


def test_noise_alone_is_drawn_small():
    line = sparkline([1.0, 1.005, 0.995, 1.0], [1.0], 10)

    assert set(line) <= set(BARS[3:6])


def test_a_line_of_nothing_and_of_zeros_can_be_drawn():
    assert sparkline([], [], 10) == ""
    assert sparkline([None, None], [], 10) == GAP * 2
    assert sparkline([0.0, 2.0, None, 1.0], [], 10) == f"{BARS[0]}{BARS[7]}{GAP}{BARS[4]}"


def test_outcomes_that_are_no_failure_have_words_too():
    comparisons = nights_of([1.0, None])
    lost = replace(comparisons[1].cases[0], outcome=Outcome.UNDECIDED)
    comparisons[1] = replace(comparisons[1], cases=[lost])

    assert whats(comparisons, course_of(comparisons))[1] == "skipped"
