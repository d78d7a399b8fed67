"""The dashboard's data: columns of plain values, with what Python decided of them.

Columns, not objects, since 100,000 rows of them are small and quick to read; every number has
five significant digits. Texts are as they were stored: whoever shows them makes them inert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from math import nan
from typing import Any

from sepconv.figures import FIGURES
from sepconv.figures.outcome import OUTCOME_THEMES
from sepconv.figures.table import Table
from sepconv.judge.axis import AXES, shape_of
from sepconv.judge.finding import is_standard
from sepconv.judge.history import class_of as ratio_class_of
from sepconv.panel import Panel
from sepconv.record import TRIED_IN_VAIN
from sepconv.report.dashboard.case import case_section
from sepconv.report.dashboard.compare import compare_section
from sepconv.report.dashboard.event import event_items
from sepconv.report.dashboard.night import describe_class, nights_section
from sepconv.report.dashboard.overview import overview_section
from sepconv.report.dashboard.roofline import roofline_section
from sepconv.report.dashboard.rounds import rounds_section
from sepconv.report.dashboard.run import run_section
from sepconv.report.dashboard.series import divide_parts, find_series, series_columns, whole
from sepconv.report.dashboard.source import Source
from sepconv.series import Occasion

FORMAT = 2  # of the columns; a script and its data are always of one release
ERROR_LENGTH = 2_000  # of what a page says of one failure: its end, where the reason stands
WORKS = {"ideal": "ideal_speedup", "params": "params", "macs": "macs", "flops": "flops"}

SECTIONS: dict[str, Callable[[Source, Table], Any]] = {
    "overview": overview_section,
    "roofline": roofline_section,
    "compare": compare_section,
    "case": case_section,
    "run": run_section,
}
"""What a view has of its own: by its name, what makes it."""

Keep = Callable[[int | str, str], Mapping[str, str]]
"""What puts a packed part somewhere, and says where: `{"packed": …}` or `{"src": …}`."""


def inline(_: int | str, packed: str) -> Mapping[str, str]:
    """A part that stands in the page itself."""
    return {"packed": packed}


def build_content(source: Source, keep: Keep = inline) -> dict[str, Any]:
    """Everything that the page shows, ready for JSON."""
    panel = source.panel
    parts = divide_parts(find_series(panel, source.class_index))
    return {
        "format": FORMAT,
        "title": source.title,
        "synthetic": any(run.conditions.get("synthetic") is True for run in source.runs),
        "store": source.store,
        "selection": source.selection,
        **_words(source),
        "classes": _classes(source),
        "runs": _runs(source),
        "cases": _cases(source),
        "works": _works(panel),
        "series": series_columns(panel, parts),
        "statuses": list(panel.statuses),
        "errors": [error[-ERROR_LENGTH:] for error in panel.errors],
        "parts": [
            {"points": part.points, **keep(number, part.pack(panel))}
            for number, part in enumerate(parts)
        ],
        "rounds": rounds_section(source.rounds, lambda packed: keep("rounds", packed)),
        "nights": nights_section(source, lambda packed: keep("nights", packed)),
        "events": event_items(source),
        "figures": {name: {"title": f.title, **f.frame} for name, f in FIGURES.items()},
        "themes": OUTCOME_THEMES,
        **_sections(source),
    }


def _words(source: Source) -> dict[str, Any]:
    """The axes, and the lines that are drawn along them."""
    table = source.table
    return {
        "axes": {
            name: {"title": axis.title, "values": list(table.axes.get(name, ()))}
            for name, axis in AXES.items()
        },
        "lines": [
            {"name": n.name, "color": n.color, "symbol": n.symbol, "standard": n.is_standard}
            for n in table.lines
        ],
    }


def _classes(source: Source) -> list[dict[str, str]]:
    found = {}
    for run, place in zip(source.runs, source.class_index, strict=True):
        ratio_machine, _ = ratio_class = ratio_class_of(Occasion.of_run(run))
        found[place] = {
            "ratio_machine": ratio_machine,
            "ratio_group": describe_class(ratio_class),
            "machine": run.machine.key,
            "environment": run.environment.key,
            "machine_label": run.machine.label,
            "environment_label": run.environment.label,
        }
    return [found[place] for place in range(len(source.classes))]


def _runs(source: Source) -> dict[str, list[Any]]:
    runs = source.runs
    return {
        "uid": [run.uid for run in runs],
        "number": [run.id for run in runs],
        "started": [run.started_at for run in runs],
        "commit": [run.commit for run in runs],
        "subject": [run.revision.subject if run.revision else None for run in runs],
        "branch": [run.branch for run in runs],
        "dirty": [run.dirty for run in runs],
        "suite": [run.suite for run in runs],
        "state": [run.state for run in runs],
        "class": list(source.class_index),
        "main": [run.uid in source.main for run in runs],
        **_counts(source.panel),
    }


def _counts(panel: Panel) -> dict[str, list[int]]:
    """How many cases each run has, and how many of them it tried in vain."""
    in_vain = {index for index, name in enumerate(panel.statuses) if name in TRIED_IN_VAIN}
    counts = Counter(panel.run)
    failed = Counter(
        run for run, status in zip(panel.run, panel.status, strict=True) if status in in_vain
    )
    every = range(len(panel.runs))
    return {"count": [counts[run] for run in every], "failed": [failed[run] for run in every]}


def _cases(source: Source) -> dict[str, list[Any]]:
    table = source.table
    places = table.places
    standards = {
        shape_of(place.case): index for index, place in enumerate(places) if is_standard(place.case)
    }
    return {
        "identity": [place.case.identity for place in places],
        "label": [place.case.label for place in places],
        "line": [place.line for place in places],
        "standard": [standards.get(shape_of(place.case)) for place in places],
        **{name: [place.indices[name] for place in places] for name in AXES},
    }


def _works(panel: Panel) -> dict[str, list[Any]]:
    """Exact values, case by case, to the last digit: any change of them is one of the work."""
    unknown = [nan] * len(panel.cases)
    return {
        name: [whole(value) for value in panel.exact.get(metric, unknown)]
        for name, metric in WORKS.items()
    }


def _sections(source: Source) -> dict[str, Any]:
    """What each view has of its own."""
    return {name: section(source, source.table) for name, section in SECTIONS.items()}
