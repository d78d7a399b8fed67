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
from sepconv.bench.workload import check_supported
from sepconv.case import Case
from sepconv.errors import UnsupportedCase
from sepconv.record import Block, Slot, Status

CASE = "case"
OUT_OF_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "not enough memory")
UNSUPPORTED_TEXTS = ("not implemented for", "not supported", "unsupported")


class Sink(Protocol):
    """Where a case's fate goes as soon as it is known; bench knows no store."""

    def begin(self, case: Case) -> None:
        """The case is about to be built and measured."""

    def add_block(self, block: Block) -> bool:
        """Keep the block; returns whether to go on with the next case."""

    def add_failure(self, case: Case, status: Status, error: str) -> bool:
        """Keep the reason why there is no block; returns whether to go on."""


class PassPlugin:
    """One pass over `cases`, in their order; `slots` are the plan's, by case identity."""

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

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each test the cases of its direction, and each case its clock."""
        if CASE not in metafunc.fixturenames:
            return
        marker = metafunc.definition.get_closest_marker("direction")
        direction = marker.args[0] if marker else "inference"
        metafunc.parametrize(
            CASE,
            [
                pytest.param(
                    case,
                    id=case.label,
                    marks=pytest.mark.benchmark(
                        timer=_clock(case.device), group=case.shape.label.partition("-")[2]
                    ),
                )
                for case in self._cases
                if case.direction == direction
            ],
        )

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the order of the pass across the files; drop tests that got no case at all."""
        placed = [
            (self._order[case.identity], item)
            for item in items
            if (case := case_of(item)) is not None
        ]
        items[:] = [item for _, item in sorted(placed, key=itemgetter(0))]

    @pytest.fixture
    def stopwatch(self, case: Case) -> Generator[Stopwatch, None, None]:
        """Measures the block of this case; skips what this machine cannot measure."""
        self.sink.begin(case)
        try:
            check_supported(case)
        except UnsupportedCase as reason:
            pytest.skip(str(reason))
        slot = self._slots.get(case.identity)
        self._stopwatch = Stopwatch(case, slot=slot, pass_number=self._pass_number, seed=self._seed)
        yield self._stopwatch
        self._stopwatch = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand on what a test brought: a block only if its assertions hold, else the reason."""
        report = yield
        case, go_on = case_of(item), True
        if case is None:
            return report
        if call.excinfo is not None:
            status, error = classify(call.excinfo.value)
            go_on = self.sink.add_failure(case, status, error)
        elif call.when == "call" and self._stopwatch and self._stopwatch.block:
            _describe(item, self._stopwatch.block)
            go_on = self.sink.add_block(self._stopwatch.block)
        if not go_on:
            item.session.shouldstop = "asked to stop"
        return report


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
