"""`sepconv run SUITE`: plan a sweep, measure it in passes, store it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from sepconv.case import Case
from sepconv.cli.option import F, format_option, store_option
from sepconv.suite import Suite
from sepconv.units import format_duration, parse_duration

ACCELERATOR_NODES = ("nvidia0", "nvidiactl", "dri/renderD128", "dxg")


class DurationType(click.ParamType[float]):
    """Seconds from "90s", "5m" or "2h"."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def sweep_options(command: F) -> F:
    """The options that `run` and `quick` share."""
    for option in (
        click.option(
            "--seed", type=int, default=0, show_default=True, help="Of weights, inputs and order."
        ),
        click.option(
            "--allocator",
            type=click.Choice(["tuned", "default"]),
            default="tuned",
            show_default=True,
            help="Whether freed memory stays in the process; part of the environment.",
        ),
        click.option(
            "--time-budget",
            type=DurationType(),
            metavar="TIME",
            help="Measure for about that long, as in 90s or 5m.",
        ),
        click.option(
            "--where", metavar="SELECTION", help="As in: 'stride=2 and channels in (16, 64)'."
        ),
        store_option,
        format_option("table", "json", "csv", "markdown"),
    ):
        command = option(command)
    return command


@click.command(epilog="Example: sepconv run nightly --where 'kernel_size=3' --dry-run")
@click.argument("suite", metavar="SUITE")
@sweep_options
@click.option("--dry-run", is_flag=True, help="Print the cases, their number and the time.")
def run(
    suite: str,
    store_url: str,
    where: str | None,
    time_budget: float | None,
    allocator: str,
    seed: int,
    output_format: str,
    dry_run: bool,
) -> int:
    """Measure a suite and store it.

    SUITE is quick, pull-request, nightly or the path of a TOML file. Every block of rounds is
    stored as soon as it is measured; Ctrl-C finishes the case in hand and keeps the rest.
    """
    from sepconv.cli.suite_file import find_suite
    from sepconv.cli.sweep import expand_suite, run_sweep

    found = find_suite(suite)
    if dry_run:
        from sepconv.bench.machine import usable_cores

        cases = expand_suite(found, where, _devices_of(found), usable_cores())
        _print_plan(found, cases, time_budget or found.time_budget_s)
        return 0
    swept = run_sweep(
        found,
        store_url=store_url,
        where=where,
        time_budget_s=time_budget,
        allocator=allocator,
        seed=seed,
    )
    from sepconv.cli.outcome import print_next, print_outcome

    is_data = output_format != "table"  # then people are told on stderr
    print_outcome(swept, output_format)
    draw = ("sepconv report --open", "draws this run and its history")
    print_next(swept, store_url, *draw, err=is_data)
    return swept.exit_code


def _print_plan(suite: Suite, cases: Sequence[Case], budget_s: float | None) -> None:
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
    guess_s = guess_duration_s([flops_of(case) for case in cases], budget_s)
    limit = f", within its budget of {format_duration(budget_s)}" if budget_s else ""
    click.echo(f"{len(cases)} cases of {suite.name}, about {format_duration(guess_s)}{limit}")


def _devices_of(suite: Suite) -> Sequence[str]:
    """The devices that `available` stands for; asks torch only where there may be another."""
    may_have_more = sys.platform == "darwin" or any(
        (Path("/dev") / node).exists() for node in ACCELERATOR_NODES
    )
    if not suite.wants_devices or not may_have_more:
        return ("cpu",)
    from sepconv.bench.supervisor import Supervisor
    from sepconv.cli.suite_file import suites_folder

    with Supervisor(suites_folder().parent) as server:
        return server.hello.devices
