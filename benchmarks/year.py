"""Does a year of nights end in a short, true list of events, or in a wall of alarms?

    python benchmarks/year.py --seeds 1 2 3                   the whole year, looked at once
    python benchmarks/year.py --seeds 1 --night-by-night      as it is lived: every night anew

A year is what `scripts/sample-history` makes up: 365 nights of 300 cases with five changes of the
code (and one that takes back one of them), a machine that changes, a torch upgrade, a reference
that moves, missed and killed nights, nights that something else disturbed. `--lone` puts in one
more, of a single case, which nothing but its own series can show. Everything is read from a store,
as `sepconv events --update` does. A change counts as found if a confirmed event of its direction
names a range of commits around it and shares a case with it; every other confirmed event of the
code is false. Environment events are news, no alarms, and are counted by themselves.

Night by night, the paired gate is not asked: what nights alone confirm is what is counted.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from sepconv.cli.analysis import analyse
from sepconv.cli.sample import Change, Truth, write_history
from sepconv.comparison import Comparison, Purpose
from sepconv.event import Event, EventKind, EventState
from sepconv.judge.event import find_events
from sepconv.judge.history import ratio_series
from sepconv.judge.timeline import Timeline
from sepconv.judge.triage import recent, update_events
from sepconv.judge.upheaval import environment_events
from sepconv.run import Revision
from sepconv.store import Store

LOOKED_AT = 120  # nights, when every night is looked at anew
FIRST_NIGHT = 20
TOLD = frozenset({EventState.CONFIRMED, EventState.FIXED})


@dataclass(frozen=True)
class Score:
    """What became of the changes that were put in, and what else was told."""

    found: Sequence[Change]
    missed: Sequence[Change]
    false: Sequence[Event]
    suspicious: int
    environment: Sequence[Event]


def score(events: Sequence[Event], truth: Truth, timeline: Timeline) -> Score:
    """Each change is found by one event at most, and each event finds one change at most."""
    told = [e for e in events if e.state in TOLD and e.kind is EventKind.LATENCY]
    found, missed = [], []
    for change in truth.changes:
        event = next((each for each in told if is_of(each, change, timeline)), None)
        (missed if event is None else found).append(change)
        if event is not None:
            told.remove(event)
    return Score(
        found,
        missed,
        told,
        sum(event.state is EventState.SUSPICIOUS for event in events),
        [event for event in events if event.kind is EventKind.ENVIRONMENT],
    )


def is_of(event: Event, change: Change, timeline: Timeline) -> bool:
    """Whether the event is of that change: its direction, its place, one of its cases."""
    if (event.direction == "slower") != (change.ratio > 1):
        return False
    if event.last_good is None or event.first_bad is None:
        return False
    ranks = timeline.ranks
    place = ranks[change.revision.commit]
    if not ranks[event.last_good.commit] < place <= ranks[event.first_bad.commit]:
        return False
    cases = {case.identity for case in change.cases}
    return any(member.case.identity in cases for member in event.members)


def change_one_case(
    comparisons: Sequence[Comparison], truth: Truth
) -> tuple[list[Comparison], Truth]:
    """The same year, in which one case of the standard convolution became 6 % slower half way."""
    at = sorted(truth.nights)[len(truth.nights) // 2 + 7]
    case = next(case for case in truth.cases if case.conv_type == "standard" and case.stride == 1)
    changed, began, last = [], None, None
    for one in sorted(comparisons, key=lambda each: each.started_at):
        commit = one.head.revision.commit if one.head.revision else None
        is_night = one.purpose is Purpose.NIGHTLY
        if began is None and is_night and one.started_at >= at and commit != last:
            began = one  # a night with a commit of its own: no code changes without one
        last = commit if is_night else last
        if began is not None and is_night:
            one = replace(one, cases=[slowed(each, case.identity) for each in one.cases])
        changed.append(one)
    assert began is not None
    assert began.head.revision is not None
    more = Change(began.head.revision, "one case", [case], 1.06, 0, began.started_at)
    return changed, replace(truth, changes=[*truth.changes, more])


def slowed(one, identity):  # type: ignore[no-untyped-def]
    if one.head.identity != identity or one.ratio is None:
        return one
    return replace(one, ratio=one.ratio * 1.06, low=one.low * 1.06, high=one.high * 1.06)


def look_once(
    comparisons: Sequence[Comparison],
    known: Sequence[Revision],
    nights: int | None,
    before: Sequence[Event],
) -> list[Event]:
    """What an analysis that knows these nights says."""
    now = max(each.started_at for each in comparisons)
    newest, looked = recent(ratio_series(comparisons, known), nights)
    found = [
        *find_events(newest, known, now=now),
        *environment_events(comparisons, known, now=now),
    ]
    return update_events(before, found, now=now, looked=looked)


def live(comparisons: Sequence[Comparison], known: Sequence[Revision], truth: Truth) -> None:
    """Every night anew; prints when each change was told, and what else was."""
    timeline = Timeline(known)
    nights = sorted(comparisons, key=lambda each: each.started_at)
    events: list[Event] = []
    told: dict[str, tuple[int, Event]] = {}
    for count in range(FIRST_NIGHT, len(nights) + 1):
        events = look_once(nights[:count], known, LOOKED_AT, events)
        for event in events:
            if event.state in TOLD and event.kind is EventKind.LATENCY:
                told.setdefault(event.uid, (count, event))
    delays, false = [], []
    left = list(truth.changes)
    for night, event in told.values():
        change = next((each for each in left if is_of(event, each, timeline)), None)
        if change is None:
            false.append((nights[night - 1].started_at[:10], event))
        else:
            left.remove(change)
            since = sum(change.began_at <= each.started_at for each in nights[:night])
            delays.append((since, change.what))
    print(f"  told: {len(delays)} of {len(truth.changes)}, in night", sorted(delays))
    print(f"  never: {[change.what for change in left]}")
    for day, event in false:
        later = next(each for each in events if each.uid == event.uid).state
        print(f"  false: {day} {event.direction}, {len(event.members)} cases; now {later}")


def main() -> None:
    """Score the years of some seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--lone", action="store_true", help="one more change, of a single case")
    parser.add_argument("--night-by-night", action="store_true")
    options = parser.parse_args()
    for seed in options.seeds:
        with TemporaryDirectory() as folder, Store(os.fspath(Path(folder) / "year.db")) as store:
            truth = write_history(store, cases=options.cases, runs=options.nights, seed=seed)
            known = store.revisions()
            wall_s, cpu_s = perf_counter(), process_time()
            events: Sequence[Event] = analyse(store, now="2100-01-01T00:00:00+00:00").events
            wall_s, cpu_s = perf_counter() - wall_s, process_time() - cpu_s
            comparisons = store.comparisons(purposes={Purpose.NIGHTLY, Purpose.CHAIN})
        if options.lone:
            comparisons, truth = change_one_case(comparisons, truth)
            events = look_once(comparisons, known, None, [])
        found = score(events, truth, Timeline(known))
        print(
            f"seed {seed}: {len(found.found)} of {len(truth.changes)} changes, "
            f"{len(found.false)} false, {found.suspicious} suspicious, "
            f"{len(found.environment)} of the environment; "
            f"{wall_s:.1f} s, {cpu_s:.1f} s CPU from store to store",
            flush=True,
        )
        for change in found.missed:
            print(f"  missed: {change.what}, {change.ratio:.3f}, {len(change.cases)} cases")
        for event in [*found.false, *found.environment]:
            print(
                f"  {event.kind} {event.direction} at {event.began_at[:10]}: {len(event.members)} "
                f"cases, {event.mean_ratio:.3f}, {'; '.join(event.explanations)}"
            )
        if options.night_by_night:
            live(comparisons, known, truth)


if __name__ == "__main__":
    main()
