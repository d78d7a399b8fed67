"""Raw rounds of old runs, which are dropped, and the space that they leave.

What a run says is kept for ever: the summaries of its blocks, its pairs, its measurements.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select, update

from sepconv.store import schema
from sepconv.store.backup import LOGS
from sepconv.store.read import newest_runs

CHUNK = 200  # blocks in a transaction: others wait for milliseconds, not for all of it
PAUSE_S = 0.01  # between transactions, for them to begin
RUNNING = "running"


@dataclass(frozen=True)
class Thinnable:
    """An old run that still has raw rounds."""

    run_id: int
    blocks: int  # that have them
    size_bytes: int  # of them, packed
    is_running: bool  # as far as the store knows: then they stay


@dataclass(frozen=True)
class Space:
    """What a SQLite store takes on disk, its write-ahead log included."""

    before_bytes: int
    after_bytes: int
    was_free: bool  # nobody else had the store open: what is unused was given back


def find_thinnable(
    connection: Connection, *, keep_runs: int, started_before: str | None
) -> list[Thinnable]:
    """The runs with raw rounds that are not among the newest, and began before that time."""
    run, block = schema.run, schema.block
    query = (
        select(run.c.id, func.count(), func.sum(func.length(block.c.rounds)), run.c.state)
        .join(block, block.c.run_id == run.c.id)
        .where(block.c.rounds.is_not(None), run.c.id.not_in(newest_runs(keep_runs)))
        .group_by(run.c.id, run.c.state)
        .order_by(run.c.id)
    )
    if started_before is not None:
        query = query.where(run.c.started_at < started_before)
    return [
        Thinnable(number, int(blocks), int(size), state == RUNNING)
        for number, blocks, size, state in connection.execute(query)
    ]


def thin_some(connection: Connection, run_id: int) -> int:
    """Drop the raw rounds of `CHUNK` blocks of a run at most, unless it is running; how many."""
    run, block = schema.run, schema.block
    chosen = (
        select(block.c.id)
        .join(run, block.c.run_id == run.c.id)
        .where(run.c.id == run_id, run.c.state != RUNNING, block.c.rounds.is_not(None))
        .limit(CHUNK)
    )
    changed = connection.execute(update(block).where(block.c.id.in_(chosen)).values(rounds=None))
    return changed.rowcount


def give_back(path: Path) -> Space:
    """Write the file anew without what is unused, unless somebody else has it open.

    Whoever opens it meanwhile waits. A sweep has it open from beginning to end, so that this never
    comes between its writes.
    """
    before = _size_of(path)
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # of the file, not of a write alone
        try:
            connection.execute("VACUUM")
            was_free = True
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            was_free = False
    return Space(before, _size_of(path), was_free)


def _size_of(path: Path) -> int:
    files = (path, *(Path(f"{path}{end}") for end in LOGS))
    return sum(file.stat().st_size for file in files if file.exists())
