"""Which run, comparison or event a word means: a number, `latest`, the start of a uid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, UnaryExpression, false, func, select

from sepconv.errors import UnknownRun
from sepconv.run import Run
from sepconv.store.read import load_runs, newest_runs
from sepconv.store.schema import revision, run
from sepconv.store.text import clean_text

LATEST = "latest"
PREFIX_LENGTH = 4  # at least, as in git
NUMBER_LENGTH = 18  # digits at most: what a database can hold


Newest = Sequence[UnaryExpression[Any]]
"""An order in which the newest row comes first."""


def find_run(connection: Connection, reference: str) -> Run:
    """The one run that `reference` means; of a commit's runs, the newest.

    Raises:
        UnknownRun: None or several answer to it; the message says what there is.
    """
    number = _find_number(connection, clean_text(reference).strip())
    found = load_runs(connection, select(run.c.id).where(run.c.id == number))
    if not found:
        raise UnknownRun(f"there is no run {reference!r}; {_what_there_is(connection)}")
    return found[0]


def _find_number(connection: Connection, reference: str) -> int | None:
    if reference == LATEST:
        newest: int | None = connection.scalar(newest_runs(1))
        return newest
    if reference.isascii() and reference.isdigit() and len(reference) <= NUMBER_LENGTH:
        number = connection.scalar(select(run.c.id).where(run.c.id == int(reference)))
        if number is not None:
            return int(number)
    if len(reference) < PREFIX_LENGTH:
        return None
    return _find_by_prefix(connection, reference.lower())


def find_by_uid(
    connection: Connection, table: Table, newest: Newest, reference: str
) -> Select[Any]:
    """The numbers of the rows that `reference` means: one of that number, the newest for
    `latest`, or those whose uid begins so. Some uids begin with digits alone."""
    wanted, numbers = clean_text(reference).strip(), select(table.c.id)
    if wanted == LATEST:
        return numbers.order_by(*newest).limit(1)
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= NUMBER_LENGTH:
        chosen = numbers.where(table.c.id == int(wanted))
        if connection.scalar(chosen) is not None:
            return chosen
    if len(wanted) < PREFIX_LENGTH:
        return numbers.where(false())
    return numbers.where(table.c.uid.startswith(wanted, autoescape=True))


def describe_miss(
    connection: Connection,
    table: Table,
    newest: Newest,
    reference: str,
    found: int,
    listing: str,
) -> str:
    """Why not exactly one row answers to `reference`, and where they are listed."""
    noun = table.name
    number = connection.scalar(select(table.c.id).order_by(*newest).limit(1))
    there = "there is none yet" if number is None else f"the newest is {number}"
    count = f"{found} {noun}s begin" if found else f"no {noun} begins"
    article = "an" if noun[0] in "aeiou" else "a"
    return (
        f"{reference!r}: expected the number of {article} {noun}, the beginning of its uid, or "
        f"{LATEST!r}; {count} so, {there}; see `{listing}`"
    )


def _find_by_prefix(connection: Connection, prefix: str) -> int | None:
    """The number of the run whose id, or whose commit, alone begins with `prefix`."""
    names: dict[str, int] = {}
    for column in (run.c.uid, revision.c.commit):
        query = (
            select(column, run.c.id)
            .select_from(run)
            .outerjoin(revision, run.c.revision_id == revision.c.id)
            .where(func.lower(column).startswith(prefix, autoescape=True))
            .order_by(run.c.started_at, run.c.id)
        )
        names |= {row[0]: row[1] for row in connection.execute(query)}  # the newest wins
    if len(names) > 1:
        raise UnknownRun(
            f"{prefix!r} is the beginning of {len(names)} runs or commits, {', '.join(names)}: "
            "write more of it"
        )
    return next(iter(names.values()), None)


def _what_there_is(connection: Connection) -> str:
    newest = load_runs(connection, newest_runs(1))
    if not newest:
        return "the store has no run yet: run `sepconv quick` first"
    numbers = select(func.min(run.c.id), func.max(run.c.id), func.count()).select_from(run)
    first, last, count = connection.execute(numbers).one()
    commit = f" at commit {newest[0].commit[:12]}" if newest[0].commit else ""
    which = f"run {first}" if count == 1 else f"{count} runs from {first} to {last}"
    return (
        f"the store has {which}, the latest is {newest[0].id} (suite {newest[0].suite}{commit}); "
        "`sepconv runs` lists them"
    )
