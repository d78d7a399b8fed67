"""`pytest benchmarks`: one pass in pytest's own process, stored as a run without intervals."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sepconv.bench.allocator import tune_allocator
from sepconv.bench.device import find_devices
from sepconv.bench.environment import capture_environment
from sepconv.bench.machine import capture_conditions, capture_machine, usable_cores
from sepconv.bench.plugin import PassPlugin, case_of
from sepconv.case import Case
from sepconv.cli import elapsed_s
from sepconv.cli.option import DEFAULT_STORE
from sepconv.cli.suite_file import find_suite
from sepconv.cli.sweep import SEED, describe_run, expand_suite, phases
from sepconv.errors import SepconvError
from sepconv.record import Block, Status

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


def configure(config: pytest.Config) -> None:
    """Make this pytest one pass over its suite, unless it is a worker of `sepconv run`."""
    if any(isinstance(plugin, PassPlugin) for plugin in config.pluginmanager.get_plugins()):
        return
    try:
        own = PytestRun(config, _store_url(config))
    except SepconvError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(own, "sepconv-run")
    config.pluginmanager.register(PassPlugin(own.cases, own, seed=SEED), "sepconv-pass")


def _store_url(config: pytest.Config) -> str:
    named = config.getoption("store") or os.environ.get("SEPCONV_STORE") or DEFAULT_STORE
    return named if "://" in named or named == NO_STORE else f"sqlite:///{named}"


class PytestRun:
    """The sink of a pass that is its own supervisor."""

    def __init__(self, config: pytest.Config, store_url: str) -> None:
        self._allocator = tune_allocator()
        self._suite = find_suite(config.getoption("suite"))
        self._store_url = store_url
        devices, self._accelerators = find_devices()
        self.cases = expand_suite(self._suite, config.getoption("where"), devices, usable_cores())
        self._times_nothing = (
            config.getoption("benchmark_disable", False)
            or config.getoption("benchmark_skip", False)
            or config.getoption("collectonly", False)
        )
        self._store: Store | None = None
        self._recorder: Recorder | None = None
        self._run_id = 0
        self._started_s = self._timed_s = self._warmup_s = 0.0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin a run of the cases that pytest's own selection left."""
        cases = [case for item in session.items if (case := case_of(item)) is not None]
        if not cases or self._times_nothing or self._store_url == NO_STORE:
            return
        from sepconv.cli.recorder import Recorder
        from sepconv.store import Store

        self._store = Store(self._store_url)
        run = describe_run(
            self._suite,
            machine=capture_machine(self._accelerators),
            environment=capture_environment(self._allocator),
            conditions=capture_conditions(),
            seed=SEED,
            time_budget_s=None,
        )
        self._run_id = self._store.begin_run(run)
        self._started_s = elapsed_s()
        self._recorder = Recorder(self._store, self._run_id, cases, precision=run.precision)

    def begin(self, case: Case) -> None:
        """Nothing to do: nobody watches this process from outside."""

    def end_visit(self, case: Case) -> bool:
        return True

    def add_block(self, block: Block) -> bool:
        self._timed_s += block.timed_s
        self._warmup_s += block.warmup_s
        if self._recorder is not None:
            self._recorder.keep_block(block)
        return True

    def add_failure(self, case: Case, status: Status, error: str) -> bool:
        if self._recorder is not None:
            self._recorder.keep_failure(case, status, error)
        return True

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
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
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
