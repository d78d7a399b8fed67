"""`sepconv show`: one run, its facts and the table of its cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli.option import format_option, store_option

if TYPE_CHECKING:
    from sepconv.record import Measurement
    from sepconv.run import Run


@click.command(epilog="Example: sepconv show latest --where 'stride=2 and channels in (16, 64)'")
@click.argument("reference", metavar="RUN", default="latest")
@store_option
@click.option("--where", metavar="SELECTION", help="As in: 'stride=2 and channels in (16, 64)'.")
@format_option("table", "json", "csv", "markdown")
def show(reference: str, store_url: str, where: str | None, output_format: str) -> int:
    """Show what a run measured: latencies with their intervals, speed-ups, failures.

    RUN is a number that `sepconv runs` lists, `latest`, or the beginning of a commit or of a
    run's id.
    """
    from sepconv.selection import parse_selection
    from sepconv.store import Store

    selects = parse_selection(where) if where else None
    with Store(store_url, read_only=True) as store:
        run = store.find_run(reference)
        measurements = store.measurements(run.id or 0)
    if selects is not None:
        measurements = [each for each in measurements if selects(each.case)]
        if not measurements:
            raise click.UsageError(f"no case of run {run.id} is left by --where {where!r}")
    if output_format == "table":
        _print_run(run, measurements)
    else:
        print_run_as(run, measurements, output_format)
    return 0


def print_run_as(run: Run, measurements: Sequence[Measurement], output_format: str) -> None:
    """Print a run as `json`, `csv` or `markdown`."""
    from sepconv.cli.table import case_cells, print_json, print_rows

    if output_format == "markdown":
        print_rows([run_facts(run, measurements)], output_format)
        click.echo()
        print_rows(case_cells(measurements), output_format)
    elif output_format == "json":
        cases = [_case_plain(measurement) for measurement in measurements]
        print_json({"run": _run_plain(run), "cases": cases})
    else:
        print_rows(_case_rows(measurements), output_format)


def run_facts(run: Run, measurements: Sequence[Measurement]) -> dict[str, str]:
    """What people want to know of a run before its numbers."""
    from sepconv.cli.runs import show_commit
    from sepconv.units import format_duration

    commit = show_commit(run).replace("+", " with uncommitted changes")
    subject = run.revision.subject if run.revision else run.conditions.get("no_commit_because")
    passes = max((measurement.passes for measurement in measurements), default=0)
    facts = {
        "run": f"{run.id} of suite {run.suite}, {run.state}",
        "started": f"{run.started_at[:19].replace('T', ' ')} UTC",
        "commit": " ".join(filter(None, [commit, f"on {run.branch}" if run.branch else ""]))
        + (f": {subject}" if subject else ""),
        "machine": run.machine.label,
        "environment": run.environment.label,
        "passes": f"{passes}",
    }
    times = {
        name.removesuffix("_s").replace("_", " "): format_duration(seconds)
        for name, seconds in run.timing.items()
        if name.endswith("_s")
    }
    if times:
        facts["time"] = ", ".join(f"{name} {time}" for name, time in times.items())
    return facts


def _print_run(run: Run, measurements: Sequence[Measurement]) -> None:
    from sepconv.cli.table import case_table, make_console
    from sepconv.report.text import inert

    facts = run_facts(run, measurements)
    width = max(map(len, facts))
    for name, fact in facts.items():
        click.echo(f"{name:<{width}}  {inert(fact)}")
    if measurements:
        console = make_console()
        console.print(case_table(measurements, console.width))
    else:
        click.echo("no case was measured")


def _run_plain(run: Run) -> dict[str, Any]:
    from dataclasses import asdict

    plain = asdict(run) | {"conditions": dict(run.conditions), "timing": dict(run.timing)}
    return {"run": plain.pop("id"), "commit": run.commit} | plain


def _case_plain(measurement: Measurement) -> dict[str, Any]:
    return {
        "label": measurement.case.label,
        "identity": measurement.case.identity,
        "case": measurement.case.to_dict(),
        "status": str(measurement.status),
        "error": measurement.error,
        "passes": measurement.passes,
        "values": {
            metric: {"value": estimate.value, "low": estimate.low, "high": estimate.high}
            for metric, estimate in measurement.values.items()
        },
        "unsupported": dict(measurement.unsupported),
    }


def _case_rows(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """A row per case: its axes, status, and a column per metric; noisy ones with their bounds."""
    from sepconv.metric import METRICS

    found = {metric for measurement in measurements for metric in measurement.values}
    metrics = [name for name in METRICS if name in found]
    metrics += sorted(found - METRICS.keys())
    rows = []
    for measurement in measurements:
        row: dict[str, Any] = {"label": measurement.case.label}
        row |= {name: _plain_size(size) for name, size in measurement.case.to_dict().items()}
        row |= {"status": str(measurement.status), "passes": measurement.passes}
        for metric in metrics:
            estimate = measurement.values.get(metric)
            row[metric] = estimate.value if estimate else None
            if metric not in METRICS or not METRICS[metric].exact:
                row[f"{metric}_low"] = estimate.low if estimate else None
                row[f"{metric}_high"] = estimate.high if estimate else None
        rows.append(row | {"error": measurement.error})
    return rows


def _plain_size(size: object) -> object:
    return "x".join(map(str, size)) if isinstance(size, list) else size
