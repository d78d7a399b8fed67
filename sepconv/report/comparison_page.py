"""One HTML file of a comparison: the verdict, its evidence, and how to see each row again.

The table is HTML, so that it is there without scripts; figures and passes come as data.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from math import exp
from typing import Any

from sepconv.comparison import (
    BY_WEIGHT,
    Compared,
    ComparedPass,
    Comparison,
    Detail,
    Outcome,
    Stage,
)
from sepconv.figures import ratio, slowdown
from sepconv.figures.outcome import MARKS, OUTCOME_THEMES
from sepconv.figures.table import round_digits
from sepconv.judge.gate import Signal, signals_of
from sepconv.report.comparison_row import DETAILED, CaseRow, anchor_of, case_rows
from sepconv.report.comparison_summary import (
    acknowledged,
    circumstances,
    count_outcomes,
    environment_rows,
    exact_metrics,
    gaps,
    method_facts,
    side_facts,
    unmeasured,
)
from sepconv.report.dashboard.policy import FILE_POLICY
from sepconv.report.offline import (
    packed_plotly,
    palette_style,
    script_json,
    script_text,
    shared_scripts,
)
from sepconv.report.run import format_time
from sepconv.report.shape import shared_axes
from sepconv.report.verdict import (
    WORDS,
    describe_gaps,
    describe_method,
    describe_verdict,
    ordered,
)
from sepconv.units import format_percent

__all__ = ["anchor_of", "render_comparison"]

FIRST_ROWS = 500  # the rest stands behind a line that opens: a long table is slow to lay out
MOST_REASONS = 40
MOST_ACKNOWLEDGED = 50
PATHS = {  # of the markers, in a square of 16, as plotly draws them
    "square": "M3 3h10v10H3z",
    "diamond": "M8 1.5 14.5 8 8 14.5 1.5 8z",
    "circle": "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z",
    "circle-open": "M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12zm0 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z",
    "x": "M3.5 1 8 5.5 12.5 1 15 3.5 10.5 8 15 12.5 12.5 15 8 10.5 3.5 15 1 12.5 5.5 8 1 3.5z",
    "cross": "M6 1.5h4V6h4.5v4H10v4.5H6V10H1.5V6H6z",
    "triangle-up": "M8 2 14.5 13.5h-13z",
    "triangle-down": "M8 14 1.5 2.5h13z",
}
SIGNALS: dict[Detail, Signal] = {Detail.TAIL_CHANGED: "tail", Detail.WAITS: "waits"}
LARGEST_LOG = 700.0  # whose exponential is a number
STAGES = (Stage.SCREEN, Stage.CONFIRM, Stage.NULL)


def render_comparison(
    comparison: Comparison, passes: Sequence[ComparedPass], *, title: str | None = None
) -> str:
    """The page of a comparison and its passes; the same ones give the same bytes."""
    from jinja2 import Environment, StrictUndefined

    here = files("sepconv.report")
    cases = ordered(comparison.cases)
    rows = case_rows(comparison, cases)
    document = build_document(comparison, cases, rows, passes)
    has_figure = bool(document["forest"] or document["surface"])
    look = (here / "comparison.css").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((here / "comparison.html").read_text("utf-8"))
    return template.render(
        **page_words(comparison, cases, rows, title),
        policy=FILE_POLICY,
        document=script_json(document),
        has_forest=document["forest"] is not None,
        has_surface=document["surface"] is not None,
        style="\n".join([palette_style(OUTCOME_THEMES), look, mark_style()]),
        scripts=[*shared_scripts(), script_text((here / "comparison.js").read_text("utf-8"))],
        plotly=packed_plotly() if has_figure else "",
    )


def page_words(
    comparison: Comparison, cases: Sequence[Compared], rows: Sequence[CaseRow], title: str | None
) -> dict[str, Any]:
    """All that the page says in words."""
    return {
        "title": title or f"{comparison.head.title} against {comparison.base.title}",
        "verdict": describe_verdict(comparison),
        "state": verdict_state(comparison),
        "unmeasured": unmeasured(comparison),
        **_side_words(comparison),
        **_outcome_words(cases),
        **_figure_words(comparison, cases),
        **_table_words(comparison, cases, rows),
        **_footing(comparison, cases),
    }


def _side_words(comparison: Comparison) -> dict[str, Any]:
    """What was compared, when and where."""
    environment = environment_rows(comparison)
    sides = (("base", comparison.base), ("head", comparison.head))
    return {
        "when": format_time(comparison.started_at),
        "machine": comparison.machine.label,
        "sides": [(name, side.title, side_facts(side)) for name, side in sides],
        "environment": environment,
        "environment_differs": any(row.differs for row in environment),
        "circumstances": circumstances(comparison),
    }


def _outcome_words(cases: Sequence[Compared]) -> dict[str, Any]:
    """What came out: counts, what is meant to be so, and what is exact."""
    outcomes, counts = count_outcomes(cases)
    meant = acknowledged(cases)
    return {
        "words": {str(outcome): word for outcome, word in WORDS.items()},
        "outcomes": [str(outcome) for outcome in outcomes],
        "counts": counts,
        "acknowledged": meant[:MOST_ACKNOWLEDGED],
        "further_acknowledged": len(meant[MOST_ACKNOWLEDGED:]),
        "exact": exact_metrics(cases),
    }


def _figure_words(comparison: Comparison, cases: Sequence[Compared]) -> dict[str, Any]:
    """What stands above the forest of changes."""
    with_ratio = [case for case in cases if ratio.percent(case.ratio) is not None]
    drawn = with_ratio[: ratio.MOST_ROWS]
    found = {case.outcome for case in drawn}
    margins = (comparison.method.get(name) for name in ("margin", "same_margin"))
    return {
        "drawn": (len(drawn), len(with_ratio)),
        "legend": [str(outcome) for outcome in BY_WEIGHT if outcome in found],
        "margins": [None if margin is None else format_percent(margin) for margin in margins],
    }


def _table_words(
    comparison: Comparison, cases: Sequence[Compared], rows: Sequence[CaseRow]
) -> dict[str, Any]:
    """The rows, and what all of them have in common."""
    shared = shared_axes([case.head for case in cases]) if cases else {}
    return {
        "rows": rows,
        "first_rows": FIRST_ROWS,
        "detailed": DETAILED,
        "forms": sorted({row.form for row in rows}),
        "shared": ", ".join(f"{name} {text}" for name, text in shared.items()),
        "is_unpaired": bool(comparison.conditions.get("unpaired")),
    }


def _footing(comparison: Comparison, cases: Sequence[Compared]) -> dict[str, Any]:
    """What is not known, and what all else rests on."""
    told = gaps(comparison, cases)
    floor = comparison.method.get("floor")
    return {
        "gaps": told[:MOST_REASONS],
        "further_gaps": len(told[MOST_REASONS:]),
        "gap_lines": describe_gaps(comparison),
        "method": describe_method(comparison),
        "method_facts": method_facts(comparison),
        "floor": None if floor is None else format_percent(floor),
    }


def mark_style() -> str:
    """The markers of the outcomes as rules of a style sheet."""
    return "\n".join(
        f".outcome.{outcome}::before {{ clip-path: path(evenodd, '{PATHS[mark.symbol]}'); "
        f"background: var(--{mark.color.removeprefix('@')}); }}"
        for outcome, mark in MARKS.items()
    )


def verdict_state(comparison: Comparison) -> str:
    """What the first line is to look like: that something could not be measured is not one of
    the ways in which head can be slower."""
    if comparison.state != "done":
        return "unfinished"
    if comparison.alarms:
        return "slower"
    if not comparison.cases and comparison.unchanged:
        return "same"
    if comparison.outcome in (Outcome.FAILED, Outcome.NOT_COMPARABLE):
        return "broken"
    return str(comparison.outcome)


def build_document(
    comparison: Comparison,
    cases: Sequence[Compared],
    rows: Sequence[CaseRow],
    passes: Sequence[ComparedPass],
) -> dict[str, Any]:
    """What the script draws; `cases` and `rows` are in the page's order."""
    labels = [f"{row.shape} · {row.form}" for row in rows]
    texts = [f"{label}\n{row.word}\n{row.change}" for label, row in zip(labels, rows, strict=True)]
    forest = ratio.content(cases, labels, texts, comparison.method)
    surface = slowdown.content(cases, [row.form for row in rows])
    return {
        "anchors": [row.anchor for row in rows],
        "themes": OUTCOME_THEMES,
        "forest": ratio.spec(forest) if forest.points else None,
        "surface": None if surface is None else surface_columns(surface),
        "strips": _strips(cases[:DETAILED], passes),
        "nulls": _nulls(passes),
        "margins": [forest.margin, forest.same_margin],
    }


def surface_columns(surface: slowdown.Surface) -> dict[str, Any]:
    """The surface as columns, with the look of a panel."""
    cells = surface.cells
    return {
        "forms": list(surface.forms),
        "left_out": surface.forms_left_out,
        "held": [{"title": side.title, "values": list(side.values)} for side in surface.held],
        "columns": len(surface.x.values),
        "rows": len(surface.y.values),
        "scale": surface.scale,
        "form": [cell.form for cell in cells],
        "x": [cell.x for cell in cells],
        "y": [cell.y for cell in cells],
        "at": [list(cell.held) for cell in cells] if surface.held else [],
        "change": [cell.change for cell in cells],
        "text": [slowdown.spell(cell) for cell in cells],
        "slower": [int(cell.is_slower) for cell in cells],
        "place": [cell.place for cell in cells],
        "layout": slowdown.panel_layout(surface),
        "cells": slowdown.look_of_cells(surface),
        "frame": slowdown.look_of_frame(surface),
    }


def _strips(
    cases: Sequence[Compared], passes: Sequence[ComparedPass]
) -> list[dict[str, list[float | None]] | None]:
    """For each case its interval and its passes, as columns; None where there is no pass."""
    by_ring: dict[int, list[ComparedPass]] = {}
    for one in passes:
        if one.stage is not Stage.NULL:
            by_ring.setdefault(one.pair.ring, []).append(one)
    return [_strip(case, by_ring[case.ring]) if case.ring in by_ring else None for case in cases]


def _strip(case: Compared, passes: Sequence[ComparedPass]) -> dict[str, list[float | None]]:
    found = sorted(passes, key=lambda one: (STAGES.index(one.stage), one.pair.pass_number))
    return {
        "interval": [ratio.percent(bound) for bound in (case.ratio, case.low, case.high)],
        "stage": [STAGES.index(one.stage) for one in found],
        "number": [one.pair.pass_number for one in found],
        "server": [one.pair.server for one in found],
        "change": [_change(one, case) for one in found],
        "base": [round_digits(one.base_latency_s) for one in found],
        "head": [round_digits(one.head_latency_s) for one in found],
    }


def _change(one: ComparedPass, case: Compared | None = None) -> float | None:
    """What a pass says, in per cent, in the way in which its case was decided."""
    signals = signals_of(one.pair)
    details = case.details if case is not None else ()
    wanted: Signal = next((SIGNALS[detail] for detail in details if detail in SIGNALS), "time")
    return ratio.percent(exp(min(signals.get(wanted, signals["time"]), LARGEST_LOG)))


def _nulls(passes: Sequence[ComparedPass]) -> list[float | None]:
    """What base against itself showed, pass by pass."""
    return [_change(one) for one in passes if one.stage is Stage.NULL]
