from dataclasses import replace
from random import Random

import pytest

from sepconv.figures import FIGURES
from sepconv.figures.table import build_table
from sepconv.figures.view import default_view
from sepconv.judge.finding import find
from sepconv.record import Measurement, Status
from sepconv.units import format_ratio, format_seconds
from tests.figures.test_every_figure import HISTORIES, drawn
from tests.report.sample import HOSTILE, history, make_case, make_run, succeed, trio

pytestmark = pytest.mark.browser

YS = "id => document.getElementById(id).data.map(trace => [trace.name, trace.y])"


def plain(value):
    """As JSON has it: lists for tuples, and no numbers that are only of another type."""
    if isinstance(value, dict):
        return {name: plain(found) for name, found in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(found) for found in value]
    return value


@pytest.mark.parametrize("kind", HISTORIES)
def test_every_kind_of_run_opens_and_the_script_draws_what_python_draws(open_page, kind):
    page = open_page(HISTORIES[kind])

    assert page.inner_text("#sentence")
    assert page.evaluate("window.pwned") is None
    for name in FIGURES if HISTORIES[kind] else ():
        expected = plain(drawn(name, HISTORIES[kind]).to_plotly_json())
        found = page.evaluate("name => sepconv.draw(name)", name)

        assert found["data"] == expected["data"], name
        assert found["layout"] == expected["layout"], name


def test_the_script_spells_numbers_as_python_does(open_page):
    page = open_page(HISTORIES["one case"])
    random = Random(7)
    numbers = [10 ** random.uniform(-8, 3) for _ in range(300)]
    numbers += [0.125, 2.5, 4.25, 12.5, 0.9995, 0.99949, 9.996, 99.95, 1000, 1e-3, 1e-9, 1]

    seconds, ratios = page.evaluate(
        "numbers => [numbers.map(sepconv.formatSeconds), numbers.map(sepconv.formatRatio)]", numbers
    )

    assert seconds == [format_seconds(number) for number in numbers]
    assert ratios == [format_ratio(number) for number in numbers]


def test_the_first_screen_says_it_all(open_page):
    runs = history(3)
    page = open_page(runs)

    assert page.inner_text("#sentence").startswith("At 64 channels, 56×56: depthwise separable")
    assert "8 passes, latencies of this hour ±" in page.inner_text("#trust")
    assert "Example CPU 9000" in page.inner_text("#which")
    assert page.locator("#glance tbody tr").count() == 3
    bottom = page.evaluate("document.getElementById('summary').getBoundingClientRect().bottom")
    assert bottom <= 800


def test_a_selector_changes_the_figure_and_the_address(open_page):
    page = open_page(history(1))
    before = page.evaluate(YS, "speedup")

    page.focus("#speedup-controls select[name=resolution]")
    page.select_option("#speedup-controls select[name=resolution]", label="14")

    assert page.evaluate(YS, "speedup") != before
    assert "resolution=14" in page.url
    assert page.input_value("#latency-controls select[name=resolution]") == "0"
    assert page.evaluate("document.activeElement.name") == "resolution"


@pytest.mark.parametrize("speedup", [(0.5, 0.4, 0.6), (1.4, 1.3, 1.5), (4.2, 4.0, 4.4)])
def test_the_speed_up_figure_shows_all_of_small_and_large_ratios(open_page, speedup):
    standard, _, spatial = trio(spatial=speedup)
    page = open_page([(make_run(), [standard, spatial])])

    low, high = page.evaluate("document.getElementById('speedup')._fullLayout.yaxis.range")
    assert 10**low < min(1, speedup[1])
    assert 10**high > max(1.5, speedup[2])


def test_any_axis_can_be_the_x_axis(open_page):
    page = open_page(history(1))

    page.select_option("#latency-controls select[name=along]", "resolution")
    page.select_option("#latency-controls select[name=scale]", "linear")

    layout = page.evaluate("document.getElementById('latency').layout")
    assert layout["xaxis"]["title"]["text"] == "input height and width / pixels"
    assert layout["yaxis"]["type"] == "linear"
    assert page.locator("#latency-controls select[name=channels]").count() == 1


def test_the_address_restores_what_was_looked_at(open_page):
    runs = history(3)
    case = make_case("spatially_separable", 32, 28)
    wanted = f"#run=run-1&over=stride&stride=2&scale=linear&case={case.identity}&find=spatially"

    page = open_page(runs, wanted)

    assert "2026-03-02" in page.inner_text("#which")
    assert page.input_value("#speedup-controls select[name=along]") == "stride"
    assert page.input_value("#search") == "spatially"
    assert page.locator("tr.chosen .pick").inner_text() == "spatially separable"
    assert case.label in page.inner_text("#history-note")
    assert page.evaluate("document.getElementById('latency').layout.yaxis.type") == "linear"


def test_an_address_from_elsewhere_does_no_harm(open_page):
    page = open_page(history(1), "#run=gone&over=__proto__&case=none&channels=999&sort=nothing")

    assert page.inner_text("#sentence").startswith("At 64 channels")


def test_another_run_can_be_shown(open_page):
    page = open_page(history(3))

    page.select_option("#run-picker select", "0")

    assert "2026-03-01" in page.inner_text("#which")
    assert "run=run-0" in page.url


def test_searching_and_sorting_the_cases(open_page):
    page = open_page(history(1))

    page.fill("#search", "depthwise 128 14")
    assert page.inner_text("#cases-note").startswith("2 of 72 cases")
    page.fill("#search", "no such thing")
    assert "No case has all of these words" in page.inner_text("#table")
    page.fill("#search", "")
    page.click("[data-sort=latency]")
    page.click("[data-sort=latency]")

    assert page.get_attribute("th:has([data-sort=latency])", "aria-sort") == "descending"
    first = page.locator(".cases tbody tr").first.inner_text()
    assert "standard" in first
    assert "128" in first


def test_more_cases_are_shown_on_demand(open_page):
    page = open_page(history(1))

    assert page.locator(".cases tbody tr").count() == 50
    page.click("#more")

    assert page.locator(".cases tbody tr").count() == 72
    assert page.is_hidden("#more")


def test_failures_are_listed_with_their_reasons(open_page):
    page = open_page(history(1))

    assert "could not create a primitive" in page.inner_text(".failures")
    page.fill("#search", "primitive")
    assert page.locator(".cases tbody tr").count() == 1


def test_the_allocators_cost_is_shown_for_linked_runs_only(open_page):
    linked = open_page(HISTORIES["both allocators"])
    alone = open_page(history(1))

    assert linked.inner_text("#allocator-sentence").startswith("With glibc's default allocator")
    assert len(linked.evaluate(YS, "allocator")) == 3
    assert alone.is_hidden("#allocator-card")


def test_the_keyboard_reaches_selectors_and_rows(open_page):
    page = open_page(history(2))
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(e => e.name || e.id || e.className || e.textContent)(document.activeElement)"
            )
        )
        if reached[-1] == "pick":
            break

    assert reached[0] == "skip"
    assert {"run", "along", "resolution", "stride", "scale", "search", "pick"} <= set(reached)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    assert "case=" in page.url
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_choosing_a_row_shows_its_history(open_page):
    page = open_page(history(3))
    page.fill("#search", "standard 128 56")

    page.locator(".cases tbody tr").first.click()

    assert "standard-128-56x56" in page.inner_text("#history-note")
    assert "3 runs on this machine" in page.inner_text("#history-note")
    assert len(page.evaluate(YS, "history")[0][1]) == 3


def test_one_run_has_no_history_yet(open_page):
    page = open_page(history(1))

    assert "one run: no history yet; run `sepconv quick` again after a change" in page.inner_text(
        "#history-note"
    )


def test_clicking_a_point_chooses_its_case(open_page):
    page = open_page(history(1))
    before = page.inner_text("#history-note")
    page.locator("#promise").scroll_into_view_if_needed()
    box = page.evaluate(
        "(() => { const b = document.querySelectorAll('#promise .scatterlayer .points path')[0]"
        ".getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )

    page.mouse.move(*box)
    page.mouse.click(*box)

    page.wait_for_function(
        "before => document.getElementById('history-note').innerText !== before", arg=before
    )


def test_hostile_names_are_inert(open_page):
    revision = replace(make_run().revision, subject=HOSTILE)
    machine = replace(make_run().machine, cpu_model=HOSTILE)
    run = make_run(
        suite=HOSTILE,
        branch=HOSTILE,
        revision=revision,
        machine=machine,
        conditions={HOSTILE: HOSTILE},
        uid=HOSTILE,
    )
    case = make_case("mine" + HOSTILE, options={HOSTILE: HOSTILE})
    broken = Measurement(make_case("mine" + HOSTILE, 32), Status.FAILED, HOSTILE)

    page = open_page([(run, [succeed(case, Random(1)), broken]), (replace(run, uid="b"), [broken])])
    page.select_option("#run-picker select", "0")
    page.locator(".pick").first.click()
    page.wait_for_timeout(200)

    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert HOSTILE[:30] in page.inner_text("#run")


def test_dark_readers_get_dark_figures(open_page):
    page = open_page(history(1), color_scheme="dark")

    assert page.evaluate("document.getElementById('speedup').layout.font.color") == "#e8ecf1"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 25)"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        "() => document.getElementById('speedup').layout.font.color === '#1c2430'"
    )


@pytest.mark.parametrize("width", [360, 768, 1920, 3840])
def test_no_width_scrolls_sideways(open_page, width):
    page = open_page(history(2), viewport={"width": width, "height": 900})

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_sentence_and_the_table_remain(browser, tmp_path):
    from sepconv.report.page import render, write

    write(tmp_path / "report.html", render(history(1)))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "report.html").as_uri())

    assert page.locator("noscript tbody tr").count() == 3
    assert page.locator("noscript .sentence").inner_text().startswith("At 64 channels")
    assert page.locator("#table").is_hidden()
    context.close()


def test_the_default_view_is_the_headline():
    runs = history(1)
    table = build_table(runs)

    view = default_view(table, find(runs[0][1]), 0)

    assert (view.over, view.held["channels"], view.held["resolution"]) == ("channels", 64, 56)
    assert view.case is not None
    assert table.places[view.case].case.conv_type == "depthwise_separable"
