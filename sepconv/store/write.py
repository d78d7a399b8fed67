"""Writes, each within the transaction of its connection, and without effect when repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sepconv.case import Case
from sepconv.errors import UnknownRun
from sepconv.record import Block, Measurement, Run, Slot
from sepconv.store import schema
from sepconv.store.row import (
    Row,
    block_row,
    case_row,
    environment_row,
    machine_row,
    measurement_row,
    revision_row,
    run_row,
    value_rows,
)
from sepconv.store.text import clean_text, json_text, utc_text

_ID_OF_CASE = select(schema.case.c.id).where(schema.case.c.identity == bindparam("wanted"))
CHUNK = 500  # identities asked for at once: databases limit the parameters of a statement


def begin_run(connection: Connection, run: Run) -> int:
    """The number of the run, which is stored unless it already was."""
    known = select(schema.run.c.id).where(schema.run.c.uid == clean_text(run.uid))
    if (number := connection.scalar(known)) is not None:
        return int(number)
    row = run_row(run)
    row["machine_id"] = _keep(connection, schema.machine, "key", machine_row(run.machine))
    row["environment_id"] = _keep(
        connection, schema.environment, "key", environment_row(run.environment)
    )
    if run.revision is not None:
        revision = revision_row(run.revision)
        row["revision_id"] = _keep(connection, schema.revision, "commit", revision)
    return _keep(connection, schema.run, "uid", row)


def add_plan(connection: Connection, run_id: int, slots: Sequence[Slot]) -> None:
    """Store the plan of each case in place of what it was."""
    case_ids = keep_cases(connection, [slot.case for slot in slots])
    rows = [
        {
            "run_id": run_id,
            "case_id": case_ids[slot.case.identity],
            "calls": slot.calls,
            "rounds": slot.rounds,
            "call_s": slot.call_s,
            "visits": slot.visits,
        }
        for slot in slots
    ]
    _upsert(connection, schema.plan, ["run_id", "case_id"], rows)


def add_block(connection: Connection, run_id: int, block: Block) -> None:
    """Store a block; one that is there already stays as it is."""
    row = block_row(block) | {"run_id": run_id}
    row["case_id"] = _keep_case(connection, block.case)
    connection.execute(_insert_if_new(connection.dialect.name, schema.block), row)


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
    _upsert(connection, schema.measurement, ["run_id", "case_id"], rows)
    table = schema.measurement
    stored = select(table.c.case_id, table.c.id).where(table.c.run_id == run_id)
    ids = {row[0]: row[1] for row in connection.execute(stored)}
    values: dict[int, list[Row]] = {
        ids[row["case_id"]]: list(value_rows(measurement.values))
        for row, measurement in zip(rows, measurements, strict=True)
    }
    _replace_values(connection, values)


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
    changed = connection.execute(
        update(schema.run)
        .where(schema.run.c.id == run_id)
        .values(state=state, finished_at=utc_text(finished_at), timing=json_text(timing))
    )
    if changed.rowcount == 0:
        raise UnknownRun(f"there is no run {run_id} to finish; begin it first")


def thin(connection: Connection, *, keep_runs: int) -> int:
    """Drop the raw rounds of all but the newest runs; returns the blocks that lost them."""
    run, block = schema.run, schema.block
    newest = select(run.c.id).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(keep_runs)
    old = block.c.rounds.is_not(None) & block.c.run_id.not_in(newest)
    number = connection.scalar(select(func.count()).select_from(block).where(old)) or 0
    connection.execute(update(block).where(old).values(rounds=None))
    return int(number)


def keep_cases(connection: Connection, cases: Iterable[Case]) -> dict[str, int]:
    """The number of each case by its identity; those that are new are stored.

    In the order of their identities: two processes that store the same cases in different
    orders would each wait for the other.
    """
    wanted = {case.identity: case for case in cases}
    found = _case_ids(connection, list(wanted))
    if new := sorted(wanted.keys() - found.keys()):
        rows = [case_row(wanted[identity]) for identity in new]
        connection.execute(_insert_if_new(connection.dialect.name, schema.case), rows)
        found |= _case_ids(connection, new)
    return found


def _keep_case(connection: Connection, case: Case) -> int:
    """The number of one case; the usual one, which is stored already, costs one query."""
    number = connection.scalar(_ID_OF_CASE, {"wanted": case.identity})
    return keep_cases(connection, [case])[case.identity] if number is None else int(number)


def _case_ids(connection: Connection, identities: Sequence[str]) -> dict[str, int]:
    table = schema.case
    found: dict[str, int] = {}
    for start in range(0, len(identities), CHUNK):
        chunk = identities[start : start + CHUNK]
        query = select(table.c.identity, table.c.id).where(table.c.identity.in_(chunk))
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def _replace_values(connection: Connection, values: Mapping[int, Sequence[Row]]) -> None:
    if not values:
        return
    table = schema.value
    gone = delete(table).where(table.c.measurement_id == bindparam("of"))
    connection.execute(gone, [{"of": number} for number in values])
    rows = [{"measurement_id": number} | row for number, own in values.items() for row in own]
    if rows:
        connection.execute(table.insert(), rows)


def _keep(connection: Connection, table: Table, key: str, row: Row) -> int:
    """The number of the row with that key, which is inserted unless it is there."""
    connection.execute(_insert_if_new(connection.dialect.name, table), row)
    number = connection.scalar(select(table.c.id).where(table.c[key] == row[key]))
    assert number is not None
    return int(number)


def _upsert(connection: Connection, table: Table, key: list[str], rows: list[Row]) -> None:
    if not rows:
        return
    statement = _insert(connection.dialect.name, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)


@cache
def _insert_if_new(dialect: str, table: Table) -> Any:
    """INSERT that ignores a row whose key is there; built once, as that costs half a write."""
    return _insert(dialect, table).on_conflict_do_nothing()


def _insert(dialect: str, table: Table) -> Any:
    """The dialect's own INSERT, which knows ON CONFLICT; both spell it the same."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
