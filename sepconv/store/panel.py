"""Reads a panel: two numbers of every measurement, without an object for any of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from sepconv.case import Case
from sepconv.panel import ESTIMATES, EXACT, NONE, SHARES, Panel, Rounds
from sepconv.record import MEASURED
from sepconv.run import Run
from sepconv.selection import Selector
from sepconv.store import schema
from sepconv.store.read import FETCHED, Cases, in_order, load_runs, newest_runs
from sepconv.store.text import utc_text
from sepconv.store.write import CHUNK

BOUNDS = ("value", "low", "high")


def load_panel(
    connection: Connection,
    cases: Cases,
    *,
    limit: int | None,
    since: str | None,
    where: Selector | None,
) -> Panel:
    """The newest `limit` runs of those that began at `since` or later, as columns."""
    runs = load_runs(connection, newest_runs(None))
    if since is not None:
        runs = [run for run in runs if run.started_at >= utc_text(since)]
    gathered = _Gathered(_load_cases(connection, cases, where))
    chosen = runs if limit is None else runs[-limit:]
    for index, run in enumerate(chosen):
        for rows in connection.execute(_rows_of(run)).partitions(FETCHED):
            gathered.extend(index, rows)
    return gathered.panel(chosen, _load_exact(connection, gathered.newest))


def load_rounds(connection: Connection, panel: Panel, runs: Sequence[int], *, most: int) -> Rounds:
    """The blocks of some runs of the panel, in the order given, as long as there are at most
    `most` together."""
    found, block = Rounds(), schema.block
    columns = [f"wall_q{round(100 * share):02d}_s" for share in SHARES]
    for index in runs:
        query = (
            select(
                schema.case.c.identity,
                block.c.pass_number,
                block.c.ring,
                *(block.c[name] for name in columns),
            )
            .join(schema.case, block.c.case_id == schema.case.c.id)
            .where(block.c.run_id == panel.runs[index].id)
            .order_by(block.c.id)
            .limit(most + 1)
        )
        rows = [row for row in connection.execute(query) if row.identity in panel.case_index]
        if not rows or len(found) + len(rows) > most:
            continue
        identities, passes, rings, *values = zip(*rows, strict=True)
        found.run.extend([index] * len(rows))
        found.case.extend([panel.case_index[identity] for identity in identities])
        found.pass_number.extend(passes)
        found.ring.extend(rings)
        for into, own in zip(found.quantiles.values(), values, strict=True):
            into.extend(own)
    return found


@dataclass
class _Gathered:
    """What was read so far."""

    known: dict[int, Case]  # by the number in the store: the chosen ones
    place: dict[int, int] = field(default_factory=dict)  # index of a case by that number
    newest: dict[int, int] = field(default_factory=dict)  # number of its newest measurement
    columns: Panel = field(default_factory=Panel)
    statuses: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    def extend(self, run: int, rows: Sequence[Any]) -> None:
        """Some rows of a run, column by column."""
        rows = [row for row in rows if row[1] in self.known]
        if not rows:
            return
        numbers, cases, statuses, errors, *values = zip(*rows, strict=True)
        indices = [self.place.setdefault(case, len(self.place)) for case in cases]
        self.newest.update(zip(indices, numbers, strict=True))
        panel = self.columns
        panel.run.extend([run] * len(rows))
        panel.case.extend(indices)
        panel.status.extend([_index(self.statuses, each) for each in statuses])
        panel.error.extend([NONE if e is None else _index(self.errors, e) for e in errors])
        measured = [status in MEASURED for status in statuses]
        for column, own in ((panel.latency, values[:3]), (panel.speedup, values[3:])):
            for into, found in zip((column.value, column.low, column.high), own, strict=True):
                _extend(into, found, measured)

    def panel(self, runs: Sequence[Run], exact: dict[str, array[float]]) -> Panel:
        columns = self.columns
        return Panel(
            runs=tuple(runs),
            cases=tuple(self.known[number] for number in self.place),
            statuses=tuple(self.statuses),
            errors=tuple(self.errors),
            run=columns.run,
            case=columns.case,
            status=columns.status,
            error=columns.error,
            latency=columns.latency,
            speedup=columns.speedup,
            exact=exact,
        )


def _extend(into: array[float], found: Iterable[float | None], measured: Sequence[bool]) -> None:
    into.extend(
        [
            value if is_measured and value is not None else nan
            for value, is_measured in zip(found, measured, strict=True)
        ]
    )


def _index(known: dict[str, int], text: str) -> int:
    return known.setdefault(text, len(known))


def _load_cases(connection: Connection, known: Cases, where: Selector | None) -> dict[int, Case]:
    """The cases that are chosen, by their numbers."""
    rows = in_order(connection.execute(select(schema.case.c.id, schema.case.c.fields)))
    cases = {number: known.read(text) for number, text in rows}
    return {number: case for number, case in cases.items() if where is None or where(case)}


def _rows_of(run: Run) -> Select[Any]:
    """The run's measurements with latency and speed-up, in the order in which they were stored."""
    measurement = schema.measurement
    values = [schema.value.alias(name) for name in ESTIMATES]
    source: Any = measurement
    for value, metric in zip(values, ESTIMATES, strict=True):
        own = and_(value.c.measurement_id == measurement.c.id, value.c.metric == metric)
        source = source.outerjoin(value, own)
    return (
        select(
            measurement.c.id,
            measurement.c.case_id,
            measurement.c.status,
            measurement.c.error,
            *(value.c[name] for value in values for name in BOUNDS),
        )
        .select_from(source)
        .where(measurement.c.run_id == run.id)
        .order_by(measurement.c.id)
    )


def _load_exact(connection: Connection, newest: dict[int, int]) -> dict[str, array[float]]:
    """What arithmetic says of every case, as its newest measurement has it."""
    found = {metric: array("d", [nan]) * len(newest) for metric in EXACT}
    case_of = {number: case for case, number in newest.items()}
    numbers, value = sorted(case_of), schema.value
    for start in range(0, len(numbers), CHUNK):
        query = select(value.c.measurement_id, value.c.metric, value.c.value).where(
            value.c.measurement_id.in_(numbers[start : start + CHUNK]), value.c.metric.in_(EXACT)
        )
        for number, metric, exact in connection.execute(query):
            if exact is not None:
                found[metric][case_of[number]] = exact
    return found
