"""Comparisons as rows: begun, filled pass by pass, concluded, and read again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    Connection,
    RowMapping,
    delete,
    select,
    update,
)

from sepconv.case import Case
from sepconv.comparison import (
    Compared,
    ComparedPass,
    Comparison,
    Contender,
    Detail,
    LeftOut,
    Outcome,
    Purpose,
    Stage,
)
from sepconv.errors import UnknownComparison
from sepconv.run import Environment, Machine, Revision
from sepconv.store import schema
from sepconv.store.acknowledgement import keep_acknowledgements, load_acknowledgements
from sepconv.store.find import describe_miss, find_by_uid
from sepconv.store.read import Cases, in_order, with_both_cases
from sepconv.store.row import (
    Row,
    environment_row,
    finite_or_none,
    machine_row,
    pair_row,
    read_pair,
    read_plain,
    refuse_infinite,
    revision_row,
)
from sepconv.store.text import clean_error, clean_text, exact_json_text, json_text, utc_text
from sepconv.store.write import insert_if_new, keep_cases, keep_row

SIDES = ("base", "head")
COLUMNS = ("uid", "suite", "started_at", "finished_at", "state", "harness_version", "seed")
PASS_COLUMNS = ("base_latency_s", "head_latency_s")
NEWEST = schema.comparison.c.started_at.desc(), schema.comparison.c.id.desc()
NUMBERS = ("ratio", "low", "high", "confidence", "detectable", "base_latency_s", "head_latency_s")


def begin_comparison(connection: Connection, comparison: Comparison) -> int:
    """The number of the comparison, which is stored unless it already was."""
    table = schema.comparison
    known = select(table.c.id).where(table.c.uid == clean_text(comparison.uid))
    if (number := connection.scalar(known)) is not None:
        return int(number)
    row = _comparison_row(comparison)
    machine = machine_row(comparison.machine)
    row["machine_id"] = keep_row(connection, schema.machine, "key", machine)
    row |= _side_references(connection, comparison)
    return keep_row(connection, table, "uid", row)


def add_pass(connection: Connection, number: int, one: ComparedPass) -> None:
    """Store what one pass of a ring says; one that is there stays as it is.

    Raises:
        StoreError: A ratio or a latency is no finite number.
    """
    pair = one.pair
    ids = keep_cases(connection, [pair.base, pair.head])
    row = pair_row(pair) | {
        "comparison_id": number,
        "stage": str(one.stage),
        "base_case_id": ids[pair.base.identity],
        "head_case_id": ids[pair.head.identity],
        "base_latency_s": one.base_latency_s,
        "head_latency_s": one.head_latency_s,
    }
    refuse_infinite(row, f"pass {pair.pass_number} of ring {pair.ring},", pair.head)
    insert_if_new(connection, schema.comparison_pass, [row])


def finish_comparison(connection: Connection, number: int, comparison: Comparison) -> None:
    """Make the rows of the comparison say what it says now, its cases included.

    Raises:
        UnknownComparison: It never began.
    """
    table, cases = schema.comparison, schema.comparison_case
    row = _comparison_row(comparison) | _side_references(connection, comparison)
    changed = connection.execute(update(table).where(table.c.id == number).values(row))
    if changed.rowcount == 0:
        raise UnknownComparison(f"there is no comparison {number}; begin it first")
    connection.execute(delete(cases).where(cases.c.comparison_id == number))
    ids = keep_cases(
        connection, [case for one in comparison.cases for case in (one.base, one.head)]
    )
    insert_if_new(connection, cases, [_case_row(number, one, ids) for one in comparison.cases])
    keep_acknowledgements(
        connection,
        number,
        {one.ring: one.acknowledged for one in comparison.cases if one.acknowledged is not None},
    )


def load_comparisons(
    connection: Connection, limit: int | None = None, purposes: Collection[Purpose] = ()
) -> list[Comparison]:
    """The newest `limit` comparisons, or all, newest first, with their cases; of all purposes
    unless some are named."""
    table = schema.comparison
    chosen = select(table.c.id).order_by(*NEWEST).limit(limit)
    if purposes:
        chosen = chosen.where(table.c.purpose.in_(sorted(map(str, purposes))))
    return _load(connection, chosen)


def find_comparison(connection: Connection, reference: str) -> Comparison:
    """The comparison of that number, `latest`, or whose uid begins so.

    Raises:
        UnknownComparison: None or several answer to it.
    """
    table = schema.comparison
    found = _load(connection, find_by_uid(connection, table, NEWEST, reference))
    if len(found) != 1:
        raise UnknownComparison(
            describe_miss(
                connection, table, NEWEST, reference, len(found), "sepconv compare --history"
            )
        )
    return found[0]


def load_acknowledged(connection: Connection, base_commit: str) -> list[Comparison]:
    """The comparisons with that base of which something was acknowledged, newest first; what was
    withdrawn is there and says so."""
    table, said, commit = schema.comparison, schema.acknowledgement, schema.revision
    chosen = (
        select(table.c.id)
        .join(said, said.c.comparison_id == table.c.id)
        .join(commit, commit.c.id == table.c.base_revision_id)
        .where(commit.c.commit == clean_text(base_commit))
    )
    return _load(connection, chosen, with_withdrawn=True)


def _load(connection: Connection, chosen: Any, *, with_withdrawn: bool = False) -> list[Comparison]:
    """These comparisons, newest first."""
    table = schema.comparison
    cases = _load_cases(connection, chosen, with_withdrawn)
    query = _whole().where(table.c.id.in_(chosen)).order_by(*NEWEST)
    query = query.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    found = connection.execute(query).mappings()
    return [_read_comparison(row, cases.get(row["comparison_id"], [])) for row in found]


def load_passes(connection: Connection, number: int) -> list[ComparedPass]:
    """Every pass of every ring of a comparison, pass by pass."""
    table, cases = schema.comparison_pass, Cases()
    query = (
        with_both_cases(table)
        .where(table.c.comparison_id == number)
        .order_by(table.c.pass_number, table.c.ring)
    )
    return [
        ComparedPass(
            Stage(row["stage"]),
            read_pair(row, cases.read(row["base"]), cases.read(row["head"])),
            *(row[name] for name in PASS_COLUMNS),
        )
        for row in connection.execute(query).mappings()
    ]


def _comparison_row(comparison: Comparison) -> Row:
    """The comparison's own columns, without those that refer to other tables."""
    finished = comparison.finished_at
    left_out = [
        {"case": each.case.to_dict(), "reason": each.reason} for each in comparison.left_out
    ]
    return {
        "uid": clean_text(comparison.uid),
        "suite": clean_text(comparison.suite),
        "started_at": utc_text(comparison.started_at),
        "finished_at": None if finished is None else utc_text(finished),
        "state": clean_text(comparison.state),
        "base": _contender_text(comparison.base),
        "head": _contender_text(comparison.head),
        "harness_version": clean_text(comparison.harness_version),
        "seed": comparison.seed,
        "budget_s": finite_or_none(comparison.budget_s),
        "method": json_text(comparison.method),
        "conditions": json_text(comparison.conditions),
        "timing": json_text(comparison.timing),
        "left_out": exact_json_text(left_out),
        "unchanged": json_text(list(comparison.unchanged)),
        "purpose": str(comparison.purpose),
    }


def _contender_text(side: Contender) -> str:
    """What no other table holds of it."""
    return json_text(
        {
            "label": side.label,
            "branch": side.branch,
            "dirty": side.dirty,
            "digest": side.digest,
            "note": side.note,
            "settings": dict(side.settings),
        }
    )


def _side_references(connection: Connection, comparison: Comparison) -> Row:
    row: Row = {}
    for name in SIDES:
        side: Contender = getattr(comparison, name)
        environment, revision = side.environment, side.revision
        row[f"{name}_environment_id"] = environment and keep_row(
            connection, schema.environment, "key", environment_row(environment)
        )
        row[f"{name}_revision_id"] = revision and keep_row(
            connection, schema.revision, "commit", revision_row(revision)
        )
    return row


def _case_row(number: int, one: Compared, ids: Mapping[str, int]) -> Row:
    return {
        "comparison_id": number,
        "ring": one.ring,
        "base_case_id": ids[one.base.identity],
        "head_case_id": ids[one.head.identity],
        "outcome": str(one.outcome),
        "details": json_text([str(detail) for detail in one.details]),
        "passes": one.passes,
        "reason": clean_error(one.reason),
        "metrics": json_text({name: list(both) for name, both in one.metrics.items()}),
    } | {name: finite_or_none(getattr(one, name)) for name in NUMBERS}


def _whole() -> Any:
    """Comparisons with machine, and environment and revision of both sides."""
    table = schema.comparison
    query: Any = select(table, schema.machine).join(
        schema.machine, table.c.machine_id == schema.machine.c.id
    )
    for name in SIDES:
        for other in (schema.environment, schema.revision):
            alias = other.alias(f"{name}_{other.name}")
            reference = table.c[f"{name}_{other.name}_id"]
            query = query.add_columns(alias).outerjoin(alias, reference == alias.c.id)
    return query


def _load_cases(
    connection: Connection, chosen: Any, with_withdrawn: bool
) -> dict[int, list[Compared]]:
    """The cases of these comparisons, by its number, ring by ring."""
    said = load_acknowledgements(connection, chosen)
    table, cases = schema.comparison_case, Cases()
    query = (
        with_both_cases(table)
        .where(table.c.comparison_id.in_(chosen))
        .order_by(table.c.comparison_id, table.c.ring)
    )
    found: dict[int, list[Compared]] = {}
    outcomes = {str(outcome): outcome for outcome in Outcome}
    for row in in_order(connection.execute(query).mappings()):
        word = said.get(row["comparison_id"], {}).get(row["ring"])
        one = Compared(
            ring=row["ring"],
            base=cases.read(row["base"]),
            head=cases.read(row["head"]),
            outcome=outcomes[row["outcome"]],
            details=_details(row["details"]),
            passes=row["passes"],
            reason=row["reason"],
            metrics=_metrics(row["metrics"]),
            acknowledged=word if word is None or with_withdrawn or not word.is_withdrawn else None,
            **{name: row[name] for name in NUMBERS},
        )
        found.setdefault(row["comparison_id"], []).append(one)
    return found


def _details(text: str) -> tuple[Detail, ...]:
    return () if text == "[]" else tuple(Detail(word) for word in json.loads(text))


def _metrics(text: str) -> dict[str, tuple[float | None, float | None]]:
    return {} if text == "{}" else {name: tuple(both) for name, both in json.loads(text).items()}


def _read_comparison(row: RowMapping, cases: Sequence[Compared]) -> Comparison:
    left_out = json.loads(row["comparison_left_out"])
    return Comparison(
        **{name: row[f"comparison_{name}"] for name in COLUMNS},
        id=row["comparison_id"],
        budget_s=row["comparison_budget_s"],
        machine=Machine(**read_plain(Machine, "machine", row)),
        base=_read_contender(row, "base"),
        head=_read_contender(row, "head"),
        method=json.loads(row["comparison_method"]),
        conditions=json.loads(row["comparison_conditions"]),
        timing=json.loads(row["comparison_timing"]),
        cases=cases,
        left_out=[LeftOut(Case.from_dict(each["case"]), each["reason"]) for each in left_out],
        unchanged=json.loads(row["comparison_unchanged"]),
        purpose=Purpose(row["comparison_purpose"]),
    )


def _read_contender(row: RowMapping, name: str) -> Contender:
    environment = revision = None
    if row[f"{name}_environment_id"] is not None:
        environment = Environment(**read_plain(Environment, f"{name}_environment", row))
    if row[f"{name}_revision_id"] is not None:
        revision = Revision(**read_plain(Revision, f"{name}_revision", row))
    plain = json.loads(row[f"comparison_{name}"])
    return Contender(**plain, environment=environment, revision=revision)
