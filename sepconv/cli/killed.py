"""Runs and nights that still count as running, and that nobody is measuring: they were killed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sepconv.comparison import Comparison, Purpose, Stage
from sepconv.errors import DeviceBusy
from sepconv.judge.night import Reached
from sepconv.run import Machine, Run

if TYPE_CHECKING:
    from sepconv.store import Store

KILLED = "killed"  # the condition of a comparison that says how far it came
PURPOSES = {Purpose.NIGHTLY: "the night", Purpose.CHAIN: "the chaining of references"}
PURPOSES |= {Purpose.CONFIRM: "the confirmation"}
ELSEWHERE = timedelta(hours=12)  # a machine just like this one may be at it, in a shared database


@dataclass(frozen=True)
class Killed:
    """Something that did not come to its end, and was not told to stop."""

    what: str  # "the night", "the sweep nightly"
    started_at: str  # UTC, ISO 8601
    reached: Reached

    def __str__(self) -> str:
        return f"{self.what} of {self.started_at[:10]} was killed {self.reached}"


def mark_killed(store: Store, machine: Machine, *, now: str) -> list[Killed]:
    """Store that what this machine began and does not go on with was interrupted; oldest first.

    Left alone is what may still be going on: its devices are locked, or cannot be locked at all,
    or another machine of the same kind, which writes to the same database, has begun it lately.
    """
    found = []
    for run in _running_runs(store, machine):
        devices = {each.case.device for each in store.measurements(run.id or 0)}
        if _may_go_on(store, run.started_at, now):
            continue
        with _free(devices) as is_free:
            if is_free:
                found.append(_mark_run(store, run, now))
    for comparison in _running_comparisons(store, machine):
        passes = store.compared_passes(comparison.id or 0)
        if _may_go_on(store, comparison.started_at, now):
            continue
        with _free({one.pair.head.device for one in passes}) as is_free:
            if is_free:
                measured = [
                    (one.pair.pass_number, one.pair.head.identity)
                    for one in passes
                    if one.stage is not Stage.NULL
                ]
                reached = Reached.of_passes(measured)
                found.append(_mark_comparison(store, comparison, reached, now))
    return sorted(found, key=lambda each: each.started_at)


def _running_runs(store: Store, machine: Machine) -> Sequence[Run]:
    runs = [stored.run for stored in store.runs()]
    return [run for run in runs if run.state == "running" and _is_here(run.machine, machine)]


def _running_comparisons(store: Store, machine: Machine) -> Sequence[Comparison]:
    return [
        each
        for each in store.comparisons(purposes=set(PURPOSES))
        if each.state == "running" and _is_here(each.machine, machine)
    ]


def _is_here(one: Machine, machine: Machine) -> bool:
    """Whether it is this machine, whose accelerators only torch could tell."""
    return replace(one, accelerators=()) == replace(machine, accelerators=())


def _may_go_on(store: Store, started_at: str, now: str) -> bool:
    """Whether it may be another machine's: a database that is a file is this machine's own."""
    is_shared = store.shown_url.startswith("postgresql")
    age = datetime.fromisoformat(now) - datetime.fromisoformat(started_at)
    return is_shared and age < ELSEWHERE


@contextmanager
def _free(devices: Collection[str]) -> Iterator[bool]:
    """Whether nobody is measuring on these devices, and nobody begins to within the context."""
    from sepconv.bench.lock import DeviceLock

    try:
        with DeviceLock(sorted({"cpu", *devices})) as lock:
            yield lock.missing_because is None
    except DeviceBusy:
        yield False


def _mark_run(store: Store, run: Run, now: str) -> Killed:
    left = store.resumption(run.id or 0)
    stored = [] if left is None else [place for place in left.seen if place[0] > 0]
    planned = None if left is None else len({slot.case.identity for slot in left.slots})
    store.finish_run(run.id or 0, state="interrupted", finished_at=now, timing=run.timing)
    return Killed(f"the sweep {run.suite}", run.started_at, Reached.of_passes(stored, planned))


def _mark_comparison(store: Store, comparison: Comparison, reached: Reached, now: str) -> Killed:
    ended = replace(
        comparison,
        state="interrupted",
        finished_at=now,
        conditions={**comparison.conditions, KILLED: str(reached)},
    )
    store.finish_comparison(comparison.id or 0, ended)
    return Killed(PURPOSES[comparison.purpose], comparison.started_at, reached)
