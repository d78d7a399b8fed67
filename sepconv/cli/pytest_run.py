"""`pytest benchmarks`: one pass in pytest's own process, stored as a run without intervals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sepconv.bench.allocator import tune_allocator
from sepconv.bench.device import find_devices
from sepconv.bench.environment import capture_environment
from sepconv.bench.lock import DeviceLock
from sepconv.bench.machine import capture_conditions, capture_machine, usable_cores
from sepconv.bench.plugin import PassPlugin, visit_of
from sepconv.bench.stopwatch import Visit
from sepconv.case import Case
from sepconv.cli import elapsed_s
from sepconv.cli.option import DEFAULT_STORE
from sepconv.cli.said import now_utc
from sepconv.cli.setting import Settings
from sepconv.cli.suite_file import find_suite
from sepconv.cli.sweep import describe_run, expand_suite, phases, unverified_devices
from sepconv.errors import SepconvError
from sepconv.record import Block, Facts, Slot, Status

if TYPE_CHECKING:
    from sepconv.cli.recorder import Recorder
    from sepconv.store import Store

NO_STORE = "none"


def add_options(parser: pytest.Parser) -> None:
    """The options that the suites add to pytest's."""
    group = parser.getgroup("sepconv", "sepconv: which cases, and where to keep them")
    group.addoption(
        "--suite", default="quick", metavar="SUITE", help="name or TOML file of a sweep"
    )
    group.addoption("--where", metavar="SELECTION", help="as in: 'stride=2 and channels=64'")
    group.addoption(
        "--store",
        metavar="URL",
        help=f"database for the blocks, or {NO_STORE}; else SEPCONV_STORE, else {DEFAULT_STORE}",
    )
    group.addoption(
        "--conv-types",
        type=Path,
        metavar="FILE.py",
        help="measure your own conv types too: CONV_TYPES = {'name': builder}",
    )


def configure(config: pytest.Config) -> None:
    """Make this pytest one pass over its suite, unless it is a worker of `sepconv run`."""
    if any(isinstance(plugin, PassPlugin) for plugin in config.pluginmanager.get_plugins()):
        return
    try:
        own = PytestRun(config, _store_url(config))
    except SepconvError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(own, "sepconv-run")
    plugin = PassPlugin(own.slots, own, seed=own.settings.seed)
    config.pluginmanager.register(plugin, "sepconv-pass")


def _store_url(config: pytest.Config) -> str:
    named = config.getoption("store") or os.environ.get("SEPCONV_STORE") or DEFAULT_STORE
    return named if "://" in named or named == NO_STORE else f"sqlite:///{named}"


class PytestRun:
    """The sink of a pass that is its own supervisor."""

    def __init__(self, config: pytest.Config, store_url: str) -> None:
        self._allocator = tune_allocator()
        self._suite = find_suite(config.getoption("suite"))
        self._store_url = store_url
        self.settings = Settings(
            where=config.getoption("where"), conv_types=config.getoption("conv_types")
        )
        names, self._conv_types_digest = _load_conv_types(self.settings.conv_types)
        devices, self._accelerators = find_devices()
        cases = expand_suite(self._suite, self.settings.where, devices, usable_cores(), names)
        self.slots = [  # without rounds: each is planned by its own warm-up
            Slot(case, calls=1, rounds=0, call_s=0.0, ring=number)
            for number, case in enumerate(cases, 1)
        ]
        self._times_nothing = (
            config.getoption("benchmark_disable", False)
            or config.getoption("benchmark_skip", False)
            or config.getoption("collectonly", False)
        )
        self._held = ExitStack()
        config.add_cleanup(self._held.close)
        self._no_lock_because: str | None = None
        self._store: Store | None = None
        self._recorder: Recorder | None = None
        self._run_id = 0
        self._started_s = self._timed_s = self._warmup_s = 0.0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin a run of the cases that pytest's own selection left.

        Raises:
            UsageError: Another sweep is measuring, or the store cannot be written.
        """
        visits = [visit for item in session.items if (visit := visit_of(item)) is not None]
        if not visits or self._times_nothing:
            return
        cases = [visit.slot.case for visit in visits]
        try:
            devices = [case.device for case in cases]
            self._no_lock_because = self._held.enter_context(DeviceLock(devices)).missing_because
            if self._store_url != NO_STORE:
                self._begin_run(cases)
        except SepconvError as error:
            raise pytest.UsageError(str(error)) from error

    def _begin_run(self, cases: Sequence[Case]) -> None:
        from sepconv.cli.recorder import Recorder
        from sepconv.store import Store

        self._store = Store(self._store_url)
        machine = capture_machine(self._accelerators)
        environment = capture_environment(self._allocator)
        checks = self._store.selfchecks(machine, environment)
        run = describe_run(
            self._suite,
            self.settings,
            machine=machine,
            environment=environment,
            conditions={
                **capture_conditions(),
                "unverified_devices": unverified_devices(cases, checks),
                "conv_types_digest": self._conv_types_digest,
                "no_lock_because": self._no_lock_because,
            },
        )
        self._run_id = self._store.begin_run(run)
        self._started_s = elapsed_s()
        self._recorder = Recorder.begin(self._store, self._run_id, cases, precision=run.precision)

    def begin(self, visit: Visit) -> None:
        """Nothing to do: nobody watches this process from outside."""

    def end_visit(self, visit: Visit) -> bool:
        return True

    def add_block(self, visit: Visit, block: Block) -> bool:
        self._timed_s += block.timed_s
        self._warmup_s += block.warmup_s
        if self._recorder is not None:
            self._recorder.keep_blocks(block)
        return True

    def add_failure(self, visit: Visit, status: Status, error: str) -> bool:
        if self._recorder is not None:
            self._recorder.keep_failure(visit.slot.case, status, error)
        return True

    def add_break(self, visit: Visit) -> bool:
        """Cannot happen: every case is alone here."""
        return True

    def add_facts(self, case: Case, facts: Facts) -> None:
        if self._recorder is not None:
            self._recorder.keep_facts(case, facts)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Store the estimates, and where the time went."""
        if self._store is None or self._recorder is None:
            return
        self._recorder.end_pass(1)
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        self._recorder.conclude(in_time=not interrupted)
        self._store.finish_run(
            self._run_id,
            state="interrupted" if interrupted else "done",
            finished_at=now_utc(),
            timing=phases(self._started_s, self._warmup_s, self._timed_s, elapsed_s()),
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._store is None:
            return
        terminalreporter.write_line(
            f"stored as run {self._run_id} in {self._store.shown_url}: one pass, so no interval; "
            f"`sepconv run {self._suite.name}` makes several"
        )
        self._store.close()


def _load_conv_types(path: Path | None) -> tuple[Sequence[str], str | None]:
    """The names in the user's file, which they can be built by from now on, and its digest."""
    if path is None:
        return (), None
    from sepconv.convs.loading import load_conv_types

    found = load_conv_types(path)
    return found.names, found.digest
