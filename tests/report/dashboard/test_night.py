"""The nights on the page: every case by the pinned reference, which alarms rest on."""

from dataclasses import replace
from random import Random

import pytest

from sepconv.cli.source import read_source
from sepconv.comparison import LeftOut, Purpose
from sepconv.report.dashboard.night import MOST_LARGEST, nights_section
from sepconv.store import Store
from tests.judge.nights import ENVIRONMENT, MACHINE, OTHER_MACHINE, night, revision_of, revisions
from tests.report import event_sample
from tests.report.dashboard.conftest import make_panel, make_source
from tests.report.sample import HOSTILE, make_case, make_run, succeed

browser_test = pytest.mark.browser

CASE, OTHER, STRANGER = (make_case("standard", channels) for channels in (32, 64, 128))
NIGHTS = 6
CHANGED = 4  # the first night in which CASE takes 10 % longer


def make_history():
    run = make_run(0, machine=MACHINE, environment=ENVIRONMENT)
    return [(run, [succeed(case, Random(1)) for case in (CASE, OTHER)])]


def make_nights(**others):
    """Six of them, the newest first, as a store gives them."""
    return [
        night(number, {CASE: 1.1 if number >= CHANGED else 1.0, OTHER: 1.0}, **others)
        for number in range(NIGHTS, 0, -1)
    ]


def source_of(comparisons, **others):
    return make_source(
        make_history(), comparisons=comparisons, revisions=revisions(NIGHTS), **others
    )


def section_of(comparisons):
    return nights_section(source_of(comparisons), lambda packed: {"packed": packed})


def test_a_store_without_nights_says_nothing_of_them():
    section = section_of([])

    assert section["points"] == 0
    assert section["newest"] == {}
    assert "packed" not in section


def test_the_nights_stand_in_the_order_of_their_commits():
    section = section_of(make_nights())

    assert section["commit"] == [revision_of(n).commit for n in range(1, NIGHTS + 1)]
    assert set(section["reference"]) == {revision_of(0).commit}
    assert section["count"] == [NIGHTS, NIGHTS]


def test_a_case_that_no_run_knows_is_counted_but_has_no_history():
    section = section_of([night(1, {CASE: 1.0, STRANGER: 1.2})])

    [newest] = section["newest"].values()
    assert len(section["case"]) == 1
    assert newest["counts"] == {"undecided": 1, "longer": 1}
    assert [each["case"] for each in newest["largest"]] == [None]


def test_a_night_counts_by_intervals_and_decides_nothing():
    cases = [make_case("standard", 8 * n) for n in range(1, 6)]
    ratios = dict(zip(cases, (1.0, 1.2, 1.3, 0.8, None), strict=True))

    [newest] = section_of([night(1, ratios)])["newest"].values()

    assert newest["counts"] == {"undecided": 1, "longer": 2, "shorter": 1, "failed": 1}
    assert [each["label"] for each in newest["largest"]] == [
        case.label for case in (cases[2], cases[3], cases[1])
    ]


def test_of_many_changes_the_largest_are_named():
    cases = [make_case("standard", 8 * n) for n in range(1, 12)]

    [newest] = section_of([night(1, dict.fromkeys(cases, 1.5))])["newest"].values()

    assert len(newest["largest"]) == MOST_LARGEST


def test_the_newest_night_of_every_machine_is_told():
    elsewhere = night(2, {CASE: 1.0}, machine=OTHER_MACHINE)

    section = section_of([night(3, {CASE: 1.0}), elsewhere, night(1, {CASE: 1.0})])

    assert section["newest"].keys() == {MACHINE.key, OTHER_MACHINE.key}
    assert section["newest"][MACHINE.key]["started"].startswith("2026-01-04")


def test_a_chain_of_references_is_no_night():
    chain = night(9, {CASE: 1.4}, uid="chain", purpose=Purpose.CHAIN)

    section = section_of([chain, *make_nights()])

    assert len(section["commit"]) == NIGHTS
    assert section["newest"][MACHINE.key]["started"].startswith("2026-01-07")


def test_what_was_not_tried_is_counted():
    [newest] = section_of([night(1, {CASE: 1.0}, left_out=[LeftOut(OTHER, "no time")])])[
        "newest"
    ].values()

    assert newest["untried"] == 1


@pytest.fixture
def open_nights(open_html):
    from sepconv.report.dashboard.page import render

    def open_page(comparisons, place="", **others):
        return open_html(render(source_of(comparisons, **others)), place)

    return open_page


def ratio_place(case):
    return f"#view=case&case={case.identity}&y=ratio"


@browser_test
def test_the_overview_tells_the_newest_night_and_leads_to_the_evidence(open_nights):
    page = open_nights(make_nights())
    card = page.locator(".card.night")

    assert "2 cases: 1 longer by their own interval, 1 undecided." in card.inner_text()
    card.get_by_role("link", name=CASE.label).click()
    page.wait_for_selector(".view-case")

    assert "y=ratio" in page.url
    assert "6 nights, each in turns with the reference" in page.inner_text("main")


@browser_test
def test_the_ratio_of_every_night_is_drawn_with_its_interval_and_its_event(open_nights):
    event = event_sample.event(
        event_sample.changed(CASE, 1.1), began_at=make_nights()[NIGHTS - CHANGED].started_at
    )
    page = open_nights(make_nights(), ratio_place(CASE), events=[event])

    ratios, mark = page.evaluate(
        "document.querySelector('.view-case .figure').data.map(({x, y, error_y}) => "
        "({x, y: y.map(Number), bars: error_y?.array}))"
    )

    assert ratios["y"] == pytest.approx([1, 1, 1, 1.1, 1.1, 1.1], rel=1e-4)
    assert all(each > 0.005 for each in ratios["bars"])
    assert mark["x"][0] == ratios["x"][CHANGED - 1]


@browser_test
def test_a_case_without_nights_is_shown_by_its_latency(open_nights):
    page = open_nights([night(1, {CASE: 1.0})], ratio_place(OTHER))

    pressed = page.locator(".view-case [aria-pressed=true]").all_inner_texts()

    assert pressed == ["latency"]
    assert page.get_by_text("by the reference").count() == 0


@browser_test
def test_another_reference_that_nothing_connects_is_a_dotted_line(open_nights):
    later = [night(n, {CASE: 1.0}, reference=revision_of(3)) for n in (6, 5)]
    page = open_nights([*later, night(2, {CASE: 1.3})], ratio_place(CASE))

    lines = page.evaluate(
        "document.querySelector('.view-case .figure').data.map("
        "({x, name, line}) => [x.length, name, line.dash])"
    )
    group = "x86_64 AVX2, tuned allocator, method 2"
    by = [revision_of(number).commit[:7] for number in (3, 0)]

    assert lines == [[2, f"{group}, by {by[0]}", None], [1, f"{group}, by {by[1]}", "dot"]]
    assert "1 more on other machines or by another reference" in page.inner_text("main")


@browser_test
def test_a_hostile_subject_of_a_night_is_inert(open_nights):
    hostile = replace(revision_of(1), subject=HOSTILE)
    page = open_nights([night(1, {CASE: 1.2}, commit=hostile)], ratio_place(CASE))

    [text] = page.evaluate("document.querySelector('.view-case .figure').data[0].text")

    assert "&lt;/script&gt;" in text
    assert page.evaluate("window.pwned") is None


@browser_test
def test_a_store_that_has_nights_alone_says_so(open_html):
    from sepconv.report.dashboard.page import render
    from sepconv.report.dashboard.source import Source

    made = event_sample.event()
    page = open_html(render(Source(make_panel([]), comparisons=make_nights(), events=[made])))

    assert "has nights by a reference and no run" in page.inner_text("main")
    assert "sepconv history" in page.inner_text("main")
    assert "1 longer by their own interval" in page.inner_text(".card.night")
    assert "Alarm" in page.inner_text(".events")


@browser_test
def test_the_nights_of_this_machine_are_drawn_first(open_nights):
    newer = replace(ENVIRONMENT, cpu_capability="AVX512")
    elsewhere = [night(n, {CASE: 1.0}, environment=newer) for n in (9, 8, 7)]
    page = open_nights([*elsewhere, night(2, {CASE: 1.3})], ratio_place(CASE))

    lines = page.evaluate(
        "document.querySelector('.view-case .figure').data.map("
        "({x, name, line}) => [x.length, name.slice(0, 12), line.dash])"
    )

    assert lines == [[1, "x86_64 AVX2,", None], [3, "x86_64 AVX51", "dot"]]


def test_of_a_part_of_the_cases_the_nights_tell_that_part(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    with Store(url) as store:
        run_id = store.begin_run(make_history()[0][0])
        store.put_measurements(run_id, make_history()[0][1])
        made = night(1, {CASE: 1.2, OTHER: 1.3}, left_out=[LeftOut(STRANGER, "no time")])
        store.finish_comparison(store.begin_comparison(made), made)
        source = read_source(store, where="channels=32")

    [newest] = nights_section(source, lambda packed: {})["newest"].values()
    assert newest["counts"] == {"longer": 1}
    assert newest["untried"] == 0
