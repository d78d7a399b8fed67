from math import exp, log
from statistics import fmean

import pytest

from sepconv.record import Estimate
from tests.report import event_sample
from tests.report.sample import HOSTILE, history, make_case, make_run, measurement, trio

pytestmark = pytest.mark.browser

NODES = "document.getElementsByTagName('*').length"
FOUND = ".find [role=status]"
FIRST_ROW = ".rows tbody tr[data-row='0']"
READY = "html[data-ready]"
ROWS = ".rows tbody tr[data-row]"


@pytest.fixture(scope="module")
def runs():
    return history(4)


def drawn(page):
    """The names of the lines of the graph, and their values."""
    page.wait_for_selector(READY, state="attached")
    traces = page.evaluate(
        "document.querySelector('.graph').data.map(({name, x, y, error_y}) => "
        "[name, x, y, Boolean(error_y)])"
    )
    return {name: (x, y, has_bars) for name, x, y, has_bars in traces}


def test_all_words_of_a_search_must_match(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    page.fill("input[type=search]", "depthwise 128 14")
    assert page.inner_text(FOUND) == "2 of 72 cases"
    page.fill("input[type=search]", "primitive")
    assert page.inner_text(FOUND) == "1 of 72 cases"
    page.fill("input[type=search]", "no such thing")

    assert "No case has all of these words" in page.inner_text(".nothing")
    assert page.locator(".rows").is_hidden()


def test_a_facet_counts_what_choosing_it_would_leave(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    def count(group, value):
        button = page.locator(f"[aria-label='{group}'] button", has_text=value).first
        return button.inner_text().split()[-1]

    assert count("stride", "2") == "36"
    page.click("[aria-label='channels'] button:has-text('16')")

    assert page.inner_text(FOUND) == "18 of 72 cases"
    assert count("stride", "2") == "9"
    assert count("channels", "32") == "18"
    page.click("[aria-label='channels'] button:has-text('32')")
    assert page.inner_text(FOUND) == "36 of 72 cases"
    page.click("text=Clear filters")
    assert page.inner_text(FOUND) == "72 of 72 cases"


def test_any_column_sorts_in_both_directions_and_back(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")
    head = page.locator("th:has([data-sort=latency])")
    usual = page.inner_text(FIRST_ROW)

    page.click("[data-sort=latency]")
    assert head.get_attribute("aria-sort") == "ascending"
    page.click("[data-sort=latency]")
    assert head.get_attribute("aria-sort") == "descending"
    slowest = page.inner_text(FIRST_ROW)
    page.click("[data-sort=latency]")

    assert "standard" in slowest
    assert "128" in slowest
    assert head.get_attribute("aria-sort") is None
    assert page.inner_text(FIRST_ROW) == usual


def test_only_the_rows_in_sight_exist(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    assert page.locator(ROWS).count() < 40
    assert page.get_attribute(".rows", "aria-rowcount") == "73"
    assert page.evaluate(NODES) <= 1500
    page.evaluate("document.querySelector('.scroll').scrollTop = 1e6")
    page.wait_for_selector(".rows tbody tr[aria-rowindex='73']")


def test_the_keys_of_a_list_move_through_the_table(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")
    active = "document.activeElement.closest('tr')?.getAttribute('aria-rowindex')"
    page.focus(f"{FIRST_ROW} .pick")

    page.keyboard.press("ArrowDown")
    assert page.evaluate(active) == "3"
    page.keyboard.press("End")
    assert page.evaluate(active) == "73"
    page.keyboard.press("Home")
    assert page.evaluate(active) == "2"
    page.keyboard.press("PageDown")
    assert int(page.evaluate(active)) > 6
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    label = page.evaluate("sepconv.cases.label(sepconv.state.case)")
    page.keyboard.press("Enter")

    page.wait_for_selector(".view-case h1")
    assert label in page.inner_text("h1")


def test_the_chosen_case_is_drawn_beside_the_others_of_its_shape(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    page.fill("input[type=search]", "standard 128 56")
    page.locator(FIRST_ROW).locator("td").nth(2).click()

    lines = drawn(page)
    assert list(lines) == ["standard", "depthwise separable", "spatially separable"]
    assert all(has_bars for _, _, has_bars in lines.values())
    assert page.evaluate("sepconv.state.case") is not None


def test_any_swept_axis_can_be_the_x_axis(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore&x=channels&y=speedup")

    x, _, _ = drawn(page)["depthwise separable"]

    assert x == [16, 32, 128]  # at 64 it was not measured
    axis = page.evaluate("document.querySelector('.graph').layout.xaxis")
    assert (axis["title"]["text"], axis["type"]) == ("channels", "log")


def test_all_found_are_drawn_as_their_mean_and_say_so(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore&of=found&find=standard")

    _, means, _ = drawn(page)["standard"]

    newest = [m for m in runs[-1][1] if m.case.conv_type == "standard" and m.is_measured]
    expected = exp(fmean(log(m.values["latency_s"].value) for m in newest))
    assert means[-1] == pytest.approx(expected, rel=1e-3)
    assert "geometric mean of 24 cases" in page.inner_text(".view-explore .note")


def test_a_case_that_is_missing_once_moves_no_mean(open_dashboard):
    page = open_dashboard(history(2), "#view=explore")

    means = page.evaluate(
        """sepconv.graph.meanOf([[0, 0, 1], [0, 1, 1], [1, 0, 100]].map(([series, x, value]) =>
             ({ series, x, estimate: { value, low: value, high: value } })),
             (point) => point.series).map(({ estimate }) => estimate.value)"""
    )

    assert means == pytest.approx([10, 10])


def test_values_in_per_cent_of_the_first_begin_at_a_hundred(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore&as=first")

    for _, y, _ in drawn(page).values():
        assert y[0] == pytest.approx(100)


def test_an_event_is_marked_with_a_line(open_dashboard, runs):
    case = runs[0][1][0].case
    event = event_sample.event(event_sample.changed(case), began_at="2026-03-03T22:10:00+00:00")
    page = open_dashboard(runs, f"#view=explore&case={case.identity}", events=[event])
    drawn(page)

    shapes = page.evaluate("document.querySelector('.graph').layout.shapes")

    assert [shape["type"] for shape in shapes] == ["line"]


def test_what_is_shown_leaves_the_page_as_csv_and_markdown(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore&find=standard&channels=16")

    with page.expect_download() as csv:
        page.click("button:text-is('CSV')")
    with page.expect_download() as markdown:
        page.click("button:text-is('Markdown')")

    lines = csv.value.path().read_text().splitlines()
    assert lines[0].startswith("channels,resolution,stride,case,conv type,status,latency_s,")
    assert len(lines) == 1 + 6
    rows = markdown.value.path().read_text().splitlines()
    assert rows[0].startswith("| conv type | channels |")
    assert len(rows) == 2 + 6


def test_a_change_within_the_drift_of_the_machine_is_not_called_slower(open_dashboard):
    case = make_case()

    def at(latency):
        return [measurement(case, latency_s=(latency, latency * 0.99, latency * 1.01))]

    for factor, outcome in ((1.04, "undecided"), (1.6, "slower"), (0.5, "faster")):
        page = open_dashboard([(make_run(0), at(1e-3)), (make_run(1), at(factor * 1e-3))])

        assert page.evaluate("sepconv.series.outcome(0)") == outcome


def test_hostile_names_are_inert(open_dashboard):
    case = make_case("mine" + HOSTILE)
    run = make_run(suite=HOSTILE, branch=HOSTILE, uid=HOSTILE)
    failed = measurement(make_case("mine" + HOSTILE, 32), latency_s=1e-3)
    page = open_dashboard(
        [(run, [measurement(case, latency_s=2e-3), failed])], "#view=explore&of=found"
    )
    drawn(page)

    page.evaluate("sepconv.go({view: 'case', case: 0})")
    page.wait_for_selector(READY, state="attached")

    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert HOSTILE[:20] in page.inner_text("h1")


def test_a_latency_without_an_interval_has_none_in_the_table(open_dashboard):
    case = make_case()
    found = measurement(case, latency_s=2e-3)
    assert found.values["latency_s"] == Estimate(2e-3)

    page = open_dashboard([(make_run(), [found])], "#view=explore")

    assert "2.00 ms" in page.inner_text(FIRST_ROW)
    assert "±" not in page.inner_text(FIRST_ROW)


def test_an_axis_of_many_values_takes_few_elements_until_it_is_opened(open_dashboard):
    cases = [make_case(channels=channels) for channels in range(1, 301)]
    page = open_dashboard(
        [(make_run(), [measurement(case, latency_s=1e-3) for case in cases])],
        "#view=explore&channels=290",
    )
    buttons = page.locator("[aria-label=channels] .facet")
    closed = buttons.count()

    page.click("[aria-label=channels] .quiet")

    assert closed == 12 + 1  # the chosen one is always there
    assert closed < buttons.count() <= 12 + 72
    assert "The search finds the others" in page.inner_text("[aria-label=channels]")
    assert page.evaluate(NODES) <= 1500
    assert page.locator("[aria-label=channels] [aria-pressed=true]").inner_text() == "290\n1"


def test_very_many_points_are_lines_without_an_element_each(open_dashboard):
    many = [
        (make_run(n, started_at=f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}T02:00:00"), trio())
        for n in range(200)
    ]

    page = open_dashboard(many, "#view=explore")

    page.wait_for_selector(READY, state="attached")
    assert page.evaluate("document.querySelectorAll('.graph .point').length") == 0
    lengths = page.evaluate("document.querySelector('.graph').data.map(({x}) => x.length)")
    assert lengths.count(200) == 3
    assert page.evaluate(NODES) <= 1_500


def test_a_long_table_has_no_row_twice_after_scrolling_down_and_up(open_dashboard):
    channels = range(8, 8 * 240, 8)
    measured = [m for c in channels for m in trio(c)]
    page = open_dashboard([(make_run(), measured)], "#view=explore")

    for place in [*range(0, 24_000, 400), *range(24_000, -1, -400)]:
        page.evaluate("to => { document.querySelector('.scroll').scrollTop = to; }", place)
        page.evaluate("() => new Promise((resolve) => requestAnimationFrame(resolve))")
    page.wait_for_timeout(200)

    numbers = page.evaluate(
        "[...document.querySelectorAll('.rows tbody tr[data-row]')].map((row) => row.dataset.row)"
    )
    assert len(numbers) == len(set(numbers)) < 60


def test_the_graph_is_that_of_the_case_whatever_else_the_address_changes(open_dashboard, runs):
    first, second = make_case("standard", 16, 14), make_case("standard", 128, 56)
    page = open_dashboard(runs, f"#view=explore&case={first.identity}")
    page.wait_for_function(
        f"() => document.querySelector('.found h2').textContent === '{first.label}'"
    )

    page.evaluate(f"location.hash = '#view=explore&case={second.identity}&find=standard'")

    page.wait_for_function(
        f"() => document.querySelector('.found h2').textContent === '{second.label}'"
    )
    assert page.inner_text(".found h2") == second.label
