import re

import plotly.graph_objects as go
import pytest

from sepconv.figures import FIGURES
from sepconv.figures.outcome import OUTCOME_THEMES
from sepconv.figures.palette import paint

LINE = {"@line": "#000000", "@symbol": "circle", "@name": "standard"}  # what a line fills in
PLAIN_TRACES = {"scatter", "box", "bar", "heatmap", "contour", "violin", "histogram"}
UNITLESS = {"channels", "run and commit", "pass", "latency of head ÷ base", ""}
every_figure = pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES.keys())


@every_figure
@pytest.mark.parametrize("theme", OUTCOME_THEMES)
def test_every_frame_is_one_that_plotly_takes(figure, theme):
    words = OUTCOME_THEMES[theme]
    frame = paint(figure.frame, words | LINE)

    drawn = go.Figure({"data": list(frame["traces"].values()), "layout": frame["layout"]})
    drawn.add_annotation(frame["empty"])

    assert len(drawn.data) == len(frame["traces"])
    assert not re.search(r'"@\w', drawn.to_json())


@every_figure
def test_every_token_of_a_frame_is_in_both_themes(figure):
    tokens = set(re.findall(r"'(@\w+)'", str(figure.frame))) - LINE.keys()

    assert all(tokens <= words.keys() for words in OUTCOME_THEMES.values())


@every_figure
def test_every_figure_has_a_title_and_axis_titles_with_units(figure):
    layout = figure.frame["layout"]

    assert layout["title"]["text"] == figure.title
    for axis in ("xaxis", "yaxis"):
        title = layout[axis]["title"]["text"]
        assert title in UNITLESS or re.search(r" / | per ", title), title


@every_figure
def test_no_figure_uses_a_trace_that_needs_eval(figure):
    text = str(figure.frame)

    assert not re.search("scattergl|parcoords|splom|scatterpolargl|heatmapgl", text)
    assert {frame["type"] for frame in figure.frame["traces"].values()} <= PLAIN_TRACES


@every_figure
def test_an_empty_figure_says_why(figure):
    text = figure.frame["empty"]["text"]

    assert re.match("(No|Nothing|This|The) ", text)
    assert text.endswith(".")
