"""`sepconv run SUITE`: plan a sweep, measure it in passes, store it; or go on with one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from sepconv.case import Case
from sepconv.cli.setting import Settings, sweep_options
from sepconv.suite import Suite
from sepconv.units import format_duration

ACCELERATOR_NODES = ("nvidia0", "nvidiactl", "dri/renderD128", "dxg")
FOR_ALL = {"resumes", "reference", "wait", "store_url", "output_format"}  # also with --resume


@click.command(
    epilog="Examples: sepconv run nightly --where 'kernel_size=3' --dry-run; sepconv run --resume"
)
@click.argument("suite", metavar="[SUITE]", required=False)
@sweep_options
@click.option("--dry-run", is_flag=True, help="Print the cases, their number and the time.")
@click.option(
    "--resume",
    "resumes",
    is_flag=True,
    help="Measure what is missing of the newest run that is not done; give no SUITE.",
)
@click.option(
    "--run", "reference", metavar="RUN", help="With --resume: go on with this run instead."
)
def run(
    suite: str | None,
    store_url: str,
    output_format: str,
    wait: bool,
    dry_run: bool,
    resumes: bool,
    reference: str | None,
    **options: Any,
) -> int:
    """Measure a suite and store it.

    SUITE is quick, pull-request, nightly or the path of a TOML file. Every block of rounds is
    stored as soon as it is measured; Ctrl-C finishes the case in hand and keeps the rest, and
    --resume goes on from there, also after a crash: with the suite and the options that the run
    was begun with, on the same machine, with the same code.
    """
    if resumes:
        _check_resumable(click.get_current_context())
        from sepconv.cli.resume import resume_sweep

        swept = resume_sweep(reference, store_url=store_url, wait=wait)
    else:
        from sepconv.cli.suite_file import find_suite

        if suite is None:
            raise click.UsageError("Missing argument 'SUITE', or --resume.")
        if reference is not None:
            raise click.UsageError("--run names the run to go on with: add --resume.")
        found, settings = find_suite(suite), Settings(**options)
        if dry_run:
            _print_plan(found, _plan_cases(found, settings), settings.time_budget_s)
            return 0
        from sepconv.cli.sweep import run_sweep

        swept = run_sweep(found, settings, store_url=store_url, wait=wait)
    from sepconv.cli.outcome import print_next, print_outcome

    is_data = output_format != "table"  # then people are told on stderr
    print_outcome(swept, output_format)
    draw = ("sepconv report --open", "draws this run and its history")
    print_next(swept, store_url, *draw, err=is_data, resumed=reference)
    return swept.exit_code


def _check_resumable(context: click.Context) -> None:
    """A run that goes on keeps what it was begun with: nothing else can be asked for.

    Raises:
        UsageError: Something else was.
    """
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in FOR_ALL:
            shown = parameter.opts[0] if isinstance(parameter, click.Option) else "SUITE"
            raise click.UsageError(
                f"{shown} was settled when the run began: leave it out with --resume."
            )


def _plan_cases(suite: Suite, settings: Settings) -> Sequence[Case]:
    """The cases of the suite on this machine.

    Asks torch only where there may be another device than the CPU, or conv types to load.
    """
    from sepconv.bench.machine import usable_cores
    from sepconv.cli.sweep import expand_here, expand_suite, supervise

    may_have_more = sys.platform == "darwin" or any(
        (Path("/dev") / node).exists() for node in ACCELERATOR_NODES
    )
    if settings.conv_types is not None or (suite.wants_devices and may_have_more):
        with supervise(settings) as server:
            return expand_here(suite, settings, server)
    return expand_suite(suite, settings.where, ("cpu",), usable_cores())


def _print_plan(suite: Suite, cases: Sequence[Case], time_budget_s: float | None) -> None:
    from sepconv.bench.plan import guess_duration_s
    from sepconv.cost import cost_of
    from sepconv.errors import UnknownConvType

    def flops_of(case: Case) -> int:
        try:
            return cost_of(case).flops
        except UnknownConvType:
            return 0

    for case in cases:
        click.echo(case.label)
    budget_s = time_budget_s or suite.time_budget_s
    guess_s = guess_duration_s([flops_of(case) for case in cases], budget_s)
    limit = f", within its budget of {format_duration(budget_s)}" if budget_s else ""
    click.echo(f"{len(cases)} cases of {suite.name}, about {format_duration(guess_s)}{limit}")
