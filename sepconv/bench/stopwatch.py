"""One visit to a case: warm-up, then planned rounds through `benchmark.pedantic`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from sepconv.bench.clock import Counters, Reading, cpu_clock_for, wall_clock_for
from sepconv.bench.plan import plan_slot
from sepconv.bench.workload import Workload, build_workload
from sepconv.case import Case
from sepconv.record import Block, Round, Slot

WARMUP_CALLS = (3, 20)  # at least, at most
WARMUP_S = 0.3  # at most, unless the least number of calls takes longer
STEADY_CALLS = 3  # this many in a row …
STEADY_RATIO = 1.1  # … within 10 % of the fastest so far: caches and clock have settled …
STEADY_FAULTS = 8  # … and with no more page faults than this: the heap has stopped growing


class Stopwatch:
    """Measures one visit to `case`: in a planned pass by its slot, else by its own warm-up."""

    def __init__(
        self,
        case: Case,
        *,
        slot: Slot | None,
        visit: int,
        pass_number: int,
        seed: int,
        workload: Workload | None = None,
    ) -> None:
        self.case = case
        self.block: Block | None = None  # what was measured, once it was
        self.workload = workload  # of an earlier visit, if it was kept
        self._slot = slot
        self._visit = visit
        self._pass_number = pass_number
        self._seed = seed
        self._wall_clock = wall_clock_for(case.device)

    def build(self) -> Workload:
        """The module and its input, built before anything is timed."""
        torch.set_num_threads(self.case.threads)
        torch.set_flush_denormal(True)
        if self.workload is None:
            self.workload = build_workload(self.case, self._seed)
        return self.workload

    def measure(self, benchmark: BenchmarkFixture, call: Callable[[], Tensor]) -> Tensor:
        """Warm up, then time the planned rounds of `call`; returns what the last call returned.

        A round is a target that makes all its calls itself: pytest-benchmark allows no
        `iterations` beside the untimed `setup` that reads the other clocks.
        """
        counters = Counters(self.case.threads)
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        was_collecting = gc.isenabled()
        gc.disable()
        try:
            warmup = self._warm_up(call, counters)
            slot = self._slot or replace(plan_slot(self.case, min(warmup)), visits=1)
            output, cpu_s, readings = self._time_rounds(benchmark, call, slot, counters)
        finally:
            counters.close()
            if was_collecting:
                gc.enable()
        if benchmark.stats is not None:  # None under --benchmark-disable: nothing was timed
            self.block = Block(
                case=self.case,
                pass_number=self._pass_number,
                calls=slot.calls,
                rounds=_as_rounds(benchmark.stats.stats.data, slot.calls, cpu_s, readings),
                first_call_s=warmup[0],
                warmup_s=sum(warmup),
                started_at=started_at,
            )
        return output

    def _warm_up(self, call: Callable[[], Tensor], counters: Counters) -> list[float]:
        """The wall seconds of each warm-up call, until they are steady.

        A later visit finds everything but the caches as it left it: one call may be enough.
        """
        took: list[float] = []
        faults = [counters.read().minor_faults]
        least, most = WARMUP_CALLS
        if self._visit > 0:
            least = 1
        while len(took) < most and not (len(took) >= least and sum(took) > WARMUP_S):
            start = self._wall_clock()
            call()
            took.append(self._wall_clock() - start)
            faults.append(counters.read().minor_faults)
            if len(took) >= least and _is_steady(took, faults):
                break
        return took

    def _time_rounds(
        self,
        benchmark: BenchmarkFixture,
        call: Callable[[], Tensor],
        slot: Slot,
        counters: Counters,
    ) -> tuple[Tensor, list[float], list[Reading]]:
        """The last output, the CPU seconds of each round, and the counters around each."""
        cpu_s: list[float] = []
        readings: list[Reading] = []
        cpu_clock = cpu_clock_for(self.case.threads)
        repetitions = range(slot.calls)

        def begin() -> None:
            if benchmark.stats is not None:
                benchmark.stats.iterations = slot.calls  # its tables then speak of one call
            readings.append(counters.read())

        def target() -> Any:
            start = cpu_clock()  # inside: between `begin` and the wall clock lie 30 µs of others
            for _ in repetitions:
                output = call()
            cpu_s.append(cpu_clock() - start)
            return output

        def end() -> None:
            readings.append(counters.read())

        output = benchmark.pedantic(  # type: ignore[no-untyped-call]
            target, setup=begin, teardown=end, rounds=slot.rounds_of(self._visit)
        )
        return output, cpu_s, readings


def _is_steady(took_s: list[float], faults: list[int]) -> bool:
    """Whether the last calls were as fast as any, and found their memory where they left it."""
    recent = took_s[-STEADY_CALLS:]
    new_faults = faults[-1] - faults[-1 - len(recent)]
    return max(recent) <= STEADY_RATIO * min(took_s) and new_faults <= STEADY_FAULTS


def _as_rounds(
    seconds_per_call: list[float], calls: int, cpu_s: list[float], readings: list[Reading]
) -> tuple[Round, ...]:
    around = zip(readings[::2], readings[1::2], strict=True)
    return tuple(
        Round(
            wall_s=seconds * calls,
            cpu_s=cpu,
            queue_s=(
                None
                if before.queue_s is None or after.queue_s is None
                else after.queue_s - before.queue_s
            ),
            minor_faults=after.minor_faults - before.minor_faults,
            involuntary_switches=after.involuntary_switches - before.involuntary_switches,
        )
        for seconds, cpu, (before, after) in zip(seconds_per_call, cpu_s, around, strict=True)
    )
