"""Measuring again what is suspicious: the two commits of an event, by the paired gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from pathlib import Path
from statistics import fmean

from sepconv.case import Case
from sepconv.cli import elapsed_s
from sepconv.cli.comparison import Terms, compare_sides
from sepconv.cli.contender import Asked, ready_sides
from sepconv.cli.sweep import open_store
from sepconv.comparison import Comparison, Outcome, Purpose
from sepconv.errors import InvalidRevision
from sepconv.event import ITSELF, Changed, Event, EventKind, EventState, Note
from sepconv.judge.triage import MEASURED_AGAIN
from sepconv.report.text import headline
from sepconv.report.verdict import format_change
from sepconv.run import Revision
from sepconv.suite import Suite

MOST_CASES = 24  # of an event: what a pull request takes a minute for
MOST_TRIES = 2  # at the same two commits: what is undecided then is left to further nights
LEAST_S = 20.0  # of what is left of the budget, for another event: it takes as long to begin


@dataclass(frozen=True)
class Bench:
    """Where and with what events are measured again."""

    store_url: str
    repo: Path | None = None
    conv_types: Path | None = None
    budget_s: float = 600.0
    wait: bool = True


@dataclass(frozen=True, kw_only=True)
class ChosenCases(Suite):
    """A suite of exactly these cases."""

    cases: tuple[Case, ...]

    def expand(
        self,
        *,
        devices: Sequence[str] = ("cpu",),
        logical_cores: int = 1,
        conv_types: Sequence[str] = (),
    ) -> tuple[Case, ...]:
        return self.cases


def open_questions(events: Sequence[Event], measured: Sequence[Comparison]) -> list[Event]:
    """The events that measuring two commits can settle, the gravest first; without those that
    were `measured` again before, `MOST_TRIES` times, and stayed undecided."""
    tries = Counter(_ends(each.base.revision, each.head.revision) for each in measured)
    found = [
        event
        for event in events
        if event.state is EventState.SUSPICIOUS
        and event.kind is EventKind.LATENCY
        and event.last_good is not None
        and event.first_bad is not None
        and event.last_good.commit != event.first_bad.commit
        and tries[_ends(event.last_good, event.first_bad)] < MOST_TRIES
    ]
    return sorted(found, key=lambda event: -len(event.members) * abs(log(event.mean_ratio)))


def _ends(good: Revision | None, bad: Revision | None) -> tuple[str | None, ...]:
    return tuple(None if each is None else each.commit for each in (good, bad))


def most_affected(event: Event) -> list[Case]:
    """The cases that show the event most clearly, `MOST_CASES` at most."""
    members = sorted(event.members, key=_clarity, reverse=True)
    return list({member.case.identity: member.case for member in members}.values())[:MOST_CASES]


def confirm_events(events: Sequence[Event], bench: Bench) -> Iterator[str]:
    """Measure the two commits of each of these events, and store what that says of it.

    Yields a line for each. One whose commits are not to be had, or that there is no time for,
    stays suspicious.
    """
    begun_s = elapsed_s()
    for event in events:
        left_s = bench.budget_s - (elapsed_s() - begun_s)
        if left_s < LEAST_S:
            yield f"event {event.id}: no time left to measure it again"
            continue
        try:
            comparison = measure_again(event, replace(bench, budget_s=left_s))
        except InvalidRevision as error:
            yield f"event {event.id}: cannot be measured again: {headline(str(error))}"
            continue
        if comparison.state == "interrupted":
            raise KeyboardInterrupt
        note = settle(event, comparison)
        if note is None:
            yield f"event {event.id}: measured again, undecided: it stays suspicious"
            continue
        with open_store(bench.store_url) as store:
            store.note_event(event.id or 0, note)
        yield f"event {event.id}: {note.state}: {note.reason}"


def measure_again(event: Event, bench: Bench) -> Comparison:
    """The newest commit before the event against the oldest after it, by the gate's own rule.

    Raises:
        InvalidRevision: One of the commits is not in this repository.
    """
    from sepconv.cli.progress import Progress

    assert event.last_good is not None
    assert event.first_bad is not None
    suite = ChosenCases(name=f"event {event.id}", axes={}, cases=tuple(most_affected(event)))
    with (
        ready_sides(
            Asked(event.last_good.commit),
            Asked(event.first_bad.commit),
            repo=bench.repo,
            conv_types=bench.conv_types,
            build_command=None,
            allocator="tuned",
        ) as (base, head),
        Progress() as progress,
    ):
        return compare_sides(
            suite,
            base,
            head,
            Terms(budget_s=bench.budget_s, purpose=Purpose.CONFIRM),
            store_url=bench.store_url,
            wait=bench.wait,
            say=progress.say,
        )


def settle(event: Event, comparison: Comparison) -> Note | None:
    """What the comparison of its two commits says of an event; None if that is nothing.

    One case that the gate confirms, in the event's direction, is enough: its odds of a false
    alarm are those of the whole comparison. Without one, the event is refuted only if most of
    its cases are shown to be the same.
    """
    wanted = Outcome.FASTER if event.direction == "faster" else Outcome.SLOWER
    agreeing = [case for case in comparison.cases if case.outcome is wanted]
    same = sum(case.outcome is Outcome.SAME for case in comparison.cases)
    total = len(comparison.cases)
    number = f"comparison {comparison.uid[:12]}"
    if agreeing:
        best = max(agreeing, key=lambda case: abs(log(case.ratio or 1.0)))
        mean = exp(fmean(log(case.ratio or 1.0) for case in agreeing)) - 1
        reason = (
            f"{MEASURED_AGAIN}: {wanted} in {len(agreeing)} of {total} cases, {mean:+.1%} in the "
            f"mean, at most {format_change(best)} ({best.head.label}); {number}"
        )
        return Note(EventState.CONFIRMED, ITSELF, reason, comparison.finished_at or "")
    if 2 * same > total:
        reason = f"{MEASURED_AGAIN}: the same in {same} of {total} cases, {wanted} in none"
        reason += f"; {number}"
        return Note(EventState.REFUTED, ITSELF, reason, comparison.finished_at or "")
    return None


def _clarity(member: Changed) -> float:
    """How many of its intervals a change is long."""
    change = abs(log(member.ratio))
    if member.low is None or member.high is None or member.low <= 0:
        return change
    half = log(member.high / member.low) / 2
    return change / half if half > 0 else float("inf")
