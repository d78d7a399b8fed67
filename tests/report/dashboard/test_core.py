from random import Random

import pytest

from sepconv.figures.table import round_digits
from sepconv.units import format_bytes, format_count, format_percent, format_ratio, format_seconds
from tests.report.sample import HOSTILE, both_allocators, history

pytestmark = pytest.mark.browser

ALL_VIEWS = ("overview", "explore", "surface", "roofline", "compare", "case", "run")
FORMATS = {
    "formatSeconds": format_seconds,
    "formatCount": format_count,
    "formatBytes": format_bytes,
    "formatRatio": format_ratio,
    "formatPercent": format_percent,
}


@pytest.fixture(scope="module")
def runs():
    return history(5)


def test_the_script_spells_numbers_as_python_does(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")
    random = Random(7)
    numbers = [10 ** random.uniform(-8, 12) for _ in range(300)]
    numbers += [0.125, 2.5, 4.25, 12.5, 0.9995, 0.99949, 9.996, 99.95, 1000, 1e-3, 1e-9, 1]

    for name, format_number in FORMATS.items():
        counted = name in ("formatBytes", "formatCount")
        shown = [number for number in numbers if number > 1 or not counted]
        found = page.evaluate(f"numbers => numbers.map(sepconv.units.{name})", shown)

        assert found == [format_number(number) for number in shown], name


def test_the_address_keeps_what_is_looked_at(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore&find=depthwise&channels=16&channels=64&x=channels")

    kept = page.evaluate("[sepconv.state.find, sepconv.state.channels, sepconv.state.x]")
    again = page.evaluate("sepconv.href({})")

    assert kept == ["depthwise", ["16", "64"], "channels"]
    assert again == "#view=explore&find=depthwise&x=channels&channels=16&channels=64"


def test_an_address_from_elsewhere_does_no_harm(open_dashboard, runs):
    page = open_dashboard(runs, "#view=__proto__&run=gone&case=none&x=constructor&class=%3Cb%3E")

    assert page.evaluate("sepconv.state.view") == "overview"
    assert page.evaluate("[sepconv.state.run, sepconv.state.case]") == [4, None]
    assert page.evaluate("sepconv.href({})") == "#"


def test_a_wrong_choice_falls_back_to_the_usual_one(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    state = page.evaluate(
        "sepconv.go({x: 'nothing', y: 7, case: 1e9, unheard: 'of'}).then(() => sepconv.state)"
    )

    assert (state["x"], state["y"], state["case"]) == ("runs", "latency", None)
    assert "unheard" not in state


def test_a_link_of_an_earlier_release_opens_the_case(open_dashboard, runs):
    identity = runs[0][1][4].case.identity

    page = open_dashboard(runs, f"#case={identity}")

    assert page.evaluate("sepconv.state.view") == "case"
    assert runs[0][1][4].case.label in page.inner_text("h1")


def test_the_way_back_leads_to_the_view_before(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore&find=standard")

    page.click("#views a[data-view=case]")
    page.wait_for_selector(".view-case .tiles")
    page.go_back()
    page.wait_for_selector(".view-explore .rows")

    assert page.input_value("input[type=search]") == "standard"


def test_a_view_is_found_as_it_was_left(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore&find=standard")

    page.click("#views a[data-view=case]")
    page.click("#views a[data-view=explore]")

    assert page.input_value("input[type=search]") == "standard"


def test_a_link_that_says_more_starts_afresh(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore&find=standard")

    href = page.evaluate(
        "sepconv.go({view: 'case'}).then(() => sepconv.href({view: 'explore', channels: '16'}))"
    )

    assert href == "#view=explore&channels=16"


def test_another_machine_brings_its_own_newest_run(open_dashboard, runs):
    page = open_dashboard(runs, "#view=run")
    first = page.evaluate("sepconv.state.class")

    page.evaluate("place => sepconv.go({class: place})", 1 - first)

    run = page.evaluate("sepconv.state.run")
    assert page.evaluate("run => sepconv.doc.runs.class[run]", run) == 1 - first
    assert page.evaluate("place => sepconv.runs.newestOf(place)", 1 - first) == run


def test_a_history_unpacks_to_what_was_measured(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")
    case = runs[0][1][3].case

    found = page.evaluate(
        """async identity => {
             const index = sepconv.cases.byIdentity(identity), found = [];
             for (const group of sepconv.doc.classes.keys()) {
               const each = sepconv.series.of(index, group);
               if (each !== null) found.push(...await sepconv.history(each));
             }
             return found.sort((one, other) => one.run - other.run);
           }""",
        case.identity,
    )

    expected = [measured[3] for _, measured in runs]
    assert [point["status"] for point in found] == [each.status for each in expected]
    for point, each in zip(found, expected, strict=True):
        estimate = each.values["latency_s"]
        bounds = (estimate.value, estimate.low, estimate.high)
        shown = tuple(point["latency"][name] for name in ("value", "low", "high"))
        assert shown == pytest.approx(bounds, rel=1e-4)


@pytest.mark.parametrize("run", [0, 4])
def test_everything_of_a_run_is_found(open_dashboard, runs, run):
    page = open_dashboard(runs, "#view=explore")

    found = page.evaluate("run => sepconv.measured(run)", run)

    identities = page.evaluate("sepconv.doc.cases.identity")
    by_identity = {identities[point["case"]]: point for point in found}
    assert len(by_identity) == len(runs[run][1])
    for each in runs[run][1]:
        point = by_identity[each.case.identity]
        assert (point["status"], point["error"]) == (each.status, each.error)
        if each.is_measured:
            expected = each.values["latency_s"].value
            assert point["latency"]["value"] == pytest.approx(expected, rel=1e-4)


def test_the_command_of_a_case_selects_it_alone(open_dashboard):
    from sepconv.selection import parse_selection

    runs = both_allocators()
    page = open_dashboard(runs, "#view=explore")
    cases = [each.case for each in runs[0][1]]

    for case in cases[::5]:
        text = page.evaluate(
            "identity => sepconv.cases.selection(sepconv.cases.byIdentity(identity))", case.identity
        )

        assert list(filter(parse_selection(text), cases)) == [case]


def test_a_spreadsheet_runs_nothing_that_leaves_the_page(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    text = page.evaluate(
        "sepconv.csv(['name', 'value'], [['=1+1', -2.5], ['a,\"b\"', null], ['@x\\ny', '-3']])"
    )

    assert text == 'name,value\n\'=1+1,-2.5\n"a,""b""",\n\'@x y,-3\n'


def test_markdown_that_leaves_the_page_is_text(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    text = page.evaluate("sepconv.markdown(['a'], [['<b>|@you'], ['[x](y)']])")

    assert text == "| a |\n| --- |\n| \\<b\\>\\|@\u200byou |\n| \\[x\\](y) |\n"


def test_figures_follow_the_readers_colours(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore", color_scheme="dark")
    colour = "document.querySelector('.graph').layout.font.color"

    assert page.evaluate(colour) == "#e8ecf1"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"() => {colour} === '#1c2430'")


def test_every_view_is_reached_by_keyboard(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")
    reached = []

    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.view ?? ''"))

    assert [name for name in reached if name] == list(ALL_VIEWS)
    page.focus("#views a[data-view=case]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".view-case")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [360, 3840])
def test_no_width_scrolls_sideways(open_dashboard, runs, width):
    page = open_dashboard(runs, viewport={"width": width, "height": 900})

    for view in ALL_VIEWS:
        page.evaluate("view => sepconv.go({view})", view)

        assert page.evaluate("document.documentElement.scrollWidth") <= width, view


def test_without_a_run_every_view_says_what_to_type(open_dashboard):
    page = open_dashboard([])

    for view in ALL_VIEWS:
        page.evaluate("view => sepconv.go({view})", view)

        assert "sepconv quick" in page.inner_text("main"), view


def test_a_search_begins_with_a_slash(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    page.keyboard.press("/")
    page.keyboard.type("depthwise / 16")

    assert page.input_value("input[type=search]") == "depthwise / 16"


def test_significant_digits_are_those_of_the_data(open_dashboard, runs):
    page = open_dashboard(runs, "#view=explore")

    values = page.evaluate("sepconv.doc.series.latency.filter(value => value !== null)")

    assert values == [round_digits(value) for value in values]


def test_a_hostile_address_is_only_text(open_dashboard, runs):
    page = open_dashboard(runs)

    page.evaluate("text => sepconv.go({view: 'explore', find: text})", HOSTILE)
    page.wait_for_selector(".nothing .empty")

    assert page.evaluate("window.pwned") is None
    assert page.input_value("input[type=search]").startswith("</script>")
