"""A store's state as one short word: while it stays, so do the pages that are made of it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Select, func, select

from sepconv.store import schema

LENGTH = 16  # of the word, in hexadecimal digits
NEWEST = ("block", "measurement", "case")  # tables of many rows: only the end of their index
SAID = {  # tables of few rows, with the column that tells when something was said last
    "event": "last_seen_at",
    "note": "noted_at",
    "acknowledgement": "acknowledged_at",
    "peak": "measured_at",
    "selfcheck": "checked_at",
    "revision": "committed_at",
}


def find_state(connection: Connection) -> str:
    """A word that stays as long as nothing is added, ended, resumed or said.

    It comes from the ends of indices and from tables of few rows, so that it may be asked for
    every second, of a store of any size. Raw rounds that are dropped do not change it.
    """
    found = [[tuple(row) for row in connection.execute(query)] for query in _queries()]
    return sha256(repr(found).encode()).hexdigest()[:LENGTH]


def _queries() -> list[Select[Any]]:
    tables = schema.metadata.tables
    counted = [tables[name].c for name in ("run", "comparison")]
    return [
        *(
            select(of.state, func.count(), func.max(of.id), func.max(of.finished_at))
            .group_by(of.state)
            .order_by(of.state)
            for of in counted
        ),
        *(select(func.max(tables[name].c.id)) for name in NEWEST),
        *(
            select(func.count(), func.max(tables[name].c[at])).select_from(tables[name])
            for name, at in SAID.items()
        ),
        select(func.sum(schema.event.c.sightings)),
    ]
