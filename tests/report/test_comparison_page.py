import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from math import expm1

import pytest

from sepconv.comparison import Acknowledgement, Detail, Outcome, Stage
from sepconv.figures import slowdown
from sepconv.report import comparison_row
from sepconv.report.comparison_page import anchor_of, render_comparison, verdict_state
from sepconv.report.comparison_row import DETAILED
from sepconv.report.offline import SHARED
from sepconv.report.verdict import (
    describe_verdict,
    explaining_command,
    form_of,
    ordered,
    reproducing_command,
)
from sepconv.store import Store
from tests.figures.test_palette import luminance
from tests.report.comparison_sample import (
    KINDS,
    judged,
    make_comparison,
    many,
    pull_request,
    settings,
    with_passes,
)
from tests.report.sample import HOSTILE, make_case

browser_test = pytest.mark.browser


class Page(HTMLParser):
    """A page as texts and attributes, script and style apart."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.stack = [], [], []
        self.feed(html.partition('<script type="application/json"')[0])

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.stack.append(tag)

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self.stack:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def ids(self, css_class):
        return [a["id"] for _, a in self.tags if a.get("class") == css_class and "id" in a]


def document_of(html):
    return json.loads(re.search(r'id="document">(.*?)</script>', html, re.DOTALL)[1])


def rendered(kind="pull request"):
    return render_comparison(*KINDS[kind]())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_comparison_has_a_page_with_its_verdict_first(kind):
    comparison, passes = KINDS[kind]()

    html = render_comparison(comparison, passes)
    page = Page(html)

    (verdict,) = (a for _, a in page.tags if a.get("id") == "verdict")
    assert " ".join(describe_verdict(comparison).split()) in page.text
    assert verdict["class"] == f"verdict {verdict_state(comparison)}"
    assert page.ids("case") == [anchor_of(case) for case in ordered(comparison.cases)]
    assert html == render_comparison(comparison, list(passes))


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_may_load_nothing(kind):
    html = rendered(kind)
    own = html.partition('<script type="text/plain"')[0]

    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy.startswith("default-src 'none'; script-src 'unsafe-inline';")
    assert all(a.get("href", "#").startswith("#") and "src" not in a for _, a in Page(html).tags)
    assert "@import" not in own
    assert not re.search("scattergl|parcoords|splom", str(document_of(html)))


def test_plotly_is_in_the_page_once_and_only_for_figures():
    assert rendered().count('id="plotly-packed"') == 1
    assert 'plotly-packed"' not in Page(rendered("only failures")).text
    assert len(rendered("only failures")) < 200_000


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("empty", "broken"),
        ("unchanged", "same"),
        ("interrupted", "unfinished"),
        ("only failures", "broken"),
        ("one case", "slower"),
        ("all the same", "same"),
        ("faster", "faster"),
        ("unpaired", "broken"),
    ],
)
def test_what_could_not_be_measured_looks_unlike_what_is_slower(kind, state):
    assert verdict_state(KINDS[kind]()[0]) == state


def test_an_unmeasured_case_is_told_beside_a_slowdown():
    page = Page(rendered())

    assert any(a.get("id") == "unmeasured" for _, a in page.tags)
    assert "1 case could not be measured and 1 case could not be compared" in page.text


def test_an_acknowledged_slowdown_raises_no_alarm_and_names_who_said_so():
    word = Acknowledgement("Ada", "numerically right now", "2026-03-02T11:00:00+00:00")
    case = judged(1, make_case(), Outcome.SLOWER, 0.05, acknowledged=word)
    comparison = make_comparison([case])

    page = Page(render_comparison(comparison, []))

    assert verdict_state(comparison) != "slower"
    assert "slower, as acknowledged" in page.text
    assert "Ada, 2026-03-02: numerically right now" in page.text


def test_sides_are_told_with_what_chose_them_and_what_is_not_committed():
    text = Page(rendered()).text

    for said in (
        "where it left main",
        "with uncommitted changes",
        "feature/née",
        "c0ffee0000000000000000000000000000000000",
        "Fold the bias into the pointwise",
        "2026-03-02 10:00 UTC",
        "Example CPU 9000",
    ):
        assert said in text


def test_environments_are_told_once_if_equal_and_side_by_side_if_not():
    same, different = Page(rendered()).text, Page(rendered("unpaired")).text

    assert "Environment of both sides" in same
    assert "The environments differ" not in same
    assert "2.13.0 2.14.0 differs" in different
    assert different.count(" differs") == 1


def test_outcomes_are_counted_by_conv_type():
    text = Page(rendered()).text

    assert "all 4 1 1 1 1 1 1 14 24" in text


def test_counted_metrics_tell_every_difference_and_what_is_equal():
    text = Page(rendered()).text

    assert "allocated bytes 8.00 KiB 64.0 KiB +700 %" in text
    assert "params, macs, flops and allocations: equal in all 20 cases" in text
    assert "faults" not in text.partition("What is counted")[2].partition("Head against base")[0]


def test_a_row_has_both_commands_of_its_case():
    comparison, passes = pull_request()
    texts = Page(render_comparison(comparison, passes)).texts

    for case in comparison.cases:
        assert reproducing_command(comparison, case) in texts
        assert explaining_command(comparison, case) in texts


def test_commands_do_not_depend_on_how_many_other_cases_there_are(monkeypatch):
    comparison, _ = many(300)
    monkeypatch.setattr(comparison_row, "_witnesses", list)
    slow = comparison_row.case_rows(comparison, comparison.cases[:40])
    monkeypatch.undo()

    fast = comparison_row.case_rows(comparison, comparison.cases[:40])

    assert [row.opened for row in fast] == [row.opened for row in slow]


def test_stored_runs_that_cannot_be_measured_again_have_no_commands():
    assert "<code" not in rendered("unpaired")


def test_what_is_not_known_is_counted_with_its_reason():
    text = Page(rendered()).text.partition("What is not known")[2]

    for said in (
        "1 failed : head: failed: RuntimeError: could not create a primitive",
        "1 new : base: failed: no such mode",
        "1 missing : head has no such conv type",
        "1 undecided : too noisy for its 8 passes",
        "3 left out : there was no time for it",
    ):
        assert said in text
    assert 'File "forms.py", line 12, in forward' in text


def test_cases_that_share_a_reason_are_told_together():
    text = Page(rendered("only failures")).text.partition("What is not known")[2]

    assert "12 failed" in text
    assert "and 4 more" in text


def test_passes_are_data_with_their_stage_and_their_change_in_per_cent():
    case = judged(1, make_case(), Outcome.SLOWER, 0.05)
    comparison, passes = with_passes(make_comparison([case]))

    (strip,) = document_of(render_comparison(comparison, passes))["strips"]

    assert strip["stage"] == [0] * 8 + [1] * 8
    assert strip["number"] == list(range(1, 17))
    assert all(1 < change < 9 for change in strip["change"])
    assert strip["interval"] == [5.0, 3.6, 6.4]


def test_a_pass_of_a_case_whose_tail_changed_is_told_by_its_mean():
    case = judged(1, make_case(), Outcome.SLOWER, 0.05, details=(Detail.TAIL_CHANGED,))
    comparison, passes = with_passes(make_comparison([case]))

    (strip,) = document_of(render_comparison(comparison, passes))["strips"]

    screen = [one for one in passes if one.stage is Stage.SCREEN]
    assert strip["change"][0] == pytest.approx(100 * expm1(screen[0].pair.cpu.mean), rel=1e-4)


def test_base_against_itself_is_data_too():
    assert len(document_of(rendered())["nulls"]) == 8


def test_the_page_of_a_stored_comparison_is_that_of_the_comparison():
    comparison, passes = pull_request()
    cases = [replace(case, acknowledged=None) for case in comparison.cases]
    comparison = replace(comparison, cases=cases)
    with Store() as store:
        number = store.begin_comparison(comparison)
        for one in passes:
            store.add_compared_pass(number, one)
        store.finish_comparison(number, comparison)
        stored = store.find_comparison(str(number))
        kept = store.compared_passes(number)

    html = render_comparison(stored, kept)

    def by_ring(found):
        return sorted(found, key=lambda one: (one.stage, one.pair.ring, one.pair.pass_number))

    assert html == render_comparison(replace(comparison, id=number), by_ring(passes))


def test_hostile_names_are_texts_and_nothing_else():
    page = Page(rendered("hostile"))

    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert HOSTILE[:30] in page.text
    assert rendered("hostile").count("</script>") == len(SHARED) + 4


@pytest.mark.slow
def test_ten_thousand_cases_are_less_than_nine_megabytes_and_all_in_the_table():
    html = render_comparison(*many(10_000))
    document = document_of(html)

    assert len(html.encode()) < 9_000_000
    assert html.count('class="case"') == 10_000
    assert len(document["strips"]) == DETAILED
    assert html.count('class="opened"') == DETAILED


def test_an_anchor_is_found_without_what_draws():
    program = (
        "import sys; from sepconv.report.comparison_page import anchor_of; "
        "print({'plotly', 'jinja2', 'pandas', 'torch'} & {*sys.modules})"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "set()"


def test_an_anchor_is_of_the_case_and_of_the_ring_where_that_is_not_enough():
    (one, *_), (other, another) = pull_request()[0].cases, settings()[0].cases

    assert anchor_of(one) == f"case-{one.head.identity[:12]}"
    assert anchor_of(other) == f"case-{other.head.identity[:12]}-1"
    assert anchor_of(replace(another, head=other.head)) == f"case-{other.head.identity[:12]}-2"


def test_equal_rows_still_have_anchors_of_their_own():
    case = judged(1, make_case(), Outcome.SAME)

    page = Page(render_comparison(make_comparison([case, replace(case, ring=2)]), []))

    assert page.ids("case") == [anchor_of(case), f"{anchor_of(case)}-2"]


def test_a_title_of_ones_own_stands_above_the_sides():
    html = render_comparison(*pull_request(), title="Pull request 7 <now>")

    assert "<h1>Pull request 7 &lt;now&gt;</h1>" in html
    assert "Pull request 7" in html.partition("<title>")[2].partition("</title>")[0]


@pytest.fixture
def open_comparison(open_html):
    """Opens the page of a comparison."""
    return lambda told, *place, **settings: open_html(render_comparison(*told), *place, **settings)


@pytest.mark.slow
@browser_test
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_comparison_opens(open_comparison, kind):
    comparison, passes = KINDS[kind]()
    page = open_comparison((comparison, passes))

    assert page.locator("tr.case").count() == len(comparison.cases)
    assert page.evaluate("window.pwned") is None
    has_ratio = any(case.ratio is not None for case in comparison.cases)
    assert page.locator("#forest .scatterlayer .trace").count() > 0 or not has_ratio
    assert page.locator(".card:empty").count() == 0


@browser_test
@pytest.mark.parametrize("kind", ["pull request", "several hundred"])
def test_the_script_makes_the_panels_that_python_makes(open_comparison, kind):
    told = KINDS[kind]()
    page = open_comparison(told)
    cases = ordered(told[0].cases)
    surface = slowdown.content(cases, [form_of(case) for case in cases])

    for form in range(len(surface.forms)):
        for held in ([None] * len(surface.held), [1] * len(surface.held)):
            found = page.evaluate("([form, held]) => comparison.panel(form, held)", [form, held])
            expected = json.loads(json.dumps(slowdown.panel(surface, form, held)))

            assert found == expected


@browser_test
def test_a_selector_changes_every_panel(open_comparison):
    page = open_comparison(pull_request())
    read = "JSON.stringify(document.getElementById('panel-0').data[0].z)"
    before = page.evaluate(read)

    page.select_option("#surface-controls select", label="2")

    assert page.evaluate(read) != before


@browser_test
def test_a_permalink_opens_its_row_and_brings_it_into_view(open_comparison):
    told = pull_request()
    case = told[0].cases[17]
    page = open_comparison(told, f"#{anchor_of(case)}")
    row = page.locator(f"#{anchor_of(case)}")

    assert row.locator("button").get_attribute("aria-expanded") == "true"
    assert row.evaluate("row => row.nextElementSibling.hidden") is False
    assert row.evaluate("row => row === document.activeElement.closest('tr')")
    top = row.evaluate("row => row.getBoundingClientRect().top")
    assert 0 <= top <= 800
    assert case.head.label in page.inner_text(f"#{anchor_of(case)} + tr")


@browser_test
def test_a_permalink_finds_a_row_that_is_filtered_out_or_behind_a_line(open_comparison):
    told = many(600)
    last = ordered(told[0].cases)[-1]
    page = open_comparison(told)
    page.select_option("#filter-outcome", "slower")
    assert page.locator(f"#{anchor_of(last)}").is_hidden()

    page.evaluate("hash => location.hash = hash", anchor_of(last))

    page.wait_for_selector(f"#{anchor_of(last)}:visible")
    assert page.input_value("#filter-outcome") == ""


@pytest.mark.slow
@browser_test
def test_an_address_from_elsewhere_does_no_harm(open_comparison):
    page = open_comparison(pull_request(), "#%")

    for hash_ in ("case-gone", "__proto__", "verdict", "%E0", ""):
        page.evaluate("hash => location.hash = hash", hash_)

    assert page.locator("tr.opened:visible").count() == 0


@pytest.mark.slow
@browser_test
def test_an_opened_row_shows_a_dot_for_each_pass_and_tells_the_stages_apart(open_comparison):
    told = pull_request()
    case = told[0].cases[1]
    page = open_comparison(told, f"#{anchor_of(case)}")
    opened = page.locator(f"#{anchor_of(case)} + tr")

    assert opened.locator("circle.dot.open").count() == 8
    assert opened.locator("circle.dot:not(.open)").count() == 8
    assert opened.locator("line.span").count() == 1
    assert (
        "confirm, pass 9, server 1" in opened.locator("circle.dot:not(.open)").first.text_content()
    )
    opened.locator("summary").click()
    assert opened.locator(".numbers tbody tr").count() == 16


@pytest.mark.slow
@browser_test
def test_a_case_without_passes_says_so(open_comparison):
    told = KINDS["without passes"]()
    page = open_comparison(told)

    page.locator("tr.case button").first.click()

    assert "No pass of this case is stored." in page.inner_text("tr.opened:visible .strip")


@pytest.mark.slow
@browser_test
def test_clicking_a_point_leads_to_its_row(open_comparison):
    told = pull_request()
    first = ordered(told[0].cases)[0]
    page = open_comparison(told)
    page.locator("#forest").scroll_into_view_if_needed()
    x, y = page.evaluate(
        "(() => { const b = document.querySelector('#forest .points path')"
        ".getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )

    page.mouse.move(x, y)
    page.mouse.click(x, y)

    page.wait_for_selector("tr.target")
    assert page.url.endswith(f"#{anchor_of(first)}")


@pytest.mark.slow
@browser_test
def test_clicking_a_cell_leads_to_the_row_of_its_worst_case(open_comparison):
    told = pull_request()
    page = open_comparison(told)
    page.locator("#panel-0").scroll_into_view_if_needed()
    x, y = page.evaluate(
        "(() => { const b = document.querySelector('#panel-0 .heatmaplayer image')"
        ".getBoundingClientRect(); return [b.x + b.width / 4, b.y + b.height / 4]; })()"
    )

    page.mouse.move(x, y)
    page.mouse.click(x, y)

    page.wait_for_selector("tr.target")
    assert "33 % slower" in page.inner_text("tr.target")


@pytest.mark.slow
@browser_test
def test_filters_leave_the_rows_that_match(open_comparison):
    page = open_comparison(pull_request())

    page.select_option("#filter-outcome", "slower")
    assert page.inner_text("#found") == "4 of 24 cases"
    page.select_option("#filter-form", "spatially separable")
    assert page.locator("tr.case:visible").count() == 1
    page.select_option("#filter-outcome", "")
    page.fill("#search", "24 no such thing")
    assert page.locator("tr.case:visible").count() == 0
    page.fill("#search", "")
    page.select_option("#filter-form", "")
    assert page.inner_text("#found") == ""
    assert page.locator("tr.case:visible").count() == 24


@browser_test
def test_the_keyboard_reaches_everything_that_can_be_used(open_comparison):
    page = open_comparison(pull_request())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.locator("tr.case button").first.press("Enter")
    wanted = page.evaluate(
        "(() => { window.all = [...document.querySelectorAll('a[href], button, select, input, "
        'summary, [tabindex="0"]\')].filter(each => each.checkVisibility()); '
        "window.all.forEach((each, n) => each.dataset.nth = n); document.activeElement.blur(); "
        "scrollTo(0, 0); return window.all.length; })()"
    )
    page.locator(".skip").focus()
    reached = {page.evaluate("document.activeElement.dataset.nth")}
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.nth"))

    assert {str(nth) for nth in range(wanted)} <= reached
    page.locator(".skip").focus()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


@pytest.mark.slow
@browser_test
@pytest.mark.parametrize("kind", ["pull request", "hostile", "unpaired", "only failures"])
def test_no_width_scrolls_sideways(open_comparison, kind):
    page = open_comparison(KINDS[kind](), viewport={"width": 360, "height": 900})

    page.locator("tr.case button").first.click()

    for width in (360, 768, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


CONTRASTS = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, box = node.parentElement;
    if (!node.textContent.trim() || !box.checkVisibility() || box.closest("script, svg")) continue;
    let ground = box;
    while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)")
      ground = ground.parentElement;
    found.push([node.textContent.trim().slice(0, 30), getComputedStyle(box).color,
      getComputedStyle(ground).backgroundColor]);
  }
  return found;
}"""


def contrast(first, second):
    def hexed(color):
        return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", color)[:3])

    darker, lighter = sorted(luminance(hexed(color)) for color in (first, second))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.slow
@browser_test
@pytest.mark.parametrize("kind", ["pull request", "unpaired", "faster"])
def test_every_text_has_a_contrast_of_at_least_four_and_a_half(open_comparison, kind):
    page = open_comparison(KINDS[kind]())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.locator("tr.case button").first.click()

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(CONTRASTS)

        assert len(found) > 50
        assert [one for one in found if contrast(*one[1:]) < 4.5] == []


@pytest.mark.slow
@browser_test
def test_dark_readers_get_dark_figures_and_paper_is_light(open_comparison):
    page = open_comparison(pull_request(), color_scheme="dark")
    ink = "document.getElementById('forest').layout.font.color"

    assert page.evaluate(ink) == "#e8ecf1"
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function(f"() => {ink} === '#1c2430'")


@browser_test
def test_without_scripts_the_table_and_the_commands_are_there_and_no_empty_figure(open_comparison):
    told = pull_request()
    page = open_comparison(told, script=False)

    assert page.locator("tr.case:visible").count() == 24
    assert page.locator("#forest").is_hidden()
    assert page.locator("#surface").is_hidden()
    assert page.locator("#filters").is_hidden()
    command = reproducing_command(told[0], told[0].cases[1])
    assert page.locator("code:visible", has_text=command).count() == 1


@browser_test
def test_hostile_names_are_inert(open_comparison):
    told = KINDS["hostile"]()
    page = open_comparison(told)

    for button in page.locator("tr.case button").all():
        button.click()
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.locator("#forest").scroll_into_view_if_needed()
    box = page.locator("#forest .points path").first.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.wait_for_timeout(200)

    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert HOSTILE[:30] in page.inner_text("h1")


@pytest.mark.slow
@browser_test
def test_a_command_can_be_copied(open_comparison):
    told = pull_request()
    page = open_comparison(told, f"#{anchor_of(told[0].cases[1])}")

    page.locator(".command button:visible").first.click()

    page.wait_for_function(
        "() => /Copied|Selected/.test(document.querySelector('tr.target + tr .command button')"
        ".textContent)"
    )
    selected = page.evaluate("String(getSelection())").strip()
    assert selected == reproducing_command(told[0], told[0].cases[1])
