"""`sepconv export`: a run as other tools read it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from sepconv.cli import DONE, NOT_MEASURED
from sepconv.cli.option import store_option
from sepconv.metric import METRICS

if TYPE_CHECKING:
    from sepconv.record import Measurement
    from sepconv.run import Run
    from sepconv.store import StoredBlock
    from sepconv.store.exchange.format import Format

DEFAULT_FORMAT = "pytest-benchmark"


class ExchangeFormat(click.ParamType["Format"]):
    """A format that can be read, or written; the registry is loaded when it is asked."""

    name = "format"

    def __init__(self, ability: Literal["read", "write"]) -> None:
        self._ability = ability

    def convert(
        self, value: Format | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Format:
        """The format of that name."""
        if not isinstance(value, str):
            return value
        formats = self._formats()
        if value not in formats:
            self.fail(f"{value!r} is not one of {', '.join(formats)}.", param, ctx)
        return formats[value]

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """The names, for the help."""
        return f"[{'|'.join(self._formats())}]"

    def _formats(self) -> dict[str, Format]:
        from sepconv.store.exchange import FORMATS

        return {name: each for name, each in FORMATS.items() if getattr(each, self._ability)}


@click.command(epilog="Example: sepconv export latest --format bencher --output bencher.json")
@click.argument("reference", metavar="RUN", default="latest")
@click.option(
    "--format",
    "chosen",
    type=ExchangeFormat("write"),
    default=DEFAULT_FORMAT,
    show_default=True,
    help="Whose files to write.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Where to, whole or not at all.  [default: standard output]",
)
@click.option(
    "--metric",
    type=click.Choice(tuple(METRICS)),
    metavar="METRIC",
    default="latency_s",
    show_default=True,
    help="Which value of each case.",
)
@click.option("--where", metavar="SELECTION", help="As in: 'stride=2 and channels in (16, 64)'.")
@store_option
def export(
    reference: str,
    chosen: Format,
    output: Path | None,
    metric: str,
    where: str | None,
    store_url: str,
) -> int:
    """Write a run as another tool reads it: pytest-benchmark, Bencher, github-action-benchmark.

    RUN is a number that `sepconv runs` lists, `latest`, or the beginning of a commit or of a
    run's id. Cases without a value are left out, and told of on standard error.
    """
    from sepconv.store.exchange.file import write_whole
    from sepconv.store.exchange.format import Writing

    if metric not in chosen.metrics:
        accepted = ", ".join(chosen.metrics)
        raise click.UsageError(f"{chosen.name} keeps only {accepted}, not --metric {metric}")
    run, measurements, blocks = _load(store_url, reference, where, with_blocks=chosen.wants_blocks)
    told = [each for each in measurements if each.is_measured and metric in each.values]
    _tell_of_others(measurements, metric)
    if not told:
        click.echo(f"sepconv: run {run.id} has no case with a value: nothing to export", err=True)
        return NOT_MEASURED
    assert chosen.write is not None
    content = chosen.write(Writing(run, told, metric, blocks))
    if output is None or str(output) == "-":
        click.echo(content, nl=False)
    else:
        write_whole(output, content)
        cases = f"{len(told)} case{'s' if len(told) > 1 else ''}"
        click.echo(f"wrote {output}: {cases} of run {run.id}, for {chosen.tool}", err=True)
    if advice := chosen.advice(metric):
        click.echo(f"sepconv: {advice}", err=True)
    return DONE


def _load(
    store_url: str, reference: str, where: str | None, *, with_blocks: bool
) -> tuple[Run, list[Measurement], dict[str, list[StoredBlock]]]:
    """The run, the measurements that were asked for, and where they are wanted, their blocks."""
    from sepconv.selection import parse_selection
    from sepconv.store import Store

    selects = parse_selection(where) if where else None
    blocks: dict[str, list[StoredBlock]] = defaultdict(list)
    with Store(store_url, read_only=True) as store:
        run = store.find_run(reference)
        measurements = store.measurements(run.id or 0)
        for block in store.blocks(run.id or 0) if with_blocks else ():
            blocks[block.case.identity].append(block)
    if selects is not None:
        measurements = [each for each in measurements if selects(each.case)]
        if not measurements:
            raise click.UsageError(f"no case of run {run.id} is left by --where {where!r}")
    return run, measurements, blocks


def _tell_of_others(measurements: Sequence[Measurement], metric: str) -> None:
    """Say how many cases have no value, and why: nobody shall take what is there for all."""
    reasons = Counter(
        f"without {metric}" if each.is_measured else str(each.status)
        for each in measurements
        if not each.is_measured or metric not in each.values
    )
    if reasons:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        have = "has" if reasons.total() == 1 else "have"
        click.echo(
            f"sepconv: {reasons.total()} of {len(measurements)} cases {have} no value: {counts}",
            err=True,
        )
