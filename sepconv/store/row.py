"""The words as rows of their tables, and rows as words again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from functools import lru_cache
from math import isfinite
from typing import Any

from sqlalchemy import RowMapping

from sepconv.case import Case
from sepconv.errors import StoreError
from sepconv.ratio import LogRatio, Pair
from sepconv.record import Block, Estimate, Measurement, Spread, Status, Summary
from sepconv.run import Environment, Machine, Revision, Run
from sepconv.store.pack import pack_rounds
from sepconv.store.schema import LOG_RATIO_COLUMNS, spread_columns
from sepconv.store.text import clean_error, clean_text, exact_json_text, json_text, utc_text

Row = dict[str, Any]
PAIRED = ("kernel_size", "stride", "padding", "dilation")  # "3x1" if the two differ


def machine_row(machine: Machine) -> Row:
    """A column per field, beside the key and what people call it."""
    return {"key": machine.key, "label": clean_text(machine.label)} | _plain_row(machine)


def environment_row(environment: Environment) -> Row:
    """A column per field, beside the key and what people call it."""
    label = clean_text(environment.label)
    return {"key": environment.key, "label": label} | _plain_row(environment)


def revision_row(revision: Revision) -> Row:
    """A column per field; times in UTC."""
    row = _plain_row(revision)
    return row | {name: utc_text(row[name]) for name in ("committed_at", "authored_at")}


def run_row(run: Run) -> Row:
    """The run's own columns, without those that refer to other tables."""
    return {
        "uid": clean_text(run.uid),
        "suite": clean_text(run.suite),
        "started_at": utc_text(run.started_at),
        "finished_at": None if run.finished_at is None else utc_text(run.finished_at),
        "state": clean_text(run.state),
        "branch": None if run.branch is None else clean_text(run.branch),
        "dirty": run.dirty,
        "harness_version": clean_text(run.harness_version),
        "seed": run.seed,
        "precision": finite_or_none(run.precision) or 0.0,
        "time_budget_s": finite_or_none(run.time_budget_s),
        "conditions": json_text(run.conditions),
        "timing": json_text(run.timing),
        "passes": run.passes,
        "linked_uid": None if run.linked_uid is None else clean_text(run.linked_uid),
    }


def case_row(case: Case) -> Row:
    """`fields` is what is read again, exactly; the columns of the axes are for people."""
    plain = case.to_dict()
    row = {name: clean_text(v) if isinstance(v, str) else v for name, v in plain.items()}
    row |= {name: size_text(getattr(case, name)) for name in PAIRED}
    row["options"] = json_text(plain["options"])
    return row | {"identity": case.identity, "fields": exact_json_text(plain)}


def size_text(size: int | str | tuple[int, int]) -> str:
    """`3`, `3x1` or `auto`."""
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)


def block_row(block: Block) -> Row:
    """The block's own columns.

    Raises:
        StoreError: A clock gave no finite number.
    """
    summary = block.summary()
    row: Row = {
        "pass_number": block.pass_number,
        "server": block.server,
        "ring": block.ring,
        "arm": clean_text(block.arm),
        "started_at": utc_text(block.started_at),
        "throttled": None if block.throttled is None else clean_text(block.throttled),
    }
    row |= {name: getattr(summary, name) for name in SUMMARY_COLUMNS}
    for clock in CLOCKS:
        spread: Spread = getattr(summary, clock)
        values = (*spread.quantiles, spread.trimmed_mean, spread.mean)
        row |= zip(SPREAD_COLUMNS[clock], values, strict=True)
    refuse_infinite(row, f"pass {block.pass_number} of", block.case)
    row["rounds"] = pack_rounds(block.rounds)
    return row


def pair_row(pair: Pair) -> Row:
    """The pair's own columns.

    Raises:
        StoreError: A ratio is no finite number.
    """
    row: Row = {name: getattr(pair, name) for name in PAIR_COLUMNS}
    for clock in CLOCKS:
        ratio = getattr(pair, clock)
        row |= {f"{clock}_{name}": getattr(ratio, name) for name in LOG_RATIO_COLUMNS}
    refuse_infinite(row, f"pass {pair.pass_number} of ring {pair.ring},", pair.head)
    return row


def refuse_infinite(row: Row, what: str, case: Case | None = None) -> None:
    """Databases differ in what they make of NaN and infinity: they never get there.

    Raises:
        StoreError: A number of the row is not finite.
    """
    for name, value in row.items():
        if isinstance(value, float) and not isfinite(value):
            whole = f"{what} {case.label}" if case else what  # a label takes longer than a row
            raise StoreError(
                f"{whole}: expected {name} to be a finite number, found {value}; it was not stored"
            )


def measurement_row(measurement: Measurement) -> Row:
    """The measurement's own columns, without its values."""
    return {
        "status": str(measurement.status),
        "error": clean_error(measurement.error),
        "passes": measurement.passes,
    }


def value_rows(measurement: Measurement) -> Iterator[Row]:
    """One row per metric; one without a value is NULL, has a status, and says why."""
    yield from _estimate_rows(measurement.values)
    for metric, reason in measurement.unsupported.items():
        if metric not in measurement.values:
            yield {
                "metric": clean_text(metric),
                "value": None,
                "low": None,
                "high": None,
                "status": str(Status.UNSUPPORTED),
                "error": clean_error(reason),
            }


def _estimate_rows(values: Mapping[str, Estimate]) -> Iterator[Row]:
    """A value that is no finite number is NULL and failed."""
    for metric, estimate in values.items():
        value, low, high = estimate.value, estimate.low, estimate.high
        status = error = None
        if not isfinite(value):
            status, error = str(Status.FAILED), f"the value was {value}"
        elif not (low is None or isfinite(low)) or not (high is None or isfinite(high)):
            error = f"the interval was {low} to {high}"
        is_whole = error is None
        yield {
            "metric": _clean_name(metric),
            "status": status,
            "error": error,
            "value": float(value) if status is None else None,
            "low": low if is_whole else None,
            "high": high if is_whole else None,
        }


_clean_name = lru_cache(maxsize=256)(clean_text)  # of metrics: a run says the same few, often


def read_case(text: str) -> Case:
    """The case of a row's `fields`."""
    return Case.from_dict(json.loads(text))


def read_run(row: RowMapping) -> Run:
    """The run of a row whose columns are named `<table>_<column>`."""
    revision = None
    if row["run_revision_id"] is not None:
        revision = Revision(**read_plain(Revision, "revision", row))
    own = {name: row[f"run_{name}"] for name in RUN_COLUMNS}
    return Run(
        **own,
        machine=Machine(**read_plain(Machine, "machine", row)),
        environment=Environment(**read_plain(Environment, "environment", row)),
        revision=revision,
        conditions=json.loads(row["run_conditions"]),
        timing=json.loads(row["run_timing"]),
    )


def read_summary(row: RowMapping) -> Summary:
    """The summary of a block's row."""
    spreads: dict[str, Any] = {}
    for clock in CLOCKS:
        *quantiles, trimmed_mean, mean = (row[name] for name in SPREAD_COLUMNS[clock])
        spreads[clock] = Spread(tuple(quantiles), trimmed_mean, mean)
    return Summary(**spreads, **{name: row[name] for name in SUMMARY_COLUMNS})


def read_pair(row: RowMapping, base: Case, head: Case) -> Pair:
    """The pair of a row whose cases are these."""
    plain: dict[str, Any] = {name: row[name] for name in PAIR_COLUMNS}
    plain |= {
        clock: LogRatio(*(row[f"{clock}_{name}"] for name in LOG_RATIO_COLUMNS)) for clock in CLOCKS
    }
    return Pair(**plain, base=base, head=head)


CLOCKS = ("cpu", "wall")
SPREAD_COLUMNS = {clock: spread_columns(clock) for clock in CLOCKS}
PAIR_COLUMNS = ("ring", "pass_number", "server", "count")
SUMMARY_COLUMNS = [field.name for field in fields(Summary) if field.name not in ("wall", "cpu")]
RUN_COLUMNS = [
    field.name
    for field in fields(Run)
    if field.name not in ("machine", "environment", "revision", "conditions", "timing")
]


def _plain_row(word: Machine | Environment | Revision) -> Row:
    """A column per field; texts cleaned, tuples as JSON."""
    row: Row = {}
    for name, value in asdict(word).items():
        if isinstance(value, tuple):
            row[name] = json_text(value)
        else:
            row[name] = clean_text(value) if isinstance(value, str) else value
    return row


def read_plain(
    word: type[Machine | Environment | Revision], table: str, row: RowMapping
) -> dict[str, Any]:
    """The fields of a word whose columns are named `<table>_<column>`."""
    plain = {field.name: row[f"{table}_{field.name}"] for field in fields(word)}
    tuples = {field.name for field in fields(word) if field.type == "tuple[str, ...]"}
    return plain | {name: tuple(json.loads(plain[name])) for name in tuples}


def finite_or_none(value: float | None) -> float | None:
    """What a database can keep of a number that may be missing anyway."""
    return value if value is not None and isfinite(value) else None
