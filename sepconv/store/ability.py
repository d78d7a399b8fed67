"""What a machine can do at best, and how small a change it can resolve, by its environment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import ColumnElement, Connection, and_, select, true

from sepconv.run import Environment, Machine, Peak, Selfcheck
from sepconv.store import schema
from sepconv.store.row import Row, environment_row, machine_row, refuse_infinite
from sepconv.store.text import clean_text, json_text, utc_text
from sepconv.store.write import insert_if_new, keep_row, upsert

PEAK_KEY = ["machine_id", "environment_id", "name", "device", "dtype", "threads"]


def keep_peaks(
    connection: Connection, machine: Machine, environment: Environment, peaks: Sequence[Peak]
) -> None:
    """Store the peaks, except those that are older than what is stored."""
    place = _keep_place(connection, machine, environment)
    rows = [place | _peak_row(peak) for peak in peaks]
    rows.sort(key=lambda row: [row[name] for name in PEAK_KEY])  # so that no two writers deadlock
    upsert(connection, schema.peak, PEAK_KEY, rows, newest_by="measured_at")


def load_peaks(connection: Connection, machine: Machine, environment: Environment) -> list[Peak]:
    """The peaks of that machine and environment, in the order of their keys."""
    peak = schema.peak
    query = (
        select(*(peak.c[field.name] for field in fields(Peak)))
        .join(schema.machine, peak.c.machine_id == schema.machine.c.id)
        .join(schema.environment, peak.c.environment_id == schema.environment.c.id)
        .where(_is_of(machine, environment))
        .order_by(peak.c.name, peak.c.device, peak.c.dtype, peak.c.threads)
    )
    return [Peak(*row) for row in connection.execute(query)]


def keep_selfcheck(
    connection: Connection, machine: Machine, environment: Environment, check: Selfcheck
) -> None:
    """Store the selfcheck, unless it is there."""
    row: Row = {
        "device": clean_text(check.device),
        "checked_at": utc_text(check.checked_at),
        "passed": check.passed,
        "detail": json_text(check.detail),
    }
    place = _keep_place(connection, machine, environment)
    insert_if_new(connection, schema.selfcheck, [place | row])


def load_selfchecks(
    connection: Connection, machine: Machine, environment: Environment | None
) -> list[Selfcheck]:
    """The selfchecks of that machine, in one environment or in all, newest first."""
    check = schema.selfcheck
    query = (
        select(check.c.device, check.c.checked_at, check.c.passed, check.c.detail)
        .join(schema.machine, check.c.machine_id == schema.machine.c.id)
        .join(schema.environment, check.c.environment_id == schema.environment.c.id)
        .where(_is_of(machine, environment))
        .order_by(check.c.checked_at.desc(), check.c.id.desc())
    )
    return [
        Selfcheck(device, checked_at, passed, json.loads(detail))
        for device, checked_at, passed, detail in connection.execute(query)
    ]


def _keep_place(connection: Connection, machine: Machine, environment: Environment) -> Row:
    return {
        "machine_id": keep_row(connection, schema.machine, "key", machine_row(machine)),
        "environment_id": keep_row(
            connection, schema.environment, "key", environment_row(environment)
        ),
    }


def _peak_row(peak: Peak) -> Row:
    row: Row = {
        name: clean_text(value) if isinstance(value, str) else value
        for name, value in asdict(peak).items()
    }
    refuse_infinite(row, f"{peak.name} of {peak.device}")
    return row | {"measured_at": utc_text(peak.measured_at)}


def _is_of(machine: Machine, environment: Environment | None) -> ColumnElement[bool]:
    is_there = schema.environment.c.key == environment.key if environment is not None else true()
    return and_(schema.machine.c.key == machine.key, is_there)
