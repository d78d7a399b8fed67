"""The pytest plug-in: parametrises the suites over cases, times them, hands each block on.

One instance is one pass. `sepconv run` makes a pass per worker process and tells it the slots;
plain `pytest benchmarks` makes one pass in its own process, and plans each case by its warm-up.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from operator import itemgetter
from traceback import format_tb
from typing import Protocol

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from sepconv.bench.counted import count_facts, own_facts
from sepconv.bench.memory import is_exhausted, unlimited_memory
from sepconv.bench.stopwatch import Instruments, Stopwatch, Visit
from sepconv.bench.turn import Baton, RingBroken, Turns
from sepconv.bench.workload import Workload, check_supported, size_bytes
from sepconv.case import Case
from sepconv.errors import UnsupportedCase
from sepconv.record import Block, Facts, Slot, Status

CASE, VISIT = "case", "visit"
CALIBRATION = 0  # the number of the pass that looks at what needs no repetition
KEPT_BYTES = 256 << 20  # of modules and inputs that wait for their next visit
FRAMES = 3  # of what failed: the innermost
OUT_OF_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "not enough memory")
UNSUPPORTED_TEXTS = ("not implemented for", "not supported", "unsupported")


class Sink(Protocol):
    """Where a case's fate goes as soon as it is known; bench knows no store.

    What ends a visit returns whether to go on with the next one.
    """

    def begin(self, visit: Visit) -> None:
        """The case is about to be built and measured."""

    def end_visit(self, visit: Visit) -> bool:
        """A visit is over, and more of this pass will complete its block."""

    def add_block(self, visit: Visit, block: Block) -> bool:
        """Keep the block."""

    def add_failure(self, visit: Visit, status: Status, error: str) -> bool:
        """Keep the reason why there is no block."""

    def add_break(self, visit: Visit) -> bool:
        """The other arm of the ring has failed: this one has no block either."""

    def add_facts(self, case: Case, facts: Facts) -> None:
        """Keep what the calibration saw beside the time."""


class PassPlugin:
    """One pass over `slots`, in their order; without a plan each has no rounds.

    A block that is planned in several visits gets them evenly spaced: the pass goes over its
    cases several times. What a shared machine takes from a process lasts longer than a round,
    so rounds in a row tell of one spell, and rounds apart of several.

    With a `baton`, this pass is one arm of its rings: the other one is a pass in another
    process over the same rings in the same order.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        sink: Sink,
        *,
        pass_number: int = 1,
        seed: int = 0,
        baton: Baton | None = None,
        primes: bool = True,
        cores: tuple[int, ...] = (),
        keeps_workloads: bool = True,
        counts: bool = False,
    ) -> None:
        self.sink = sink
        self._slots = slots
        self._order = {slot.ring: place for place, slot in enumerate(slots)}
        self._is_planned = any(slot.rounds for slot in slots)
        self._pass_number = pass_number
        self._seed = seed
        self._baton = baton
        self._primes = primes
        self._cores = cores
        self._keeps_workloads = keeps_workloads  # not where a case has a limit of its own
        self._counts = counts
        self._instruments: dict[str, Instruments] = {}
        self._stopwatch: Stopwatch | None = None
        self._blocks: dict[int, Block] = {}  # by ring, of those that will be visited again
        self._workloads: dict[str, Workload] = {}  # by case, of the same …
        self._kept_bytes: dict[str, int] = {}  # … and what they take, for the whole pass
        self._failed: set[str] = set()  # cases
        self._broken: set[int] = set()  # rings, by the other arm

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each test the visits to the cases of its direction, and each its clock."""
        if not {CASE, VISIT} <= set(metafunc.fixturenames):
            return
        marker = metafunc.definition.get_closest_marker("direction")
        direction = marker.args[0] if marker else "inference"
        visits = [
            pytest.param(slot.case, Visit(slot, number), id=slot.case.label, marks=mark)
            for slot in self._slots
            if slot.case.direction == direction
            for mark in [self._benchmark_mark(slot.case)]
            for number in range(slot.visits)
        ]
        metafunc.parametrize((CASE, VISIT), visits)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Spread the visits to each slot evenly; drop tests that got no case at all."""
        placed = [
            ((visit.number + 0.5) / visit.slot.visits, self._order[visit.slot.ring], item)
            for item in items
            if (visit := visit_of(item)) is not None
        ]
        items[:] = [item for *_, item in sorted(placed, key=itemgetter(0, 1))]

    @pytest.fixture
    def stopwatch(self, visit: Visit) -> Generator[Stopwatch, None, None]:
        """Measures this visit; skips what this machine cannot measure, or what has failed."""
        case = visit.slot.case
        if case.identity in self._failed:
            self._give_up(visit)
            pytest.skip("an earlier visit failed")
        if visit.slot.ring in self._broken:
            pytest.skip("the other arm of the ring failed")
        self.sink.begin(visit)
        try:
            check_supported(case)
        except UnsupportedCase as reason:
            pytest.skip(str(reason))
        self._stopwatch = Stopwatch(
            visit,
            pass_number=self._pass_number,
            seed=self._seed,
            instruments=self._instruments_of(case.device),
            turns=self._turns(visit),
            primes=self._primes,
            cores=self._cores,
            workload=self._workloads.pop(case.identity, None),
            looks=self._pass_number == CALIBRATION and visit.is_last,
        )
        yield self._stopwatch
        self._stopwatch = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand on what a test brought: rounds only if its assertions hold, else the reason."""
        visit, go_on = visit_of(item), True
        if visit is None or self._is_settled(visit):
            return (yield)
        error = None if call.excinfo is None else call.excinfo.value
        fate = None if error is None else classify(error)
        with unlimited_memory():  # what has raised may hold all there is, and a report takes some
            report = yield
        if error is not None and fate is not None:
            go_on = self._add_error(visit, error, *fate)
        elif call.when == "call" and self._stopwatch and self._stopwatch.block:
            if not self._is_planned:  # somebody may want pytest-benchmark's own JSON
                _describe(item, self._stopwatch.block)
            go_on = self._add_visit(self._stopwatch, self._stopwatch.block)
        if not go_on:
            item.session.shouldstop = "asked to stop"
        return report

    def pytest_sessionfinish(self) -> None:
        """Hand on what was measured of the blocks that a stopped pass did not complete."""
        of_ring = {slot.ring: slot for slot in self._slots}
        for ring, block in self._blocks.items():
            slot = of_ring[ring]
            self.sink.add_block(Visit(slot, slot.visits - 1), block)

    def _is_settled(self, visit: Visit) -> bool:
        return visit.slot.case.identity in self._failed or visit.slot.ring in self._broken

    def _add_error(self, visit: Visit, error: BaseException, status: Status, text: str) -> bool:
        self._blocks.pop(visit.slot.ring, None)
        if isinstance(error, RingBroken):
            self._broken.add(visit.slot.ring)
            return self.sink.add_break(visit)
        self._failed.add(visit.slot.case.identity)
        self._give_up(visit)
        if status is Status.FAILED:
            text = "\n".join([text, *format_tb(error.__traceback__, -FRAMES)]).rstrip()
        return self.sink.add_failure(visit, status, text)

    def _add_visit(self, stopwatch: Stopwatch, block: Block) -> bool:
        visit = stopwatch.visit
        if stopwatch.facts is not None and stopwatch.workload is not None:
            count = count_facts if self._counts else own_facts
            own = count(stopwatch.case, *stopwatch.workload)
            self.sink.add_facts(stopwatch.case, stopwatch.facts.and_also(own))
        earlier = self._blocks.pop(visit.slot.ring, None)
        whole = block if earlier is None else earlier.and_then(block)
        if visit.is_last:
            return self.sink.add_block(visit, whole)
        self._blocks[visit.slot.ring] = whole
        self._keep_workload(stopwatch)
        return self.sink.end_visit(visit)

    def _turns(self, visit: Visit) -> Turns | None:
        if self._baton is None:
            return None
        return self._baton.visit(
            visit.slot.ring,
            visit.number,
            rounds=visit.slot.rounds_of(visit.number),
            seed=hash((self._seed, self._pass_number)),
        )

    def _give_up(self, visit: Visit) -> None:
        """Spare the other arm the waiting."""
        if self._baton is not None:
            self._baton.give_up(visit.slot.ring, visit.number)

    def _keep_workload(self, stopwatch: Stopwatch) -> None:
        """Spare the next visit the building, as long as all of it fits into modest memory."""
        if stopwatch.workload is None or not self._keeps_workloads:
            return
        identity = stopwatch.case.identity
        if identity not in self._kept_bytes:
            size = size_bytes(stopwatch.workload)
            if sum(self._kept_bytes.values()) + size > KEPT_BYTES:
                return
            self._kept_bytes[identity] = size
        self._workloads[identity] = stopwatch.workload

    def _benchmark_mark(self, case: Case) -> pytest.MarkDecorator:
        """The clock of the case, and the shape by which pytest-benchmark groups its tables."""
        group = None if self._is_planned else case.shape.label.partition("-")[2]
        return pytest.mark.benchmark(timer=self._instruments_of(case.device).clock, group=group)

    def _instruments_of(self, device: str) -> Instruments:
        if device not in self._instruments:
            self._instruments[device] = Instruments(device)
        return self._instruments[device]


def classify(error: BaseException) -> tuple[Status, str]:
    """What the exception of a case means for it, and its text in one line."""
    text = f"{type(error).__name__}: {error}".strip()
    lower = text.lower()
    if isinstance(error, (pytest.skip.Exception, UnsupportedCase)):
        return Status.UNSUPPORTED, getattr(error, "msg", None) or str(error)
    says_so = any(sign in lower for sign in OUT_OF_MEMORY_TEXTS)
    is_sign = isinstance(error, RuntimeError) and is_exhausted()  # whatever the library says
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or says_so or is_sign:
        return Status.OUT_OF_MEMORY, text
    if isinstance(error, NotImplementedError) or (
        isinstance(error, RuntimeError) and any(sign in lower for sign in UNSUPPORTED_TEXTS)
    ):
        return Status.UNSUPPORTED, text
    return Status.FAILED, text


def visit_of(item: pytest.Item) -> Visit | None:
    """The visit of a test; None for one that was parametrised over nothing, or not at all."""
    callspec = getattr(item, "callspec", None)
    visit = callspec.params.get(VISIT) if callspec else None
    return visit if isinstance(visit, Visit) else None


def _describe(item: pytest.Item, block: Block) -> None:
    """Put what pytest-benchmark does not know beside its own statistics, for its JSON."""
    benchmark = item.funcargs.get("benchmark") if isinstance(item, pytest.Function) else None
    if isinstance(benchmark, BenchmarkFixture):
        benchmark.extra_info["case"] = block.case.to_dict()
        benchmark.extra_info["first_call_s"] = block.first_call_s
        benchmark.extra_info["cpu_latency_s"] = block.summary().cpu.median
