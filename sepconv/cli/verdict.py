"""What a comparison says at its end: in a terminal, as Markdown, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli.table import (
    NONE,
    WIDE,
    headline,
    inert,
    make_console,
    markdown_cell,
    print_json,
    print_rows,
    rows_table,
    shape_texts,
)
from sepconv.comparison import BY_WEIGHT, Compared, Comparison, Contender, Outcome
from sepconv.judge.workload import FAULTS
from sepconv.report.verdict import (
    WORDS,
    describe_gaps,
    describe_method,
    describe_verdict,
    format_change,
    format_details,
)
from sepconv.units import format_bytes, format_count, format_percent, format_seconds

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
METRIC_FORMATS = {"allocated_bytes": format_bytes, "peak_memory_bytes": format_bytes}


def print_comparison(comparison: Comparison, output_format: str) -> None:
    """Print the verdict, what every case showed, and what it rests on."""
    if output_format == "json":
        print_json(comparison_plain(comparison))
        return
    lines = [
        describe_verdict(comparison),
        f"base {comparison.base.title}",
        f"head {comparison.head.title}",
    ]
    for side, place in ((comparison.base, 1), (comparison.head, 2)):
        if side.note:
            lines[place] += f": {side.note}"
    if output_format == "markdown":
        _print_markdown(comparison, lines)
        return
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
    click.echo(inert(f"{comparison.machine.label}; {_environment(comparison)}"))


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
    }
    if case.base.identity != case.head.identity:
        plain["base_case"] = case.base.to_dict()
    return plain


def ordered(cases: Sequence[Compared]) -> list[Compared]:
    """What has to be acted upon first; the largest change of each outcome first."""
    return sorted(
        cases, key=lambda case: (BY_WEIGHT.index(case.outcome), -abs((case.ratio or 1.0) - 1))
    )


def case_cells(cases: Sequence[Compared]) -> list[dict[str, str]]:
    """A row per case, as people read it."""
    shapes = shape_texts([case.head for case in cases])
    return [
        {
            "shape": shape,
            "conv type": _form(case),
            "base": NONE if case.base_latency_s is None else format_seconds(case.base_latency_s),
            "head": NONE if case.head_latency_s is None else format_seconds(case.head_latency_s),
            "change": format_change(case),
            "could show": NONE if case.detectable is None else format_percent(case.detectable),
            "outcome": _outcome(case),
        }
        for case, shape in zip(cases, shapes, strict=True)
    ]


def _print_markdown(comparison: Comparison, lines: Sequence[str]) -> None:
    first, base, head = (markdown_cell(line) for line in lines)
    click.echo(f"**{first}**\n\n{base}  \n{head}\n")
    print_rows(case_cells(ordered(comparison.cases)), "markdown")
    for line in [*describe_gaps(comparison), describe_method(comparison)]:
        click.echo(f"\n{markdown_cell(line)}")
    click.echo(
        f"\n{markdown_cell(comparison.machine.label)}; {markdown_cell(_environment(comparison))}"
    )


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


def _outcome(case: Compared) -> str:
    parts = [WORDS[case.outcome], format_details(case), *_changed_metrics(case)]
    if case.outcome not in (Outcome.SAME, Outcome.SLOWER, Outcome.FASTER):
        parts.append(headline(case.reason))
    return ": ".join(filter(None, [parts[0], "; ".join(filter(None, parts[1:]))]))


def _changed_metrics(case: Compared) -> list[str]:
    """The metrics that a detail speaks of: "macs 1.2 M → 2.4 M"."""
    if not case.details or case.base.identity != case.head.identity:
        return []
    return [
        f"{name.replace('_', ' ')} {_metric(name, base)} → {_metric(name, head)}"
        for name, (base, head) in case.metrics.items()
        if name != FAULTS and base is not None and head is not None and base != head
    ]


def _metric(name: str, value: float) -> str:
    return METRIC_FORMATS.get(name, format_count)(value)


def _form(case: Compared) -> str:
    name = case.head.conv_type.replace("_", " ")
    if case.base.conv_type != case.head.conv_type:
        name = f"{case.base.conv_type.replace('_', ' ')} → {name}"
    options = " ".join(f"{key}={value}" for key, value in case.head.options.items())
    return f"{name} {options}".strip()


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


def _environment(comparison: Comparison) -> str:
    base, head = comparison.base.environment, comparison.head.environment
    if base is None or head is None:
        return "environment unknown"
    return base.label if base.key == head.key else f"base {base.label}, head {head.label}"
