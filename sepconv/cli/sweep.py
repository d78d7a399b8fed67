"""One sweep from suite to store: what `run`, `quick` and plain pytest have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from sepconv import __version__
from sepconv.case import Case
from sepconv.cli import DONE, INTERRUPTED, NOT_MEASURED, elapsed_s
from sepconv.cli.suite_file import suites_folder
from sepconv.errors import InvalidSelection, InvalidSuite
from sepconv.record import TRIED_IN_VAIN, Environment, Machine, Measurement, Run
from sepconv.selection import parse_selection
from sepconv.suite import Suite

if TYPE_CHECKING:
    from sepconv.store import Store

SEED = 0  # of weights and inputs: the same work in every run, unless told otherwise


@dataclass(frozen=True)
class Swept:
    """What a sweep brought."""

    run: Run
    measurements: Sequence[Measurement]
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """0 done, 3 something planned could not be measured, 130 interrupted."""
        if self.interrupted:
            return INTERRUPTED
        in_vain = any(measurement.status in TRIED_IN_VAIN for measurement in self.measurements)
        measured = any(measurement.is_measured for measurement in self.measurements)
        return DONE if measured and not in_vain else NOT_MEASURED


def expand_suite(
    suite: Suite, where: str | None, devices: Sequence[str], logical_cores: int
) -> tuple[Case, ...]:
    """The cases of the suite on this machine that `where` selects.

    Raises:
        InvalidSuite: The suite has no case.
        InvalidSelection: `where` cannot be read, or selects none of them.
    """
    cases = suite.expand(devices=devices, logical_cores=logical_cores)
    if not cases:
        raise InvalidSuite(suite.source, "axes", "no case", "a sweep with at least one case")
    if where is None:
        return cases
    selects = parse_selection(where)
    selected = tuple(case for case in cases if selects(case))
    if not selected:
        raise InvalidSelection(where, 0, f"a selection of the {len(cases)} cases (none matches)")
    return selected


def run_sweep(
    suite: Suite,
    *,
    store_url: str,
    where: str | None = None,
    time_budget_s: float | None = None,
    allocator: str = "tuned",
    seed: int = SEED,
) -> Swept:
    """Measure the suite, storing every block as soon as it is measured."""
    from sepconv.bench.machine import capture_machine, usable_cores
    from sepconv.bench.supervisor import Supervisor
    from sepconv.bench.sweep import sweep
    from sepconv.cli.progress import Progress

    budget_s = suite.time_budget_s if time_budget_s is None else time_budget_s
    with Progress() as progress, Supervisor(suites_folder().parent, allocator=allocator) as server:
        progress.say("starting the measuring process")
        from sepconv.cli.recorder import Recorder  # while the server imports torch

        with _open_store(store_url) as store:
            hello = server.hello
            cases = expand_suite(suite, where, hello.devices, usable_cores())
            run = describe_run(
                suite,
                machine=capture_machine(hello.accelerators),
                environment=hello.environment,
                conditions=hello.conditions,
                seed=seed,
                time_budget_s=budget_s,
            )
            run_id = store.begin_run(run)
            recorder = Recorder(store, run_id, cases, precision=suite.precision, watcher=progress)
            started_s = elapsed_s()
            try:
                timing = sweep(cases, server, recorder, seed=seed, budget_s=budget_s)
            except BaseException as error:
                state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
                _finish(store, run, run_id, state, {"starting_s": started_s})
                raise
            measurements = recorder.conclude(in_time=not server.stopping)
            run = _finish(
                store,
                run,
                run_id,
                "interrupted" if server.stopping else "done",
                phases(started_s, timing.warmup_s, timing.timed_s, elapsed_s()),
            )
            return Swept(run, measurements, interrupted=server.stopping)


def phases(starting_s: float, warmup_s: float, timed_s: float, total_s: float) -> dict[str, float]:
    """Where the wall seconds of a run went; `between_s` is all that stood between the rounds:
    building modules, pytest's own work, storing, the starts of workers."""
    return {
        "starting_s": starting_s,
        "warmup_s": warmup_s,
        "timed_s": timed_s,
        "between_s": max(0.0, total_s - starting_s - warmup_s - timed_s),
    }


def describe_run(
    suite: Suite,
    *,
    machine: Machine,
    environment: Environment,
    conditions: Mapping[str, object],
    seed: int,
    time_budget_s: float | None,
) -> Run:
    """The run that is about to begin, with the commit that the conv types are at."""
    from sepconv.bench.revision import capture_provenance

    provenance = capture_provenance(Path(__file__).parents[1] / "convs" / "__init__.py")
    return Run(
        uid=uuid4().hex,
        suite=suite.name,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine,
        environment=environment,
        revision=provenance.revision,
        branch=provenance.branch,
        dirty=provenance.dirty,
        harness_version=__version__,
        seed=seed,
        precision=suite.precision,
        time_budget_s=time_budget_s,
        conditions={
            **conditions,
            "suite_digest": suite.digest or None,
            "no_commit_because": provenance.reason,
        },
    )


def _open_store(url: str) -> Store:
    from sepconv.errors import StoreUnavailable
    from sepconv.store import Store

    if url in ("sqlite://", "sqlite:///:memory:"):
        raise StoreUnavailable("a run needs a store that outlives it; name a file with --store")
    return Store(url)


def _finish(store: Store, run: Run, run_id: int, state: str, timing: Mapping[str, float]) -> Run:
    finished_at = datetime.now(UTC).isoformat(timespec="seconds")
    store.finish_run(run_id, state=state, finished_at=finished_at, timing=timing)
    return replace(run, id=run_id, state=state, finished_at=finished_at, timing=timing)
