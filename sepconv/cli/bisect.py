"""`sepconv bisect EVENT|CASE`: which commit made it slower, or faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli import DONE, INTERRUPTED, NOT_MEASURED
from sepconv.cli.option import commit_options, format_option, measuring_options, store_option
from sepconv.cli.quantity import DURATION

if TYPE_CHECKING:
    from sepconv.cli.commit_range import CommitRange
    from sepconv.cli.finding import Finding
    from sepconv.cli.quarry import Quarry
    from sepconv.cli.step import Say
    from sepconv.event import Event

LEAST_PASSES, PASSES = 6, 8  # of each comparison


@click.command(
    epilog="Examples: sepconv bisect 3 · sepconv bisect "
    "depthwise_separable-96-28x28-k3-s1-b8-cpu --good v1.2 --bad main"
)
@click.argument("wanted", metavar="EVENT|CASE")
@click.option("--good", metavar="REV", help="The last commit before the change; of an event, its.")
@click.option("--bad", metavar="REV", help="A commit after the change.  [default: HEAD]")
@click.option("--suite", "suite_name", metavar="SUITE", help="Where CASE is looked up.")
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 0.9999),
    default=0.99,
    show_default=True,
    help="Go on until one commit is so likely.",
)
@click.option(
    "--passes",
    type=click.IntRange(LEAST_PASSES, 100),
    default=PASSES,
    show_default=True,
    help="Of each comparison.",
)
@click.option("--most-steps", type=click.IntRange(1), metavar="N", help="Comparisons at most.")
@click.option("--budget", "budget_s", type=DURATION, metavar="TIME", help="Give up after that.")
@click.option("--into-merges", is_flag=True, help="Search within a merge that is found.")
@click.option("--resume", is_flag=True, help="Take up what the same command measured before.")
@commit_options
@measuring_options
@store_option
@format_option("terminal", "json", "markdown")
def bisect(
    wanted: str,
    good: str | None,
    bad: str | None,
    suite_name: str | None,
    store_url: str,
    output_format: str,
    **options: Any,
) -> int:
    """Find the commit that changed the latency of EVENT or CASE.

    EVENT is its number, the beginning of its uid, or latest; CASE is a label as it is printed, or
    a selection like 'conv_type=depthwise_separable and channels=96'. Commits are compared in
    turns on one core, those first that tell most, until one is 99 % likely; a single wrong answer
    does not mislead it. Your files are not touched.
    """
    from sepconv.cli.commit_range import find_range, merged_range
    from sepconv.cli.contender import find_code
    from sepconv.cli.finding import Ending, commits_of
    from sepconv.cli.progress import Progress

    quarry = _find_quarry(wanted, suite_name, options["conv_types"], store_url)
    repository, _ = find_code(options["repo"], options["conv_types"])
    first, last = good or quarry.good, bad or quarry.bad or "HEAD"
    if first is None:
        raise click.UsageError("--good is missing: a commit at which it was not yet changed")
    commits = find_range(repository, first, last)
    findings: list[Finding] = []
    with Progress() as progress:
        while True:
            found = _search(commits, quarry, options, store_url, progress.say, wanted)
            findings.append(found)
            blamed = commits_of(found, found.culprits[0].span) if found.culprits else []
            if not options["into_merges"] or found.ending is not Ending.FOUND or len(blamed) > 1:
                break
            inside = merged_range(repository, blamed[0])
            if inside is None:
                break
            commits = inside
    if quarry.event is not None:
        _note_event(quarry.event, findings, store_url)
    _print(findings, output_format)
    return _exit_code(findings)


def _find_quarry(
    wanted: str, suite_name: str | None, conv_types: Path | None, store_url: str
) -> Quarry:
    from sepconv.cli.quarry import is_event, quarry_of_cases, quarry_of_event
    from sepconv.store import Store

    if not is_event(wanted):
        return quarry_of_cases(wanted, suite_name, has_own=conv_types is not None)
    with Store(store_url, read_only=True) as store:
        return quarry_of_event(store.find_event(wanted))


def _search(
    commits: CommitRange,
    quarry: Quarry,
    options: Mapping[str, Any],
    store_url: str,
    say: Say,
    asked: str,
) -> Finding:
    """One search, from the first comparison to the last."""
    from sepconv.cli.comparison import Terms
    from sepconv.cli.finding import Limits
    from sepconv.cli.hunt import Hunt
    from sepconv.cli.step import Code, open_stepper

    code = Code(
        options["repo"], options["conv_types"], options["build_command"], options["allocator"]
    )
    terms = Terms(
        seed=options["seed"],
        case_timeout_s=options["case_timeout_s"],
        passes=options["passes"],
        asked=("bisect", asked),
    )
    limits = Limits(options["confidence"], options["most_steps"], options["budget_s"])
    wait = options["wait"]
    with open_stepper(
        commits, code, quarry.suite, terms, store_url=store_url, wait=wait, say=say
    ) as stepper:
        hunt = Hunt(stepper, quarry, limits)
        if options["resume"]:
            hunt.recall(stepper.measured_before())
        return hunt.run()


def _note_event(event: Event, findings: Sequence[Finding], store_url: str) -> None:
    """Keep in the store which commit it was; what people have said of the event stands."""
    from sepconv.cli.finding import commits_of, describe_change
    from sepconv.event import ITSELF, TRIAGED, EventState, Note
    from sepconv.store import Store

    found = findings[0]
    if not found.culprits:
        return
    culprit = found.culprits[0]
    commits = commits_of(found, culprit.span)
    within = [each for deeper in findings[1:] for each in deeper.culprits[:1]]
    told = [f"bisect: {commits[-1].commit[:10]} {commits[-1].subject}"]
    if len(commits) > 1:
        told = [f"bisect: one of {len(commits)} commits up to {told[0].removeprefix('bisect: ')}"]
    if within:
        inner = findings[-1].commits.at(within[-1].span.last)
        told.append(f"within it {inner.commit[:10]} {inner.subject}")
    comparisons = sum(each.comparisons for each in findings)
    told += [describe_change(culprit.change), f"{comparisons} comparisons"]
    state = event.state if event.state in TRIAGED else EventState.CONFIRMED
    note = Note(state, ITSELF, ", ".join(told), datetime.now(UTC).isoformat())
    narrowed = replace(
        event,
        last_good=found.commits.at(culprit.span.after),
        first_bad=commits[-1],
        commits=commits,
        notes=(*event.notes, note),
    )
    with Store(store_url) as store:
        store.put_events([narrowed])


def _exit_code(findings: Sequence[Finding]) -> int:
    """130 interrupted, 3 not found, 0 found, or nothing to find."""
    from sepconv.cli.finding import Ending

    if any(each.ending is Ending.INTERRUPTED for each in findings):
        return INTERRUPTED
    return NOT_MEASURED if findings[0].ending is Ending.UNCLEAR else DONE


def _print(findings: Sequence[Finding], output_format: str) -> None:
    from sepconv.cli.finding import candidate_rows, describe_finding, finding_plain
    from sepconv.cli.table import make_console, print_json, print_rows, rows_table
    from sepconv.report.markdown import markdown_cell
    from sepconv.report.text import inert

    if output_format == "json":
        outer, *within = map(finding_plain, findings)
        print_json(outer | {"within": within, "exit_code": _exit_code(findings)})
        return
    for number, finding in enumerate(findings):
        if number:
            click.echo("\nwithin that merge:" if output_format == "terminal" else "\nWithin it:\n")
        first, *rest = describe_finding(finding)
        rows = candidate_rows(finding)
        if output_format == "markdown":
            click.echo(f"**{markdown_cell(first)}**\n")
            click.echo("".join(f"- {markdown_cell(line)}\n" for line in rest))
            print_rows(rows, "markdown")
            continue
        click.echo(inert(first))
        for line in rest:
            click.echo(f"  {inert(line)}")
        if rows:
            make_console().print(rows_table(rows, left=("commit", "subject")))
    if _exit_code(findings) in (INTERRUPTED, NOT_MEASURED):
        click.echo("the same command with --resume goes on from here")
