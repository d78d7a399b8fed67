"""`sepconv backfill A..B`: measures commits of the past, so that the history has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli import DONE, INTERRUPTED, NOT_MEASURED
from sepconv.cli.option import commit_options, format_option, measuring_options, store_option
from sepconv.cli.quantity import DURATION
from sepconv.comparison import Comparison, Purpose
from sepconv.errors import InvalidRevision
from sepconv.suite import Suite

if TYPE_CHECKING:
    from sepconv.cli.refill import Refill
    from sepconv.run import Revision

PASSES = 8  # of every case, as a night has
MOST_SUBJECT = 60  # letters


@click.command(epilog="Example: sepconv backfill v1.0..main --every 5 --missing --budget 2h")
@click.argument("span", metavar="A..B")
@click.option("--every", type=click.IntRange(1), default=1, metavar="N", help="Each N-th commit.")
@click.option("--missing", is_flag=True, help="Only commits of which the store has no night.")
@click.option("--reference", metavar="REV", help="What each is divided by.")
@click.option("--suite", "suite_name", metavar="SUITE", help="[default: that of the nights]")
@click.option("--where", metavar="SELECTION", help="As in: 'stride=2 and channels in (16, 64)'.")
@click.option("--budget", "budget_s", type=DURATION, metavar="TIME", help="Stop in time, as in 2h.")
@click.option("--dry-run", is_flag=True, help="List the commits in their order, measure nothing.")
@commit_options
@measuring_options
@store_option
@format_option("table", "json", "markdown")
def backfill(span: str, store_url: str, output_format: str, **options: Any) -> int:
    """Measure the commits after A up to B, each as a night: in turns with the reference.

    The ends come first, then always the middle of the largest gap, so that whoever stops early
    has an even history. Without --reference, it is that of the configuration, else that of the
    newest night in the store, else A. A commit that cannot be measured is stored as such, and
    passed over. After Ctrl-C the same command with --missing goes on. Your files are not touched.
    """
    from sepconv.cli.commit_range import find_range, keep_graph
    from sepconv.cli.comparison import Terms
    from sepconv.cli.configuration import load_configuration
    from sepconv.cli.contender import find_code
    from sepconv.cli.progress import Progress
    from sepconv.cli.refill import open_bench, refill
    from sepconv.cli.step import Code
    from sepconv.cli.suite_file import find_suite
    from sepconv.selection import parse_selection

    first, last = _ends(span)
    configured = load_configuration(Path.cwd())
    conv_types = options["conv_types"] or configured.conv_types
    repo = options["repo"] or configured.repo
    suite = find_suite(options["suite_name"] or configured.suite)
    where = options["where"] or configured.where
    if where is not None:
        parse_selection(where)
    repository, _ = find_code(repo, conv_types)
    commits = find_range(repository, first, last).commits[:: -options["every"]][::-1]
    if options["dry_run"] and not options["missing"]:
        _print_order(_ordered(commits, ()), output_format)
        return DONE
    keep_graph(repository, last, store_url)
    nights = _nights(suite, store_url)
    asked = options["reference"] or configured.reference
    reference = _reference(repository, asked, nights, first)
    terms = Terms(
        where=where,
        seed=options["seed"],
        case_timeout_s=options["case_timeout_s"],
        asked=("backfill", span),
        purpose=Purpose.NIGHTLY,
        passes=PASSES,
    )
    code = Code(repo, conv_types, options["build_command"], options["allocator"])
    with (
        Progress() as progress,
        open_bench(
            reference, code, suite, terms, store_url=store_url, wait=options["wait"]
        ) as bench,
    ):
        known = bench.measured_before() if options["missing"] else set()
        ordered = _ordered(commits, known)
        if options["dry_run"]:
            _print_order(ordered, output_format)
            return DONE
        done = refill(
            bench,
            ordered,
            budget_s=options["budget_s"],
            expected_s=_took_s(nights),
            say=progress.say,
        )
    _print(done, len(commits) - len(ordered), reference, output_format)
    return _exit_code(done)


def _ends(span: str) -> tuple[str, str]:
    """The two ends of A..B; HEAD where B is left out.

    Raises:
        UsageError: It is no such span.
    """
    first, dots, last = span.partition("..")
    if not first or not dots or last.startswith("."):
        raise click.UsageError(f"expected two commits like v1.0..main, found {span!r}")
    return first, last or "HEAD"


def _ordered(commits: Sequence[Revision], known: Collection[str]) -> list[Revision]:
    """Those that are not known, in the order in which they are measured."""
    from sepconv.judge.spread import spread_order

    there = [place for place, each in enumerate(commits) if each.commit in known]
    return [commits[place] for place in spread_order(len(commits), there)]


def _nights(suite: Suite, store_url: str) -> list[Comparison]:
    """The nights of that suite, newest first."""
    from sepconv.cli.sweep import open_store

    with open_store(store_url) as store:
        nights = store.comparisons(purposes={Purpose.NIGHTLY})
    return [night for night in nights if night.suite == suite.name]


def _reference(
    repository: Path, asked: str | None, nights: Sequence[Comparison], first: str
) -> str:
    """What every commit is divided by, as a hash.

    Raises:
        InvalidRevision: There is no such commit.
    """
    from sepconv.bench.tree import find_tree
    from sepconv.cli.reference import choose_reference

    name = first
    if asked is not None or any(night.base.revision for night in nights):
        name = choose_reference(repository, asked, nights).name
    revision = find_tree(repository, name).revision
    if revision is None:
        raise InvalidRevision(f"{name!r}: expected a commit")
    return revision.commit


def _took_s(nights: Sequence[Comparison]) -> float | None:
    """What the newest night took, if there was one."""
    return next((sum(each.timing.values()) for each in nights if each.timing), None)


def _print_order(commits: Sequence[Revision], output_format: str) -> None:
    rows = [_row(each) for each in commits]
    _print_rows(rows, output_format)


def _print(done: Refill, known: int, reference: str, output_format: str) -> None:
    """What became of every commit."""
    from sepconv.cli.table import print_json
    from sepconv.report.text import NONE
    from sepconv.units import format_duration

    if output_format == "json":
        tried = [
            {
                "commit": each.commit.commit,
                "comparison": each.comparison,
                "cases": each.cases,
                "reason": each.reason,
                "took_s": each.took_s,
            }
            for each in done.tried
        ]
        print_json(
            {
                "reference": reference,
                "tried": tried,
                "left": [each.commit for each in done.left],
                "known_before": known,
                "exit_code": _exit_code(done),
            }
        )
        return
    _print_rows(
        [
            _row(each.commit)
            | {
                "cases": str(each.cases),
                "took": format_duration(each.took_s),
                "what": each.reason or NONE,
            }
            for each in done.tried
        ],
        output_format,
    )
    parts = [f"{len(done.measured)} measured", f"{len(done.failed)} failed"]
    parts += [f"{len(done.left)} left"] + ([f"{known} there before"] if known else [])
    click.echo(f"{', '.join(parts)}; divided by {reference[:10]}")
    if done.left:
        click.echo("the same command with --missing goes on")
    elif done.measured:
        click.echo("what the history says now: sepconv events --update")


def _print_rows(rows: Sequence[Mapping[str, str]], output_format: str) -> None:
    from sepconv.cli.table import make_console, print_rows, rows_table

    if output_format != "table":
        print_rows(rows, output_format)
    elif rows:
        make_console().print(rows_table(rows, left=("commit", "date", "subject", "what")))


def _row(commit: Revision) -> dict[str, str]:
    from sepconv.report.text import shorten

    return {
        "commit": commit.commit[:10],
        "date": commit.committed_at[:10],
        "subject": shorten(commit.subject, MOST_SUBJECT),
    }


def _exit_code(done: Refill) -> int:
    """130 interrupted, 3 a commit could not be measured, else 0."""
    if done.interrupted:
        return INTERRUPTED
    return NOT_MEASURED if done.failed else DONE
