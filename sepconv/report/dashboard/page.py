"""The dashboard as one HTML file that works from a disk, offline, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sepconv.figures.outcome import OUTCOME_THEMES
from sepconv.report.dashboard.content import build_content
from sepconv.report.dashboard.fallback import fallback_words
from sepconv.report.dashboard.pack import pack_text
from sepconv.report.dashboard.policy import FILE_POLICY
from sepconv.report.dashboard.source import Source
from sepconv.report.offline import palette_style, plotly_source, script_json, script_text

HERE = files("sepconv.report.dashboard")
VIEWS = ("overview", "explore", "surface", "roofline", "compare", "case", "run")
SCRIPTS = (
    *(
        "units",
        "dom",
        "store",
        "blocks",
        "state",
        "plot",
        "table",
        "shell",
    ),  # of every view
    *("fresh", "unpaired", "news", "promise"),  # of Overview
    *("strips", "sides"),  # of Compare
    *("panel", "crossover", "mosaic"),  # of Surface, the first one of Roofline too
    *("filter", "facet", "graph"),  # of Explore
    "rounds",  # of Case and Compare
    *VIEWS,
    "start",
)
"""The scripts, in their order: each is a file in `script/`."""


def render(source: Source) -> str:
    """The page in one file; the same source gives the same bytes."""
    return render_page(source, build_content(source), plotly={"packed": packed_plotly()})


def render_page(
    source: Source,
    content: Mapping[str, Any],
    *,
    plotly: Mapping[str, str],
    policy: str = FILE_POLICY,
) -> str:
    """The page of that content, which finds plotly in itself (`packed`) or beside it (`src`)."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    fallback = environment.from_string(_text("noscript.html"))
    return environment.from_string(_text("template.html")).render(
        title=source.title,
        feed=source.feed,
        policy=policy,
        style="\n".join(
            [palette_style(OUTCOME_THEMES), _text("style.css"), *_texts("style/{}.css", VIEWS)]
        ),
        document=script_json(content),
        scripts=[script_text(each) for each in _texts("script/{}.js", SCRIPTS)],
        plotly=plotly,
        noscript=fallback.render(fallback_words(source, content)),
    )


@cache
def packed_plotly() -> str:
    """plotly's script as a page carries it along: packing it takes longer than all the rest."""
    return pack_text(plotly_source())


def _texts(pattern: str, names: Iterable[str]) -> list[str]:
    return [_text(pattern.format(name)) for name in names]


def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")
