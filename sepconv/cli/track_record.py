"""`sepconv compare --history` and `--show`: what the gate has said so far, and how it did."""

from __future__ import annotations

from typing import Any

import click

from sepconv.cli.publication import Output, tell
from sepconv.cli.table import make_console, print_json, print_rows, rows_table
from sepconv.comparison import Comparison, Outcome, Purpose
from sepconv.judge.rate import highest_rate
from sepconv.judge.track_record import TrackRecord, track_record
from sepconv.report.text import NONE
from sepconv.report.verdict import WORDS
from sepconv.units import format_duration, format_percent, significant

SHOWN = 15  # comparisons, the newest first


def print_history(store_url: str, output_format: str) -> int:
    """Print the newest comparisons, and what all of them say of the gate itself."""
    from sepconv.cli import DONE
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        comparisons = store.comparisons(purposes={Purpose.GATE})
        shown_url = store.shown_url
    record = track_record(comparisons)
    if output_format == "json":
        print_json({"record": _plain(record), "comparisons": [_row(one) for one in comparisons]})
    elif not comparisons:
        click.echo(f"no comparison in {shown_url} yet: run `sepconv compare` first")
    elif output_format == "markdown":
        print_rows([_cells(one) for one in comparisons], "markdown")
        click.echo()
        for line in describe_record(record):
            click.echo(f"- {line}")
    else:
        rows = [_cells(one) for one in comparisons[:SHOWN]]
        words = rows[0].keys() - {"comparison"}
        make_console().print(rows_table(rows, left=words, wrapped=rows[0].keys()))
        click.echo()
        for line in describe_record(record):
            click.echo(line)
    return DONE


def print_stored(reference: str, store_url: str, output: Output) -> int:
    """Tell a comparison as it was told when it was made; returns the exit code it has.

    Raises:
        UnknownComparison: The store has none of that number.
    """
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        comparison = store.find_comparison(reference)
        passes = store.compared_passes(comparison.id or 0)
    return tell(comparison, passes, output)


def describe_record(record: TrackRecord) -> list[str]:
    """The record in lines of plain English."""
    outcomes = record.outcomes
    lines = [f"{record.comparisons} comparisons of {record.cases} cases"]
    if record.interrupted:
        lines[0] += f", and {record.interrupted} that did not come to their end"
    if record.judged:
        undecided = outcomes[Outcome.UNDECIDED]
        lines.append(
            f"undecided: {undecided} of {record.judged} cases ({undecided / record.judged:.1%}, "
            f"at most {highest_rate(undecided, record.judged):.1%})"
        )
        lines.append(
            f"slower {outcomes[Outcome.SLOWER]}, faster {outcomes[Outcome.FASTER]}: a gate that "
            "is often wrong says both about as often"
        )
        lines.append(f"red: {record.red} of {record.comparisons} comparisons")
    if record.floor is not None and record.worst_floor is not None:
        half, worst = format_percent(record.floor), format_percent(record.worst_floor)
        lines.append(
            f"base against itself: within {half} in half of the comparisons, within {worst} in all"
        )
    if record.detectable is not None:
        lines.append(
            f"half of the cases would have shown a change of {format_percent(record.detectable)}"
        )
    if record.case_s is not None:
        lines.append(f"{significant(record.case_s, 2)} s per case")
    return lines


def _cells(comparison: Comparison) -> dict[str, object]:
    counts = [f"{n} {WORDS[outcome]}" for outcome, n in comparison.counts.items() if n]
    floor = comparison.method.get("floor")
    return {
        "comparison": comparison.id,
        "started (UTC)": comparison.started_at[:16].replace("T", " "),
        "base": comparison.base.title,
        "head": comparison.head.title,
        "cases": ", ".join(counts) or "none",
        "A/A": NONE if floor is None else format_percent(floor),
        "took": format_duration(sum(comparison.timing.values())) if comparison.timing else NONE,
        "state": comparison.state,
    }


def _row(comparison: Comparison) -> dict[str, Any]:
    return {
        "comparison": comparison.id,
        "uid": comparison.uid,
        "started_at": comparison.started_at,
        "suite": comparison.suite,
        "state": comparison.state,
        "outcome": str(comparison.outcome),
        "base": comparison.base.title,
        "head": comparison.head.title,
        "counts": {str(outcome): count for outcome, count in comparison.counts.items()},
        "floor": comparison.method.get("floor"),
        "duration_s": sum(comparison.timing.values()),
    }


def _plain(record: TrackRecord) -> dict[str, Any]:
    return {
        "comparisons": record.comparisons,
        "interrupted": record.interrupted,
        "cases": record.cases,
        "judged": record.judged,
        "red": record.red,
        "outcomes": {str(outcome): record.outcomes[outcome] for outcome in Outcome},
        "details": {str(detail): count for detail, count in record.details.items()},
        "floor": record.floor,
        "worst_floor": record.worst_floor,
        "detectable": record.detectable,
        "case_s": record.case_s,
    }
