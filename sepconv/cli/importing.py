"""`sepconv import`: results of other tools become runs of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli import DONE
from sepconv.cli.exporting import DEFAULT_FORMAT, ExchangeFormat
from sepconv.cli.option import store_option
from sepconv.selection import AXES, AXIS_GROUPS, is_axis, parse_setting

if TYPE_CHECKING:
    from sepconv.record import Measurement
    from sepconv.store import Store
    from sepconv.store.exchange.arrival import Arrival
    from sepconv.store.exchange.format import Format
    from sepconv.store.exchange.translation import Skipped, Translation

SHOWN = 20  # lines about benchmarks of one file: a person reads no more


class Mapping(click.ParamType[tuple[str, str]]):
    """A parameter and the axis that it is."""

    name = "PARAM=AXIS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Both sides of `cin=in_channels`."""
        if isinstance(value, tuple):
            return value
        name, _, axis = value.rpartition("=")
        if not name:
            self.fail(f"{value!r} is not of the form cin=in_channels.", param, ctx)
        if not is_axis(axis):
            axes = ", ".join([*AXIS_GROUPS, *AXES, "options.NAME"])
            self.fail(f"{axis!r} in {value!r} is none of the axes {axes}.", param, ctx)
        return name, axis


@click.command(
    name="import",
    epilog="Example: sepconv import .benchmarks/*/*.json --map cin=in_channels --set resolution=56",
)
@click.argument(
    "paths",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option(
    "--format",
    "chosen",
    type=ExchangeFormat("read"),
    default=DEFAULT_FORMAT,
    show_default=True,
    help="Which tool wrote the files.",
)
@click.option(
    "--map",
    "axes",
    multiple=True,
    type=Mapping(),
    metavar="PARAM=AXIS",
    help="Which axis a parameter is, as in cin=in_channels, or algo=options.algo.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="AXIS=VALUE",
    help="What the files do not say, as in resolution=56.",
)
@click.option(
    "--conv-type",
    metavar="NAME",
    help="Where no parameter gives it.  [default: the name of the function]",
)
@click.option("--dry-run", is_flag=True, help="Only list the cases; store nothing.")
@store_option
def import_(
    paths: tuple[Path, ...],
    chosen: Format,
    axes: tuple[tuple[str, str], ...],
    settings: tuple[str, ...],
    conv_type: str | None,
    dry_run: bool,
    store_url: str,
) -> int:
    """Make runs of the results that you have: a file of pytest-benchmark is one run.

    Parameters that are called as an axis is (in_channels, channels, resolution, stride, batch,
    …) are taken as they are. A benchmark that describes no case is listed and left out. Nothing
    is stored unless all files can be read; importing a file again changes nothing.
    """
    from sepconv.store.exchange.arrival import read_file
    from sepconv.store.exchange.translation import Translation, refuse_unknown

    translation = Translation(dict(axes), dict(map(parse_setting, settings)), conv_type)
    arrivals = [read_file(path, chosen, translation) for path in paths]
    refuse_unknown(translation.axes, [entry for each in arrivals for entry in each.all_entries])
    for arrival in arrivals:
        _tell_what_is_left_out(arrival, translation)
    if dry_run:
        for arrival in arrivals:
            _list(arrival)
        return DONE
    _store(store_url, arrivals)
    return DONE


def _store(store_url: str, arrivals: Sequence[Arrival]) -> None:
    from sepconv.store import Store

    with Store(store_url) as store:
        for arrival in arrivals:
            click.echo(_keep(store, arrival))


def _keep(store: Store, arrival: Arrival) -> str:
    """Store one file, and say what became of it."""
    from sepconv.cli.runs import show_commit
    from sepconv.store.exchange.arrival import keep

    measurements = [
        each if entry.is_own else with_arithmetic(each)
        for entry, each in zip(arrival.entries, arrival.measurements, strict=True)
    ]
    kept = keep(store, arrival, measurements)
    if kept.is_origin:
        return f"{arrival.path} was exported from run {kept.number}: nothing to add"
    if not kept.is_new:
        return f"{arrival.path} is run {kept.number} already: nothing to add"
    commit = f" at commit {show_commit(arrival.run)}" if arrival.run.commit else ""
    return f"{arrival.path} is now run {kept.number}: {_count(len(measurements), 'case')}{commit}"


def with_arithmetic(measurement: Measurement) -> Measurement:
    """With what follows from the case and its latency: cost, promise, throughput."""
    from sepconv.judge.estimate import throughput
    from sepconv.judge.measurement import exact_values
    from sepconv.record import Estimate

    case, latency = measurement.case, measurement.values["latency_s"]
    known = {name: Estimate(value) for name, value in exact_values(case).items()}
    known["throughput_per_s"] = throughput(latency, case.batch_size)
    return replace(measurement, values={**known, **measurement.values})


def _tell_what_is_left_out(arrival: Arrival, translation: Translation) -> None:
    """List the benchmarks that are no case, and the parameters that nobody uses."""
    from sepconv.report.text import inert
    from sepconv.store.exchange.translation import suggest

    lines = [_skipped_line(each) for each in arrival.skipped[:SHOWN]]
    if (more := len(arrival.skipped) - SHOWN) > 0:
        lines.append(f"and {more} more")
    if arrival.skipped:
        count = _count(len(arrival.skipped), "benchmark")
        lines.insert(0, f"{arrival.path}: {count} left out:")
        missing = dict.fromkeys(name for each in arrival.skipped for name in each.missing)
        if missing:
            unused = dict.fromkeys(name for each in arrival.skipped for name in each.unused)
            lines.append(f"try {' '.join(suggest(missing, unused))}")
    if arrival.unused:
        names = ", ".join(arrival.unused)
        first = arrival.unused[0]
        lines.append(
            f"{arrival.path}: not part of the case: {names}; "
            f"to make it so: --map {first}=options.{first}"
        )
    for line in lines:
        click.echo(f"sepconv: {inert(line)}", err=True)


def _skipped_line(skipped: Skipped) -> str:
    return f"{skipped.entry.place} {skipped.entry.name}: {skipped.reason}"


def _list(arrival: Arrival) -> None:
    """Every benchmark with its case and latency."""
    from sepconv.report.text import inert
    from sepconv.units import format_seconds

    click.echo(f"{arrival.path} would be a run of {_count(len(arrival.measurements), 'case')}:")
    for entry, measurement in zip(arrival.entries, arrival.measurements, strict=True):
        latency = format_seconds(measurement.values["latency_s"].value)
        click.echo(f"  {inert(entry.name)} → {inert(measurement.case.label)}, {latency}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
