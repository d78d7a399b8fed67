"""What a comparison says at its end: in a terminal, as Markdown, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli.table import WIDE, make_console, print_json, rows_table
from sepconv.comparison import Acknowledgement, Compared, Comparison, Contender, Outcome
from sepconv.report.shape import shape_texts
from sepconv.report.text import NONE, inert
from sepconv.report.verdict import (
    WORDS,
    describe_environment,
    describe_gaps,
    describe_method,
    describe_verdict,
    form_of,
    format_change,
    ordered,
    outcome_text,
)
from sepconv.units import format_percent, format_seconds

if TYPE_CHECKING:
    from rich.table import Table

COLORS = {
    Outcome.SLOWER: "bold red",
    Outcome.FASTER: "green",
    Outcome.SAME: "dim",
    Outcome.UNDECIDED: "yellow",
    Outcome.FAILED: "red",
    Outcome.NOT_COMPARABLE: "red",
}


def print_comparison(comparison: Comparison, output_format: str) -> None:
    """Print the verdict, what every case showed, and what it rests on."""
    if output_format == "json":
        print_json(comparison_plain(comparison))
        return
    if output_format == "markdown":
        from sepconv.report.comment import render_comment

        click.echo(render_comment(comparison), nl=False)
        return
    lines = [
        describe_verdict(comparison),
        f"base {comparison.base.title}",
        f"head {comparison.head.title}",
    ]
    for side, place in ((comparison.base, 1), (comparison.head, 2)):
        if side.note:
            lines[place] += f": {side.note}"
    click.echo(inert(lines[0]))
    for line in lines[1:]:
        click.echo(f"  {inert(line)}")
    if comparison.cases:
        click.echo()
        console = make_console()
        console.print(_table(comparison.cases, console.width))
    click.echo()
    for line in [*describe_gaps(comparison), describe_method(comparison)]:
        click.echo(inert(line))
    click.echo(inert(f"{comparison.machine.label}; {describe_environment(comparison)}"))


def comparison_plain(comparison: Comparison) -> dict[str, Any]:
    """The comparison as programs read it."""
    return {
        "comparison": comparison.id,
        "uid": comparison.uid,
        "outcome": str(comparison.outcome),
        "state": comparison.state,
        "suite": comparison.suite,
        "started_at": comparison.started_at,
        "finished_at": comparison.finished_at,
        "base": _contender_plain(comparison.base),
        "head": _contender_plain(comparison.head),
        "machine": comparison.machine.label,
        "method": dict(comparison.method),
        "counts": {str(outcome): count for outcome, count in comparison.counts.items()},
        "cases": [case_plain(case) for case in comparison.cases],
        "left_out": [
            {"label": each.case.label, "case": each.case.to_dict(), "reason": each.reason}
            for each in comparison.left_out
        ],
        "unchanged": list(comparison.unchanged),
        "conditions": dict(comparison.conditions),
        "timing": dict(comparison.timing),
    }


def case_plain(case: Compared) -> dict[str, Any]:
    """One case: every axis of head by its name, and what was found."""
    plain = case.head.to_dict() | {
        "label": case.head.label,
        "identity": case.head.identity,
        "outcome": str(case.outcome),
        "details": [str(detail) for detail in case.details],
        "ratio": case.ratio,
        "low": case.low,
        "high": case.high,
        "confidence": case.confidence,
        "detectable": case.detectable,
        "passes": case.passes,
        "reason": case.reason,
        "base_latency_s": case.base_latency_s,
        "head_latency_s": case.head_latency_s,
        "metrics": {
            name: {"base": base, "head": head} for name, (base, head) in case.metrics.items()
        },
        "acknowledged": _acknowledgement_plain(case.acknowledged),
    }
    if case.base.identity != case.head.identity:
        plain["base_case"] = case.base.to_dict()
    return plain


def case_cells(cases: Sequence[Compared]) -> list[dict[str, str]]:
    """A row per case, as people read it."""
    shapes = shape_texts([case.head for case in cases])
    return [
        {
            "shape": shape,
            "conv type": form_of(case),
            "base": NONE if case.base_latency_s is None else format_seconds(case.base_latency_s),
            "head": NONE if case.head_latency_s is None else format_seconds(case.head_latency_s),
            "change": format_change(case),
            "could show": NONE if case.detectable is None else format_percent(case.detectable),
            "outcome": outcome_text(case),
        }
        for case, shape in zip(cases, shapes, strict=True)
    ]


def _table(cases: Sequence[Compared], width: int) -> Table:
    """What has to be acted upon first. A narrow terminal does without latencies and details."""
    rows = ordered(cases)
    cells = case_cells(rows)
    if width < WIDE:
        cells = [_narrow(case, row) for case, row in zip(rows, cells, strict=True)]
    return rows_table(
        cells,
        left=("shape", "conv type", "outcome"),
        wrapped=("outcome",),
        styles=[COLORS.get(case.outcome, "") for case in rows],
    )


def _narrow(case: Compared, row: Mapping[str, str]) -> dict[str, str]:
    """The cells that fit into 80 columns."""
    return {
        "shape": row["shape"],
        "conv type": row["conv type"].replace("separable", "sep."),
        "change": row["change"],
        "outcome": WORDS[case.outcome],
    }


def _acknowledgement_plain(word: Acknowledgement | None) -> dict[str, Any] | None:
    if word is None:
        return None
    return {
        "author": word.author,
        "reason": word.reason,
        "at": word.at,
        "carried_from": word.carried_from,
    }


def _contender_plain(side: Contender) -> dict[str, Any]:
    revision = side.revision
    return {
        "label": side.label,
        "commit": None if revision is None else revision.commit,
        "subject": None if revision is None else revision.subject,
        "branch": side.branch,
        "dirty": side.dirty,
        "digest": side.digest,
        "note": side.note,
        "settings": dict(side.settings),
        "environment": None if side.environment is None else _environment_plain(side),
    }


def _environment_plain(side: Contender) -> Mapping[str, Any]:
    assert side.environment is not None
    return {"key": side.environment.key, "label": side.environment.label} | asdict(side.environment)
