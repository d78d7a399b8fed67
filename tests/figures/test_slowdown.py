from dataclasses import replace

import plotly.graph_objects as go
import pytest

from sepconv.comparison import Outcome
from sepconv.figures import slowdown
from sepconv.figures.outcome import OUTCOME_THEMES
from tests.report.comparison_sample import judged, told_nothing
from tests.report.sample import HOSTILE, make_case


def made(*cases):
    return [
        judged(ring, case, Outcome.SLOWER if change > 0.02 else Outcome.SAME, change)
        for ring, (case, change) in enumerate(cases, 1)
    ]


def surface(*cases):
    found = made(*cases)
    return slowdown.content(found, [case.head.conv_type for case in found])


FOUR = [
    (make_case("standard", channels, side, stride=stride), (channels - side + stride) / 1000)
    for channels in (16, 64)
    for side in (14, 28)
    for stride in (1, 2)
]


def test_channels_are_across_and_resolutions_up():
    found = surface(*FOUR)

    assert (found.x.name, found.x.values) == ("channels", ("16", "64"))
    assert (found.y.name, found.y.values) == ("resolution", ("14", "28"))
    assert [side.name for side in found.held] == ["stride"]


def test_a_cell_of_several_cases_shows_the_worst_of_them():
    (cells,) = slowdown.panel(surface(*FOUR), 0)["data"]

    assert cells["z"] == [[0.4, 5.2], [-1.0, 3.8]]
    assert cells["text"][0] == ["+0.4", "+5.2"]


def test_holding_an_axis_leaves_only_the_cases_at_that_value():
    (cells,) = slowdown.panel(surface(*FOUR), 0, [0])["data"]

    assert cells["z"] == [[0.3, 5.1], [-1.1, 3.7]]


def test_what_is_slower_is_framed_and_nothing_else():
    shapes = slowdown.panel(surface(*FOUR), 0)["layout"]["shapes"]

    assert [(shape["x0"], shape["y0"]) for shape in shapes] == [(0.5, -0.5), (0.5, 0.5)]


def test_a_cell_leads_to_its_case_in_the_list_of_all():
    failed = told_nothing(9, make_case("standard", 16, 14), Outcome.FAILED, "why")
    cases = [failed, *made(*FOUR)]
    found = slowdown.content(cases, ["standard"] * len(cases))

    (cells,) = slowdown.panel(found, 0)["data"]

    assert cases[cells["customdata"][0][1]].ratio == pytest.approx(1.052)


def test_each_conv_type_has_a_panel_and_all_have_the_same_places():
    found = surface(*FOUR, (make_case("depthwise_separable", 64, 14), 0.3))

    (cells,) = slowdown.panel(found, 1)["data"]

    assert found.forms == ("standard", "depthwise_separable")
    assert cells["z"] == [[None, 30.0], [None, None]]
    assert cells["text"] == [["", "+30.0"], ["", ""]]


@pytest.mark.parametrize(
    "cases",
    [
        [],
        [(make_case(), 0.01)],
        [(make_case("standard"), 0.01), (make_case("depthwise_separable"), 0.01)],
    ],
)
def test_where_no_axis_varies_there_is_no_surface(cases):
    assert surface(*cases) is None


@pytest.mark.parametrize(
    ("varied", "axes"),
    [
        ([{"channels": 16}], ("channels", "resolution")),
        ([{"resolution": 14}], ("channels", "resolution")),
        ([{"channels": 16}, {"stride": 2}], ("channels", "stride")),
        ([{"resolution": 14}, {"stride": 2}], ("stride", "resolution")),
        ([{"stride": 2}, {"batch_size": 2}, {"batch_size": 4}], ("batch_size", "stride")),
        ([{"threads": 2}], ("threads", "resolution")),
    ],
)
def test_other_axes_take_the_place_of_what_does_not_vary(varied, axes):
    found = surface((make_case(), 0.01), *((make_case(**changes), 0.02) for changes in varied))

    assert (found.x.name, found.y.name) == axes


def test_pairs_stand_between_the_sizes_they_lie_between():
    wide = make_case("standard", 32, out_channels=64)

    found = surface(*((case, 0.01) for case in (wide, make_case(channels=64), make_case("x", 32))))

    assert found.x.values == ("32", "32→64", "64")


def test_the_colours_end_where_nine_of_ten_cells_do_and_never_below_five_per_cent():
    sizes = [(make_case(channels=channels), 0.001) for channels in range(8, 48)]
    wild = [(make_case(channels=channels), 0.2) for channels in range(48, 60)]

    assert surface(*sizes).scale == 5.0
    assert surface(*sizes, (make_case(channels=64), 3.0)).scale == 5.0
    assert surface(*sizes, *wild).scale == 20.0


def test_a_fine_grid_has_no_numbers_and_few_labels_and_is_not_endless():
    fine = surface(
        *((make_case("standard", c, side), 0.03) for c in range(8, 18) for side in range(7, 207))
    )
    panel = slowdown.panel(fine, 0)

    assert "texttemplate" not in panel["data"][0]
    assert len(panel["layout"]["yaxis"]["tickvals"]) <= slowdown.MOST_TICKS
    assert panel["layout"]["height"] <= 1000


def test_conv_types_beyond_what_can_be_shown_are_counted():
    kinds = [(make_case(f"mine{n}", c), 0.01) for n in range(20) for c in (8, 16)]

    found = surface(*kinds)

    assert (len(found.forms), found.forms_left_out) == (slowdown.MOST_PANELS, 8)


@pytest.mark.parametrize("theme", OUTCOME_THEMES)
def test_it_draws_in_both_themes_and_names_both_axes_with_units(theme):
    figure = slowdown.draw(surface(*FOUR), 0, theme)

    assert isinstance(figure, go.Figure)
    assert '"@' not in figure.to_json()
    assert figure.layout.xaxis.title.text == "channels"
    assert figure.layout.annotations[0].text == "input height and width / pixels"
    assert {trace.type for trace in figure.data} == {"heatmap"}


def test_plotly_never_sees_a_tag_in_a_value():
    odd = replace(make_case(), device="cpu")
    found = surface((odd, 0.01), (make_case(channels=16), 0.03))
    side = replace(found.x, values=(HOSTILE, HOSTILE))

    assert "<img" not in str(slowdown.panel(replace(found, x=side), 0))
