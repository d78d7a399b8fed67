from dataclasses import replace
from random import Random

import pytest

from sepconv.conv_type import ConvType
from sepconv.figures.frame import inert, spell
from sepconv.figures.palette import THEMES, line_style, paint
from sepconv.figures.table import build_table, round_digits
from sepconv.record import Estimate, Status
from tests.figures.test_every_figure import HISTORIES, drawn
from tests.report.sample import (
    both_allocators,
    history,
    make_case,
    make_run,
    measurement,
    succeed,
    trio,
)

RUN = [(make_run(), [*trio(16, depthwise=(0.5, 0.4, 0.6)), *trio(64), *trio(64, 14)])]


def trace(figure, name):
    return next(found for found in figure.data if found.name == name and found.mode != "lines")


def test_speedup_shows_each_form_along_the_channels_with_its_interval():
    depthwise = trace(drawn("speedup", RUN), "depthwise separable")

    assert depthwise.x == (16, 64)
    assert depthwise.y == (0.5, 4.2)
    assert depthwise.error_y.array == pytest.approx((0.1, 0.2))
    assert depthwise.error_y.arrayminus == pytest.approx((0.1, 0.2))
    assert depthwise.customdata == ("0.50× [0.40, 0.60]", "4.2× [4.0, 4.4]")


def test_the_ideal_is_dashed_in_the_colour_of_its_form():
    figure = drawn("speedup", RUN)
    ideal, realised = (t for t in figure.data if t.name == "depthwise separable")

    assert ideal.line.dash == "dash"
    assert ideal.y == (7.9, 7.9)
    assert ideal.line.color == realised.line.color == THEMES["light"]["@depthwise"]


def test_speedup_marks_where_a_form_is_as_fast_as_standard():
    line, room = drawn("speedup", RUN).layout.shapes

    assert (line.y0, line.y1) == (1, 1)
    assert line.label.text == "as fast as standard"
    assert room.y0 < 1
    assert room.line.width == 0


def test_standard_is_not_drawn_against_itself():
    assert all(found.name != "standard" for found in drawn("speedup", RUN).data)


def test_a_view_holds_every_axis_but_x():
    along_resolution = drawn("speedup", RUN, over="resolution", held={"channels": 64})
    elsewhere = drawn("speedup", RUN, held={"resolution": 14})

    assert trace(along_resolution, "depthwise separable").x == (14, 56)
    assert trace(elsewhere, "depthwise separable").x == (64,)


def test_latency_is_in_seconds_and_starts_at_zero_on_a_linear_scale():
    linear = drawn("latency", RUN, scale="linear")

    assert trace(linear, "standard").y == (2.1e-3, 2.1e-3)
    assert trace(linear, "standard").customdata[0] == "2.10 ms [2.00, 2.20]"
    assert linear.layout.yaxis.rangemode == "tozero"
    assert linear.layout.xaxis.type == "linear"
    assert drawn("latency", RUN).layout.yaxis.type == "log"


def test_a_value_without_interval_has_no_error_bar():
    figure = drawn("latency", HISTORIES["no intervals"])

    assert set(figure.data[0].error_y.array) == {None}
    assert all(text.endswith("(no interval)") for text in figure.data[0].customdata)


def test_sizes_that_are_pairs_stand_on_an_axis_of_categories():
    axis = drawn("latency", HISTORIES["sizes that are pairs"]).layout.xaxis

    assert axis.type == "category"
    assert axis.categoryarray == ("32", "32→64")


def test_promise_has_every_separable_case_and_rings_the_chosen_one():
    figure = drawn("promise", RUN)
    depthwise = trace(figure, "depthwise separable")

    assert sorted(depthwise.y) == [0.5, 4.2, 4.2]
    assert depthwise.x == (7.9, 7.9, 7.9)
    assert figure.data[-1].marker.symbol == "circle-open"
    assert figure.data[-1].y == (4.2,)


def test_promise_draws_its_guides_from_the_least_to_the_largest_promise():
    kept, even, *_ = drawn("promise", RUN).data

    assert kept.x == kept.y == (1, 7.9)
    assert even.y == (1, 1, 1)


def test_history_parts_environments_and_keeps_the_order_of_runs():
    figure = drawn("history", history(5))
    here, elsewhere = figure.data

    assert here.name == "this machine and environment"
    assert here.x == ("1: 4f2a91c", "2: 4f2a91d", "3: 4f2a91e", "5: 4f2a920")
    assert elsewhere.x == ("4: 4f2a91f",)
    assert "torch 2.14.0" in elsewhere.name
    assert figure.layout.xaxis.categoryarray[3] == "4: 4f2a91f"
    assert figure.layout.yaxis.rangemode == "tozero"


def test_another_machine_is_named_in_the_history():
    here = make_run(1)
    there = replace(make_run(0), machine=replace(here.machine, cpu_model="Other CPU"))
    case = succeed(make_case(), Random(1))

    figure = drawn("history", [(there, [case]), (here, [case])])

    assert "Other CPU" in figure.data[0].name


def test_the_allocator_figure_orders_cases_by_the_size_of_their_output():
    figure = drawn("allocator", both_allocators())
    depthwise = trace(figure, "depthwise separable")

    assert list(depthwise.x) == sorted(depthwise.x)
    assert depthwise.x[0] == 16 * 28 * 28 * 4
    assert depthwise.y[0] == pytest.approx(1.0, abs=0.1)
    assert depthwise.y[-1] > 1.1
    assert depthwise.error_y.array[0] > 0


def test_both_runs_show_the_same_cost_of_the_allocator():
    linked = both_allocators()

    assert drawn("allocator", linked, run=0).to_json() == drawn("allocator", linked).to_json()


def test_a_ratio_without_both_intervals_has_no_error_bar():
    (first, tuned), (second, default) = both_allocators()
    values = dict(default[0].values) | {"latency_s": Estimate(1e-3)}
    default = [replace(default[0], values=values), *default[1:]]

    standard = trace(drawn("allocator", [(first, tuned), (second, default)]), "standard")

    assert standard.error_y.array[0] is None
    assert standard.error_y.array[1] is not None


def test_runs_that_are_not_linked_have_no_cost_of_the_allocator():
    (first, tuned), (second, default) = both_allocators()
    strangers = [
        (replace(first, linked_uid=None), tuned),
        (replace(second, linked_uid=None), default),
    ]

    assert not drawn("allocator", strangers).data


def test_a_failed_case_has_no_latency_even_if_one_was_stored():
    broken = replace(measurement(make_case(), latency_s=1e-3), status=Status.TIMED_OUT)

    assert not drawn("latency", [(make_run(), [broken])]).data


def test_equal_cases_of_several_runs_are_one_place():
    table = build_table(history(3))

    assert len(table.places) == 72
    assert len(table.rows) == 3 * 72


def test_numbers_carry_five_digits():
    assert round_digits(0.0012345678) == 0.0012346
    assert round_digits(123456.0) == 123460.0


def test_each_conv_type_has_one_colour_and_a_marker_of_its_own():
    styles = [line_style(conv_type, 0, 0) for conv_type in [*ConvType, "mine"]]

    assert len({color for color, _ in styles}) == len({symbol for _, symbol in styles}) == 4
    assert line_style(ConvType.STANDARD, 0, 1) == ("@standard", "square-open")


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.1."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_of_text_and_lines_has_a_contrast_of_at_least_four_and_a_half(theme):
    words = THEMES[theme]
    background = luminance(words["@card"])
    for token in set(words) - {"@paper", "@card", "@grid", "@axis"}:
        lighter, darker = sorted((luminance(words[token]), background), reverse=True)

        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, token


def test_painting_replaces_whole_words_only():
    spec = {"color": "@ink", "text": "at @ink", "list": ["@ink", None, 1]}

    assert paint(spec, {"@ink": "#000"}) == {
        "color": "#000",
        "text": "at @ink",
        "list": ["#000", None, 1],
    }


def test_an_interval_is_spelled_in_the_unit_of_its_value():
    assert spell(Estimate(1.01e-3, 0.99e-3, 1.03e-3), "latency_s") == "1.01 ms [0.990, 1.03]"
    assert spell(Estimate(2.0), "realised_speedup") == "2.0× (no interval)"


def test_inert_text_has_no_tags_or_entities():
    assert inert("<b>&lt;") == "&lt;b&gt;&amp;lt;"
