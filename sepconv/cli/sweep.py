"""One sweep from suite to store: what `run`, `quick` and plain pytest have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sepconv import __version__
from sepconv.case import Case
from sepconv.cli import DONE, INTERRUPTED, NOT_MEASURED, elapsed_s
from sepconv.cli.option import DEFAULT_STORE
from sepconv.cli.said import now_utc
from sepconv.cli.setting import Settings
from sepconv.cli.suite_file import name_of, suites_folder
from sepconv.errors import InvalidSelection, InvalidSuite
from sepconv.record import TRIED_IN_VAIN, Measurement, Resumption, Slot
from sepconv.run import Environment, Machine, Run, Selfcheck
from sepconv.selection import parse_selection
from sepconv.suite import Suite

if TYPE_CHECKING:
    from sepconv.bench.lock import DeviceLock
    from sepconv.bench.supervisor import Supervisor
    from sepconv.cli.recorder import Recorder
    from sepconv.store import Store

MEASURED_CODE = Path(__file__).parents[1] / "convs" / "__init__.py"
PLANS_LOOKED_AT = 20  # runs, for the calls per round that their plans had
LEAST_SHARE = 0.25  # of a budget that is left to measuring, however long the start took


@dataclass(frozen=True)
class Swept:
    """What a sweep brought."""

    run: Run
    measurements: Sequence[Measurement]
    interrupted: bool
    linked: Swept | None = None  # the same suite under the next allocator policy

    @property
    def exit_code(self) -> int:
        """0 done, 3 something planned could not be measured, 130 interrupted."""
        if self.interrupted:
            return INTERRUPTED
        in_vain = any(measurement.status in TRIED_IN_VAIN for measurement in self.measurements)
        measured = any(measurement.is_measured for measurement in self.measurements)
        own = DONE if measured and not in_vain else NOT_MEASURED
        return own if self.linked is None else max(own, self.linked.exit_code)


def expand_suite(
    suite: Suite,
    where: str | None,
    devices: Sequence[str],
    logical_cores: int,
    conv_types: Sequence[str] = (),
) -> tuple[Case, ...]:
    """The cases of the suite on this machine that `where` selects.

    Raises:
        InvalidSuite: The suite has no case.
        InvalidSelection: `where` cannot be read, or selects none of them.
    """
    cases = suite.expand(devices=devices, logical_cores=logical_cores, conv_types=conv_types)
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
    settings: Settings,
    *,
    store_url: str,
    wait: bool = False,
    begun_s: float = 0.0,
) -> Swept:
    """Measure the suite under each of its allocator policies, a run for each, storing every
    block as soon as it is measured.

    It begins `begun_s` after this process did: from there on its time counts.

    Raises:
        DeviceBusy: Another sweep is measuring on one of the devices, and we do not `wait`.
    """
    from sepconv.bench.lock import DeviceLock

    policies = suite.allocators or (settings.allocator,)
    budget_s = suite.time_budget_s if settings.time_budget_s is None else settings.time_budget_s
    share_s = None if budget_s is None else budget_s / len(policies)
    each = replace(settings, time_budget_s=share_s)
    with DeviceLock(devices_at_first(suite), wait=wait) as lock:
        return sweep_policies(
            suite, each, policies, store_url=store_url, lock=lock, wait=wait, begun_s=begun_s
        )


def sweep_policies(
    suite: Suite,
    settings: Settings,
    policies: Sequence[str],
    *,
    store_url: str,
    lock: DeviceLock,
    wait: bool = False,
    after: Swept | None = None,
    begun_s: float = 0.0,
) -> Swept:
    """A run for each allocator policy, on the devices of `lock`; returns the first, linked to
    the next. `after` is one that is there already."""
    swept = [] if after is None else [after]
    for policy in policies:
        if swept and swept[-1].interrupted:
            break
        swept.append(
            _sweep_once(
                suite,
                replace(settings, allocator=policy),
                store_url=store_url,
                lock=lock,
                wait=wait,
                begun_s=elapsed_s() if swept else begun_s + lock.waited_s,
                first=swept[0].run if swept else None,
            )
        )
    whole = swept.pop()
    for earlier in reversed(swept):
        whole = replace(earlier, linked=whole, interrupted=whole.interrupted)
    return whole


def _sweep_once(
    suite: Suite,
    settings: Settings,
    *,
    store_url: str,
    lock: DeviceLock,
    wait: bool,
    begun_s: float,
    first: Run | None,
) -> Swept:
    """One run, linked to the `first` of the suite; it began `begun_s` after this process, as
    nobody asked for the time that was spent waiting for a device."""
    from sepconv.bench.lock import DeviceLock, device_name
    from sepconv.bench.machine import capture_machine
    from sepconv.cli.progress import Progress

    with Progress() as progress, supervise(settings) as server:
        progress.say("starting the measuring process")
        from sepconv.cli.recorder import Recorder  # while the server imports torch

        with open_store(store_url) as store:
            cases = expand_here(suite, settings, server)
            rest = {device_name(case.device) for case in cases} - set(lock.devices)
            with DeviceLock(sorted(rest), wait=wait) as further:
                machine = capture_machine(server.hello.accelerators)
                environment = server.hello.environment
                run = describe_run(
                    suite,
                    settings,
                    machine=machine,
                    environment=environment,
                    conditions={
                        **server.hello.conditions,
                        "unverified_devices": unverified_devices(
                            cases, store.selfchecks(machine, environment)
                        ),
                        "conv_types_digest": server.hello.conv_types_digest,
                        "no_lock_because": lock.missing_because,
                        "allocators": suite.allocators,
                        "asked": settings.to_dict() | {"suite": name_of(suite)},
                    },
                )
                if len(suite.allocators) > 1:
                    run = replace(run, linked_uid=first.uid if first else run.uid)
                run = replace(run, id=store.begin_run(run))
                recorder = Recorder.begin(
                    store, run.id or 0, cases, precision=run.precision, watcher=progress
                )
                begun_s += further.waited_s
                return conduct(store, run, recorder, server, cases, begun_s=begun_s)


def supervise(settings: Settings) -> Supervisor:
    """The supervisor that these settings ask for."""
    from sepconv.bench.supervisor import Supervisor

    return Supervisor(
        suites_folder().parent,
        allocator=settings.allocator,
        case_timeout_s=settings.case_timeout_s,
        memory_limit_bytes=settings.memory_limit_bytes,
        isolate=settings.isolate,
        conv_types=settings.conv_types,
    )


def expand_here(suite: Suite, settings: Settings, server: Supervisor) -> tuple[Case, ...]:
    """The cases of the suite on the devices, and with the conv types, that the server has."""
    from sepconv.bench.machine import usable_cores

    hello = server.hello
    return expand_suite(suite, settings.where, hello.devices, usable_cores(), hello.conv_types)


def conduct(
    store: Store,
    run: Run,
    recorder: Recorder,
    server: Supervisor,
    cases: Sequence[Case],
    *,
    begun_s: float = 0.0,
    resumption: Resumption | None = None,
) -> Swept:
    """Measure a run that the store knows, and store how it ended.

    Its budget counts from `begun_s`, in seconds since this process began to work, so that
    people wait as long as they asked for; however long the start took, a share of it is left
    to measuring. A `resumption` has no budget: what is planned will be measured.
    """
    from sepconv.bench.plan import known_calls
    from sepconv.bench.sweep import sweep

    started_s = elapsed_s()
    budget_s = None
    if run.time_budget_s is not None and resumption is None:
        budget_s = max(run.time_budget_s - (started_s - begun_s), LEAST_SHARE * run.time_budget_s)
    try:
        timing = sweep(
            cases,
            server,
            recorder,
            seed=run.seed,
            budget_s=budget_s,
            resumption=resumption,
            known=known_calls(slots_before(store, run)),
        )
    except BaseException as error:
        state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        _finish(store, run, state, {"starting_s": started_s - begun_s})
        raise
    measurements = recorder.conclude(in_time=not server.stopping)
    spent = phases(started_s - begun_s, timing.warmup_s, timing.timed_s, elapsed_s() - begun_s)
    run = _finish(store, run, "interrupted" if server.stopping else "done", spent)
    return Swept(run, measurements, interrupted=server.stopping)


def slots_before(store: Store, run: Run) -> Iterator[Slot]:
    """The plans of the newest runs on this machine in this environment, newest first."""
    alike = [
        stored.run
        for stored in store.runs(limit=PLANS_LOOKED_AT)
        if stored.run.uid != run.uid
        and stored.run.machine.key == run.machine.key
        and stored.run.environment.key == run.environment.key
    ]
    for each in alike:
        yield from store.plan(each.id or 0)


def phases(starting_s: float, warmup_s: float, timed_s: float, total_s: float) -> dict[str, float]:
    """Where the wall seconds of a run went; `between_s` is all that stood between the rounds:
    building modules, pytest's own work, storing, the starts of workers."""
    return {
        "starting_s": starting_s,
        "warmup_s": warmup_s,
        "timed_s": timed_s,
        "between_s": max(0.0, total_s - starting_s - warmup_s - timed_s),
    }


def devices_at_first(suite: Suite) -> list[str]:
    """The devices to lock before anything is loaded, which would disturb who measures there.

    Those that the suite names; of those that are "available", the CPU, whose name sorts before
    all others.
    """
    if suite.wants_devices:
        return ["cpu"]
    return sorted({case.device for case in suite.expand()})


def unverified_devices(cases: Sequence[Case], checks: Sequence[Selfcheck]) -> list[str]:
    """The CUDA devices whose clock did not pass the newest selfcheck on this machine and
    environment, or was never asked; `checks` come newest first."""
    newest: dict[str, Selfcheck] = {}
    for check in checks:
        newest.setdefault(check.device, check)
    passed = {device for device, check in newest.items() if check.passed}
    devices = {case.device for case in cases if case.device.startswith("cuda")}
    return sorted(devices - passed)


def describe_run(
    suite: Suite,
    settings: Settings,
    *,
    machine: Machine,
    environment: Environment,
    conditions: Mapping[str, Any],
) -> Run:
    """The run that is about to begin, with the commit that the conv types are at."""
    from sepconv.bench.core import usable_cores
    from sepconv.bench.revision import capture_provenance, digest_code

    provenance = capture_provenance(MEASURED_CODE)
    return Run(
        uid=uuid4().hex,
        suite=suite.name,
        started_at=now_utc(),
        machine=machine,
        environment=environment,
        revision=provenance.revision,
        branch=provenance.branch,
        dirty=provenance.dirty,
        harness_version=__version__,
        seed=settings.seed,
        precision=suite.precision,
        time_budget_s=settings.time_budget_s,
        conditions={
            **conditions,
            "suite_digest": suite.digest or None,
            "code_digest": digest_code(MEASURED_CODE.parent),
            "cores": usable_cores(),  # the last of them measures
            "no_commit_because": provenance.reason,
        },
    )


def open_store(url: str) -> Store:
    """The store of a run that is about to begin, or to go on."""
    from sepconv.errors import StoreUnavailable
    from sepconv.store import Store

    if url in ("sqlite://", "sqlite:///:memory:"):
        raise StoreUnavailable("a run needs a store that outlives it; name a file with --store")
    if url == DEFAULT_STORE:
        _make_results()
    return Store(url)


def _make_results() -> None:
    """The folder of the default store, which git should not take for a change of the code."""
    folder = Path("results")
    if not folder.exists():
        with suppress(OSError):  # the store says what is wrong with the place
            folder.mkdir()
            (folder / ".gitignore").write_text("*\n")


def _finish(store: Store, run: Run, state: str, spent: Mapping[str, float]) -> Run:
    """Store how a run ended; its time is added to that of its earlier parts."""
    finished_at = now_utc()
    timing = {name: seconds + run.timing.get(name, 0.0) for name, seconds in spent.items()}
    timing = {**run.timing, **timing}
    store.finish_run(run.id or 0, state=state, finished_at=finished_at, timing=timing)
    return replace(run, state=state, finished_at=finished_at, timing=timing)
