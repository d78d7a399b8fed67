import re
from dataclasses import replace
from random import Random

import plotly.graph_objects as go
import pytest

from sepconv.figures import FIGURES
from sepconv.figures.palette import THEMES
from sepconv.figures.table import build_table
from sepconv.figures.view import View, default_view
from sepconv.judge.finding import find
from tests.report.sample import (
    HOSTILE,
    both_allocators,
    fail,
    history,
    make_case,
    make_run,
    measure,
    succeed,
    sweep,
)

OWN = make_case("mine." + HOSTILE, options={"mode": HOSTILE})
HISTORIES = {
    "no run": [],
    "an empty run": [(make_run(), [])],
    "one case": [(make_run(), [succeed(make_case(), Random(1))])],
    "no intervals": [(make_run(), measure(sweep(), Random(1), with_intervals=False))],
    "only failures": [(make_run(), [fail(case, 17) for case in sweep()])],
    "several runs": history(5),
    "sizes that are pairs": [
        (
            make_run(),
            measure(
                [
                    make_case(kind, 32, out_channels=out, kernel_size=k)
                    for kind in ("standard", "depthwise_separable")
                    for out in (32, 64)
                    for k in (3, (3, 1))
                ],
                Random(1),
            ),
        )
    ],
    "both allocators": both_allocators(),
    "hostile names": [(make_run(suite=HOSTILE, branch=HOSTILE), [succeed(OWN, Random(1))])],
}
DRAWN = [name for name, figure in FIGURES.items() if figure.content]  # the others: by the script
PLAIN_TRACES = {"scatter", "box", "bar", "heatmap", "contour", "violin", "histogram"}


def drawn(name: str, runs, theme: str = "light", **changes) -> go.Figure:
    table = build_table(runs)
    run = max(len(runs) - 1, 0)
    view = default_view(table, find(runs[run][1]), run) if runs else View()
    figure = FIGURES[name]
    assert figure.content is not None
    return figure.draw(figure.content(table, replace(view, **changes)), theme)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("runs", HISTORIES.values(), ids=HISTORIES.keys())
@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_draws_every_kind_of_run(name, runs, theme):
    figure = drawn(name, runs, theme)

    assert isinstance(figure, go.Figure)
    assert figure.data or figure.layout.annotations[0].text.startswith(("No ", "This case has no "))


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_has_a_title_and_axis_titles_with_units(name):
    figure = drawn(name, history(2))

    assert figure.layout.title.text == FIGURES[name].title
    assert figure.layout.xaxis.title.text in (
        "channels",
        "run and commit",
        "ideal speed-up, from multiply-adds / ×",
        "output of one call / bytes",
    )
    assert figure.layout.yaxis.title.text.endswith((" / ×", " / s per call"))


@pytest.mark.parametrize("name", FIGURES)
def test_no_figure_uses_a_trace_that_needs_eval(name):
    text = str(FIGURES[name].frame)

    assert not re.search("scattergl|parcoords|splom|scatterpolargl|heatmapgl", text)
    assert {frame["type"] for frame in FIGURES[name].frame["traces"].values()} <= PLAIN_TRACES


@pytest.mark.parametrize("name", DRAWN)
def test_no_token_of_the_palette_is_left_in_a_figure(name):
    text = drawn(name, history(3)).to_json()

    assert not re.search(r'"@\w', text)


@pytest.mark.parametrize("name", DRAWN)
def test_plotly_never_sees_a_tag_in_a_name(name):
    text = str(drawn(name, HISTORIES["hostile names"]).to_plotly_json())

    assert "<img" not in text
    assert "<b>" not in text
