"""Going on with a run that did not come to its end: what is missing of its plan, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sepconv import __version__
from sepconv.case import Case
from sepconv.cli.setting import Settings
from sepconv.cli.suite_file import find_suite
from sepconv.cli.sweep import (
    MEASURED_CODE,
    Swept,
    conduct,
    devices_at_first,
    expand_here,
    open_store,
    supervise,
    sweep_policies,
)
from sepconv.errors import InvalidSuite, NothingToResume
from sepconv.run import Environment, Run
from sepconv.suite import Suite

if TYPE_CHECKING:
    from sepconv.bench.lock import DeviceLock
    from sepconv.store import Store

FINISHED = "done"


def resume_sweep(reference: str | None, *, store_url: str, wait: bool = False) -> Swept:
    """Go on with the run `reference`, or with the newest that is not done.

    Exactly the blocks of its plan that are missing are measured, without a time limit. A run
    that had no plan yet is measured anew.

    Raises:
        NothingToResume: There is no such run, or what it would measure here is not the same.
        DeviceBusy: Another sweep is measuring on its devices, perhaps this very run.
    """
    from sepconv.bench.lock import DeviceLock
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:  # which makes none where there is none
        found = find_unfinished(store, reference)
        planned = {each.case.device for each in store.measurements(found.id or 0)}
        devices = sorted(planned) or devices_at_first(_suite_of(found))
    with DeviceLock(devices, wait=wait) as lock, open_store(store_url) as store:
        run = find_unfinished(store, str(found.id))  # which may have ended while we waited
        policies = _policies_to_come(store, run)
        swept = _swept(store, run) if run.state == FINISHED else _resume(store, run, lock)
        if swept.interrupted or not policies:
            return swept
        return sweep_policies(
            _suite_of(run),
            Settings.from_dict(run.conditions["asked"]),
            policies,
            store_url=store_url,
            lock=lock,
            wait=wait,
            after=swept,
        )


def find_unfinished(store: Store, reference: str | None) -> Run:
    """The run that can be continued.

    Raises:
        NothingToResume: There is none, or the one that was named cannot be.
        UnknownRun: No run answers to `reference`.
    """
    if reference is not None:
        run = store.find_run(reference)
        if run.state == FINISHED and not _count_to_come(store, run):
            raise NothingToResume(f"run {run.id} is done: nothing of it is missing")
        if not _is_sweep(run):
            raise NothingToResume(
                f"run {run.id} is a single pass of plain pytest, or of an earlier sepconv, which "
                f"stored no plan; measure it anew with `sepconv run {run.suite}`"
            )
        return run
    for stored in store.runs():
        if not _is_sweep(stored.run):
            continue
        if stored.run.state != FINISHED or _count_to_come(store, stored.run):
            return stored.run
    raise NothingToResume(
        f"every run in {store.shown_url} is done; `sepconv runs` lists them, and "
        "`sepconv run SUITE` begins another"
    )


def differences(
    run: Run, *, machine_key: str, environment: Environment, conv_types_digest: str | None
) -> Iterator[tuple[str, Any, Any]]:
    """What is not here as it was when the run began: its name, what was, what is."""
    from sepconv.bench.revision import capture_provenance, digest_code

    provenance = capture_provenance(MEASURED_CODE)
    commit = provenance.revision.commit if provenance.revision else None
    now = asdict(environment)
    compared = [
        ("machine", run.machine.key, machine_key),
        *((name, value, now[name]) for name, value in asdict(run.environment).items()),
        ("sepconv", run.harness_version, __version__),
        ("commit", run.commit, commit),
        ("uncommitted changes", run.dirty, provenance.dirty),
        ("measured code", run.conditions.get("code_digest"), digest_code(MEASURED_CODE.parent)),
        ("conv types' digest", run.conditions.get("conv_types_digest"), conv_types_digest),
    ]
    return (entry for entry in compared if entry[1] != entry[2])


def _resume(store: Store, run: Run, lock: DeviceLock) -> Swept:
    from sepconv.bench.machine import capture_machine
    from sepconv.cli.progress import Progress

    asked = run.conditions["asked"]
    settings, number = Settings.from_dict(asked), run.id or 0
    with Progress() as progress, supervise(settings) as server:
        progress.say(f"going on with run {number} of suite {run.suite}")
        from sepconv.cli.recorder import Recorder  # while the server imports torch

        hello = server.hello
        for name, then, now in differences(
            run,
            machine_key=capture_machine(hello.accelerators).key,
            environment=hello.environment,
            conv_types_digest=hello.conv_types_digest,
        ):
            raise NothingToResume(
                f"run {number} cannot go on: expected {name} as it was, {then}, found {now}; "
                f"bring that back, or measure anew with `sepconv run {asked['suite']}`"
            )
        cases: Sequence[Case] = ()
        if resumption := store.resumption(number):
            recorder = Recorder.resume(store, number, precision=run.precision, watcher=progress)
        else:
            cases = expand_here(_suite_of(run), settings, server)
            recorder = Recorder.begin(
                store, number, cases, precision=run.precision, watcher=progress
            )
        store.resume_run(number)
        return conduct(
            store, run, recorder, server, cases, begun_s=lock.waited_s, resumption=resumption
        )


def _swept(store: Store, run: Run) -> Swept:
    """A run that is done, as its sweep would have told of it."""
    return Swept(run, store.measurements(run.id or 0), interrupted=False)


def _suite_of(run: Run) -> Suite:
    """The suite of a run, if it still says what it said when the run began.

    Raises:
        NothingToResume: It does not, or is gone.
    """
    asked = run.conditions["asked"]
    try:
        suite = find_suite(asked["suite"])
    except InvalidSuite as error:
        raise NothingToResume(f"run {run.id} cannot go on without its suite: {error}") from error
    if suite.digest != run.conditions.get("suite_digest"):
        raise NothingToResume(
            f"run {run.id} cannot go on: its suite {asked['suite']} has changed since; bring that "
            f"back, or measure anew with `sepconv run {asked['suite']}`"
        )
    return suite


def _policies_to_come(store: Store, run: Run) -> Sequence[str]:
    """The allocator policies of the suite under which no run was begun yet.

    Raises:
        NothingToResume: There are some, and the suite is not what it was.
    """
    to_come = _count_to_come(store, run)
    return _suite_of(run).allocators[-to_come:] if to_come else ()


def _count_to_come(store: Store, run: Run) -> int:
    """Under how many allocator policies no run was begun yet, for want of time."""
    if run.linked_uid is None:
        return 0
    begun = sum(stored.run.linked_uid == run.linked_uid for stored in store.runs())
    return max(0, len(run.conditions.get("allocators", ())) - begun)


def _is_sweep(run: Run) -> bool:
    return "asked" in run.conditions
