"""What a night adds up to: counts, what is new, what has changed since the last one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sepconv.cli import REGRESSION
from sepconv.cli.agenda import gravest
from sepconv.cli.said import now_utc
from sepconv.comparison import DECIDED, Comparison, Outcome
from sepconv.judge.night import missed_dates
from sepconv.report.night import Night
from sepconv.series import Occasion

if TYPE_CHECKING:
    from sepconv.cli.night import Watch
    from sepconv.cli.sweep import Swept


def account(watch: Watch) -> Night:
    """The night as it is told."""
    nights = watch.nights
    night = Night(
        started_at=watch.started_at,
        finished_at=now_utc(),
        commit=watch.commit,
        reference=watch.comparison.base.revision if watch.comparison else None,
        steps=tuple(watch.steps.told),
        cases=_cases(watch),
        missed=missed_dates([each.started_at for each in nights], watch.started_at),
        killed=watch.killed,
        is_first=not nights,
    )
    if watch.analysis is not None:
        from sepconv.judge.triage import news

        events = watch.analysis.events
        night = replace(night, events=events, news=news(watch.analysis.before, events))
    last = next((each for each in nights if each.head.environment is not None), None)
    night = _compared(night, last, watch.comparison)
    codes = {step.code for step in night.steps} | {REGRESSION for _ in night.alarms[:1]}
    return replace(night, exit_code=gravest(codes))


def case_counts(comparison: Comparison) -> dict[str, int]:
    """How many cases were measured, and what became of the others."""
    counts = {"measured": sum(comparison.counts[outcome] for outcome in DECIDED)}
    for outcome in Outcome:
        if outcome not in DECIDED and comparison.counts[outcome]:
            counts[outcome.replace("_", " ")] = comparison.counts[outcome]
    if comparison.left_out:
        counts["left out"] = len(comparison.left_out)
    return counts


def swept_counts(swept: Swept) -> dict[str, int]:
    """How many cases have a value, and the statuses of the others."""
    counts = {"measured": sum(each.is_measured for each in swept.measurements)}
    for each in swept.measurements:
        if not each.is_measured:
            name = each.status.replace("_", " ")
            counts[name] = counts.get(name, 0) + 1
    return counts


def counted(counts: Mapping[str, int]) -> str:
    """ "300 measured, 2 failed"."""
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _cases(watch: Watch) -> Mapping[str, int]:
    if watch.comparison is not None:
        return case_counts(watch.comparison)
    return {} if watch.swept is None else swept_counts(watch.swept)


def _compared(night: Night, last: Comparison | None, now: Comparison | None) -> Night:
    """With what else than the code has changed since the last night."""
    from sepconv.judge.circumstance import differences

    if last is None or now is None or now.head.environment is None:
        return night
    before, after = map(Occasion.of_comparison, (last, now))
    if before.machine.key != after.machine.key:
        night = replace(night, machine=(before.machine.label, after.machine.label))
    others = [each for each in differences(before, after) if not each.startswith("machine ")]
    return replace(night, environment=others)
