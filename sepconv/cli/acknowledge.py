"""`sepconv acknowledge COMPARISON CASE`: a change that is meant to be no longer fails the gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from sepconv.cli import DONE
from sepconv.cli.option import format_option, store_option
from sepconv.cli.said import now, on_one_line, whoever_asks
from sepconv.comparison import Acknowledgement, Compared, Comparison, Outcome

PREFIX_LENGTH = 6  # letters of an identity at least


@click.command(
    epilog="Example: sepconv acknowledge latest --all --reason 'bias is added in float64 now'"
)
@click.argument("reference", metavar="COMPARISON")
@click.argument("names", metavar="[CASE]...", nargs=-1)
@click.option("--all", "takes_all", is_flag=True, help="Every case that is slower there.")
@click.option("--reason", metavar="TEXT", help="Why it is meant to be slower. Required.")
@click.option("--author", metavar="NAME", help="Who says so.  [default: as git knows you]")
@click.option("--withdraw", is_flag=True, help="Take back what was acknowledged.")
@store_option
@format_option("terminal", "json")
def acknowledge(
    reference: str,
    names: tuple[str, ...],
    takes_all: bool,
    reason: str | None,
    author: str | None,
    withdraw: bool,
    store_url: str,
    output_format: str,
) -> int:
    """Say that cases which COMPARISON found slower are meant to be.

    COMPARISON is a number, the beginning of a uid, or latest; CASE is a label as it is printed,
    or the beginning of an identity. Later comparisons of the same pull request or branch with
    the same base do not fail because of them, unless they become slower still; with the next
    base they count again. Author and reason are stored, and shown wherever the case is.
    """
    from sepconv.store import Store

    if bool(names) == takes_all:
        raise click.UsageError("name the cases, or take every slower one with --all: one of both")
    said = _reason(reason, withdraw)
    with Store(store_url) as store:
        comparison = store.find_comparison(reference)
        cases = _meant(comparison, names, withdraw=withdraw)
        word = Acknowledgement(author or whoever_asks(), said, now(), is_withdrawn=withdraw)
        store.acknowledge(comparison.id or 0, {case.ring: word for case in cases})
        told = store.find_comparison(str(comparison.id))
    _print(told, cases, word, output_format)
    return DONE


def _reason(reason: str | None, withdraw: bool) -> str:
    """The reason on its own.

    Raises:
        UsageError: There is none.
    """
    said = on_one_line(reason)
    if not said and not withdraw:
        raise click.UsageError(
            "--reason is missing: whoever reads the report next year wants to know why it was "
            "meant to be slower"
        )
    return said


def _meant(comparison: Comparison, names: Sequence[str], *, withdraw: bool) -> list[Compared]:
    """The cases that are meant, each once.

    Raises:
        UsageError: A name fits no case, or several; or its case is not slower.
    """
    cases = {case.ring: case for name in names for case in [_named(comparison, name)]}
    if not names:
        cases = {case.ring: case for case in _open(comparison, withdraw)}
    if not cases:
        what = "acknowledged" if withdraw else "slower and not yet acknowledged"
        raise click.UsageError(f"no case of comparison {comparison.id} is {what}")
    for case in cases.values():
        if withdraw and case.acknowledged is None:
            raise click.UsageError(f"{case.head.label}: was not acknowledged")
        if case.outcome is not Outcome.SLOWER:
            raise click.UsageError(
                f"{case.head.label}: only what is slower can be acknowledged, and this is "
                f"{case.outcome.replace('_', ' ')}"
            )
    return list(cases.values())


def _open(comparison: Comparison, withdraw: bool) -> Iterator[Compared]:
    yield from comparison.acknowledged if withdraw else comparison.alarms


def _named(comparison: Comparison, name: str) -> Compared:
    found = [case for case in comparison.cases if case.head.label == name]
    if not found and len(name) >= PREFIX_LENGTH:
        found = [case for case in comparison.cases if case.head.identity.startswith(name)]
    if len(found) != 1:
        slower = ", ".join(case.head.label for case in comparison.alarms) or "none"
        raise click.UsageError(
            f"{name!r}: expected the label of one case of comparison {comparison.id}, "
            f"{len(found)} answer to it; slower are: {slower}"
        )
    return found[0]


def _print(
    comparison: Comparison, cases: Sequence[Compared], word: Acknowledgement, output_format: str
) -> None:
    from sepconv.cli.comparison import exit_code_of
    from sepconv.cli.table import print_json
    from sepconv.report.text import inert
    from sepconv.report.verdict import describe_verdict

    labels = [case.head.label for case in cases]
    if output_format == "json":
        print_json(
            {
                "comparison": comparison.id,
                "cases": labels,
                "author": word.author,
                "reason": word.reason,
                "at": word.at,
                "is_withdrawn": word.is_withdrawn,
                "exit_code": exit_code_of(comparison),
            }
        )
        return
    verb = "taken back" if word.is_withdrawn else "acknowledged"
    click.echo(inert(f"{verb} by {word.author}: {', '.join(labels)}"))
    click.echo(inert(describe_verdict(comparison)))
