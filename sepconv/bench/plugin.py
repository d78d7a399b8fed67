"""The pytest plug-in: parametrises the suites over cases, times them, hands each block on.

One instance is one pass. `sepconv run` makes a pass per worker process and tells it the slots;
plain `pytest benchmarks` makes one pass in its own process, and plans each case by its warm-up.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from operator import itemgetter
from typing import Protocol

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from sepconv.bench.clock import wall_clock_for
from sepconv.bench.stopwatch import Stopwatch
from sepconv.bench.workload import Workload, check_supported, size_bytes
from sepconv.case import Case
from sepconv.errors import UnsupportedCase
from sepconv.record import Block, Slot, Status

CASE, VISIT = "case", "visit"
KEPT_BYTES = 256 << 20  # of modules and inputs that wait for their next visit
OUT_OF_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "not enough memory")
UNSUPPORTED_TEXTS = ("not implemented for", "not supported", "unsupported")


class Sink(Protocol):
    """Where a case's fate goes as soon as it is known; bench knows no store.

    What ends a visit returns whether to go on with the next one.
    """

    def begin(self, case: Case) -> None:
        """The case is about to be built and measured."""

    def end_visit(self, case: Case) -> bool:
        """A visit is over, and more of this pass will complete its block."""

    def add_block(self, block: Block) -> bool:
        """Keep the block."""

    def add_failure(self, case: Case, status: Status, error: str) -> bool:
        """Keep the reason why there is no block."""


class PassPlugin:
    """One pass over `cases`, in their order; `slots` are the plan's, by case identity.

    A block that is planned in several visits gets them evenly spaced: the pass goes over its
    cases several times. What a shared machine takes from a process lasts longer than a round,
    so rounds in a row tell of one spell, and rounds apart of several.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        sink: Sink,
        *,
        slots: Sequence[Slot] = (),
        pass_number: int = 1,
        seed: int = 0,
    ) -> None:
        self.sink = sink
        self._cases = cases
        self._slots = {slot.case.identity: slot for slot in slots}
        self._order = {case.identity: place for place, case in enumerate(cases)}
        self._pass_number = pass_number
        self._seed = seed
        self._stopwatch: Stopwatch | None = None
        self._blocks: dict[str, Block] = {}  # of cases that will be visited again
        self._workloads: dict[str, Workload] = {}  # of the same …
        self._kept_bytes: dict[str, int] = {}  # … and what they take, for the whole pass
        self._failed: set[str] = set()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each test the visits to the cases of its direction, and each its clock."""
        if not {CASE, VISIT} <= set(metafunc.fixturenames):
            return
        marker = metafunc.definition.get_closest_marker("direction")
        direction = marker.args[0] if marker else "inference"
        cases = [case for case in self._cases if case.direction == direction]
        visits = [
            pytest.param(
                case, visit, id=label if visit == 0 else f"{label}-again{visit}", marks=mark
            )
            for case in cases
            for label, mark in [(case.label, self._benchmark_mark(case))]
            for visit in range(self._visits_of(case))
        ]
        metafunc.parametrize((CASE, VISIT), visits)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Order by visit, then by the pass; drop tests that got no case at all."""
        placed = [
            (_visit_of(item), self._order[case.identity], item)
            for item in items
            if (case := case_of(item)) is not None
        ]
        items[:] = [item for *_, item in sorted(placed, key=itemgetter(0, 1))]

    @pytest.fixture
    def stopwatch(self, case: Case, visit: int) -> Generator[Stopwatch, None, None]:
        """Measures this visit; skips what this machine cannot measure, or what has failed."""
        if case.identity in self._failed:
            pytest.skip("an earlier visit failed")
        self.sink.begin(case)
        try:
            check_supported(case)
        except UnsupportedCase as reason:
            pytest.skip(str(reason))
        self._stopwatch = Stopwatch(
            case,
            slot=self._slots.get(case.identity),
            visit=visit,
            pass_number=self._pass_number,
            seed=self._seed,
            workload=self._workloads.pop(case.identity, None),
        )
        yield self._stopwatch
        self._stopwatch = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand on what a test brought: rounds only if its assertions hold, else the reason."""
        report = yield
        case, go_on = case_of(item), True
        if case is None or case.identity in self._failed:
            return report
        if call.excinfo is not None:
            self._failed.add(case.identity)
            self._blocks.pop(case.identity, None)
            go_on = self.sink.add_failure(case, *classify(call.excinfo.value))
        elif call.when == "call" and self._stopwatch and self._stopwatch.block:
            if not self._slots:  # somebody may want pytest-benchmark's own JSON
                _describe(item, self._stopwatch.block)
            go_on = self._add_visit(self._stopwatch, _visit_of(item))
        if not go_on:
            item.session.shouldstop = "asked to stop"
        return report

    def pytest_sessionfinish(self) -> None:
        """Hand on what was measured of the blocks that a stopped pass did not complete."""
        for block in self._blocks.values():
            self.sink.add_block(block)

    def _add_visit(self, stopwatch: Stopwatch, visit: int) -> bool:
        assert stopwatch.block is not None
        identity = stopwatch.case.identity
        earlier = self._blocks.pop(identity, None)
        block = stopwatch.block if earlier is None else earlier.and_then(stopwatch.block)
        if visit + 1 == self._visits_of(stopwatch.case):
            return self.sink.add_block(block)
        self._blocks[identity] = block
        self._keep_workload(stopwatch)
        return self.sink.end_visit(stopwatch.case)

    def _keep_workload(self, stopwatch: Stopwatch) -> None:
        """Spare the next visit the building, as long as all of it fits into modest memory."""
        if stopwatch.workload is None:
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
        group = None if self._slots else case.shape.label.partition("-")[2]
        return pytest.mark.benchmark(timer=_clock(case.device), group=group)

    def _visits_of(self, case: Case) -> int:
        slot = self._slots.get(case.identity)
        return slot.visits if slot else 1


def classify(error: BaseException) -> tuple[Status, str]:
    """What the exception of a case means for it, and its text in one line."""
    text = f"{type(error).__name__}: {error}".strip()
    lower = text.lower()
    if isinstance(error, (pytest.skip.Exception, UnsupportedCase)):
        return Status.UNSUPPORTED, getattr(error, "msg", None) or str(error)
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        sign in lower for sign in OUT_OF_MEMORY_TEXTS
    ):
        return Status.OUT_OF_MEMORY, text
    if isinstance(error, NotImplementedError) or (
        isinstance(error, RuntimeError) and any(sign in lower for sign in UNSUPPORTED_TEXTS)
    ):
        return Status.UNSUPPORTED, text
    return Status.FAILED, text


def case_of(item: pytest.Item) -> Case | None:
    """The case of a test; None for one that was parametrised over nothing, or not at all."""
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get(CASE) if callspec else None
    return case if isinstance(case, Case) else None


def _visit_of(item: pytest.Item) -> int:
    callspec = getattr(item, "callspec", None)
    return int(callspec.params.get(VISIT, 0)) if callspec else 0


def _clock(device: str) -> Callable[[], float]:
    """The clock of a device that may be missing: then the case is skipped, not the collection."""
    try:
        return wall_clock_for(device)
    except (RuntimeError, AssertionError, AttributeError):
        return wall_clock_for("cpu")


def _describe(item: pytest.Item, block: Block) -> None:
    """Put what pytest-benchmark does not know beside its own statistics, for its JSON."""
    benchmark = item.funcargs.get("benchmark") if isinstance(item, pytest.Function) else None
    if isinstance(benchmark, BenchmarkFixture):
        benchmark.extra_info["case"] = block.case.to_dict()
        benchmark.extra_info["first_call_s"] = block.first_call_s
        benchmark.extra_info["cpu_latency_s"] = block.summary().cpu.median
