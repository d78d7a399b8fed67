"""`sepconv doctor`: whether this machine is fit to measure, and how small a change it can tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from sepconv.case import DEVICE
from sepconv.cli import DONE, INTERRUPTED, NOT_MEASURED, elapsed_s
from sepconv.cli.diagnosis import Diagnosis, conclude_clock, conclude_trials, judge_trial
from sepconv.cli.option import format_option, store_option
from sepconv.errors import MeasuringFailed, StoreError, UnsupportedCase

if TYPE_CHECKING:
    from sepconv.bench.supervisor import Supervisor

SEED = 0
TRIALS_S = 40.0  # at most, for the rings of a plain examination: a quiet machine needs 15
SELFCHECK_S = 53.0  # of the whole command, after which no ring is begun
LEAST_TRIALS_S = 15.0  # also where starting took long: else there would be no verdict
SLOWDOWN = 0.05
UNCHANGED_ROUNDS, SLOWED_ROUNDS = 3, 2  # rings per case


def _check_device(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not DEVICE.fullmatch(value) or value == "meta":
        raise click.BadParameter(f"expected cpu, cuda, cuda:1, mps or xpu, found {value!r}")
    return value.removesuffix(":0")


@click.command(epilog="Examples: sepconv doctor · sepconv doctor --selfcheck")
@click.option(
    "--selfcheck", "checks_itself", is_flag=True, help="Count false alarms and found slowdowns."
)
@click.option(
    "--device", default="cpu", show_default=True, callback=_check_device, help="cpu, cuda, cuda:1 …"
)
@click.option("--wait", is_flag=True, help="If the device is being measured, wait for its turn.")
@store_option
@format_option("table", "json")
@click.pass_context
def doctor(
    ctx: click.Context,
    checks_itself: bool,
    device: str,
    wait: bool,
    store_url: str,
    output_format: str,
) -> int:
    """Is this machine fit to measure, and how small a change can it tell?

    Looks at what disturbs (clock, quota, load, steal, allocator, …) and how to change it,
    measures the peaks of the roofline, and compares convolutions with themselves. With
    `--selfcheck`: the rate of false alarms, and how many real slowdowns of 5 % are found.
    """
    from sepconv.bench.lock import DeviceLock
    from sepconv.cli.progress import Progress

    with DeviceLock([device], wait=wait) as lock, Progress() as progress:
        found, interrupted = _examine(device, checks_itself, progress.say, begun_s=lock.waited_s)
    if output_format == "json":
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        from sepconv.cli.prescription import print_diagnosis

        print_diagnosis(found)
    is_default = ctx.get_parameter_source("store_url") is ParameterSource.DEFAULT
    try:
        _keep(found, store_url)
    except StoreError as error:
        if not is_default:
            raise
        click.echo(f"sepconv: not stored: {error}", err=True)
    if interrupted:
        return INTERRUPTED
    return DONE if found.has_measured else NOT_MEASURED


def _examine(
    device: str, checks_itself: bool, say: Callable[[str], None], *, begun_s: float
) -> tuple[Diagnosis, bool]:
    """The diagnosis, and whether somebody did not want to wait for its end.

    Raises:
        UnsupportedCase: torch has no such device here.
    """
    from sepconv.bench.condition import check_conditions
    from sepconv.bench.machine import capture_machine
    from sepconv.bench.selfcheck import SLOWED_FILE
    from sepconv.bench.supervisor import Supervisor
    from sepconv.cli.suite_file import suites_folder

    say("looking at the machine")
    found = Diagnosis(device, check_conditions())  # before we are its load
    supervisor: Supervisor | None = None
    measure = partial(_check_itself, begun_s=begun_s) if checks_itself else _measure
    try:
        conv_types = SLOWED_FILE if checks_itself else None
        with Supervisor(suites_folder().parent, conv_types=conv_types) as supervisor:
            say("starting the measuring process")
            hello = supervisor.hello
            if device not in hello.devices:
                raise UnsupportedCase(
                    f"there is no {device} here: torch can use {', '.join(hello.devices)}; "
                    "name one of these with --device"
                )
            found = replace(
                found,
                machine=capture_machine(hello.accelerators),
                environment=hello.environment,
            )
            return measure(found, supervisor, say), supervisor.stopping
    except MeasuringFailed as error:
        interrupted = supervisor is not None and supervisor.stopping
        return replace(found, errors=(*found.errors, str(error))), interrupted


def _measure(found: Diagnosis, supervisor: Supervisor, say: Callable[[str], None]) -> Diagnosis:
    """Peaks, and rings of convolutions with themselves."""
    from sepconv.bench.machine import usable_cores
    from sepconv.bench.selfcheck import Trial, calibrate, run_trials, usual_cases
    from sepconv.cli.roof import measure_peaks

    say("measuring the peaks")
    assert found.environment is not None
    counts = {1, usable_cores()} if found.device == "cpu" else {1}
    peaks, errors = measure_peaks(found.device, counts, found.environment.allocator)
    found = replace(found, peaks=peaks, errors=errors)
    say("calibrating")
    try:
        call_s = calibrate(supervisor, usual_cases(found.device), SEED)
    except MeasuringFailed as error:
        return replace(found, errors=(*errors, str(error)))
    trials = [Trial(number, case, case) for number, case in enumerate(call_s, 1)]
    tried = run_trials(
        supervisor,
        trials,
        call_s,
        budget_s=TRIALS_S,
        seed=SEED,
        watch=lambda number: say(f"no change: pass {number}"),
    )
    return replace(found, trials=[judge_trial(each) for each in tried])


def _check_itself(
    found: Diagnosis, supervisor: Supervisor, say: Callable[[str], None], *, begun_s: float
) -> Diagnosis:
    """Rings without a change and with one; of an accelerator, whether its clock is right."""
    if found.device != "cpu":
        from sepconv.bench.clock_check import run_clock_check

        say(f"asking the clock of {found.device}")
        tests = run_clock_check(found.device)
        return replace(found, clock_tests=tests, selfcheck=conclude_clock(found.device, tests))
    from sepconv.bench.selfcheck import (
        Trial,
        calibrate,
        calibrate_extra,
        run_trials,
        slowed,
        slowed_more,
        usual_cases,
    )

    say("calibrating")
    bases = [slowed(case, 0) for case in usual_cases(found.device)]
    call_s = calibrate(supervisor, bases, SEED)
    extra = calibrate_extra(supervisor, call_s, SLOWDOWN, SEED)
    rings = [  # both kinds of all cases, and then again: the last ones may be left out
        ring
        for turn in range(max(UNCHANGED_ROUNDS, SLOWED_ROUNDS))
        for base in extra
        for ring in (
            *([(base, base, 0.0)] if turn < UNCHANGED_ROUNDS else []),
            *([(base, slowed_more(base, extra[base]), SLOWDOWN)] if turn < SLOWED_ROUNDS else []),
        )
    ]
    if not rings:
        raise MeasuringFailed("no ring could be measured; `sepconv doctor` may say why")
    tried = run_trials(
        supervisor,
        [Trial(number, *ring) for number, ring in enumerate(rings, 1)],
        call_s,
        budget_s=max(SELFCHECK_S - (elapsed_s() - begun_s), LEAST_TRIALS_S),
        seed=SEED,
        watch=lambda number: say(f"rings with a known answer: pass {number}"),
    )
    trials = [judge_trial(each) for each in tried]
    return replace(found, trials=trials, selfcheck=conclude_trials(found.device, trials, SLOWDOWN))


def _keep(found: Diagnosis, store_url: str) -> None:
    """Store the peaks and the selfcheck, if there are any."""
    if found.machine is None or found.environment is None:
        return
    if not found.peaks and found.selfcheck is None:
        return
    from sepconv.store import Store

    with Store(store_url) as store:
        if found.peaks:
            store.keep_peaks(found.machine, found.environment, found.peaks)
        if found.selfcheck is not None:
            store.keep_selfcheck(found.machine, found.environment, found.selfcheck)
