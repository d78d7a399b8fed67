"""Rows of every table of the schema, made up from the schema alone, and stores filled with them."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)

from sepconv.store import Store
from sepconv.store.schema import metadata

Row = dict[str, Any]
World = dict[str, list[Row]]  # rows by table; a reference is the place of a row in its table

TEXTS = ["", "[]", "plain", 'it\'s "quoted"', "naïve 表 🦆", "a\nb\tc", "%s :p0 ?", "x" * 3000]
COUNTS = [0, 1, 7, 2**31, 2**40, 2**62, -(2**40)]
REALS = [0.0, 0.1, 3.0, -2.5e-7, 1e-300, 1.7976931348623157e308]
STATES = ["running", "done", "interrupted", "failed"]


def make_world(seed: int, *, rows: int = 10, blob_bytes: int = 2000) -> World:
    """As many rows of every table; those with a key of their own have one nobody else has."""
    chance = random.Random(seed)
    world: World = {}
    for table in metadata.sorted_tables:
        made: dict[tuple[object, ...], Row] = {}
        for place in range(rows):
            row = {
                column.name: _make_value(column, chance, world, f"{table.name} {seed} {place}")
                for column in table.columns
                if column is not table.autoincrement_column
            }
            if row.get("state") == "running" and "finished_at" in row:
                row["finished_at"] = None
            if "rounds" in row and table.name == "block":
                row["rounds"] = chance.randbytes(blob_bytes) if place else None
            made[tuple(row[name] for name in key_of(table))] = row
        world[table.name] = list(made.values())
    return world


def key_of(table: Table) -> list[str]:
    """The columns that tell one row from another in every store."""
    if table.autoincrement_column is None:
        return [column.name for column in table.primary_key.columns]
    (unique,) = (one for one in table.constraints if isinstance(one, UniqueConstraint))
    return [column.name for column in unique.columns]


def part_of(world: World, seed: int, share: float) -> World:
    """Some rows of every table, with all that they refer to; their places stay what they were."""
    chance = random.Random(seed)
    part: World = {}
    for table in metadata.sorted_tables:
        part[table.name] = [
            row
            for row in world[table.name]
            if chance.random() < share
            and all(
                row[name] is None or world[other][row[name]] in part[other]
                for name, other in references(table).items()
            )
        ]
    return part


def fill(store: Store, world: World, part: World | None = None, *, seed: int = 0) -> None:
    """Insert the rows, or a part of them, in an order of the store's own."""
    chance = random.Random(seed)
    numbers: dict[str, dict[int, int]] = {}
    with store._writing() as connection:
        for table in metadata.sorted_tables:
            rows = list((part or world)[table.name])
            chance.shuffle(rows)
            numbers[table.name] = {}
            for row in rows:
                own = dict(row)
                for name, other in references(table).items():
                    if own[name] is not None:
                        own[name] = numbers[other][own[name]]
                key = connection.execute(table.insert().values(own)).inserted_primary_key
                assert key is not None
                numbers[table.name][world[table.name].index(row)] = key[0]


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, with the keys of the rows it refers to in place of numbers."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    keys: dict[str, dict[int, tuple[Any, ...]]] = {}
    with store.reading() as connection:
        for table in metadata.sorted_tables:
            rows = [dict(row) for row in connection.execute(table.select()).mappings()]
            for row in rows:
                for name, other in references(table).items():
                    if row[name] is not None:
                        row[name] = keys[other][row[name]]
            if (counter := table.autoincrement_column) is not None:
                key = key_of(table)
                keys[table.name] = {
                    row.pop(counter.name): tuple(row[name] for name in key) for row in rows
                }
            found[table.name] = sorted((tuple(row.values()) for row in rows), key=repr)
    return found


def raw_rows(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table as it is, numbers included."""
    with store.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in metadata.sorted_tables
        }


def references(table: Table) -> dict[str, str]:
    """The columns that refer to another table's number, and that table."""
    return {
        key.parent.name: key.column.table.name
        for key in table.foreign_keys
        if key.column is key.column.table.autoincrement_column
    }


def _make_value(column: Column[Any], chance: random.Random, world: World, name: str) -> object:
    assert isinstance(column.table, Table)
    other = references(column.table).get(column.name)
    if column.nullable and chance.random() < 0.3:
        return None
    if other is not None:
        return chance.randrange(len(world[other]))
    if column.name == "state":
        return chance.choice(STATES)
    if isinstance(column.type, LargeBinary):
        return chance.randbytes(chance.randint(0, 2000))
    if isinstance(column.type, Boolean):
        return chance.random() < 0.5
    if isinstance(column.type, Double):
        return chance.choice(REALS)
    if isinstance(column.type, (BigInteger, Integer)):
        return chance.choice(COUNTS)
    if column.name in key_of(column.table):
        return f"{name} {column.name}"
    return chance.choice(TEXTS)
