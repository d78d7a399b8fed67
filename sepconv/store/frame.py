"""The store as a tidy table: one row per measurement and metric."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Select, and_, func, null, or_, select

from sepconv.case import Case
from sepconv.record import MEASURED
from sepconv.store import schema
from sepconv.store.row import read_case, size_text
from sepconv.store.store import Store

AXES = [field.name for field in fields(Case) if field.name != "options"]
RUN_COLUMNS = ["run", "commit", "started_at", "machine", "environment"]
VALUE_COLUMNS = ["metric", "value", "low", "high", "error"]
VALUE_ROW = ["run", "case", "status", *VALUE_COLUMNS]


def load(url: str | os.PathLike[str], *, metrics: Iterable[str] | None = None) -> pd.DataFrame:
    """Everything in the store at `url`, or only `metrics`: a row per measurement and metric.

    Columns: run, commit, started_at (UTC), machine, environment, status, every field of
    `Case` by its name, `options.<name>` for options that any case sets, metric, value, low,
    high, error. A size that differs between height and width is a text like "3x1".

    `status` is that of the measurement, unless the row's metric has one of its own: then its
    value is NaN, and `error` is the reason ("unsupported" on this machine, say).

    A case without a measured value still gives a row, with its status, its error and no
    metric, beside the rows of what arithmetic alone says of it (params, macs, flops).
    """
    with Store(url, read_only=True) as store, store.reading() as connection:
        values = _load_values(connection, metrics)
        runs = _load_runs(connection)
        cases = _load_cases(connection)
    options = [name for name in cases.columns if name.startswith("options.")]
    frame = values.merge(runs, on="run", how="left", validate="many_to_one").merge(
        cases, on="case", how="left", validate="many_to_one"
    )
    return frame[[*RUN_COLUMNS, "status", *AXES, *options, *VALUE_COLUMNS]]


def _load_values(connection: Connection, metrics: Iterable[str] | None) -> pd.DataFrame:
    rows = [tuple(row) for row in connection.execute(_values_query(metrics))]
    rows += [tuple(row) for row in connection.execute(_valueless_query())]
    frame = pd.DataFrame(rows, columns=["measurement", *VALUE_ROW])
    frame = frame.astype({"value": float, "low": float, "high": float})
    frame = frame.sort_values("measurement", kind="stable", ignore_index=True)
    return frame[VALUE_ROW]


def _values_query(metrics: Iterable[str] | None) -> Select[Any]:
    measurement, value = schema.measurement, schema.value
    query: Select[Any] = (
        select(
            measurement.c.id,
            measurement.c.run_id,
            measurement.c.case_id,
            func.coalesce(value.c.status, measurement.c.status),
            value.c.metric,
            value.c.value,
            value.c.low,
            value.c.high,
            func.coalesce(value.c.error, measurement.c.error),
        )
        .join(value, value.c.measurement_id == measurement.c.id)
        .order_by(measurement.c.id, value.c.metric)
    )
    return query if metrics is None else query.where(value.c.metric.in_(list(metrics)))


def _valueless_query() -> Select[Any]:
    """One row for every measurement that was not measured, or has no value at all."""
    measurement, value = schema.measurement, schema.value
    return (
        select(
            measurement.c.id,
            measurement.c.run_id,
            measurement.c.case_id,
            measurement.c.status,
            *(null().label(name) for name in ("metric", "value", "low", "high")),
            measurement.c.error,
        )
        .outerjoin(value, and_(value.c.measurement_id == measurement.c.id))
        .where(
            or_(
                measurement.c.status.not_in([str(status) for status in MEASURED]),
                value.c.metric.is_(None),
            )
        )
        .distinct()
    )


def _load_runs(connection: Connection) -> pd.DataFrame:
    run = schema.run
    rows = connection.execute(
        select(
            run.c.id,
            schema.revision.c.commit,
            run.c.started_at,
            schema.machine.c.label,
            schema.environment.c.label,
        )
        .join(schema.machine, run.c.machine_id == schema.machine.c.id)
        .join(schema.environment, run.c.environment_id == schema.environment.c.id)
        .outerjoin(schema.revision, run.c.revision_id == schema.revision.c.id)
    )
    frame = pd.DataFrame([tuple(row) for row in rows], columns=RUN_COLUMNS)
    frame["started_at"] = pd.to_datetime(frame["started_at"], utc=True, format="ISO8601")
    return frame


def _load_cases(connection: Connection) -> pd.DataFrame:
    table = schema.case
    query = select(table.c.id, table.c.fields).order_by(table.c.id)
    plain = [_axes(number, read_case(text)) for number, text in connection.execute(query)]
    return pd.DataFrame(plain, columns=None if plain else ["case", *AXES])


def _axes(number: int, case: Case) -> dict[str, Any]:
    axes: dict[str, Any] = {"case": number}
    for name in AXES:
        size = getattr(case, name)
        axes[name] = size_text(size) if isinstance(size, tuple) else size
    return axes | {f"options.{name}": value for name, value in case.options.items()}
