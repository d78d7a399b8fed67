"""What the page says of every run: its facts, where its time went, and what to type for another."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from sepconv.figures.table import Table
from sepconv.judge.allocator import policies
from sepconv.report.allocator import allocator_section
from sepconv.report.dashboard.source import Source
from sepconv.report.run import run_facts, unsupported_metrics
from sepconv.run import Run

DONE = "done"
LABELS = 6  # of the cases that have something in common; the rest is counted
OPTIONS = {  # of a sweep, as `sepconv.cli.setting` knows them: option, and what needs no saying
    "where": ("--where", None),
    "time_budget_s": ("--time-budget", None),
    "allocator": ("--allocator", "tuned"),
    "seed": ("--seed", 0),
    "case_timeout_s": ("--case-timeout", 30.0),
    "memory_limit_bytes": ("--memory-limit", None),
    "isolate": ("--isolate", False),
    "conv_types": ("--conv-types", None),
}
UNITS = {"time_budget_s": "s", "case_timeout_s": "s", "memory_limit_bytes": "B"}


def run_section(source: Source, table: Table) -> dict[str, Any]:
    """All runs, and what only the newest of each class is asked for."""
    return {
        **run_columns(source.runs),
        "unsupported": {run: _unsupported(source, run) for run in source.newest},
        "allocator": {
            run: found for run in source.newest if (found := _allocator(source, run)) is not None
        },
    }


def run_columns(runs: Sequence[Run]) -> dict[str, Any]:
    """All runs, oldest first; a text that many of them share is kept once.

    `facts` are, run by run, indices into `labels` and `texts` in turn.
    """
    labels: dict[tuple[str, str], int] = {}
    texts: dict[str, int] = {}
    facts = []
    for run in runs:
        own: list[int] = []
        for group, each in run_facts(run):
            for label, text in each:
                own.append(labels.setdefault((group, label), len(labels)))
                own.append(texts.setdefault(text, len(texts)))
        facts.append(own)
    return {
        "labels": [list(label) for label in labels],
        "texts": list(texts),
        "facts": facts,
        "timing": [_timing(run) for run in runs],
        "commands": [list(map(list, commands(run))) for run in runs],
    }


def commands(run: Run) -> Iterator[tuple[str, str]]:
    """What to type: what it does, and the command."""
    if run.state != DONE and run.id is not None and "asked" in run.conditions:
        yield "measure what is missing of it", f"sepconv run --resume --run {run.id}"
    if run.conditions.get("synthetic") is not True:
        yield "measure the same once more", repeating_command(run)
    if run.id is not None:
        yield "its numbers in a terminal", f"sepconv show {run.id}"


def repeating_command(run: Run) -> str:
    """How the run was asked for, as far as it says so."""
    asked: Mapping[str, Any] = run.conditions.get("asked") or {}
    words = ["sepconv", "run", str(asked.get("suite", run.suite))]
    for name, (option, usual) in OPTIONS.items():
        value = asked.get(name, usual)
        if value is True:
            words.append(option)
        elif value not in (usual, None):
            words += [option, _spell(name, value)]
    return shlex.join(words)


def _spell(name: str, value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text + UNITS.get(name, "")


def _timing(run: Run) -> list[list[Any]]:
    return [
        [name.removesuffix("_s").replace("_", " "), round(seconds, 3)]
        for name, seconds in run.timing.items()
        if isfinite(seconds)
    ]


def _allocator(source: Source, run: int) -> dict[str, Any] | None:
    """What it costs, if the run has a sibling under the other policy."""
    pair = policies(source.runs[run], source.runs)
    if pair is None:
        return None
    tuned, default = (source.measurements(source.run_index[each.uid]) for each in pair)
    return allocator_section(tuned, default, source.panel.case_index)


def _unsupported(source: Source, run: int) -> list[list[Any]]:
    """Metrics that this machine cannot give: why, in how many cases, and in which."""
    found = unsupported_metrics(source.measurements(run))
    return [[text, len(labels), labels[:LABELS]] for text, labels in found.items()]
