"""Reads: runs, measurements, blocks and series, each in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    Connection,
    MappingResult,
    Result,
    Row,
    ScalarSelect,
    Select,
    Table,
    and_,
    func,
    or_,
    select,
)

from sepconv.case import Case
from sepconv.ratio import Pair
from sepconv.record import TRIED_IN_VAIN, Estimate, Measurement, Round, Slot, Status, Summary
from sepconv.run import Revision, Run
from sepconv.series import Occasion, Point, Series
from sepconv.store import schema
from sepconv.store.pack import unpack_rounds
from sepconv.store.row import read_case, read_pair, read_plain, read_run, read_summary


@dataclass(frozen=True)
class StoredRun:
    """A run, how many of its cases have each status, and how many blocks it has."""

    run: Run
    counts: Mapping[Status, int]
    blocks: int


@dataclass(frozen=True)
class StoredBlock:
    """A block as the store keeps it; `rounds` is None once they are thinned out."""

    case: Case
    pass_number: int
    server: int
    ring: int  # 0 in a run that was stored before there were rings
    arm: str
    started_at: str
    throttled: str | None
    summary: Summary
    rounds: tuple[Round, ...] | None


SLOT_COLUMNS = [field.name for field in fields(Slot) if field.name != "case"]


FETCHED = 20_000  # rows at once: one by one, fetching takes longer than reading them


def in_order(rows: Result[Any] | MappingResult) -> Iterator[Any]:
    """Every row, fetched many at a time."""
    for some in rows.partitions(FETCHED):
        yield from some


class Cases:
    """Cases by their stored text, each of which is read once."""

    def __init__(self) -> None:
        self._known: dict[str, Case] = {}

    def read(self, text: str) -> Case:
        if text not in self._known:
            self._known[text] = read_case(text)
        return self._known[text]


def newest_runs(limit: int | None) -> Select[Any]:
    """The numbers of the newest runs, newest first."""
    run = schema.run
    return select(run.c.id).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(limit)


def load_runs(connection: Connection, numbers: Select[Any] | None = None) -> list[Run]:
    """The runs of those numbers, or all; oldest first."""
    run = schema.run
    query = (
        select(run, schema.machine, schema.environment, schema.revision)
        .join(schema.machine, run.c.machine_id == schema.machine.c.id)
        .join(schema.environment, run.c.environment_id == schema.environment.c.id)
        .outerjoin(schema.revision, run.c.revision_id == schema.revision.c.id)
        .order_by(run.c.started_at, run.c.id)
        .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    )
    if numbers is not None:
        query = query.where(run.c.id.in_(numbers))
    return [read_run(row) for row in connection.execute(query).mappings()]


def load_revisions(connection: Connection) -> list[Revision]:
    """Every commit, oldest first by its clock."""
    table = schema.revision
    query = select(table).order_by(table.c.committed_at, table.c.commit)
    query = query.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    rows = connection.execute(query).mappings()
    return [Revision(**read_plain(Revision, "revision", row)) for row in rows]


def load_stored_runs(connection: Connection, limit: int | None) -> list[StoredRun]:
    """The newest runs with what they hold, newest first."""
    measurement, block = schema.measurement, schema.block
    chosen = newest_runs(limit)
    counts: dict[int, dict[Status, int]] = defaultdict(dict)
    for run_id, status, count in connection.execute(
        select(measurement.c.run_id, measurement.c.status, func.count())
        .where(measurement.c.run_id.in_(chosen))
        .group_by(measurement.c.run_id, measurement.c.status)
        .order_by(measurement.c.run_id, func.min(measurement.c.id))
    ):
        counts[run_id][Status(status)] = count
    block_counts = (
        select(block.c.run_id, func.count())
        .where(block.c.run_id.in_(chosen))
        .group_by(block.c.run_id)
    )
    blocks = {row[0]: row[1] for row in connection.execute(block_counts)}
    runs = load_runs(connection, chosen)
    return [
        StoredRun(run, counts.get(run.id or 0, {}), blocks.get(run.id or 0, 0))
        for run in reversed(runs)
    ]


def load_plan(connection: Connection, run_id: int) -> list[Slot]:
    """The plan of a run, in the order in which it was stored."""
    plan, cases = schema.plan, Cases()
    columns = (plan.c[name] for name in SLOT_COLUMNS)
    rows = connection.execute(
        select(schema.case.c.fields, *columns)
        .join(schema.case, plan.c.case_id == schema.case.c.id)
        .where(plan.c.run_id == run_id)
        .order_by(plan.c.id)
    )
    return [
        Slot(cases.read(text), **dict(zip(SLOT_COLUMNS, own, strict=True))) for text, *own in rows
    ]


def load_measurements(
    connection: Connection,
    numbers: Select[Any] | ScalarSelect[Any] | Sequence[int],
    cases: Cases | None = None,
) -> dict[int, list[Measurement]]:
    """All measurements of those runs, by the number of the run, in insertion order."""
    measurement, case = schema.measurement, schema.case
    values, unsupported = _load_values(connection, numbers)
    rows = connection.execute(
        select(
            measurement.c.id,
            measurement.c.run_id,
            measurement.c.status,
            measurement.c.error,
            measurement.c.passes,
            case.c.fields,
        )
        .join(case, measurement.c.case_id == case.c.id)
        .where(measurement.c.run_id.in_(numbers))
        .order_by(measurement.c.id)
    )
    cases = cases or Cases()
    found: dict[int, list[Measurement]] = defaultdict(list)
    statuses = {str(status): status for status in Status}
    for number, run_id, status, error, passes, text in in_order(rows):
        found[run_id].append(
            Measurement(
                cases.read(text),
                statuses[status],
                error,
                values.get(number, {}),
                passes,
                unsupported.get(number, {}),
            )
        )
    return found


def load_blocks(connection: Connection, run_id: int, case: Case | None) -> list[StoredBlock]:
    """The blocks of a run, or of one of its cases, in the order in which they were stored."""
    block = schema.block
    query = (
        select(block, schema.case.c.fields)
        .join(schema.case, block.c.case_id == schema.case.c.id)
        .where(block.c.run_id == run_id)
        .order_by(block.c.id)
    )
    if case is not None:
        query = query.where(schema.case.c.identity == case.identity)
    cases = Cases()
    return [
        StoredBlock(
            case=cases.read(row["fields"]),
            pass_number=row["pass_number"],
            server=row["server"],
            ring=row["ring"],
            arm=row["arm"],
            started_at=row["started_at"],
            throttled=row["throttled"],
            summary=read_summary(row),
            rounds=None if row["rounds"] is None else unpack_rounds(row["rounds"]),
        )
        for row in connection.execute(query).mappings()
    ]


def with_both_cases(table: Table) -> Select[Any]:
    """The rows of a table of rings, with the `fields` of their cases as `base` and `head`."""
    base, head = schema.case.alias("base"), schema.case.alias("head")
    return (
        select(table, base.c.fields.label("base"), head.c.fields.label("head"))
        .join(base, table.c.base_case_id == base.c.id)
        .join(head, table.c.head_case_id == head.c.id)
    )


def load_pairs(connection: Connection, run_id: int) -> list[Pair]:
    """The pairs of a run, pass by pass, ring by ring."""
    pair, cases = schema.pair, Cases()
    query = (
        with_both_cases(pair)
        .where(pair.c.run_id == run_id)
        .order_by(pair.c.pass_number, pair.c.ring, pair.c.server)
    )
    return [
        read_pair(row, cases.read(row["base"]), cases.read(row["head"]))
        for row in connection.execute(query).mappings()
    ]


def load_series(connection: Connection, metric: str) -> list[Series]:
    """Every series of `metric`, ordered by case, machine and environment.

    A run that tried a case in vain leaves a point without an estimate; one that did not try,
    or measured a case for which the metric does not apply or is unsupported, leaves none.
    """
    occasions = {run.id: Occasion.of_run(run) for run in load_runs(connection)}
    cases = Cases()
    series = []
    rows = connection.execute(_series_query(metric))
    for _, points in groupby(rows, key=lambda row: tuple(row[:3])):
        own = list(points)
        series.append(
            Series(
                case=cases.read(own[0].fields),
                metric=metric,
                machine=own[0].machine,
                environment=own[0].environment,
                points=tuple(
                    Point(occasions[row.run_id], Status(row.status), _estimate(row)) for row in own
                ),
            )
        )
    return series


def _series_query(metric: str) -> Select[Any]:
    run, measurement, value = schema.run, schema.measurement, schema.value
    return (
        select(
            measurement.c.case_id,
            schema.machine.c.key.label("machine"),
            schema.environment.c.key.label("environment"),
            schema.case.c.fields,
            measurement.c.run_id,
            measurement.c.status,
            value.c.value,
            value.c.low,
            value.c.high,
        )
        .join(run, measurement.c.run_id == run.c.id)
        .join(schema.machine, run.c.machine_id == schema.machine.c.id)
        .join(schema.environment, run.c.environment_id == schema.environment.c.id)
        .join(schema.case, measurement.c.case_id == schema.case.c.id)
        .outerjoin(
            value,
            and_(
                value.c.measurement_id == measurement.c.id,
                value.c.metric == metric,
                func.coalesce(value.c.status, "") != str(Status.UNSUPPORTED),
            ),
        )
        .where(
            or_(
                value.c.metric.is_not(None),
                measurement.c.status.in_([str(status) for status in TRIED_IN_VAIN]),
            )
        )
        .order_by(
            measurement.c.case_id,
            run.c.machine_id,
            run.c.environment_id,
            run.c.started_at,
            run.c.id,
        )
    )


def _load_values(
    connection: Connection, numbers: Select[Any] | ScalarSelect[Any] | Sequence[int]
) -> tuple[dict[int, dict[str, Estimate]], dict[int, dict[str, str]]]:
    """The values of those runs, by the number of the measurement, then by metric; and the
    reasons for those that are unsupported."""
    measurement, value = schema.measurement, schema.value
    values: dict[int, dict[str, Estimate]] = defaultdict(dict)
    unsupported: dict[int, dict[str, str]] = defaultdict(dict)
    columns = ("measurement_id", "metric", "status", "error", "value", "low", "high")
    rows = connection.execute(
        select(*(value.c[name] for name in columns))
        .join(measurement, value.c.measurement_id == measurement.c.id)
        .where(measurement.c.run_id.in_(numbers))
    )
    exact: dict[float, Estimate] = {}  # the same in every run: kept once
    for number, metric, status, error, found, low, high in in_order(rows):
        if found is None:
            if status == Status.UNSUPPORTED:
                unsupported[number][metric] = error
        elif low is None and high is None:
            estimate = exact.get(found)
            if estimate is None:
                estimate = exact[found] = Estimate(found)
            values[number][metric] = estimate
        else:
            values[number][metric] = Estimate(found, low, high)
    return values, unsupported


def _estimate(row: Row[Any]) -> Estimate | None:
    return None if row.value is None else Estimate(row.value, row.low, row.high)
