"""`sepconv cost`: what cases cost on paper, and the table of the source note."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import click

from sepconv.case import BLOCKS, DIRECTIONS, DTYPES, Case
from sepconv.cli.option import format_option
from sepconv.cli.suite_file import find_suite
from sepconv.conv_type import OPTION_DEFAULTS, ConvType, Scalar
from sepconv.cost import CONVENTIONS, Cost, cost_of, ideal_speedup
from sepconv.cost.explanation import Step
from sepconv.cost.explanation import explain as explain_cost
from sepconv.cost.network import NOTE_STEM, note_cost, note_stage
from sepconv.selection import parse_selection
from sepconv.units import format_bytes, format_count, significant

NOTE = "note"
STEP_FIELDS = tuple(field.name for field in fields(Step))
PIPE_WIDTH = 240  # columns where there is no terminal to tell: nobody wants "spatially_se…"

Row = dict[str, Any]


Size = int | tuple[int, int] | str


def size_option(name: str, default: str, *words: str) -> Callable[[Any], Any]:
    """An option that takes `3`, or `3x1` for a vertical and a horizontal size, or a word."""
    accepted = ", ".join(["a number like 3", "two like 3x1", *words])

    def read(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> Size | None:
        if value is None or value in words:
            return value
        if not re.fullmatch(r"\d+(x\d+)?", value, re.ASCII):
            raise click.BadParameter(f"expected {accepted}, found {value!r}")
        sizes = tuple(int(size) for size in value.split("x"))
        return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])

    explained = f"{accepted[0].upper()}{accepted[1:]}.  [default: {default}]"
    return click.option(name, metavar="SIZE", callback=read, help=explained)


@click.command(
    epilog="Examples: sepconv cost note · sepconv cost --channels 64 --resolution 56 · "
    "sepconv cost quick --where 'stride=2' --format csv · "
    "sepconv cost --channels 64 --resolution 56 --explain"
)
@click.argument("target", metavar="[SUITE|note]", required=False)
@click.option("--channels", type=int, help="Channels in and out.")
@click.option("--in-channels", type=int, help="Channels in, if different.")
@click.option("--out-channels", type=int, help="Channels out, if different.")
@click.option("--resolution", type=int, help="Height and width of the input, in pixels.")
@click.option("--height", type=int, help="Height, if different.")
@click.option("--width", type=int, help="Width, if different.")
@size_option("--kernel-size", "3")
@size_option("--stride", "1")
@size_option("--padding", "auto", "auto", "same", "valid")
@size_option("--dilation", "1")
@click.option("--groups", type=int, help="Of the standard convolution.  [default: 1]")
@click.option("--bias", is_flag=True, default=None, help="With a bias.")
@click.option("--batch-size", type=int, help="[default: 1]")
@click.option("--block", type=click.Choice(BLOCKS), help="[default: conv]")
@click.option("--direction", type=click.Choice(DIRECTIONS), help="[default: inference]")
@click.option("--dtype", type=click.Choice(DTYPES), help="[default: float32]")
@click.option("--conv-type", "conv_types", multiple=True, help="Several times.  [default: all]")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="mode=depthwise, …")
@click.option("--where", metavar="SELECTION", help="Only these cases: 'stride=2 and channels<64'.")
@click.option("--explain", is_flag=True, help="Every figure by its formula, numbers put in.")
@format_option("table", "json", "csv", "markdown")
@click.pass_context
def cost(
    ctx: click.Context,
    /,
    target: str | None,
    conv_types: tuple[str, ...],
    options: tuple[str, ...],
    where: str | None,
    explain: bool,
    output_format: str,
    **sizes: Any,
) -> int:
    """What convolutions cost on paper: multiply-adds, parameters, bytes, the promised speed-up.

    Of every case of a SUITE (a name or a file), of one shape given by options, or `note`:
    the source note's network, as published and as it should be compared. Needs no torch.
    """
    given = {name: size for name, size in sizes.items() if size is not None}
    shaped = bool(given or conv_types or options)
    if target is None and not shaped:
        click.echo(ctx.get_help(), err=True)
        return 2
    if target is not None and (shaped or (target == NOTE and where)):
        raise click.UsageError("give a suite, 'note', or the sizes of a convolution: one of them")
    if explain and target == NOTE:
        cases = [NOTE_STEM, *map(note_stage, ConvType)]
        _print_steps(cases, output_format)
        return 0
    if target == NOTE:
        _print(note_rows(), NOTE_COLUMNS, output_format)
        if output_format == "table":
            click.echo("\n".join(["", *NOTE_REMARKS]))
        return 0
    cases = _shaped_cases(given, conv_types, options) if target is None else _suite_cases(target)
    if where:
        cases = [case for case in cases if parse_selection(where)(case)]
    if not cases:
        raise click.UsageError(f"no case is left by --where {where!r}")
    if explain:
        _print_steps(cases, output_format)
    else:
        _print([case_row(case) for case in cases], CASE_COLUMNS, output_format)
    return 0


def case_row(case: Case) -> Row:
    """The label, every axis and every cost of a case, by their names."""
    return {
        "label": case.label,
        **case.to_dict(),
        **cost_of(case).to_dict(),
        "ideal_speedup": ideal_speedup(case),
    }


def note_rows() -> list[Row]:
    """The source note's table: the whole network, as published, then the stage by itself.

    The ratios are those of the standard form in the same scope.
    """
    rows = []
    for scope in ("network", "stage"):
        costs = {
            str(name): note_cost(name) if scope == "network" else cost_of(note_stage(name))
            for name in ConvType
        }
        standard = costs[ConvType.STANDARD]
        rows += [_note_row(name, scope, cost, standard) for name, cost in costs.items()]
    return rows


def _note_row(conv_type: str, scope: str, cost: Cost, standard: Cost) -> Row:
    return {
        "conv_type": conv_type,
        "scope": scope,
        **cost.to_dict(),
        "ideal_speedup": standard.macs / cost.macs,
        "ptflops_ratio": standard.ptflops / cost.ptflops,
    }


def _suite_cases(name: str) -> list[Case]:
    return list(find_suite(name).expand())  # the device does not change what a case costs


def _shaped_cases(
    given: Mapping[str, Any], conv_types: Sequence[str], options: Sequence[str]
) -> list[Case]:
    """One shape in every conv type; each takes the options that it knows."""
    arguments = dict(given)
    for both, axes in (
        ("channels", ("in_channels", "out_channels")),
        ("resolution", ("height", "width")),
    ):
        size = arguments.pop(both, None)
        for name in axes:
            arguments.setdefault(name, size)
            if arguments[name] is None:
                flag = name.replace("_", "-")
                raise click.UsageError(f"the size is missing: give --{both}, or --{flag}")
    names = list(dict.fromkeys(conv_types)) or [str(name) for name in ConvType]
    chosen = dict(_read_option(text, names) for text in options)
    return [Case(conv_type=name, **arguments, options=chosen).applicable() for name in names]


def _read_option(text: str, conv_types: Sequence[str]) -> tuple[str, Scalar]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"expected --option NAME=VALUE, found {text!r}")
    known = {option for conv_type in conv_types for option in OPTION_DEFAULTS.get(conv_type, ())}
    if name not in known:
        accepted = ", ".join(sorted(known)) or "no option"
        raise click.UsageError(f"{', '.join(conv_types)}: expected {accepted}, found {name!r}")
    return name, int(value) if value.isdecimal() else value


def _exact(count: int) -> str:
    return f"{count:,}"


def _factor(ratio: float) -> str:
    """Three digits: 1.46× and 1.50× are two claims."""
    return f"{significant(ratio)}×"


CASE_COLUMNS: dict[str, Callable[[Row], str]] = {
    "case": lambda row: row["label"],
    "macs": lambda row: format_count(row["macs"]),
    "flops": lambda row: format_count(row["flops"]),
    "params": lambda row: _exact(row["params"]),
    "ideal speed-up": lambda row: _factor(row["ideal_speedup"]),
    "bytes fused": lambda row: format_bytes(row["bytes_fused"]),
    "bytes unfused": lambda row: format_bytes(row["bytes_unfused"]),
    "FLOP/B fused": lambda row: significant(row["intensity_fused"]),
    "FLOP/B unfused": lambda row: significant(row["intensity_unfused"]),
}

NOTE_COLUMNS: dict[str, Callable[[Row], str]] = {
    "conv type": lambda row: row["conv_type"],
    "scope": lambda row: row["scope"],
    "params": lambda row: _exact(row["params"]),
    "ptflops": lambda row: _exact(row["ptflops"]),
    "ratio": lambda row: _factor(row["ptflops_ratio"]),
    "macs": lambda row: _exact(row["macs"]),
    "ratio of macs": lambda row: _factor(row["ideal_speedup"]),
    "fvcore": lambda row: _exact(row["fvcore"]),
    "thop": lambda row: _exact(row["thop"]),
    "torchprofile": lambda row: _exact(row["torchprofile"]),
}

NOTE_REMARKS = (
    "network: stem and stage, the totals that the note publishes (258.55M, 69.57M, 186.9M).",
    "stage: what the three forms differ in; the stem is the same in all of them.",
    *(f"{name}: {CONVENTIONS[name]}" for name in ("ptflops", "macs", "fvcore", "thop")),
    f"torchprofile: {CONVENTIONS['torchprofile']}",
)


def _print(
    rows: Sequence[Row], columns: Mapping[str, Callable[[Row], str]], output_format: str
) -> None:
    """Print `rows`: for people the columns, for programs every field."""
    if output_format == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    if output_format == "csv":
        _print_csv(rows)
        return
    cells = [[cell(row) for cell in columns.values()] for row in rows]
    if output_format == "markdown":
        rules = ["---"] + ["---:"] * (len(columns) - 1)
        for line in [list(columns), rules, *cells]:
            click.echo(f"| {' | '.join(line)} |")
        return
    _print_table(list(columns), cells)


def _print_steps(cases: Sequence[Case], output_format: str) -> None:
    """Print how every figure of each case comes about."""
    explained = {case.label: explain_cost(case) for case in cases}
    if output_format != "table":
        rows = [{"label": name} | asdict(step) for name, own in explained.items() for step in own]
        columns = {name: _cell_of(name) for name in ("label", *STEP_FIELDS)}
        _print(rows, columns, output_format)
        return
    for place, (label, steps) in enumerate(explained.items()):
        click.echo(f"{chr(10) if place else ''}{label}")
        width = max(len(step.name) for step in steps)
        for step in steps:
            click.echo(f"  {step.name:<{width}} = {step.formula}")
            click.echo(f"  {'':<{width}} = {step.numbers} = {_value_text(step.value)}")


def _cell_of(name: str) -> Callable[[Row], str]:
    return lambda row: _value_text(row[name]) if name == "value" else str(row[name])


def _value_text(value: float) -> str:
    return _exact(value) if isinstance(value, int) else significant(value)


def _print_csv(rows: Sequence[Row]) -> None:
    """One line per row; options have a column each, pairs are written as `3x1`."""
    import csv
    import sys

    flat = []
    for row in rows:
        options = {f"options.{name}": value for name, value in row.get("options", {}).items()}
        plain = {name: value for name, value in row.items() if name != "options"} | options
        flat.append(
            {k: "x".join(map(str, v)) if isinstance(v, list) else v for k, v in plain.items()}
        )
    names = list(dict.fromkeys(name for row in flat for name in row))
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    table = Table(box=SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False)
