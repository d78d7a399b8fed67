"""`sepconv compare [BASE] [HEAD]`: whether head is slower than base, with evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from sepconv.cli import DONE
from sepconv.cli.contender import Asked, ready_sides
from sepconv.cli.option import format_option, measuring_options, store_option
from sepconv.cli.publication import Output, tell, telling_failures
from sepconv.cli.quantity import DURATION

ABOUT_OUTPUT = {"store_url", "output_format", "wait", "explain", "history", "shown"}
ABOUT_OUTPUT |= {"report", "report_url"}
FOR_STORED = {"base_revision", "head_revision", "where", "store_url", "output_format"}
FOR_STORED |= {
    "report",
    "report_url",
    "base_axes",
    "head_axes",
    "base_python",
    "head_python",
    "base_env",
    "head_env",
}
DURATIONS = {"budget_s", "case_timeout_s"}


@click.command(
    epilog="Examples: sepconv compare · sepconv compare main~3 main · "
    "sepconv compare --base threads=1 --head threads=2"
)
@click.argument("base_revision", metavar="[BASE]", required=False)
@click.argument("head_revision", metavar="[HEAD]", required=False)
@click.option("--suite", default="pull-request", show_default=True, help="Name or path of a suite.")
@click.option("--where", metavar="SELECTION", help="As in: 'stride=2 and channels in (16, 64)'.")
@click.option(
    "--budget",
    "budget_s",
    type=DURATION,
    metavar="TIME",
    help="Be done in about that time, as in 2m: the most sensitive cases first.",
)
@click.option("--changed", "only_changed", is_flag=True, help="Skip conv types of the same code.")
@click.option("--repo", type=click.Path(exists=True, path_type=Path), help="Compare that code.")
@click.option(
    "--conv-types",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.py",
    help="Your own conv types, of each side: CONV_TYPES = {'name': builder}.",
)
@click.option("--build-command", metavar="COMMAND", help="Builds a side, in its own copy; kept.")
@click.option("--base", "base_axes", multiple=True, metavar="AXIS=VALUE", help="Only on base.")
@click.option("--head", "head_axes", multiple=True, metavar="AXIS=VALUE", help="Only on head.")
@click.option("--base-python", metavar="PATH", help="The interpreter of base: another torch.")
@click.option("--head-python", metavar="PATH", help="The interpreter of head.")
@click.option("--base-env", multiple=True, metavar="KEY=VALUE", help="A variable of base only.")
@click.option("--head-env", multiple=True, metavar="KEY=VALUE", help="A variable of head only.")
@measuring_options
@click.option("--explain", metavar="CASE", help="Profile that case on both sides instead.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Also write comment.md, index.html and comparison.json there.",
)
@click.option("--report-url", metavar="URL", help="Where index.html will be, for the links to it.")
@click.option("--history", is_flag=True, help="How the gate has judged so far; measures nothing.")
@click.option("--show", "shown", metavar="NUMBER", help="Print a stored comparison, or latest.")
@store_option
@format_option("terminal", "markdown", "json")
@click.pass_context
def compare(
    context: click.Context,
    /,
    base_revision: str | None,
    head_revision: str | None,
    history: bool,
    shown: str | None,
    report: Path | None,
    report_url: str | None,
    store_url: str,
    output_format: str,
    **options: Any,
) -> int:
    """Is HEAD slower than BASE? Measures both in turns on one core, and confirms what it finds.

    BASE and HEAD are commits, branches or tags; without them, where this branch left the
    default branch, and the working tree. Only the code of the conv types differs: both sides
    are measured by the same harness. Your files are not touched. `run:12` is a stored run.
    """
    output = Output(output_format, report, report_url)
    if report_url is not None and report is None:
        raise click.UsageError("--report-url is where the page of --report FOLDER will be: name it")
    if history:
        from sepconv.cli.track_record import print_history

        return print_history(store_url, output_format)
    if shown is not None:
        from sepconv.cli.track_record import print_stored

        return print_stored(shown, store_url, output)
    asked = [
        Asked(base_revision, options["base_python"], options["base_env"], options["base_axes"]),
        Asked(head_revision, options["head_python"], options["head_env"], options["head_axes"]),
    ]
    with telling_failures(report, asked_words(context)):
        return _compare(context, asked, options, store_url, output)


def _compare(
    context: click.Context,
    asked: Sequence[Asked],
    options: Mapping[str, Any],
    store_url: str,
    output: Output,
) -> int:
    """Compare what was asked for, tell it, and return the exit code."""
    from sepconv.cli.stored import compare_stored, is_stored

    if any(map(is_stored, asked)):
        _refuse_beside_stored(context)
        return compare_stored(asked[0], asked[1], options["where"], store_url, output)
    if options["only_changed"] and any(each.has_settings for each in asked):
        raise click.UsageError(
            "--changed skips what is of the same code on both sides, and here the sides differ in "
            "something else: leave it out"
        )
    from sepconv.cli.comparison import Terms, compare_sides
    from sepconv.cli.progress import Progress
    from sepconv.cli.suite_file import find_suite
    from sepconv.selection import parse_selection
    from sepconv.store import Store

    found, wait = find_suite(options["suite"]), options["wait"]
    if options["where"] is not None:
        parse_selection(options["where"])  # before anything is written out or built
    with ready_sides(
        asked[0],
        asked[1],
        repo=options["repo"],
        conv_types=options["conv_types"],
        build_command=options["build_command"],
        allocator=options["allocator"],
    ) as (base, head):
        terms = Terms(
            where=options["where"],
            budget_s=options["budget_s"],
            only_changed=options["only_changed"],
            seed=options["seed"],
            case_timeout_s=options["case_timeout_s"],
            asked=asked_words(context),
        )
        if (explained := options["explain"]) is not None:
            from sepconv.cli.explain import explain_case

            explain_case(
                explained, base, head, found, terms, output_format=output.format, wait=wait
            )
            return DONE
        with Progress() as progress:
            comparison = compare_sides(
                found, base, head, terms, store_url=store_url, wait=wait, say=progress.say
            )
    with Store(store_url, read_only=True) as store:
        return tell(comparison, store.compared_passes(comparison.id or 0), output)


def _refuse_beside_stored(context: click.Context) -> None:
    """Stored runs were measured as they were: nothing about measuring can be asked for.

    Raises:
        UsageError: Something was.
    """
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in FOR_STORED:
            raise click.UsageError(f"{parameter.opts[0]} has no meaning for stored runs")


def asked_words(context: click.Context) -> tuple[str, ...]:
    """The words that were typed to say what is compared: with them it is compared again."""
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not given or name in ABOUT_OUTPUT:
            continue
        value = context.params[name]
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(parameter, click.Argument):
            words += map(str, values)
        elif value is True:
            words.append(parameter.opts[0])
        else:
            texts = [f"{each:g}s" if name in DURATIONS else str(each) for each in values]
            words += [word for text in texts for word in (parameter.opts[0], text)]
    return tuple(words)
