"""One visit to a case: warm-up, then planned rounds through `benchmark.pedantic`."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from time import perf_counter
from typing import Any

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from sepconv.bench.cache import Eviction
from sepconv.bench.clock import Counters, Reading, cpu_clock_for, wall_clock_for
from sepconv.bench.core import pin
from sepconv.bench.cuda import EventClock
from sepconv.bench.memory import look_at_memory
from sepconv.bench.plan import plan_alone
from sepconv.bench.throttle import ThrottleWatch
from sepconv.bench.turn import Turns
from sepconv.bench.workload import Workload, build_workload
from sepconv.case import Case
from sepconv.record import Block, Facts, Round, Slot

WARMUP_CALLS = (3, 20)  # at least, at most, of a case that is measured alone
RING_WARMUP_CALLS = (2, 8)  # in a ring: each turn is primed anyway
WARMUP_S = 0.3  # at most, unless the least number of calls takes longer
HELD_OUTPUTS = 2  # alive in a round too, the last one and the one before: they need pages
STEADY_CALLS = 3  # this many in a row …
STEADY_RATIO = 1.1  # … within 10 % of the fastest so far: caches and clock have settled …
STEADY_FAULTS = 8  # … and with no more page faults than this: the heap has stopped growing


@dataclass(frozen=True)
class Visit:
    """One of the visits of a pass to a slot."""

    slot: Slot
    number: int  # from 0

    @property
    def is_last(self) -> bool:
        """Whether it completes the block."""
        return self.number + 1 == self.slot.visits


class Instruments:
    """What reads one device's times and troubles; made once per process, as some are dear."""

    def __init__(self, device: str) -> None:
        try:
            self.clock = wall_clock_for(device)
        except (RuntimeError, AssertionError, AttributeError):  # it is missing, which is no
            self.clock = wall_clock_for("cpu")  # reason not to collect: its cases are skipped
            device = "cpu"
        self.throttle = ThrottleWatch(device)
        self._device = device

    @cached_property
    def eviction(self) -> Eviction:
        """What empties the caches of the device."""
        return Eviction(self._device)


@dataclass
class _Times:
    """Seconds of the rounds of a visit, whole rounds, and of the calls between them."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    primed_s: float = 0.0
    primes: bool = False  # whether the next round begins with an untimed call


class Stopwatch:
    """Measures one visit; a slot without rounds is planned by its own warm-up."""

    def __init__(
        self,
        visit: Visit,
        *,
        pass_number: int,
        seed: int,
        instruments: Instruments,
        turns: Turns | None = None,
        primes: bool = True,
        cores: tuple[int, ...] = (),
        workload: Workload | None = None,
        looks: bool = False,
    ) -> None:
        self.visit = visit
        self.block: Block | None = None  # what was measured, once it was
        self.workload = workload  # of an earlier visit, if it was kept
        self.facts: Facts | None = None  # what one more call told, if it `looks`
        self._pass_number = pass_number
        self._seed = seed
        self._clock = instruments.clock
        self._throttle = instruments.throttle
        self._turns = turns
        self._primes = primes
        self._cores = cores
        self._looks = looks
        self._eviction = instruments.eviction if self.case.cache == "cold" else None

    @property
    def case(self) -> Case:
        return self.visit.slot.case

    def build(self) -> Workload:
        """The module and its input, built before anything is timed."""
        pin(self.case.threads, self._cores)
        torch.set_num_threads(self.case.threads)
        torch.set_flush_denormal(True)
        if self.workload is None:
            self.workload = build_workload(self.case, self._seed)
        return self.workload

    def measure(self, benchmark: BenchmarkFixture, call: Callable[[], Tensor]) -> Tensor:
        """Warm up, then time the planned rounds of `call`; returns what the last call returned.

        A round is a target that makes all its calls itself: pytest-benchmark allows no
        `iterations` beside the untimed `setup` that waits for the turn and reads the counters.
        """
        counters = Counters(self.case.threads)
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        was_collecting = gc.isenabled()
        if isinstance(self._clock, EventClock):
            self._clock.begin_block()  # of an earlier case that raised, it may hold a round
        gc.disable()
        try:
            if self._turns is not None:
                self._turns.meet()
                self._turns.await_turn()
            self._throttle.begin()
            warmup = self._warm_up(call, counters)
            if self._turns is not None:
                self._turns.pass_on()
            slot = self.visit.slot
            if not slot.rounds:
                slot = plan_alone(self.case, min(warmup))
            output, times, readings = self._time_rounds(benchmark, call, slot, counters)
            throttled = self._throttle.end()
        finally:
            counters.close()
            if was_collecting:
                gc.enable()
        if benchmark.stats is not None:  # None under --benchmark-disable: nothing was timed
            self.block = Block(
                case=self.case,
                pass_number=self._pass_number,
                calls=slot.calls,
                rounds=_as_rounds(times, readings),
                first_call_s=warmup[0] if warmup else 0.0,  # of a later visit nobody asks
                warmup_s=sum(warmup) + times.primed_s,
                started_at=started_at,
                ring=slot.ring,
                arm=slot.arm,
                throttled=throttled,
                clock_mhz=self._throttle.clock_mhz,
            )
        if self._looks:
            self.facts = self._look(call)
        return output

    def _look(self, call: Callable[[], object]) -> Facts:
        """What one more call tells of its memory, and whether the host held the device back."""
        seen = look_at_memory(call, self.case.device)
        if isinstance(self._clock, EventClock):
            return seen.and_also(Facts({"host_bound_share": self._clock.host_bound}))
        return seen

    def _warm_up(self, call: Callable[[], Tensor], counters: Counters) -> list[float]:
        """The wall seconds of each warm-up call, until they are steady.

        In a ring it is enough that the heap has stopped growing, as each turn is primed and
        calls of 10 ms are dear; a later visit needs no call at all. Alone, a later visit finds
        everything but the caches as it left it: one call may be enough.
        """
        took: list[float] = []
        held: deque[object] = deque(maxlen=HELD_OUTPUTS)
        faults = [counters.read().minor_faults]
        in_ring = self._turns is not None
        least, most = RING_WARMUP_CALLS if in_ring else WARMUP_CALLS
        calls = 1 if in_ring else STEADY_CALLS
        if self.visit.number > 0:
            least = 1
            if in_ring and self._primes:
                return []
        while len(took) < most and not (len(took) >= least and sum(took) > WARMUP_S):
            start = self._clock()
            output = call()
            took.append(self._clock() - start)
            held.append(output)
            faults.append(counters.read().minor_faults)
            if len(took) >= least and _is_steady(took, faults, calls):
                break
        return took

    def _time_rounds(
        self,
        benchmark: BenchmarkFixture,
        call: Callable[[], Tensor],
        slot: Slot,
        counters: Counters,
    ) -> tuple[Tensor, _Times, list[Reading]]:
        """The last output, the seconds of each round by both clocks, and the counters around
        each."""
        times = _Times()
        readings: list[Reading] = []
        cpu_clock = cpu_clock_for(self.case.threads)
        clock, turns, eviction = self._clock, self._turns, self._eviction
        events = clock if isinstance(clock, EventClock) else None
        may_prime = self._primes and eviction is None and turns is not None
        repetitions = range(slot.calls)
        if events is not None:
            events.begin_block()  # without the rounds of the warm-up

        def prime() -> None:
            start = perf_counter()
            call()
            times.primed_s += perf_counter() - start

        def begin() -> None:
            if benchmark.stats is not None:
                benchmark.stats.iterations = slot.calls  # its tables then speak of one call
            changed = turns is not None and turns.await_turn()
            is_first = not readings  # after the set-up, and perhaps the other arm's warm-up
            times.primes = may_prime and (changed or is_first or slot.calls > 1)
            if eviction is not None:
                eviction.evict()
            if events is not None:
                events.before_round()
                if self._primes and eviction is None:
                    prime()
                times.primes = False
            readings.append(counters.read())

        def target() -> Any:
            if times.primes:  # here, not in `begin`: the code between costs a call 15–30 µs
                prime()
            wall_start, cpu_start = clock() if events is None else 0.0, cpu_clock()
            for _ in repetitions:
                output = call()
            times.cpu_s.append(cpu_clock() - cpu_start)
            if events is None:
                times.wall_s.append(clock() - wall_start)
            return output

        def end() -> None:
            readings.append(counters.read())
            if turns is not None:
                turns.pass_on()

        output = benchmark.pedantic(  # type: ignore[no-untyped-call]
            target, setup=begin, teardown=end, rounds=slot.rounds_of(self.visit.number)
        )
        if events is not None and benchmark.stats is not None:  # its timer asks the device
            times.wall_s = [seconds * slot.calls for seconds in benchmark.stats.stats.data]
        return output, times, readings


def _is_steady(took_s: list[float], faults: list[int], calls: int) -> bool:
    """Whether the last `calls` were as fast as any, and found their memory where they left it.

    `faults` has the count before the first call, and after each.
    """
    recent = took_s[-calls:]
    new_faults = faults[-1] - faults[-1 - len(recent)]
    return max(recent) <= STEADY_RATIO * min(took_s) and new_faults <= STEADY_FAULTS


def _as_rounds(times: _Times, readings: list[Reading]) -> tuple[Round, ...]:
    around = zip(readings[::2], readings[1::2], strict=True)
    return tuple(
        Round(
            wall_s=wall,
            cpu_s=cpu,
            queue_s=(
                None
                if before.queue_s is None or after.queue_s is None
                else after.queue_s - before.queue_s
            ),
            minor_faults=after.minor_faults - before.minor_faults,
            involuntary_switches=after.involuntary_switches - before.involuntary_switches,
        )
        for wall, cpu, (before, after) in zip(times.wall_s, times.cpu_s, around, strict=True)
    )
