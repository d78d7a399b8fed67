"""The dashboard as one HTML file that works from a disk, offline, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from sepconv.figures.outcome import OUTCOME_THEMES
from sepconv.report.dashboard.content import build_content
from sepconv.report.dashboard.fallback import fallback_words
from sepconv.report.dashboard.policy import FILE_POLICY
from sepconv.report.dashboard.source import Source
from sepconv.report.offline import (
    packed_plotly,
    palette_style,
    script_json,
    script_text,
    shared_scripts,
)

HERE = files("sepconv.report.dashboard")
VIEWS = ("overview", "explore", "surface", "roofline", "compare", "case", "run")
SCRIPTS = (
    *(
        "store",
        "blocks",
        "nights",
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
"""The scripts, in their order, after those that all pages share: each is a file in `script/`."""


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
        scripts=[*shared_scripts(), *map(script_text, _texts("script/{}.js", SCRIPTS))],
        plotly=plotly,
        noscript=fallback.render(fallback_words(source, content)),
    )


def _texts(pattern: str, names: Iterable[str]) -> list[str]:
    return [_text(pattern.format(name)) for name in names]


def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")
