"""A diagnosis as people read it: what disturbs, what to type, what the machine can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sepconv.cli.diagnosis import Diagnosis, Trial, resolution
from sepconv.cli.table import make_console
from sepconv.report.text import inert
from sepconv.run import Peak, Selfcheck
from sepconv.units import format_bytes, format_count, format_seconds, significant

if TYPE_CHECKING:
    from sepconv.bench.clock_check import ClockTest
    from sepconv.bench.host import Condition

COLORS = {"good": "green", "bad": "red", "unknown": "dim"}
PEAKS = {
    "matmul_flop_per_s": "matrix product",
    "cache_bytes_per_s": "cache bandwidth",
    "memory_bytes_per_s": "memory bandwidth",
}
OUTCOME_COLORS = {"same": "green", "undecided": "yellow"}


def print_diagnosis(found: Diagnosis) -> None:
    """Print everything that is known, worst conditions first."""
    console = make_console()
    if found.machine and found.environment:
        click.echo(f"machine      {inert(found.machine.label)}")
        click.echo(f"environment  {inert(found.environment.label)}\n")
    console.print(condition_table(found.conditions))
    _print_advice(found.conditions)
    if found.peaks:
        console.print(peak_table(found.peaks))
        click.echo()
    if found.clock_tests:
        console.print(clock_table(found.clock_tests))
    if found.trials:
        console.print(trial_table(found.trials))
        click.echo()
    _print_conclusion(console, found)
    for error in found.errors:
        click.echo(f"sepconv: error: {error}", err=True)


def condition_table(conditions: Sequence[Condition]) -> Table:
    """A row per condition: whether it is good, what was found, why it matters."""
    table = _table("condition", "verdict", "found", "why it matters")
    for each in conditions:
        verdict = Text(each.verdict, style=COLORS[each.verdict])
        table.add_row(Text(each.name), verdict, Text(inert(each.found)), Text(each.meaning))
    return table


def peak_table(peaks: Sequence[Peak]) -> Table:
    """A row per roof: FLOP/s of matrix products, bytes per second of the cache and the memory."""
    table = _table("peak", "data type", "threads", "value")
    for peak in peaks:
        table.add_row(
            PEAKS.get(peak.name, peak.name), peak.dtype, str(peak.threads), format_peak(peak)
        )
    return table


def format_peak(peak: Peak) -> str:
    """The value in its own unit: "90.6 GFLOP/s", "24.9 GiB/s"."""
    if peak.name.endswith("bytes_per_s"):
        return f"{format_bytes(peak.value)}/s"
    return f"{format_count(peak.value)}FLOP/s"


def trial_table(trials: Sequence[Trial]) -> Table:
    """A row per ring: what was injected, what was seen, and what could have been."""
    table = _table("convolution", "injected", "ratio", "99 % interval", "verdict", "could show")
    for trial in trials:
        injected = f"+{trial.injected:.0%}" if trial.injected else "nothing"
        table.add_row(trial.case.label, injected, *_verdict_cells(trial))
    return table


def clock_table(tests: Sequence[ClockTest]) -> Table:
    """A row per question to the clock."""
    table = _table("question to the clock", "expected", "found", "answer")
    for test in tests:
        answer = Text("right", "green") if test.passed else Text("wrong", "red")
        table.add_row(test.question, test.expected, inert(test.found), answer)
    return table


def describe_resolution(trials: Sequence[Trial]) -> str:
    """What the machine can tell: "a 2.1 % change in 1.00 s per case"."""
    found = resolution(trials)
    if found is None:
        return "this machine could not be shown to resolve any change: too few passes"
    return (
        f"this machine resolves a {significant(100 * found['change'], 2)} % change in "
        f"{format_seconds(found['seconds_per_case'])} per case "
        f"(median of {found['rings']} rings without a change, {found['passes']:g} passes)"
    )


def describe_selfcheck(check: Selfcheck) -> str:
    """Whether it passed, and the counts that say why."""
    verdict = "selfcheck passed" if check.passed else "selfcheck FAILED"
    if "clock" in check.detail:
        tests = check.detail["clock"]
        right = sum(test["passed"] for test in tests)
        return f"{verdict}: {right} of {len(tests)} answers of the clock are right"
    detail = check.detail
    really = detail["measured_slowdown"]
    text = (
        f"{verdict}: false alarms {detail['false_alarms']} of {detail['unchanged_rings']} "
        f"(at most {detail['highest_false_alarm_rate']:.0%}, with 95 % confidence); "
        f"slowdowns found {detail['found']} of {detail['slowed_rings']}"
    )
    if really is not None:
        text += f" (requested {detail['requested_slowdown']:.0%}, measured {really:.1%})"
    if detail["unmeasured_rings"]:
        text += f"; rings left out or not measurable: {detail['unmeasured_rings']}"
    return text


def _print_advice(conditions: Sequence[Condition]) -> None:
    bad = [each for each in conditions if each.advice]
    if bad:
        click.echo("to resolve more:")
    for each in bad:
        click.echo(f"  {each.name}: {inert(each.advice)}")
    click.echo()


def _print_conclusion(console: Console, found: Diagnosis) -> None:
    if found.trials:
        click.echo(describe_resolution(found.trials))
    if found.selfcheck:
        style = "green" if found.selfcheck.passed else "red"
        console.print(Text(describe_selfcheck(found.selfcheck), style=style), soft_wrap=True)


def _verdict_cells(trial: Trial) -> tuple[str | Text, ...]:
    verdict = trial.verdict
    if verdict is None:
        return ("–", "–", Text(inert(trial.error or ""), style="red"), "–")
    is_right = trial.is_found or (not trial.injected and not trial.is_false_alarm)
    color = OUTCOME_COLORS.get(verdict.outcome, "green") if is_right else "red"
    interval = "–"
    if verdict.low is not None and verdict.high is not None:
        interval = f"{verdict.low - 1:+.1%} to {verdict.high - 1:+.1%}"
    could_show = "–" if verdict.detectable is None else f"{verdict.detectable:.1%}"
    ratio = f"{verdict.ratio - 1:+.1%}"
    return (ratio, interval, Text(verdict.outcome, style=color), could_show)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
