import shlex
from dataclasses import replace
from random import Random

import pytest

from sepconv.cost import cost_of
from sepconv.record import Measurement, Status
from sepconv.report.dashboard.case import case_section
from tests.report import event_sample
from tests.report.dashboard.conftest import make_source
from tests.report.sample import (
    HOSTILE,
    MACHINE,
    history,
    make_case,
    make_run,
    measurement,
    succeed,
    sweep,
)

browser_test = pytest.mark.browser


@pytest.fixture(scope="module")
def runs():
    return history(5)


def section(cases):
    made = [measurement(case, latency_s=1e-3) for case in cases]
    source = make_source([(make_run(), made)])
    return case_section(source, source.table)


def test_the_layers_of_a_case_add_up_to_its_cost():
    case = make_case("depthwise_separable", batch_size=4, direction="training")

    found = section([case])

    [layers] = found["chains"]
    assert sum(macs for _, _, macs in layers) == cost_of(case).macs
    assert sum(params for _, params, _ in layers) == cost_of(case).params
    assert found["layer_names"] == ["depthwise", "pointwise"]


def test_cases_that_differ_in_nothing_costly_share_their_layers():
    found = section([make_case(threads=threads) for threads in (1, 2, 4)])

    assert found["chain"] == [0, 0, 0]
    assert len(found["chains"]) == 1


def test_of_a_conv_type_of_somebodys_own_no_cost_is_known():
    found = section([make_case("mine." + HOSTILE)])

    assert found["chain"] == [None]


def test_a_variant_is_selected_by_its_options():
    plain = make_case("spatially_separable")
    variant = make_case("spatially_separable", options={"mode": "depthwise"})

    found = section([plain, variant])

    assert found["forms"] == [
        "conv_type=spatially_separable",
        "conv_type=spatially_separable and options.mode=depthwise",
    ]


@browser_test
def test_a_case_shows_all_that_is_known_of_it(open_dashboard, runs):
    case = make_case("depthwise_separable", 64, 56)
    page = open_dashboard(runs, f"#view=case&case={case.identity}")

    text = page.inner_text("main")

    assert case.label in text
    assert "2026-03-05" in text
    assert "of the ideal" in text
    assert "pointwise" in page.inner_text(".layer-table")
    command = page.inner_text(".command code")
    assert command.startswith("sepconv run quick --where 'conv_type=depthwise_separable and")
    assert "4 runs on this machine in this environment, 1 in others (dotted)" in text


@browser_test
def test_its_history_has_a_line_for_every_machine_and_environment(open_dashboard, runs):
    case = make_case("depthwise_separable", 64, 56)
    page = open_dashboard(runs, f"#view=case&case={case.identity}")

    lines = page.evaluate(
        "document.querySelector('.view-case .figure').data.map(({name, x}) => [name, x.length])"
    )

    assert lines[0] == ["this machine and environment", 4]
    assert lines[1][1] == 1
    assert "torch 2.14.0" in lines[1][0]


@browser_test
def test_one_run_is_no_history_yet(open_dashboard):
    page = open_dashboard(history(1), "#view=case")

    assert "no history yet" in page.inner_text("main")


@browser_test
def test_a_case_that_failed_says_why(open_dashboard):
    runs = history(1)
    failed = next(each for each in runs[0][1] if each.status == "failed")

    page = open_dashboard(runs, f"#view=case&case={failed.case.identity}")

    assert "could not create a primitive" in page.inner_text(".tiles")


@browser_test
def test_its_events_stand_with_their_state_and_commits(open_dashboard, runs):
    case = runs[0][1][0].case
    event = event_sample.event(event_sample.changed(case), began_at="2026-03-03T22:10:00+00:00")
    page = open_dashboard(runs, f"#view=case&case={case.identity}", events=[event])

    text = page.inner_text(".case-events")

    assert "slower by" in text
    assert "confirmed" in text


@browser_test
def test_neighbours_are_one_click_away(open_dashboard, runs):
    case = make_case("standard", 64, 56)
    page = open_dashboard(runs, f"#view=case&case={case.identity}")

    page.click(".neighbours a:text-is('128')")
    page.wait_for_function(
        "() => document.querySelector('h1').textContent.includes('standard-128-56')"
    )
    page.click(".neighbours a:text-is('depthwise separable')")
    page.wait_for_function("() => document.querySelector('h1').textContent.includes('depthwise')")
    page.click("a[rel=next]")

    page.wait_for_function("() => document.querySelector('h1').textContent.includes('spatially')")
    page.go_back()
    page.wait_for_function("() => document.querySelector('h1').textContent.includes('depthwise')")

    assert "128-56" in page.inner_text("h1")


@browser_test
def test_a_case_of_another_machine_says_what_to_type(open_dashboard):
    here, there = make_case(), make_case("standard", 32)
    other = replace(make_run(1), machine=replace(MACHINE, cpu_model="Another CPU"))
    runs = [
        (make_run(0), [succeed(there, Random(1))]),
        (other, [succeed(here, Random(1))]),
    ]

    page = open_dashboard(runs, f"#view=case&case={there.identity}")

    assert "was never tried on this machine" in page.inner_text("main")
    assert "sepconv run quick" in page.inner_text("main")


@browser_test
def test_the_key_of_a_narrow_figure_shortens_what_would_be_cut_by_its_edge(open_dashboard):
    long = replace(MACHINE, cpu_model="A CPU & its very long name " * 4)
    runs = [
        (make_run(0, machine=long), [succeed(make_case(), Random(1))]),
        (make_run(1), [succeed(make_case(), Random(1))]),
    ]

    page = open_dashboard(runs, "#view=case", viewport={"width": 360, "height": 800})

    keys = page.locator(".view-case .legendtext").all()
    edge = page.locator(".view-case .figure").first.bounding_box()
    assert "…" in "".join(key.inner_html() for key in keys)
    for key in keys:
        box = key.bounding_box()
        assert box["x"] + box["width"] <= edge["x"] + edge["width"]


@browser_test
def test_of_a_case_that_this_machine_never_tried_nothing_was_achieved(open_dashboard):
    other = make_run(1, machine=replace(MACHINE, cpu_model="Another CPU"))
    there = make_case("standard", 32)
    runs = [
        (make_run(0), [succeed(there, Random(1))]),
        (other, [succeed(make_case(), Random(1))]),
    ]

    page = open_dashboard(runs, f"#view=case&case={there.identity}")

    assert "achieved" not in page.inner_text("[aria-label=Cost]")


@browser_test
def test_a_link_to_a_case_that_the_page_lacks_says_so(open_dashboard, runs):
    page = open_dashboard(runs, "#view=case&case=0123456789abcdef")

    assert "not in this page" in page.inner_text("main")
    assert page.locator("h1").count() == 0
    assert page.inner_text("#caveats") == "the case of this link is not in this page"

    page.click("#views a:text-is('Explore')")
    page.wait_for_selector(".view-explore")

    assert page.inner_text("#caveats") == ""


@browser_test
def test_whoever_presses_something_keeps_the_focus(open_dashboard, runs):
    page = open_dashboard(runs, f"#view=case&case={make_case('standard', 64, 56).identity}")

    page.locator("button[data-value=speedup]").press("Enter")
    page.wait_for_selector("button[data-value=speedup][aria-pressed=true]")
    pressed = page.evaluate("document.activeElement.dataset.value")
    page.locator("a[rel=next]").press("Enter")
    page.wait_for_function(
        "() => !document.querySelector('h1').textContent.includes('standard-64-56')"
    )
    page.wait_for_function("() => document.activeElement.rel === 'next'")

    assert pressed == "speedup"


@browser_test
@pytest.mark.parametrize("chosen", ["stride=1", "stride=1 or stride=2"])
def test_a_page_of_a_part_measures_a_case_of_that_part_again(open_html, chosen):
    from sepconv.report.dashboard.page import render
    from sepconv.selection import parse_selection

    measured = [succeed(case, Random(1)) for case in sweep((16, 32), (14, 28), (1,))]
    source = make_source([(make_run(), measured)], selection=chosen)
    case = measured[4].case
    page = open_html(render(source), f"#view=case&case={case.identity}")

    words = shlex.split(page.inner_text(".command code"))
    selects = parse_selection(words[words.index("--where") + 1])

    everything = sweep((16, 32), (14, 28), (1, 2))
    assert chosen in words[-1]
    assert next(each for each in everything if selects(each)) == case
    assert all(each.shape.in_channels == case.in_channels for each in everything if selects(each))


@browser_test
def test_a_failed_case_of_a_known_conv_type_has_its_layers_and_no_excuse(open_dashboard):
    failed = Measurement(make_case("depthwise_separable"), Status.FAILED, "no")

    page = open_dashboard([(make_run(), [failed])], "#view=case")

    assert "pointwise" in page.inner_text("[aria-label=Cost]")
    assert "no closed form" not in page.inner_text("[aria-label=Cost]")
