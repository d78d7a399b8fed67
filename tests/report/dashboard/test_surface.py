"""Surface, opened: its numbers are computed in the page, as axes and runs are chosen there, so its
algorithms are tested there too."""

from dataclasses import replace
from importlib.resources import files
from itertools import pairwise, product
from math import exp, log
from random import Random

import pytest

from sepconv.event import Changed, Event, EventKind, EventState, Note
from sepconv.judge.finding import judge_speedup
from sepconv.record import Estimate, Measurement, Status
from tests.report.sample import HOSTILE, history, make_case, make_run, measurement, succeed, trio

pytestmark = pytest.mark.browser

SCRIPTS = files("sepconv.report.dashboard") / "script"
DEPTHWISE = "depthwise_separable"
SLOW, EVEN, FAST = (0.5, 0.48, 0.52), (1.0, 0.9, 1.1), (2.0, 1.9, 2.1)
TRACES = "role => document.querySelector('.figure').data.filter(trace => trace.type === role)"
CROSSOVERS = "rows => rows.map(sepconv.crossover.crossovers)"


def estimates(*cells: tuple[float, ...] | None) -> list[dict[str, float | None] | None]:
    return [
        dict(zip(("value", "low", "high"), cell, strict=True)) if cell else None for cell in cells
    ]


def surface(*speedups: tuple[int, int, tuple[float, float, float]]) -> list[Measurement]:
    """Depthwise separable cases at (channels, resolution) with a speed-up, and their standards."""
    found = [trio(channels, resolution, depthwise=at) for channels, resolution, at in speedups]
    return [each for standard, depthwise, _ in found for each in (standard, depthwise)]


SQUARE = surface((16, 14, SLOW), (64, 14, FAST), (16, 56, FAST), (64, 56, FAST))


@pytest.fixture
def open_surface(open_dashboard):
    """Opens the view of one run."""
    return lambda measured, place="", **more: open_dashboard(
        [(make_run(), measured)], f"#view=surface{place}", **more
    )


@pytest.fixture(scope="module")
def crossovers(browser):
    """The algorithm by itself, of many rows at once."""
    page = browser.new_page()
    page.add_script_tag(content=(SCRIPTS / "crossover.js").read_text())
    yield lambda *rows: page.evaluate(CROSSOVERS, [estimates(*row) for row in rows])
    page.close()


def test_a_crossover_is_where_the_logarithms_meet_zero(crossovers):
    ((found,),) = crossovers([(0.5, 0.4, 0.8), (2.0, 1.25, 2.5)])

    assert found["at"] == pytest.approx(0.5)
    assert found["rises"]
    assert found["low"] == pytest.approx(log(0.8) / (log(0.8) - log(2.5)))
    assert found["high"] == pytest.approx(log(0.4) / (log(0.4) - log(1.25)))


def test_undecided_cells_widen_a_crossover_and_are_none_themselves(crossovers):
    never, neither, (found,) = crossovers(
        [EVEN, EVEN, FAST], [SLOW, EVEN, SLOW], [SLOW, EVEN, FAST]
    )

    assert never == neither == []
    assert found["low"] < 1 == found["at"] < found["high"]


def test_a_crossover_is_bridged_over_what_could_not_be_measured(crossovers):
    ((found,),) = crossovers([SLOW, None, FAST])

    assert found["at"] == pytest.approx(1.0)


def test_a_cell_without_an_interval_decides_nothing(crossovers):
    found = crossovers([SLOW, (9.0, None, None)], [(0.1, None, None), FAST])

    assert found == [[], []]


def test_every_change_of_side_is_found_once_and_lies_between_its_decided_cells(crossovers):
    random = Random(5)
    rows = []
    for _ in range(200):
        values = [exp(random.gauss(0, 0.5)) for _ in range(random.randint(1, 9))]
        rows.append(
            [
                (v, v * exp(-width), v * exp(width))
                for v in values
                for width in [random.random() / 3]
            ]
        )

    answers = crossovers(*rows)

    for row, found in zip(rows, answers, strict=True):
        sides = [(i, judge_speedup(Estimate(*cell))) for i, cell in enumerate(row)]
        decided = [(i, side) for i, side in sides if side != "undecided"]
        turns = [(a, b) for (a, one), (b, other) in pairwise(decided) if one != other]
        assert len(found) == len(turns)
        for (before, after), each in zip(turns, found, strict=True):
            assert before <= each["low"] <= each["at"] <= each["high"] <= after
            assert each["rises"] == (row[after][0] > 1)


def test_the_page_says_from_where_on_it_is_faster(open_surface):
    page = open_surface(SQUARE)

    assert "Faster than standard in 3 of 4 cells, slower in 1, undecided in 0." in page.inner_text(
        ".sentence"
    )
    said = page.inner_text(".crossings")
    assert "resolution 14: faster from about 32 [31, 34] on" in said
    assert "resolution 56: faster everywhere" in said


def test_an_undecided_cell_has_the_colour_of_neither(open_surface):
    page = open_surface(surface((16, 14, EVEN), (64, 14, FAST)))

    (cells,) = page.evaluate(TRACES, "heatmap")
    assert cells["z"] == [[0, 1]]
    assert "undecided: the interval includes 1×" in page.inner_text(".key")
    assert "1.0× [0.90, 1.1] realised speed-up: undecided" in cells["hovertext"][0][0]


def test_the_contour_is_drawn_only_where_it_crosses(open_surface):
    crossed, never = open_surface(SQUARE), open_surface(surface((16, 14, FAST), (64, 56, FAST)))

    assert len(crossed.evaluate(TRACES, "contour")) == 1
    assert never.evaluate(TRACES, "contour") == []
    assert never.inner_text(".crossings").split("\n")[-1] == "faster everywhere"


def test_what_was_promised_is_another_surface(open_surface):
    page = open_surface(SQUARE, "&show=share")

    (cells,) = page.evaluate(TRACES, "heatmap")
    assert "0.25× [0.24, 0.27] realised ÷ ideal: below its promise" in cells["hovertext"][1][0]
    assert "Above the promise in 0 of 4 cells, below in 4" in page.inner_text(".sentence")


def test_every_conv_type_stride_and_batch_has_a_panel_in_one_figure(open_dashboard):
    page = open_dashboard(history(2), "#view=surface")

    titles = page.evaluate(
        "document.querySelector('.figure').layout.annotations.map(each => each.text)"
    )
    assert titles == [
        f"{form} separable<br>stride {stride}"
        for form in ("depthwise", "spatially")
        for stride in (1, 2)
    ]
    assert page.locator(".figure").count() == 1


def test_pairs_of_channels_are_panels_of_their_own(open_surface):
    wide = [
        measurement(
            make_case(DEPTHWISE, c, 14, out_channels=2 * c), latency_s=1e-3, realised_speedup=FAST
        )
        for c in (16, 64)
    ]
    page = open_surface([*surface((16, 14, SLOW), (64, 14, FAST)), *wide])

    panels = page.evaluate(TRACES, "heatmap")
    assert [panel["z"] for panel in panels] == [[[-1, 1]], [[1, 1]]]
    assert "out = 2 × in" in page.inner_text(".crossings")
    assert (
        page.evaluate("document.querySelector('.figure').layout.xaxis.title.text")
        == "input channels"
    )


def test_more_panels_than_can_be_told_apart_are_left_out_and_counted(open_surface):
    cases = [
        make_case(DEPTHWISE, c, hw, stride=s, batch_size=b)
        for c, hw, s, b in product((16, 64), (14, 28), (1, 2, 3, 4, 5), (1, 2, 4, 8, 16))
    ]
    page = open_surface([succeed(case, Random(1)) for case in cases])

    assert len(page.evaluate(TRACES, "heatmap")) == 5
    assert "Of more than 24 panels" in page.inner_text(".note")


def test_a_held_axis_and_a_turned_surface_are_in_the_address(open_dashboard):
    page = open_dashboard(history(1), "#view=surface")

    page.select_option("[data-pick=stride]", "2")
    page.focus("[data-pick=x]")
    page.select_option("[data-pick=x]", "resolution")
    page.wait_for_function(
        "() => document.querySelector('.figure').layout.xaxis.title.text.startsWith('input height')"
    )

    assert page.evaluate("document.activeElement.dataset.pick") == "x"
    assert len(page.evaluate(TRACES, "heatmap")) == 2
    hash_ = page.evaluate("sepconv.link()")
    assert "held=stride%3D2" in hash_
    assert "x=resolution" in hash_
    assert "y=channels" in hash_


@pytest.mark.parametrize(
    "place", ["&x=__proto__&y=none", "&held=stride%3D99%26gone%3D1", "&show=none"]
)
def test_an_address_from_elsewhere_does_no_harm(open_dashboard, place):
    page = open_dashboard(history(1), f"#view=surface{place}")

    assert len(page.evaluate(TRACES, "heatmap")) == 4


def test_a_cell_leads_to_its_case(open_surface):
    page = open_surface(SQUARE)
    box = page.locator(".figure .nsewdrag").bounding_box()

    page.mouse.move(box["x"] + 20, box["y"] + box["height"] - 20)
    page.mouse.click(box["x"] + 20, box["y"] + box["height"] - 20)

    label = page.evaluate("sepconv.cases.label(sepconv.state.case)")
    assert page.evaluate("sepconv.state.view") == "case"
    assert label == make_case(DEPTHWISE, 16, 14).label


def test_the_same_cells_are_in_a_table_for_who_sees_no_colours(open_surface):
    page = open_surface(SQUARE)
    label = page.get_attribute(".figure", "aria-label")

    page.click("summary")
    page.wait_for_selector("details tbody tr[data-row]")

    rows = page.locator("details tbody tr[data-row]").all_inner_texts()
    assert len(rows) == 4
    assert [text for text in rows if "0.50×" in text and "slower" in text and "7.9×" in text]
    assert "slower in 1" in label
    assert (
        page.locator("details tbody a").first.get_attribute("href").startswith("#view=case&case=")
    )


def test_a_cell_that_failed_says_why(open_surface):
    broken = Measurement(make_case(DEPTHWISE, 64, 14), Status.CRASHED, "signal 11")
    page = open_surface([*surface((16, 14, FAST)), broken])

    texts = page.evaluate("document.querySelector('.figure').data.at(-1).text")
    assert texts == [f"{broken.case.label}<br>crashed: signal 11"]
    assert "not known" in page.inner_text(".key")


def event(case, state: EventState = EventState.CONFIRMED, **changes) -> Event:
    run = make_run()
    made = Event(
        uid="e" * 16, kind=EventKind.LATENCY, direction="slower", machine=run.machine.key,
        last_good=None, first_bad=run.revision, began_at=run.started_at,
        last_good_at="2026-02-01T00:00:00+00:00", first_seen_at=run.started_at,
        last_seen_at=run.started_at, members=(Changed(case, "latency_s", 1.2, 1.1, 1.3),),
        notes=(Note(state, "sepconv", "seen again", run.started_at),), id=3,
    )  # fmt: skip
    return replace(made, **changes)


def triangles(page) -> list[str]:
    found = page.evaluate(
        "document.querySelector('.figure').data.filter(t => t.marker?.symbol === 'triangle-up')"
    )
    return [text for trace in found for text in trace["text"]]


def test_an_open_regression_stands_where_it_is(open_surface):
    page = open_surface(SQUARE, events=[event(SQUARE[1].case)])

    (text,) = triangles(page)
    assert text.startswith("Event 3: slower by ")
    assert "open latency regression" in page.inner_text(".key")


@pytest.mark.parametrize(
    "other",
    [
        {"state": EventState.ACKNOWLEDGED},
        {"state": EventState.SUSPICIOUS},
        {"kind": EventKind.ENVIRONMENT},
        {"direction": "faster"},
    ],
    ids=str,
)
def test_what_is_no_open_latency_regression_is_no_triangle(open_surface, other):
    page = open_surface(SQUARE, events=[event(SQUARE[1].case, **other)])

    assert triangles(page) == []


def test_a_run_without_speedups_says_what_to_type(open_surface):
    page = open_surface([measurement(make_case(), latency_s=1e-3)])

    assert "sepconv quick" in page.inner_text(".empty")
    assert not page.locator(".figure").is_visible()


def test_names_are_never_read_as_html(open_surface):
    hostile = make_case("mine." + HOSTILE, options={"mode": HOSTILE})
    page = open_surface([succeed(hostile, Random(1))])

    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0


def test_an_older_run_is_computed_from_the_histories(open_dashboard):
    old, new = surface((16, 14, SLOW), (64, 14, FAST)), surface((16, 14, FAST), (64, 14, FAST))
    page = open_dashboard([(make_run(0), old), (make_run(1), new)], "#view=surface&run=run-0")

    assert "Faster than standard in 1 of 2 cells, slower in 1" in page.inner_text(".sentence")


def test_a_regression_of_another_machine_stands_on_its_own_surface(open_dashboard):
    elsewhere = replace(make_run().machine, cpu_model="Another CPU")
    runs = [(make_run(0), SQUARE), (make_run(1, machine=elsewhere), SQUARE)]
    theirs = event(SQUARE[1].case, machine=elsewhere.key)

    here = open_dashboard(runs, "#view=surface&run=run-0", events=[theirs])
    there = open_dashboard(runs, "#view=surface&run=run-1", events=[theirs])

    assert "open latency regression" not in here.inner_text(".key")
    assert "open latency regression" in there.inner_text(".key")
