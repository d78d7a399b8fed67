"""A run in words."""

from math import inf

import pytest

from sepconv.report.run import format_time, run_facts, run_title
from tests.report.sample import make_run


def test_a_run_is_titled_by_suite_time_and_commit():
    assert run_title(make_run()) == "quick · 2026-03-01 22:10 UTC · 4f2a91c"
    assert run_title(make_run(dirty=True)).endswith("4f2a91c with changes")
    assert run_title(make_run(revision=None)) == "quick · 2026-03-01 22:10 UTC"


def test_a_time_is_shown_in_utc_or_as_it_stands():
    assert format_time("2026-03-01T23:30:00+02:00") == "2026-03-01 21:30 UTC"
    assert format_time("2026-03-01T23:30:00") == "2026-03-01 23:30 UTC"
    assert format_time("yesterday") == "yesterday"


def test_facts_leave_out_what_is_unknown_and_flatten_what_is_nested():
    run = make_run(conditions={"load": {"1min": 0.5, "5min": None}, "tags": ["a", True]})

    groups = dict(run_facts(run))

    assert groups["Conditions"] == [("load: 1min", "0.5"), ("tags", "a, yes")]
    assert "CUDA" not in dict(groups["Environment"])


@pytest.mark.parametrize(
    ("name", "value", "fact"),
    [
        ("memory_available_bytes", 24446169088, ("memory available", "22.8 GiB")),
        ("cpu_mhz", 2596.4, ("cpu", "2596 MHz")),
        ("steal_percent", 0.125, ("steal", "0.125 %")),
        ("case_timeout_s", 30.0, ("case timeout", "30 s")),
        ("case_timeout_s", inf, ("case timeout s", "inf")),
        ("has_bytes", True, ("has bytes", "yes")),
        ("seed", 3, ("seed", "3")),
    ],
    ids=str,
)
def test_a_condition_has_the_unit_that_its_name_ends_in(name, value, fact):
    facts = dict(run_facts(make_run(conditions={name: value})))

    assert facts["Conditions"] == [fact]
