"""The ledger of a sweep: where measuring, deciding and keeping meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sepconv.case import Case
from sepconv.judge.measurement import (
    JUDGED,
    deciding_ratio,
    doubt,
    exact_values,
    judge_case,
    with_promise,
)
from sepconv.ratio import LogRatio, Pair
from sepconv.record import Block, Estimate, Facts, Measurement, Slot, Status, Summary

if TYPE_CHECKING:
    from sepconv.store import Store

NOT_REACHED = "the run ended before its turn"
LEFT_OUT = "the time budget left it out"


class Watcher:
    """Who is shown how the sweep gets on; this one shows nothing."""

    def begin_pass(self, number: int, slots: Sequence[Slot]) -> None: ...

    def keep_plan(self, slots: Sequence[Slot], passes: int | None) -> None: ...

    def keep_visit(self, case: Case) -> None: ...

    def keep_blocks(self, *blocks: Block) -> None: ...

    def keep_failure(self, case: Case, status: Status, error: str) -> None: ...


class Recorder:
    """Stores every block at once, and the estimates after every pass.

    From the first moment every planned case has a row in the store that says what it lacks, so
    that a run that is killed tells the truth about itself.
    """

    def __init__(
        self,
        store: Store,
        run_id: int,
        measurements: Sequence[Measurement],
        *,
        precision: float,
        watcher: Watcher | None = None,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._precision = precision
        self._watcher = watcher or Watcher()
        self._facts = {each.case.identity: _known(each) for each in measurements}
        self._blocks: dict[str, dict[int, list[Summary]]] = defaultdict(dict)
        self._throttled: dict[str, dict[int, str]] = defaultdict(dict)
        self._ratios: dict[str, dict[int, LogRatio]] = defaultdict(dict)
        self.measurements = {each.case.identity: each for each in measurements}

    @classmethod
    def begin(
        cls,
        store: Store,
        run_id: int,
        cases: Sequence[Case],
        *,
        precision: float,
        watcher: Watcher | None = None,
    ) -> Recorder:
        """The recorder of a run of which nothing is measured yet."""
        planned = [
            Measurement(case, Status.MISSING, NOT_REACHED, _estimates(exact_values(case)))
            for case in cases
        ]
        recorder = cls(store, run_id, planned, precision=precision, watcher=watcher)
        recorder._keep(planned)
        return recorder

    @classmethod
    def resume(
        cls, store: Store, run_id: int, *, precision: float, watcher: Watcher | None = None
    ) -> Recorder:
        """The recorder of a run that goes on, with all that is stored of it."""
        stored = store.measurements(run_id)
        recorder = cls(store, run_id, stored, precision=precision, watcher=watcher)
        for block in store.blocks(run_id):
            recorder._remember(block.case, block.pass_number, block.summary, block.throttled)
        for pair in store.pairs(run_id):
            recorder._remember_pair(pair)
        recorder._renew([each.case for each in stored])
        return recorder

    def begin_pass(self, number: int, slots: Sequence[Slot]) -> None:
        self._watcher.begin_pass(number, slots)

    def keep_plan(self, slots: Sequence[Slot], passes: int | None) -> None:
        self._store.add_plan(self._run_id, slots, passes)
        self._watcher.keep_plan(slots, passes)

    def keep_visit(self, case: Case) -> None:
        self._watcher.keep_visit(case)

    def keep_blocks(self, *blocks: Block) -> None:
        pair = _pair_of(*blocks) if len(blocks) == 2 else None
        self._store.add_block(self._run_id, *blocks, pair=pair)
        for block in blocks:
            self._remember(block.case, block.pass_number, block.summary(), block.throttled)
        if pair is not None:
            self._remember_pair(pair)
        self._watcher.keep_blocks(*blocks)

    def keep_facts(self, case: Case, facts: Facts) -> None:
        """What arithmetic says wins over what was counted, where there are both."""
        known = self._facts[case.identity]
        values = with_promise(case, {**facts.values, **known.values})
        both = Facts(values, {**known.unsupported, **facts.unsupported})
        self._facts[case.identity] = both
        told = replace(
            self.measurements[case.identity],
            values={**self.measurements[case.identity].values, **_estimates(values)},
            unsupported=both.unsupported,
        )
        self._keep([told])

    def keep_failure(self, case: Case, status: Status, error: str) -> None:
        facts = self._facts[case.identity]
        values = _estimates(facts.values)
        self._keep([Measurement(case, status, error, values, unsupported=facts.unsupported)])
        self._watcher.keep_failure(case, status, error)

    def end_pass(self, number: int) -> None:
        """Renew the estimates of every case that this pass measured."""
        self._renew(
            [
                measurement.case
                for identity, measurement in self.measurements.items()
                if number in self._blocks[identity]
            ]
        )

    def unsettled(self) -> Sequence[Case]:
        """The cases whose latency or speed-up is less precise than asked for, the worst first."""
        doubts = [
            (doubt(each, self._precision), each.case)
            for each in self.measurements.values()
            if each.is_measured
        ]
        wanted = [entry for entry in doubts if any(entry[0])]
        return [case for _, case in sorted(wanted, key=lambda entry: entry[0], reverse=True)]

    def conclude(self, *, in_time: bool) -> list[Measurement]:
        """Say why each case without a value has none; returns all measurements.

        A run that ended by itself (`in_time`) left out what its budget did not allow; one
        that was interrupted did not reach it.
        """
        if in_time:
            self._keep(
                [
                    replace(measurement, status=Status.SKIPPED, error=LEFT_OUT)
                    for measurement in self.measurements.values()
                    if measurement.status is Status.MISSING
                ]
            )
        return list(self.measurements.values())

    def _remember(self, case: Case, number: int, summary: Summary, throttled: str | None) -> None:
        self._blocks[case.identity].setdefault(number, []).append(summary)
        if throttled is not None:
            self._throttled[case.identity][number] = throttled

    def _remember_pair(self, pair: Pair) -> None:
        """Of a case with itself there is no speed-up."""
        if pair.base.identity != pair.head.identity:
            self._ratios[pair.head.identity][pair.pass_number] = deciding_ratio(pair)

    def _renew(self, cases: Sequence[Case]) -> None:
        """Judge anew what has blocks, unless it has failed later."""
        self._keep(
            [
                judge_case(
                    case,
                    self._blocks[case.identity],
                    self._ratios[case.identity],
                    precision=self._precision,
                    facts=self._facts[case.identity],
                    throttled=self._throttled[case.identity],
                )
                for case in cases
                if self._blocks[case.identity] and not _has_failed(self.measurements[case.identity])
            ]
        )

    def _keep(self, measurements: Sequence[Measurement]) -> None:
        if measurements:
            self._store.put_measurements(self._run_id, measurements)
            self.measurements |= {each.case.identity: each for each in measurements}


def _pair_of(base: Block, head: Block) -> Pair | None:
    """What the ring says of its arms, if its clocks say anything."""
    try:
        return Pair.of(base, head)
    except ValueError:
        return None


def _known(measurement: Measurement) -> Facts:
    """What is known of a case without repetition."""
    values = {
        name: estimate.value for name, estimate in measurement.values.items() if name not in JUDGED
    }
    return Facts(values, measurement.unsupported)


def _estimates(values: Mapping[str, float]) -> dict[str, Estimate]:
    return {name: Estimate(value) for name, value in values.items()}


def _has_failed(measurement: Measurement) -> bool:
    return not measurement.is_measured and measurement.status is not Status.MISSING
