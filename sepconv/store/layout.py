"""What a merge must know of a table: its natural key, what it refers to, whom it belongs to.

All of it is read from the schema, so that a table that is added there is merged like the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Table, UniqueConstraint

from sepconv.store.row import Row
from sepconv.store.schema import metadata

PARAMETERS = 900  # of a statement: an older SQLite allows 999

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Layout:
    """A table as a merge sees it."""

    table: Table
    number: str  # the column that counts the rows, differently in every store; "" without one
    key: tuple[str, ...]  # the same row has the same key in every store
    references: Mapping[str, str]  # columns that hold the number of a row, and the table of that
    owner: str  # of these the one that leads to a run or a comparison; "" without one
    is_root: bool  # a run or a comparison itself: what begins, and ends in some state

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def owner_table(self) -> str:
        return self.references.get(self.owner, "")

    def key_of(self, row: Row) -> Key:
        return tuple(row[name] for name in self.key)


def read_layouts() -> list[Layout]:
    """Every table of the schema, each after those that it refers to."""
    known: dict[str, Layout] = {}
    for table in metadata.sorted_tables:
        known[table.name] = _layout(table, known)
    return list(known.values())


def find_numbers(connection: Connection, layout: Layout, keys: Sequence[Key]) -> dict[Key, int]:
    """The number of each row that is there, by its natural key."""
    found = _find(connection, layout, keys, (layout.number,))
    return {key: number for key, (number,) in found.items()}


def find_rows(connection: Connection, layout: Layout, keys: Sequence[Key]) -> dict[Key, Row]:
    """Each row that is there with all its columns, by its natural key."""
    names = tuple(layout.table.c.keys())
    found = _find(connection, layout, keys, names)
    return {key: dict(zip(names, row, strict=True)) for key, row in found.items()}


def _find(
    connection: Connection, layout: Layout, keys: Sequence[Key], columns: tuple[str, ...]
) -> dict[Key, tuple[Any, ...]]:
    width = len(layout.key)
    at_once = PARAMETERS // width
    found: dict[Key, tuple[Any, ...]] = {}
    for start in range(0, len(keys), at_once):
        chunk = keys[start : start + at_once]
        statement = _select(connection.dialect, layout.table, layout.key, columns, len(chunk))
        given = tuple(value for key in chunk for value in key)
        for row in connection.exec_driver_sql(statement, given):
            found[tuple(row[:width])] = tuple(row[width:])
    return found


@lru_cache(maxsize=64)
def _select(
    dialect: Dialect, table: Table, key: tuple[str, ...], columns: tuple[str, ...], count: int
) -> str:
    """SELECT of the rows with that many keys, as text: preparing hundreds of parameters anew
    costs more than the database needs for them.

    The keys are joined, as SQLite uses no index for `(a, b) IN (…)`.
    """
    quote = dialect.identifier_preparer.quote
    place = "%s" if dialect.name == "postgresql" else "?"
    wanted = ", ".join(["(" + ", ".join([place] * len(key)) + ")"] * count)
    own = [f"{quote(table.name)}.{quote(name)}" for name in (*key, *columns)]
    same = " AND ".join(f"{name} = wanted.column{at}" for at, name in enumerate(own[: len(key)], 1))
    return (
        f"SELECT {', '.join(own)} FROM (VALUES {wanted}) AS wanted "
        f"CROSS JOIN {quote(table.name)} WHERE {same}"
    )


def _layout(table: Table, known: Mapping[str, Layout]) -> Layout:
    counter = table.autoincrement_column
    references = _references(table)
    is_root = {"state", "finished_at"} <= set(table.c.keys())
    owners = [
        name
        for name, other in references.items()
        if (known[other].is_root or known[other].owner) and not table.c[name].nullable
    ]
    return Layout(
        table=table,
        number="" if counter is None else counter.name,
        key=_natural_key(table),
        references=references,
        owner=owners[0] if owners and not is_root else "",
        is_root=is_root,
    )


def _natural_key(table: Table) -> tuple[str, ...]:
    """The columns of the primary key, or where that is a mere number, of the unique one."""
    if table.autoincrement_column is None:
        return tuple(column.name for column in table.primary_key.columns)
    (unique,) = (each for each in table.constraints if isinstance(each, UniqueConstraint))
    return tuple(column.name for column in unique.columns)


def _references(table: Table) -> dict[str, str]:
    found = {column.name: _numbered_table(column) for column in table.columns}
    return {name: other for name, other in found.items() if other}


def _numbered_table(column: Column[Any]) -> str:
    """The table whose number the column holds, maybe by way of another; "" if it is no number."""
    for key in column.foreign_keys:
        referred = key.column
        if referred is referred.table.autoincrement_column:
            return referred.table.name
        return _numbered_table(referred)
    return ""
