"""One comparison from suite to store: what `compare` does once both sides are ready."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from sepconv import __version__
from sepconv.cli import elapsed_s
from sepconv.cli.contender import Ready
from sepconv.cli.roster import Roster, Sides, take_roster
from sepconv.cli.said import now_utc
from sepconv.cli.suite_file import suites_folder
from sepconv.cli.sweep import LEAST_SHARE, devices_at_first, open_store, phases
from sepconv.comparison import DECIDED, Comparison, Contender, LeftOut, Outcome, Purpose
from sepconv.judge.acknowledgement import TOPIC, carry_over
from sepconv.suite import Suite

if TYPE_CHECKING:
    from sepconv.bench.lock import DeviceLock
    from sepconv.bench.message import Side
    from sepconv.bench.supervisor import Supervisor
    from sepconv.store import Store

PULL_REQUEST = re.compile(r"refs/pull/(\d+)/\w+")  # in jobs of GitHub

Say = Callable[[str], None]


@dataclass(frozen=True)
class Terms:
    """Everything that decides what is compared and how, apart from the two sides."""

    where: str | None = None
    budget_s: float | None = None
    only_changed: bool = False  # skip conv types whose code is the same on both sides
    seed: int = 0
    case_timeout_s: float = 30.0
    asked: tuple[str, ...] = ()  # the words of the command line that say what is compared
    purpose: Purpose = Purpose.GATE
    passes: int | None = None  # so many of every case, and no verdict; None asks the gate


def compare_sides(
    suite: Suite,
    base: Ready,
    head: Ready,
    terms: Terms,
    *,
    store_url: str,
    wait: bool = False,
    say: Say = lambda _text: None,
) -> Comparison:
    """Measure both sides in turns, and store every pass as soon as it is measured.

    Raises:
        DeviceBusy: Something else is measuring on one of the devices, and we do not `wait`.
        MeasuringFailed: The processes that measure cannot be started.
    """
    from sepconv.bench.lock import DeviceLock

    begun_s = elapsed_s()
    with (
        DeviceLock(devices_at_first(suite), wait=wait) as lock,
        supervise(base.side, terms) as server,
    ):
        begun_s += lock.waited_s
        return compare_on(
            server,
            lock,
            suite,
            (base, head),
            terms,
            store_url=store_url,
            wait=wait,
            say=say,
            begun_s=begun_s,
        )


def compare_on(
    server: Supervisor,
    lock: DeviceLock,
    suite: Suite,
    sides: Sides,
    terms: Terms,
    *,
    store_url: str,
    wait: bool = False,
    say: Say = lambda _text: None,
    begun_s: float | None = None,
) -> Comparison:
    """Measure both sides on a supervisor that is there, and goes on to be: its servers have torch
    loaded for the next comparison.

    Raises:
        DeviceBusy: Something else is measuring on a device that `lock` lacks.
        MeasuringFailed: The processes that measure cannot be started.
    """
    from sepconv.bench.comparison import by_default
    from sepconv.bench.lock import DeviceLock, device_name

    begun_s = elapsed_s() if begun_s is None else begun_s
    say("starting the measuring processes")
    for ready in sides:  # they load torch beside each other
        server.launch(ready.side)
        server.launch(by_default(ready.side))
    roster = take_roster(suite, sides, server, where=terms.where, only_changed=terms.only_changed)
    devices = {device_name(case.device) for pair in roster.pairs.values() for case in pair}
    rest = sorted(devices - set(lock.devices))
    with DeviceLock(rest, wait=wait) as further, open_store(store_url) as store:
        begun_s += further.waited_s
        begun = _describe(suite, sides, terms, roster, server)
        begun = replace(begun, id=store.begin_comparison(begun))
        try:
            done = _conduct(begun, sides, terms, roster, server, store, say, begun_s)
        except BaseException as error:
            state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            store.finish_comparison(begun.id or 0, _ended(begun, state))
            raise
        if terms.purpose is Purpose.GATE and done.alarms and done.base.revision is not None:
            done = carry_over(done, store.acknowledged(done.base.revision.commit))
        store.finish_comparison(begun.id or 0, done)
        return done


def exit_code_of(comparison: Comparison) -> int:
    """1 a regression, 4 not comparable, 3 could not be measured, 130 interrupted, else 0.

    What is undecided, new, missing or acknowledged is no reason to fail; but something must be
    decided, unless no code has changed.
    """
    from sepconv.cli import DONE, INTERRUPTED, NOT_COMPARABLE, NOT_MEASURED, REGRESSION

    counts = comparison.counts
    if comparison.state == "interrupted":
        return INTERRUPTED
    if comparison.alarms:
        return REGRESSION
    if counts[Outcome.NOT_COMPARABLE]:
        return NOT_COMPARABLE
    decided = any(counts[outcome] for outcome in DECIDED)
    if counts[Outcome.FAILED] or not (decided or (comparison.unchanged and not comparison.cases)):
        return NOT_MEASURED
    return DONE


def topic_of(head: Contender) -> str | None:
    """What head is a state of: the pull request, in a job for one, else the branch."""
    if found := PULL_REQUEST.fullmatch(os.environ.get("GITHUB_REF", "")):
        return f"pull request {found[1]}"
    if number := os.environ.get("CI_MERGE_REQUEST_IID"):
        return f"merge request {number}"
    return None if head.branch is None else f"branch {head.branch}"


def supervise(side: Side, terms: Terms) -> Supervisor:
    """The supervisor of both sides, whose first server is that of `side`."""
    from sepconv.bench.supervisor import Supervisor

    return Supervisor(suites_folder().parent, side=side, case_timeout_s=terms.case_timeout_s)


def _conduct(
    begun: Comparison,
    sides: Sides,
    terms: Terms,
    roster: Roster,
    server: Supervisor,
    store: Store,
    say: Say,
    begun_s: float,
) -> Comparison:
    """Measure what can be; returns what became of every case.

    The budget counts from `begun_s`, as people wait; however long the start took, a share of it
    is left to measuring.
    """
    from sepconv.bench.comparison import Contest
    from sepconv.bench.duel import Duel
    from sepconv.cli.umpire import NO_TIME, CompareUmpire

    started_s = elapsed_s() - begun_s
    budget_s = terms.budget_s
    if budget_s is not None:
        budget_s = max(budget_s - started_s, LEAST_SHARE * budget_s)
    pairs = roster.to_measure
    nulls = terms.purpose is not Purpose.BISECT
    umpire = CompareUmpire(store, begun.id or 0, pairs, passes=terms.passes, nulls=nulls, say=say)
    arms = sides[0].side, sides[1].side
    contest = Contest(server, umpire, arms, seed=terms.seed, budget_s=budget_s)
    if pairs:
        say(f"looking at {len(pairs)} cases on both sides")
        contest.plan({number: Duel(*pair) for number, pair in pairs.items()})
        contest.measure()
    compared, left_out = umpire.conclude()
    spent = contest.timing
    return replace(
        _ended(begun, "interrupted" if server.stopping else "done"),
        cases=sorted([*compared, *roster.settled.values()], key=lambda one: one.ring),
        left_out=[*left_out, *(LeftOut(case, NO_TIME) for case in contest.left_out)],
        method=umpire.method(),
        timing=phases(started_s, spent.warmup_s, spent.timed_s, elapsed_s() - begun_s),
    )


def _ended(begun: Comparison, state: str) -> Comparison:
    return replace(begun, state=state, finished_at=now_utc())


def _describe(
    suite: Suite, sides: Sides, terms: Terms, roster: Roster, server: Supervisor
) -> Comparison:
    """The comparison that is about to begin."""
    from sepconv.bench.core import usable_cores
    from sepconv.bench.machine import capture_machine

    hellos = [server.launch(ready.side).hello for ready in sides]
    base, head = (
        replace(ready.contender, environment=hello.environment, digest=digest)
        for ready, hello, digest in zip(sides, hellos, roster.digests, strict=True)
    )
    return Comparison(
        uid=uuid4().hex,
        suite=suite.name,
        started_at=now_utc(),
        machine=capture_machine(hellos[0].accelerators),
        base=base,
        head=head,
        harness_version=__version__,
        seed=terms.seed,
        budget_s=terms.budget_s,
        unchanged=roster.unchanged,
        purpose=terms.purpose,
        conditions={
            **hellos[0].conditions,
            "suite_digest": suite.digest or None,
            "cores": usable_cores(),  # the last of them measures
            "same_code": list(roster.same_code),
            "are_twins": sides[0].side.process == sides[1].side.process,
            "where": terms.where,
            "asked": terms.asked,
            TOPIC: topic_of(head),
        },
    )
