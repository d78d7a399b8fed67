"""One run: its facts, its failures, what it measured, and what to type."""

from random import Random

import pytest

from sepconv.record import Measurement, Status
from sepconv.report.dashboard.run import commands, repeating_command, run_columns, run_section
from sepconv.report.run import run_facts
from tests.report.dashboard.conftest import make_source
from tests.report.sample import (
    HOSTILE,
    both_allocators,
    make_run,
    measure,
    sweep,
)

CASES = sweep((16, 64), (28,), (1,))


def facts_of(columns, run):
    """The facts of a run, as the script reads them."""
    own = columns["facts"][run]
    return [
        (tuple(columns["labels"][label]), columns["texts"][text])
        for label, text in zip(own[::2], own[1::2], strict=True)
    ]


def asked(**changes):
    usual = {"suite": "nightly", "where": None, "seed": 0, "allocator": "tuned", "isolate": False}
    return {"asked": usual | changes}


def test_every_fact_of_every_run_is_kept_and_each_text_once():
    runs = [make_run(n) for n in range(3)]

    columns = run_columns(runs)

    for place, run in enumerate(runs):
        told = [((group, name), text) for group, own in run_facts(run) for name, text in own]
        assert facts_of(columns, place) == told
    assert len(set(columns["texts"])) == len(columns["texts"])
    assert len(columns["texts"]) < len(columns["facts"][0])


@pytest.mark.parametrize(
    ("conditions", "command"),
    [
        ({}, "sepconv run quick"),
        (asked(), "sepconv run nightly"),
        (asked(where="stride=2"), "sepconv run nightly --where stride=2"),
        (asked(where="a in (1, 2)"), "sepconv run nightly --where 'a in (1, 2)'"),
        (asked(time_budget_s=90.0, seed=3), "sepconv run nightly --time-budget 90s --seed 3"),
        (
            asked(isolate=True, allocator="default"),
            "sepconv run nightly --allocator default --isolate",
        ),
        (asked(suite="my suite.toml"), "sepconv run 'my suite.toml'"),
    ],
)
def test_a_run_is_repeated_as_it_was_asked_for(conditions, command):
    assert repeating_command(make_run(conditions=conditions)) == command


def test_only_a_run_with_a_plan_that_is_not_done_can_be_resumed():
    broken, done, plain = (
        [what for what, _ in commands(make_run(id=7, state=state, conditions=conditions))]
        for state, conditions in (("interrupted", asked()), ("done", asked()), ("failed", {}))
    )

    assert "measure what is missing of it" in broken
    assert "measure what is missing of it" not in [*done, *plain]


def test_a_made_up_run_cannot_be_repeated():
    told = [what for what, _ in commands(make_run(conditions={"synthetic": True}))]

    assert told == []


def test_the_allocator_is_told_of_where_both_policies_were_measured():
    linked, alone = (make_source(each) for each in (both_allocators(), [(make_run(), [])]))

    assert run_section(linked, linked.table)["allocator"].keys() == {0, 1}
    assert run_section(alone, alone.table)["allocator"] == {}


def test_every_fact_and_what_to_type_is_shown(open_dashboard):
    run = make_run(0, id=12, state="interrupted", conditions=asked() | {"load_1min": 0.42})
    page = open_dashboard([(run, measure(CASES, Random(1)))], "#view=run")

    facts = page.inner_text(".facts")
    for _, own in run_facts(run):
        assert all(f"{name}\n{text}" in facts for name, text in own)
    assert page.locator(".command code").all_inner_texts() == [
        "sepconv run --resume --run 12",
        "sepconv run nightly",
        "sepconv show 12",
    ]
    assert "timed\n41.4 s" in facts


def test_everything_measured_is_in_the_table_and_can_be_sorted_and_searched(open_dashboard):
    own = measure(CASES, Random(1), with_failures=False)
    page = open_dashboard([(make_run(), own)], "#view=run")
    labels = page.locator(".rows tbody .pick")

    assert labels.all_inner_texts() == [case.label for case in CASES]
    page.click("[data-sort=latency]")
    slowest = max(own, key=lambda each: each.values["latency_s"].value)
    assert labels.all_inner_texts()[-1] == slowest.case.label
    page.keyboard.press("/")
    page.keyboard.type("depthwise 64")
    page.wait_for_function(
        "() => document.querySelector('.rows').getAttribute('aria-rowcount') === '2'"
    )
    assert page.inner_text(".view-run [role=status]") == "1 of 6 cases."


def test_an_older_run_shows_what_it_measured_itself(open_dashboard):
    first = measure(CASES, Random(1), with_failures=False)
    first[0] = Measurement(CASES[0], Status.CRASHED, f"died of {HOSTILE}")
    page = open_dashboard(
        [(make_run(0), first), (make_run(1), measure(CASES[:3], Random(2), with_failures=False))],
        "#view=run&run=run-0",
    )

    assert page.evaluate("document.querySelector('.rows').getAttribute('aria-rowcount')") == "7"
    assert "crashed: died of </script>" in page.inner_text(".reasons")


def test_a_run_leads_to_its_neighbours_and_to_what_changed(open_dashboard):
    own = measure(CASES, Random(1), with_failures=False)
    page = open_dashboard([(make_run(n), own) for n in range(3)], "#view=run&run=run-1")

    page.click("text=← earlier")
    page.wait_for_function("() => sepconv.state.run === 0")
    assert page.locator("text=← earlier").count() == 0
    page.click("text=later →")
    page.wait_for_function("() => sepconv.state.run === 1")
    page.click("text=Compare with the run before")
    page.wait_for_selector(".view-compare [data-pick=head]")

    picked = [page.locator(f"[data-pick={side}]").input_value() for side in ("base", "head")]
    assert picked == ["0", "1"]


def test_what_the_allocator_costs_is_told_and_drawn(open_dashboard):
    page = open_dashboard(both_allocators(), "#view=run")

    assert "glibc's default allocator" in page.inner_text("#allocator-title + p")
    assert page.locator("#allocator-title ~ .figure .point").count() > 5


def test_hostile_names_stay_texts(open_dashboard):
    run = make_run(suite=HOSTILE, branch=HOSTILE, conditions={HOSTILE: HOSTILE})
    page = open_dashboard([(run, measure(CASES, Random(1)))], "#view=run")

    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0
