"""Which copy of a row counts, when two stores have one each.

- Of a run or a comparison, the one that got further, then the one that ended later.
- Of what is replaced as a whole when a run goes on (`REPLACED`), that of the copy that counts.
- Of what is true at one time (`NEWEST_BY`), the newest.
- Anything else is a fact, and stays as it is here.

Where that decides nothing, the row here stays, and takes from the other what it says nothing of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sepconv.store.layout import Layout
from sepconv.store.row import Row

REPLACED = {"plan", "measurement", "value", "comparison_case"}
NEWEST_BY = {
    "peak": "measured_at",
    "acknowledgement": "acknowledged_at",
    "event": "last_seen_at",
}
PROGRESS = {"running": 0, "done": 2}
ENDED = 1  # the progress of every other state
NOTHING = (None, "", "[]", "{}")  # what a column holds that says nothing


class Winner(Enum):
    """Which of two copies of a run or comparison counts."""

    HERE = "here"
    THERE = "there"
    NEITHER = "neither"  # they got equally far


@dataclass
class Copy:
    """A run or comparison of the source, and what has become of it so far."""

    table: str
    winner: Winner
    is_new: bool = False
    is_changed: bool = False  # something was written of it, or of what belongs to it
    differs: bool = False  # something of it was in both stores, with contents that disagree


def find_winner(here: Row, there: Row) -> Winner:
    """Which copy of a run or comparison got further, or else ended later."""
    ours, theirs = _progress(here), _progress(there)
    if ours == theirs:
        return Winner.NEITHER
    return Winner.HERE if ours > theirs else Winner.THERE


def join(here: Row, there: Row) -> Row | None:
    """Both as one row; None if they disagree in what both say."""
    if here == there:
        return here
    joined = dict(here)
    for name, value in there.items():
        if joined[name] == value or value in NOTHING:
            continue
        if joined[name] not in NOTHING:
            return None
        joined[name] = value
    return joined


def choose(layout: Layout, here: Row, there: Row, copy: Copy | None) -> Row:
    """What a row that is in both stores becomes."""
    if layout.name in NEWEST_BY:
        time = NEWEST_BY[layout.name]
        return there if there[time] > here[time] else here
    if copy is not None and (layout.is_root or layout.name in REPLACED):
        if copy.winner is Winner.THERE:
            return there
        if copy.winner is Winner.HERE:
            return here
    return join(here, there) or here


def _progress(row: Row) -> tuple[int, str]:
    return PROGRESS.get(row["state"], ENDED), row["finished_at"] or ""
