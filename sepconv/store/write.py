"""Writes, each within the transaction of its connection, and without effect when repeated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sepconv.case import Case
from sepconv.errors import UnknownRun
from sepconv.ratio import Pair
from sepconv.record import Block, Measurement, Slot
from sepconv.run import Revision, Run
from sepconv.store import schema
from sepconv.store.row import (
    Row,
    block_row,
    case_row,
    environment_row,
    machine_row,
    measurement_row,
    pair_row,
    revision_row,
    run_row,
    value_rows,
)
from sepconv.store.text import clean_text, json_text, utc_text

CHUNK = 500  # identities asked for at once: databases limit the parameters of a statement


def begin_run(connection: Connection, run: Run) -> int:
    """The number of the run, which is stored unless it already was."""
    known = select(schema.run.c.id).where(schema.run.c.uid == clean_text(run.uid))
    if (number := connection.scalar(known)) is not None:
        return int(number)
    row = run_row(run)
    row["machine_id"] = keep_row(connection, schema.machine, "key", machine_row(run.machine))
    row["environment_id"] = keep_row(
        connection, schema.environment, "key", environment_row(run.environment)
    )
    if run.revision is not None:
        revision = revision_row(run.revision)
        row["revision_id"] = keep_row(connection, schema.revision, "commit", revision)
    return keep_row(connection, schema.run, "uid", row)


def keep_revisions(connection: Connection, revisions: Iterable[Revision]) -> None:
    """Store the commits; one that is there stays, and learns its parents if it had none."""
    rows = [revision_row(each) for each in sorted(revisions, key=lambda each: each.commit)]
    insert_if_new(connection, schema.revision, rows)
    table = schema.revision
    learns = (
        update(table)
        .where(table.c.commit == bindparam("of"), table.c.parents == json_text([]))
        .values(parents=bindparam("theirs"))
    )
    known = [
        {"of": row["commit"], "theirs": row["parents"]}
        for row in rows
        if row["parents"] != json_text([])
    ]
    if known:
        connection.execute(learns, known)


def add_plan(
    connection: Connection, run_id: int, slots: Sequence[Slot], passes: int | None
) -> None:
    """Store each slot in place of what it was, and the number of passes unless it is None."""
    case_ids = keep_cases(connection, [slot.case for slot in slots])
    rows = [
        {
            "run_id": run_id,
            "case_id": case_ids[slot.case.identity],
            "calls": slot.calls,
            "rounds": slot.rounds,
            "call_s": slot.call_s,
            "visits": slot.visits,
            "ring": slot.ring,
            "arm": clean_text(slot.arm),
        }
        for slot in slots
    ]
    upsert(connection, schema.plan, ["run_id", "ring", "arm", "case_id"], rows)
    if passes is not None:
        _change_run(connection, run_id, {"passes": passes})


def add_blocks(
    connection: Connection,
    run_id: int,
    blocks: Sequence[Block],
    pairs: Sequence[Pair],
    known: Mapping[str, int],
) -> dict[str, int]:
    """Store what passes of rings gave; what is there already stays as it is.

    `known` are numbers of cases that are certainly stored. Returns those that are new to it,
    for the next time, once this transaction is committed.
    """
    cases = [block.case for block in blocks]
    cases += [case for pair in pairs for case in (pair.base, pair.head)]
    new = keep_cases(connection, [case for case in cases if case.identity not in known])
    ids = {**known, **new} if new else known
    rows = [block_row(block) for block in blocks]
    for row, block in zip(rows, blocks, strict=True):
        row["run_id"], row["case_id"] = run_id, ids[block.case.identity]
    insert_if_new(connection, schema.block, rows)
    rows = [pair_row(pair) for pair in pairs]
    for row, pair in zip(rows, pairs, strict=True):
        row["run_id"] = run_id
        row["base_case_id"], row["head_case_id"] = ids[pair.base.identity], ids[pair.head.identity]
    insert_if_new(connection, schema.pair, rows)
    return new


def put_measurements(
    connection: Connection, run_id: int, measurements: Sequence[Measurement]
) -> None:
    """Make the rows of these cases say what `measurements` say, and nothing older."""
    case_ids = keep_cases(connection, [measurement.case for measurement in measurements])
    rows = [
        {"run_id": run_id, "case_id": case_ids[measurement.case.identity]}
        | measurement_row(measurement)
        for measurement in measurements
    ]
    before = _measurement_ids(connection, run_id)
    upsert(connection, schema.measurement, ["run_id", "case_id"], rows)
    ids = _measurement_ids(connection, run_id)
    values: dict[int, list[Row]] = {
        ids[row["case_id"]]: list(value_rows(measurement))
        for row, measurement in zip(rows, measurements, strict=True)
    }
    _replace_values(connection, values, values.keys() & set(before.values()))


def finish_run(
    connection: Connection,
    run_id: int,
    *,
    state: str,
    finished_at: str,
    timing: Mapping[str, float],
) -> None:
    """Store how the run ended.

    Raises:
        UnknownRun: It never began.
    """
    end = {"state": state, "finished_at": utc_text(finished_at), "timing": json_text(timing)}
    _change_run(connection, run_id, end)


def resume_run(connection: Connection, run_id: int) -> None:
    """Make the run one that has not ended.

    Raises:
        UnknownRun: It never began.
    """
    _change_run(connection, run_id, {"state": "running", "finished_at": None})


def _change_run(connection: Connection, run_id: int, row: Row) -> None:
    changed = connection.execute(update(schema.run).where(schema.run.c.id == run_id).values(row))
    if changed.rowcount == 0:
        raise UnknownRun(f"there is no run {run_id}; begin it first")


def keep_cases(connection: Connection, cases: Iterable[Case]) -> dict[str, int]:
    """The number of each case by its identity; those that are new are stored.

    In the order of their identities: two processes that store the same cases in different
    orders would each wait for the other.
    """
    wanted = {case.identity: case for case in cases}
    found = _case_ids(connection, list(wanted))
    if new := sorted(wanted.keys() - found.keys()):
        rows = [case_row(wanted[identity]) for identity in new]
        insert_if_new(connection, schema.case, rows)
        found |= _case_ids(connection, new)
    return found


def _case_ids(connection: Connection, identities: Sequence[str]) -> dict[str, int]:
    table = schema.case
    found: dict[str, int] = {}
    for start in range(0, len(identities), CHUNK):
        chunk = identities[start : start + CHUNK]
        query = select(table.c.identity, table.c.id).where(table.c.identity.in_(chunk))
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def _measurement_ids(connection: Connection, run_id: int) -> dict[int, int]:
    """The numbers of a run's measurements, by those of their cases."""
    table = schema.measurement
    stored = select(table.c.case_id, table.c.id).where(table.c.run_id == run_id)
    return {row[0]: row[1] for row in connection.execute(stored)}


def _replace_values(
    connection: Connection, values: Mapping[int, Sequence[Row]], old: Collection[int]
) -> None:
    """`old` are the measurements that may have values already."""
    table = schema.value
    if old:
        gone = delete(table).where(table.c.measurement_id == bindparam("of"))
        connection.execute(gone, [{"of": number} for number in old])
    for number, own in values.items():
        for row in own:
            row["measurement_id"] = number
    insert_if_new(connection, table, [row for own in values.values() for row in own])


def keep_row(connection: Connection, table: Table, key: str, row: Row) -> int:
    """The number of the row with that key, which is inserted unless it is there."""
    insert_if_new(connection, table, [row])
    number = connection.scalar(select(table.c.id).where(table.c[key] == row[key]))
    assert number is not None
    return int(number)


def upsert(
    connection: Connection,
    table: Table,
    key: list[str],
    rows: list[Row],
    *,
    newest_by: str | None = None,
) -> None:
    """Insert the rows, or put them in place of those with the same key.

    With `newest_by`, a row is only replaced by one that is not older by that column.
    """
    if not rows:
        return
    statement = _upsert(connection.dialect, table, tuple(rows[0]), tuple(key), newest_by)
    connection.exec_driver_sql(statement, rows)


def insert_if_new(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Insert the rows whose keys are not there; all rows have the same columns."""
    if rows:
        statement = _insert_if_new(connection.dialect, table, tuple(rows[0]))
        connection.exec_driver_sql(statement, rows)


@lru_cache(maxsize=64)
def _insert_if_new(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    """INSERT that ignores a row whose key is there, as text: a block is stored after every
    ring, and preparing the statement anew costs more than the database needs for it."""
    statement = _insert(dialect.name, table).on_conflict_do_nothing()
    return str(statement.compile(dialect=dialect, column_keys=list(columns)))


@lru_cache(maxsize=64)
def _upsert(
    dialect: Dialect,
    table: Table,
    columns: tuple[str, ...],
    key: tuple[str, ...],
    newest_by: str | None,
) -> str:
    """INSERT that takes the place of the row whose key is there, as text for the same reason."""
    statement = _insert(dialect.name, table)
    changed = {name: statement.excluded[name] for name in columns if name not in key}
    where = None if newest_by is None else statement.excluded[newest_by] >= table.c[newest_by]
    replaced = statement.on_conflict_do_update(index_elements=key, set_=changed, where=where)
    return str(replaced.compile(dialect=dialect, column_keys=list(columns)))


def _insert(dialect: str, table: Table) -> Any:
    """The dialect's own INSERT, which knows ON CONFLICT; both spell it the same."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
