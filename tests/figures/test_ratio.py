import plotly.graph_objects as go
import pytest

from sepconv.comparison import Outcome
from sepconv.figures import ratio
from sepconv.figures.outcome import MARKS, OUTCOME_THEMES
from tests.figures.test_palette import luminance
from tests.report.comparison_sample import judged, told_nothing
from tests.report.sample import HOSTILE, make_case, sweep

METHOD = {"margin": 0.01, "same_margin": 0.02}
SLOWER = judged(1, make_case(), Outcome.SLOWER, 0.05)
SAME = judged(2, make_case(channels=16), Outcome.SAME, 0.001)


def forest(*cases, method=METHOD):
    labels = [f"case {place}" for place in range(len(cases))]
    return ratio.content(cases, labels, labels, method)


def traces(found):
    return {trace["name"]: trace for trace in ratio.spec(found)["data"]}


def test_a_case_stands_at_its_change_in_per_cent_with_its_interval():
    slower = traces(forest(SLOWER, SAME))["slower"]

    assert slower["x"] == [5.0]
    assert slower["y"] == [0]
    assert slower["error_x"]["array"] == pytest.approx([1.4])
    assert slower["error_x"]["arrayminus"] == pytest.approx([1.4])


def test_the_first_case_is_at_the_top_and_the_axis_says_what_it_is_of():
    layout = ratio.spec(forest(SLOWER, SAME))["layout"]

    bottom, top = layout["yaxis"]["range"]
    assert bottom > 1 > 0 > top
    assert layout["yaxis"]["ticktext"] == ["case 0", "case 1"]
    assert layout["xaxis"]["title"]["text"] == "head against base, change in time per call / %"


def test_cases_without_a_ratio_are_not_drawn_and_not_counted():
    failed = told_nothing(3, make_case(), Outcome.FAILED, "why")

    found = forest(failed, SLOWER)

    assert [point.place for point in found.points] == [1]
    assert found.total == 1
    assert forest(failed).points == ()


def test_only_the_most_important_are_drawn():
    cases = [judged(ring, make_case(), Outcome.SAME, 0.0) for ring in range(500)]

    found = forest(*cases)

    assert (len(found.points), found.total) == (ratio.MOST_ROWS, 500)
    assert found.points[0].place == 0


def test_the_margins_are_bands_and_mirrored_as_ratios_are():
    same, alarm = ratio.spec(forest(SLOWER))["layout"]["shapes"]

    assert (same["x1"], alarm["x1"]) == (2.0, 1.0)
    assert alarm["x0"] == pytest.approx(100 * (1 / 1.01 - 1), rel=1e-4)
    assert same["fillcolor"] != alarm["fillcolor"]


def test_without_margins_there_are_no_bands():
    assert ratio.spec(forest(SLOWER, method={}))["layout"]["shapes"] == []


def test_one_huge_change_stands_at_the_edge_with_its_number_and_hides_no_other():
    huge = judged(1, make_case(), Outcome.SLOWER, 7.5)
    cases = [SLOWER, *(judged(n, make_case(), Outcome.SAME, 0.002) for n in range(2, 9))]

    found = forest(huge, *cases)
    left, right = found.reach

    assert right < 20
    assert traces(found)["slower"]["x"] == [right, 5.0]
    assert traces(found)["slower"]["error_x"]["array"][0] is None
    (note,) = ratio.spec(found)["layout"]["annotations"]
    assert note["text"] == "+750 % →"
    assert left < 0


def test_where_all_changes_are_large_none_is_at_the_edge():
    cases = [judged(n, make_case(), Outcome.FASTER, -0.4) for n in range(4)]

    left, right = forest(*cases).reach

    assert left < -40
    assert right > 0
    assert ratio.spec(forest(*cases))["layout"]["annotations"] == []


def test_an_interval_without_bounds_has_no_bar():
    alone = judged(1, make_case(), Outcome.UNDECIDED, 0.03, low=None, high=float("inf"))

    undecided = traces(forest(alone))["undecided"]

    assert undecided["error_x"]["array"] == [None]
    assert undecided["error_x"]["arrayminus"] == [None]


@pytest.mark.parametrize("theme", OUTCOME_THEMES)
@pytest.mark.parametrize("count", [1, 24, 500])
def test_it_draws_any_number_of_cases(theme, count):
    sizes = sweep(range(8, 8 + count), (14,), (1,))[:count]
    found = forest(*(judged(n, case, Outcome.SAME, 0.01) for n, case in enumerate(sizes)))

    figure = ratio.draw(found, theme)

    assert isinstance(figure, go.Figure)
    assert '"@' not in figure.to_json()


def test_plotly_never_sees_a_tag_in_a_name():
    found = ratio.content([SLOWER], [HOSTILE], [f"{HOSTILE}\n{HOSTILE}"], METHOD)

    assert "<img" not in str(ratio.spec(found))


def test_every_outcome_has_a_marker_of_its_own():
    assert set(MARKS) == set(Outcome)
    assert len({mark.symbol for mark in MARKS.values()}) == len(Outcome)


@pytest.mark.parametrize("theme", OUTCOME_THEMES)
def test_outcomes_and_numbers_on_the_scale_have_a_contrast_of_at_least_four_and_a_half(theme):
    words = OUTCOME_THEMES[theme]
    on_card = [(mark.color, "@card") for mark in MARKS.values()]
    on_cells = [("@ink", end) for end in ("@less", "@even", "@more")]
    for text, background in [*on_card, *on_cells]:
        darker, lighter = sorted((luminance(words[text]), luminance(words[background])))

        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, background)
