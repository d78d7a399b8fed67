"""What became of every case since the last time: the newest run by the one before it.

The two runs took no turns, so the rule is that of `unpaired`: only large changes are decided, and
nothing here is an alarm. Alarms are events, which look at whole histories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sepconv.comparison import Outcome
from sepconv.judge.unpaired import Quotient, divide_latencies, level_of
from sepconv.record import MEASURED, TRIED_IN_VAIN, Estimate
from sepconv.run import Run

Key = TypeVar("Key")


@dataclass(frozen=True)
class Sight:
    """What one run saw of a case."""

    status: str
    latency: Estimate | None = None

    @property
    def is_measured(self) -> bool:
        return self.status in MEASURED and self.latency is not None


@dataclass(frozen=True)
class Standing:
    """What became of a case."""

    outcome: Outcome | None  # None: it was not tried, which is nobody's fault
    quotient: Quotient | None = None  # newest ÷ the one before


def find_standings(
    before: Mapping[Key, Sight], after: Mapping[Key, Sight], *, is_comparable: bool = True
) -> dict[Key, Standing]:
    """Every case of either run, those of the newer one first."""
    both = [key for key, sight in after.items() if sight.is_measured and _measured(before, key)]
    level = level_of(len(both))
    found = {}
    for key in dict.fromkeys([*after, *before]):
        outcome = _outcome(before.get(key), after.get(key))
        quotient = None
        if outcome is Outcome.UNDECIDED:
            quotient = _divide(before[key], after[key], level)
            outcome = quotient.outcome if is_comparable else Outcome.NOT_COMPARABLE
        found[key] = Standing(outcome, quotient)
    return found


def count_outcomes(standings: Iterable[Standing]) -> dict[Outcome, int]:
    """How many cases have each outcome; only those that there are, in the order of `Outcome`."""
    counts = Counter(each.outcome for each in standings)
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}


def run_before(runs: Sequence[Run], newest: int) -> int | None:
    """The last run before that one on the same machine in the same environment, oldest first; of
    the same suite if there is one, since another suite has other cases."""
    own = runs[newest]
    alike = [
        place
        for place, run in enumerate(runs[:newest])
        if (run.machine.key, run.environment.key) == (own.machine.key, own.environment.key)
    ]
    of_suite = [place for place in alike if runs[place].suite == own.suite]
    return next(reversed(of_suite or alike), None)


def _outcome(before: Sight | None, after: Sight | None) -> Outcome | None:
    """What needs no numbers; undecided where both have one."""
    if after is None:
        return Outcome.MISSING
    if after.status in TRIED_IN_VAIN:
        return Outcome.FAILED
    if not after.is_measured:
        return None
    return Outcome.UNDECIDED if before is not None and before.is_measured else Outcome.NEW


def _divide(before: Sight, after: Sight, level: float) -> Quotient:
    assert before.latency is not None
    assert after.latency is not None
    return divide_latencies(before.latency, after.latency, level)


def _measured(sights: Mapping[Key, Sight], key: Key) -> bool:
    return key in sights and sights[key].is_measured
