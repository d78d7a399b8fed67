"""Acknowledgements as rows: one for each ring of a comparison, the newest word counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from sepconv.comparison import Acknowledgement
from sepconv.store import schema
from sepconv.store.text import clean_text, utc_text
from sepconv.store.write import upsert

KEY = ["comparison_id", "ring"]


def keep_acknowledgements(
    connection: Connection, number: int, said: Mapping[int, Acknowledgement]
) -> None:
    """Store what was said of these rings; it replaces what was said before that."""
    rows = [
        {
            "comparison_id": number,
            "ring": ring,
            "author": clean_text(one.author),
            "reason": clean_text(one.reason),
            "acknowledged_at": utc_text(one.at),
            "carried_from": None if one.carried_from is None else clean_text(one.carried_from),
            "is_withdrawn": one.is_withdrawn,
        }
        for ring, one in said.items()
    ]
    upsert(connection, schema.acknowledgement, KEY, rows, newest_by="acknowledged_at")


def load_acknowledgements(
    connection: Connection, chosen: Any
) -> dict[int, dict[int, Acknowledgement]]:
    """What was said of the rings of these comparisons, withdrawals too: by number and ring."""
    table = schema.acknowledgement
    found: dict[int, dict[int, Acknowledgement]] = defaultdict(dict)
    for row in connection.execute(select(table).where(table.c.comparison_id.in_(chosen))):
        found[row.comparison_id][row.ring] = Acknowledgement(
            row.author, row.reason, row.acknowledged_at, row.carried_from, row.is_withdrawn
        )
    return found
