"""A made-up history of any size, and what was put into it: for tests, pictures and benchmarks.

Whatever is stored says that it is synthetic: the suite, the machine, the conditions, the subjects
of the commits. The same arguments give the same history, whose uids follow from them, so that
writing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from sepconv.case import Case
from sepconv.cli.sample.calendar import Calendar, make_calendar
from sepconv.cli.sample.cases import make_cases
from sepconv.cli.sample.change import TORCH_RATIOS, Plan, Planned, plan_changes
from sepconv.run import Revision

if TYPE_CHECKING:
    from sepconv.store import Store

EVENTS = 5
KILLED_AT = 0.7  # of the nights: the run is killed half way
NIGHTS_OF_KILLED_COMPARISON = 60  # from so many on, another night is killed before its run
KILLED_COMPARISON_AT = 0.4


@dataclass(frozen=True)
class Change:
    """A change of the code that was put into a history."""

    revision: Revision  # the commit
    what: str  # "depthwise separable with many channels"
    cases: Sequence[Case]
    ratio: float  # after ÷ before: 1.05 is 5 % slower
    night: int  # counted from 0: the first one that measured it
    began_at: str  # when that night began: UTC, ISO 8601
    fixes: str | None = None  # the commit that it takes back


@dataclass(frozen=True)
class Truth:
    """What was put into a history."""

    cases: Sequence[Case]
    nights: Sequence[str]  # when each began: UTC, ISO 8601
    changes: Sequence[Change]  # oldest first
    machine_changed_at: str | None  # when the first night on the second machine began
    torch_upgraded_at: str | None
    torch_ratios: Mapping[str, float]  # newer ÷ older torch, of latencies, by conv type
    reference_moved_at: str | None
    missed: Sequence[str]  # dates without a night
    killed: Sequence[str]  # when the nights began that did not come to their end


def write_history(
    store: Store,
    *,
    cases: int,
    runs: int,
    seed: int,
    events: int = EVENTS,
    say: Callable[[int, int], None] = lambda _done, _of: None,
) -> Truth:
    """Write so many cases × runs, with that many changes of the code, fewer in a short history.

    Every night has a comparison with the pinned reference, then a run; a history of many nights
    has one more, which was killed before its run. What takes a change back is a change of its own
    beside those `events`. `say` is told how many nights are written, and of how many.
    """
    from sepconv.cli.sample.writing import Writer

    name = f"sepconv sample {cases} {runs} {seed} {events}"
    swept = make_cases(cases)
    has_killed_comparison = runs >= NIGHTS_OF_KILLED_COMPARISON
    nights = runs + has_killed_comparison
    plan = plan_changes(swept, nights, events, Random(f"{name} plan"))
    killed = {"run": _free_night(round(KILLED_AT * nights), plan)} if nights > 2 else {}
    if has_killed_comparison:
        killed["comparison"] = _free_night(round(KILLED_COMPARISON_AT * nights), plan)
    subjects = {change.night: change.subject for change in plan.changes}
    calendar = make_calendar(nights, subjects, name)
    writer = Writer(store, name, seed, swept, plan, calendar, killed)
    for done in writer.write():
        say(done, nights)
    return _tell(swept, plan, calendar, sorted(killed.values()))


def _free_night(wanted: int, plan: Plan) -> int:
    """The first one from there on in which nothing else happens."""
    while wanted in plan.nights:
        wanted += 1
    return wanted


def _tell(cases: Sequence[Case], plan: Plan, calendar: Calendar, killed: Sequence[int]) -> Truth:
    began = [night.began.isoformat() for night in calendar.nights]

    def at(night: int | None) -> str | None:
        return None if night is None else began[night]

    def change_of(planned: Planned) -> Change:
        fixed = planned.fixes
        return Change(
            revision=calendar.announced[planned.night],
            what=planned.what,
            cases=[case for case in cases if case.identity in planned.identities],
            ratio=planned.ratio,
            night=planned.night,
            began_at=began[planned.night],
            fixes=None if fixed is None else calendar.announced[fixed].commit,
        )

    return Truth(
        cases=cases,
        nights=began,
        changes=[change_of(each) for each in plan.changes],
        machine_changed_at=at(plan.machine),
        torch_upgraded_at=at(plan.torch),
        torch_ratios=TORCH_RATIOS if plan.torch is not None else {},
        reference_moved_at=at(plan.reference),
        missed=calendar.missed,
        killed=[began[night] for night in killed],
    )
