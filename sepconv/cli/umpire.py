"""The umpire of a comparison: where measuring, deciding and keeping meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import exp, log
from statistics import fmean
from typing import TYPE_CHECKING

from sepconv.case import Case
from sepconv.comparison import Compared, ComparedPass, Detail, LeftOut, Outcome, Stage
from sepconv.judge.gate import Gate, Judged, describe_method
from sepconv.judge.survey import Survey
from sepconv.judge.workload import details_of, pair_metrics
from sepconv.ratio import Pair
from sepconv.record import BASE, HEAD, Block, Facts, Slot, Status

if TYPE_CHECKING:
    from sepconv.store import Store

Failure = tuple[Status, str]
NO_TIME = "there was no time for it"


class CompareUmpire:
    """Stores every pass at once, and asks the gate what to measure next; with `passes`, a survey
    of so many.

    `say` is told what is going on. Who asks one question after another needs no noise floor in
    each: without `nulls`, base is not measured against itself.
    """

    def __init__(
        self,
        store: Store,
        number: int,
        pairs: Mapping[int, tuple[Case, Case]],
        *,
        passes: int | None = None,
        nulls: bool = True,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.gate = Gate(())
        self._passes_each = passes
        self._wants_nulls = nulls
        self._store = store
        self._number = number
        self._say = say
        self._pairs = pairs  # base and head, by ring
        self._facts: dict[str, dict[str, Facts]] = {BASE: {}, HEAD: {}}  # by arm and identity
        self._failures: dict[str, dict[str, Failure]] = {BASE: {}, HEAD: {}}
        self._latencies: dict[int, list[tuple[float, float]]] = defaultdict(list)
        self._nulls: dict[int, str] = {}  # identity of the case, by ring
        self._lost: dict[int, str] = {}  # reasons, by ring
        self._passes = 0

    def keep_plan(self, slots: Sequence[Slot], null_rings: Sequence[int]) -> None:
        cases = {slot.ring: slot.case.identity for slot in slots}
        self._nulls = {ring: cases[ring] for ring in null_rings}
        rings = [ring for ring in cases if ring not in self._nulls]
        measured = null_rings if self._wants_nulls else ()
        if self._passes_each is None:
            self.gate = Gate(rings, measured)
        else:
            self.gate = Survey(rings, measured, passes=self._passes_each)

    def keep_look(self, arm: str, case: Case, facts: Facts) -> None:
        self._facts[arm][case.identity] = facts

    def keep_failure(self, arm: str, case: Case, status: Status, error: str) -> None:
        self._failures[arm].setdefault(case.identity, (status, error))
        for ring, (base, head) in self._pairs.items():
            if (base if arm == BASE else head).identity == case.identity:
                self.gate.drop(ring)
        for ring, identity in self._nulls.items():
            if arm == BASE and identity == case.identity:
                self.gate.drop(ring)

    def lose(self, ring: int, reason: str) -> None:
        self._lost[ring] = reason
        self.gate.drop(ring)

    def keep_pass(self, stage: Stage, base: Block, head: Block) -> bool:
        try:
            pair = Pair.of(base, head)
        except ValueError:  # a clock that did not move says nothing
            return False
        wall_s = base.summary().wall.median, head.summary().wall.median
        self._store.add_compared_pass(self._number, ComparedPass(stage, pair, *wall_s))
        self._latencies[pair.ring].append(wall_s)
        self.gate.keep(stage, pair)
        return True

    def next_pass(self, time_left: bool) -> tuple[Stage, Sequence[int]] | None:
        wanted = self.gate.next_pass(time_left)
        if wanted is not None:
            stage, rings = wanted
            self._passes += 1
            verb = "measuring" if self._passes_each else "screening"
            verb = verb if stage is Stage.SCREEN else "confirming"
            count = sum(ring in self._pairs for ring in rings)
            self._say(f"{verb}: pass {self._passes}, {count} case{'s' * (count != 1)}")
        return wanted

    def conclude(self) -> tuple[list[Compared], list[LeftOut]]:
        """What became of every case; and those that neither side can have here."""
        judged = self.gate.judge()
        compared: list[Compared] = []
        left_out: list[LeftOut] = []
        for ring, (base, head) in self._pairs.items():
            failures = [
                self._failures[arm].get(case.identity) for arm, case in ((BASE, base), (HEAD, head))
            ]
            if all(failure and failure[0] is Status.UNSUPPORTED for failure in failures):
                assert failures[1] is not None
                left_out.append(LeftOut(head, failures[1][1]))
            elif any(failures):
                outcome, reason = _fate(*failures)
                compared.append(Compared(ring, base, head, outcome, reason=reason))
            elif ring in self._lost:
                reason = self._lost[ring]
                compared.append(Compared(ring, base, head, Outcome.FAILED, reason=reason))
            elif ring in judged and judged[ring].passes:
                compared.append(self._compared(ring, base, head, judged[ring]))
            elif ring in judged:
                left_out.append(LeftOut(head, NO_TIME))
        return compared, left_out

    def method(self) -> Mapping[str, object]:
        """The rule that was used, and what no change looked like."""
        return describe_method(self.gate)

    def _compared(self, ring: int, base: Case, head: Case, verdict: Judged) -> Compared:
        facts = self._facts[BASE].get(base.identity), self._facts[HEAD].get(head.identity)
        metrics = pair_metrics(*facts)
        details: tuple[Detail, ...] = verdict.details
        if base.identity == head.identity:
            details += details_of(metrics)
        one = Compared(
            ring=ring,
            base=base,
            head=head,
            outcome=verdict.outcome,
            details=details,
            ratio=verdict.ratio,
            low=verdict.low,
            high=verdict.high,
            confidence=verdict.confidence,
            detectable=verdict.detectable,
            passes=verdict.passes,
            reason=verdict.reason,
            metrics=metrics,
        )
        if wall_s := self._latencies.get(ring):
            before, after = (exp(fmean(map(log, arm))) for arm in zip(*wall_s, strict=True))
            one = replace(one, base_latency_s=before, head_latency_s=after)
        return one


def _fate(base: Failure | None, head: Failure | None) -> tuple[Outcome, str]:
    """What a case is that one side or both could not measure: whatever head lacks is its fault,
    and what base lacked is new."""
    if head is not None:
        also = " (and so does base)" if base is not None else ""
        return Outcome.FAILED, f"head: {head[0]}: {head[1]}{also}"
    assert base is not None
    return Outcome.NEW, f"base: {base[0]}: {base[1]}"
