"""The ledger of a sweep: where measuring, deciding and keeping meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sepconv.case import Case
from sepconv.judge.measurement import exact_values, is_settled, judge_case
from sepconv.record import Block, Measurement, Slot, Status, Summary

if TYPE_CHECKING:
    from sepconv.store import Store

NOT_REACHED = "the run ended before its turn"
LEFT_OUT = "the time budget left it out"


class Watcher(Protocol):
    """Who is shown how the sweep gets on."""

    def begin_pass(self, number: int, slots: Sequence[Slot]) -> None: ...

    def keep_plan(self, slots: Sequence[Slot], passes: int) -> None: ...

    def keep_visit(self, case: Case) -> None: ...

    def keep_block(self, block: Block) -> None: ...

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
        cases: Sequence[Case],
        *,
        precision: float,
        watcher: Watcher | None = None,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._precision = precision
        self._watcher = watcher
        self._blocks: dict[str, dict[int, Summary]] = {case.identity: {} for case in cases}
        self.measurements = {
            case.identity: Measurement(case, Status.MISSING, NOT_REACHED, exact_values(case))
            for case in cases
        }
        self._keep(list(self.measurements.values()))

    def begin_pass(self, number: int, slots: Sequence[Slot]) -> None:
        if self._watcher is not None:
            self._watcher.begin_pass(number, slots)

    def keep_plan(self, slots: Sequence[Slot], passes: int) -> None:
        self._store.add_plan(self._run_id, slots)
        if self._watcher is not None:
            self._watcher.keep_plan(slots, passes)

    def keep_visit(self, case: Case) -> None:
        if self._watcher is not None:
            self._watcher.keep_visit(case)

    def keep_block(self, block: Block) -> None:
        self._store.add_block(self._run_id, block)
        self._blocks[block.case.identity][block.pass_number] = block.summary()
        if self._watcher is not None:
            self._watcher.keep_block(block)

    def keep_failure(self, case: Case, status: Status, error: str) -> None:
        failed = Measurement(case, status, error, exact_values(case))
        self.measurements[case.identity] = failed
        self._keep([failed])
        if self._watcher is not None:
            self._watcher.keep_failure(case, status, error)

    def end_pass(self, number: int) -> None:
        """Renew the estimates of every case that this pass measured."""
        renewed = [
            self._judge(measurement.case)
            for identity, measurement in self.measurements.items()
            if number in self._blocks[identity] and not self._has_failed(measurement)
        ]
        self.measurements |= {measurement.case.identity: measurement for measurement in renewed}
        self._keep(renewed)

    def unsettled(self) -> Sequence[Case]:
        """The cases with too wide an interval, and the standard conv that each is paired with."""
        wanted: dict[str, Case] = {}
        for measurement in self.measurements.values():
            if measurement.is_measured and not is_settled(measurement, self._precision):
                for case in (measurement.case, measurement.case.shape):
                    if case.identity in self.measurements:
                        wanted[case.identity] = case
        return list(wanted.values())

    def conclude(self, *, in_time: bool) -> list[Measurement]:
        """Say why each case without a value has none; returns all measurements.

        A run that ended by itself (`in_time`) left out what its budget did not allow; one
        that was interrupted did not reach it.
        """
        if in_time:
            skipped = [
                replace(measurement, status=Status.SKIPPED, error=LEFT_OUT)
                for measurement in self.measurements.values()
                if measurement.status is Status.MISSING
            ]
            self.measurements |= {each.case.identity: each for each in skipped}
            self._keep(skipped)
        return list(self.measurements.values())

    def _judge(self, case: Case) -> Measurement:
        standard = None if case.identity == case.shape.identity else case.shape.identity
        return judge_case(
            case,
            self._blocks[case.identity],
            self._blocks.get(standard) if standard else None,
            precision=self._precision,
        )

    def _has_failed(self, measurement: Measurement) -> bool:
        return not measurement.is_measured and measurement.status is not Status.MISSING

    def _keep(self, measurements: Sequence[Measurement]) -> None:
        if measurements:
            self._store.put_measurements(self._run_id, measurements)
