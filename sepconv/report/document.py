"""The page's data: several runs as columns of plain values, with what Python decided of them.

Columns, not objects, since 100,000 rows of them are small and quick to read; every number has
five significant digits. Texts are as they were stored: whoever shows them makes them inert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import isfinite
from typing import Any

from sepconv.event import Event
from sepconv.figures import FIGURES
from sepconv.figures.history import class_of
from sepconv.figures.palette import THEMES
from sepconv.figures.table import History, Row, Table, build_table, intern_cases
from sepconv.figures.view import default_view
from sepconv.judge.axis import AXES
from sepconv.judge.finding import Finding, Headline, find
from sepconv.record import Estimate
from sepconv.report.allocator import allocator_section
from sepconv.report.event_section import place_marks
from sepconv.report.run import run_facts, run_title, unsupported_metrics
from sepconv.report.sentence import describe, describe_shape, trust
from sepconv.run import Run

LABELS = 6  # of the cases that have something in common; the rest is counted
FORMAT = 1  # of the columns; the script refuses no page, since both are always of one release

ESTIMATES = {  # column → metric; each has two more columns for its interval
    "latency": "latency_s",
    "speedup": "realised_speedup",
}
EXACT = {"ideal": "ideal_speedup", "params": "params", "macs": "macs", "flops": "flops"}


def build_document(history: History, title: str, events: Sequence[Event] = ()) -> dict[str, Any]:
    """Everything that the page shows, ready for JSON."""
    history = intern_cases(history)
    table = build_table(history)
    table = replace(table, marks=place_marks(table, events))
    return {
        "format": FORMAT,
        "title": title,
        "axes": {
            name: {"title": axis.title, "values": list(table.axes.get(name, ()))}
            for name, axis in AXES.items()
        },
        "lines": [
            {"name": n.name, "color": n.color, "symbol": n.symbol, "standard": n.is_standard}
            for n in table.lines
        ],
        "runs": _runs(history, table),
        "cases": _cases(table),
        **_rows(table),
        "marks": [asdict(mark) for mark in table.marks],
        "figures": {name: {"title": f.title, **f.frame} for name, f in FIGURES.items()},
        "themes": THEMES,
    }


def _runs(history: History, table: Table) -> list[dict[str, Any]]:
    index_of = {place.case.identity: index for index, place in enumerate(table.places)}
    classes = list(dict.fromkeys(class_of(run) for run, _ in history))
    machines = [run.machine.key for run, _ in history]
    runs = []
    for index, (run, measurements) in enumerate(history):
        finding = find(measurements)
        runs.append(
            {
                "uid": run.uid,
                "title": run_title(run),
                "class": classes.index(class_of(run)),
                "machine_class": machines.index(run.machine.key),
                **_texts(run),
                **_finding(finding, run, index_of),
                "allocator": allocator_section(history, table, index),
                "unsupported": [
                    [text, len(labels), labels[:LABELS]]
                    for text, labels in unsupported_metrics(measurements).items()
                ],
                "view": _view(table, finding, index),
            }
        )
    return runs


def _texts(run: Run) -> dict[str, Any]:
    return {
        "commit": run.commit,
        "started": run.started_at,
        "subject": run.revision.subject if run.revision else None,
        "machine": run.machine.label,
        "environment": run.environment.label,
        "facts": [[group, [list(fact) for fact in facts]] for group, facts in run_facts(run)],
        "timing": [
            [name.removesuffix("_s").replace("_", " "), round(seconds, 3)]
            for name, seconds in run.timing.items()
            if isfinite(seconds)
        ],
    }


def _finding(finding: Finding, run: Run, index_of: Mapping[str, int]) -> dict[str, Any]:
    return {
        "sentence": describe(finding),
        "trust": trust(finding, run),
        "headlines": [_headline(headline, index_of) for headline in finding.headlines],
    }


def _headline(headline: Headline, index_of: Mapping[str, int]) -> dict[str, Any]:
    return {
        "shape": describe_shape(headline),
        "device": headline.shape.device,
        "cases": [index_of[c.measurement.case.identity] for c in headline.contenders],
        "leaders": [index_of[c.measurement.case.identity] for c in headline.leaders],
    }


def _view(table: Table, finding: Finding, run: int) -> dict[str, Any]:
    """The default view of a run, the held values as indices into the axes' values."""
    view = default_view(table, finding, run)
    held = {name: table.axes[name].index(value) for name, value in view.held.items()}
    return {"over": view.over, "held": held, "case": view.case}


def _cases(table: Table) -> dict[str, list[Any]]:
    axes = {name: [place.indices[name] for place in table.places] for name in AXES}
    return {
        "identity": [place.case.identity for place in table.places],
        "label": [place.case.label for place in table.places],
        "line": [place.line for place in table.places],
        **axes,
    }


def _rows(table: Table) -> dict[str, Any]:
    """The rows' columns; what many rows share (exact metrics, statuses, errors) is kept once."""
    works: dict[tuple[float | None, ...], int] = {}
    statuses: dict[str, int] = {}
    errors: dict[str, int] = {}
    columns: dict[str, list[Any]] = {
        name: [] for name in ("run", "case", "work", "status", "error")
    }
    for name in ESTIMATES:
        columns |= {name: [], f"{name}_low": [], f"{name}_high": []}
    for row in table.rows:
        work = tuple(_value(row, metric) for metric in EXACT.values())
        columns["run"].append(row.run)
        columns["case"].append(row.case)
        columns["work"].append(works.setdefault(work, len(works)))
        columns["status"].append(statuses.setdefault(row.status, len(statuses)))
        error = None if row.error is None else errors.setdefault(row.error, len(errors))
        columns["error"].append(error)
        for name, metric in ESTIMATES.items():
            _append(columns, name, row.values.get(metric))
    return {
        "rows": columns,
        "works": {name: [work[i] for work in works] for i, name in enumerate(EXACT)},
        "statuses": list(statuses),
        "errors": list(errors),
    }


def _append(columns: dict[str, list[Any]], name: str, estimate: Estimate | None) -> None:
    columns[name].append(_short(estimate.value if estimate else None))
    columns[f"{name}_low"].append(_short(estimate.low if estimate else None))
    columns[f"{name}_high"].append(_short(estimate.high if estimate else None))


def _value(row: Row, metric: str) -> float | None:
    estimate = row.values.get(metric)
    return _short(estimate.value) if estimate else None


def _short(value: float | None) -> float | None:
    """Whole numbers without their ".0", which JSON would carry along."""
    return int(value) if value is not None and value == int(value) else value
