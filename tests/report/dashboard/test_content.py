"""What the page carries along: columns, series, parts and sections."""

import gzip
import json
from base64 import b64decode
from dataclasses import replace
from random import Random

import pytest

from sepconv.record import Estimate, Measurement, Status
from sepconv.report.dashboard import series
from sepconv.report.dashboard.content import build_content
from sepconv.report.dashboard.source import Source, arrange
from sepconv.report.offline import script_json
from tests.report.dashboard.conftest import make_panel, make_source
from tests.report.event_sample import changed, event
from tests.report.sample import (
    ENVIRONMENT,
    both_allocators,
    history,
    make_case,
    make_run,
    measurement,
    succeed,
    trio,
)

STANDARD = make_case()


def content_of(*runs, **more):
    return build_content(make_source(list(runs), **more))


def night(number, *values, **changes):
    """A run with one case, which had these latencies; None is a failure."""
    measured = [
        Measurement(STANDARD, Status.FAILED, "it raised")
        if value is None
        else measurement(STANDARD, latency_s=(value, 0.98 * value, 1.02 * value))
        for value in values
    ]
    return make_run(number, **changes), measured


def test_every_column_has_an_entry_for_every_row():
    content = build_content(make_source(history(4)))

    for name in ("runs", "cases", "works"):
        assert len({len(column) for column in content[name].values()}) == 1, name
    columns = {name: column for name, column in content["series"].items() if name != "spark"}
    assert {len(column) for column in columns.values()} == {144}  # of two environments


def test_the_content_is_json_of_five_digits():
    text = script_json(build_content(make_source(history(2))))

    latencies = json.loads(text)["series"]["latency"]
    assert all(value is None or value == float(f"{value:.5g}") for value in latencies)


def test_a_series_ends_with_its_newest_point():
    content = content_of(night(0, 1e-3), night(1, 2e-3))

    columns = content["series"]
    assert (columns["count"], columns["newest"], columns["latency"]) == ([2], [1], [2e-3])
    assert columns["change"] == [2.0]
    assert columns["change_low"][0] < 1.9
    assert columns["change_high"][0] > 2.1


def test_a_change_is_by_the_last_point_that_has_a_value():
    content = content_of(night(0, 1e-3), night(1, None), night(2, 3e-3))

    assert content["series"]["change"] == [3.0]


def test_a_case_that_failed_says_why_and_has_no_change():
    content = content_of(night(0, 1e-3), night(1, None))

    columns = content["series"]
    assert content["statuses"][columns["status"][0]] == "failed"
    assert content["errors"][columns["error"][0]] == "it raised"
    assert (columns["latency"], columns["change"]) == ([None], [None])
    assert content["runs"]["failed"] == [0, 1]


def test_values_of_two_environments_are_never_one_series():
    other = replace(ENVIRONMENT, torch="2.14.0")

    content = content_of(night(0, 1e-3), night(1, 2e-3, environment=other))

    assert content["series"]["class"] == [0, 1]
    assert content["series"]["change"] == [None, None]
    assert [each["environment_label"] for each in content["classes"]] == [
        ENVIRONMENT.label,
        other.label,
    ]


def test_a_separable_case_knows_the_standard_case_of_its_shape():
    content = content_of((make_run(), trio()))

    assert content["cases"]["standard"] == [0, 0, 0]
    assert content_of((make_run(), trio()[1:]))["cases"]["standard"] == [None, None]


def test_exact_values_are_those_of_the_case():
    case = make_case("depthwise_separable")

    works = content_of((make_run(), [succeed(case, Random(1))]))["works"]

    assert works["macs"] == [14651392]
    assert works["flops"] == [29302784]


def test_the_parts_hold_every_point_in_the_order_of_the_series(monkeypatch):
    monkeypatch.setattr(series, "POINTS", 100)

    content = build_content(make_source(history(3)))

    columns, parts = content["series"], content["parts"]
    assert [part["points"] for part in parts] == [99, 99, 18]
    for part, first, count in zip(columns["part"], columns["first"], columns["count"], strict=True):
        runs = gzip.decompress(b64decode(parts[part]["packed"]))[2 * first : 2 * (first + count)]
        assert list(runs[::2]) == [0, 1, 2]


def test_runs_stand_in_the_order_of_their_commits():
    runs = [make_run(number) for number in range(3)]
    older = replace(
        runs[2].revision, parents=(), committed_at="2026-02-01T00:00:00+00:00", commit="a" * 40
    )
    child = replace(runs[0].revision, parents=("a" * 40,))  # by its clock, as old as run 1
    runs = [replace(runs[0], revision=child), runs[1], replace(runs[2], revision=older)]
    panel = make_panel([(run, night(0, 1e-3)[1]) for run in runs])

    arranged = arrange(panel, [older, child, runs[1].revision])

    assert [run.uid for run in arranged.runs] == ["run-2", "run-0", "run-1"]
    assert [arranged.runs[run].uid for run in arranged.run] == ["run-0", "run-1", "run-2"]


def test_a_run_without_any_result_is_not_shown():
    panel = make_panel([night(0, 1e-3), night(1)])

    assert [run.uid for run in arrange(panel, ()).runs] == ["run-0"]


def test_events_name_the_cases_that_the_page_has():
    known, strange = changed(STANDARD), changed(make_case(channels=999))
    content = content_of(night(0, 1e-3), events=[event(known, strange, id=3)])

    (found,) = content["events"]
    assert (found["title"], found["cases"]) == ("Event 3", [0])
    assert found["strangers"] == [1, [strange.case.label]]
    assert len(found["ratios"]) == 1
    assert found["alarm"] is True


def test_an_error_of_any_length_leaves_the_page_small():
    failed = Measurement(STANDARD, Status.FAILED, "x" * 9_000 + "the reason")

    (error,) = content_of((make_run(), [failed]))["errors"]

    assert len(error) == 2_000
    assert error.endswith("the reason")


def test_made_up_runs_say_so():
    run = make_run(conditions={"synthetic": True})

    assert content_of((run, trio()))["synthetic"] is True
    assert content_of((make_run(), trio()))["synthetic"] is False


def test_a_store_without_runs_has_empty_columns():
    content = build_content(Source())

    assert content["runs"]["uid"] == content["series"]["case"] == content["parts"] == []


def test_a_figure_of_every_case_would_be_too_much():
    content = build_content(make_source(history(2)))

    kinds = {
        trace["type"]
        for figure in content["figures"].values()
        for trace in figure["traces"].values()
    }
    assert kinds.isdisjoint({"scattergl", "parcoords", "splom"})  # which need eval


def test_linked_runs_say_what_the_allocator_costs():
    content = build_content(make_source(both_allocators()))

    tuned, default = content["run"]["allocator"].values()
    assert tuned["sentence"].startswith("With glibc's default")
    assert tuned == default


@pytest.mark.parametrize("value", [1e-9, 123456.789, 3e5])
def test_numbers_are_short(value):
    assert len(str(series.short(value))) <= 9


def test_a_change_without_intervals_still_counts_the_drift_of_the_machine():
    first, second = (measurement(STANDARD, latency_s=value) for value in (1e-3, 2e-3))
    content = content_of((make_run(0), [first]), (make_run(1), [second]))

    assert first.values["latency_s"] == Estimate(1e-3)
    assert content["series"]["change_low"][0] < 2.0 < content["series"]["change_high"][0]
