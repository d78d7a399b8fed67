"""Backups: a store as one SQLite file, whole or not at all, whatever writes to it meanwhile."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection

from sepconv.errors import StoreUnavailable
from sepconv.store.fault import explained
from sepconv.store.schema import metadata

LOGS = ("-wal", "-journal")  # beside a database that somebody has open, or that was not closed
SIDE_FILES = (*LOGS, "-shm")


@dataclass(frozen=True)
class Backup:
    """A store as one file, and what is in it."""

    path: Path
    size_bytes: int
    rows: Mapping[str, int]  # by table


@contextmanager
def written_whole(target: Path, shown: str, *, overwrite: bool) -> Iterator[Path]:
    """A new path for the backup; when the block has ended well, it is at `target`.

    Raises:
        StoreUnavailable: There is something already, the backup is damaged, or the place cannot
            be written to. Nothing is left behind.
    """
    unfinished = target.with_name(f"{target.name}.{uuid4().hex[:8]}.unfinished")
    with _telling(shown):
        _refuse_overwriting(target, shown, overwrite=overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
    try:
        yield unfinished
        with _telling(shown):
            _seal(unfinished, shown)
            _refuse_overwriting(target, shown, overwrite=overwrite)
            unfinished.replace(target)
            _sync(target.parent)
    finally:
        for name in (unfinished, *(Path(f"{unfinished}{end}") for end in SIDE_FILES)):
            name.unlink(missing_ok=True)


def refuse_itself(connection: Connection, target: Path, shown: str) -> None:
    """Say so if the backup would take the place of the store.

    Raises:
        StoreUnavailable: It would.
    """
    file = database_file(connection)
    if file is not None and target.exists() and target.samefile(file):
        raise StoreUnavailable(f"{shown} is the store itself: name another file for its backup")


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Copy all pages, those in the write-ahead log too, as they are at one moment."""
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def describe_backup(path: Path) -> Backup:
    """What is in the backup."""
    with closing(sqlite3.connect(path)) as connection:
        rows = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for name in metadata.tables
        }
    return Backup(path, path.stat().st_size, rows)


def raw_connection(connection: Connection) -> sqlite3.Connection:
    """What SQLAlchemy's connection to SQLite stands on."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def database_file(connection: Connection) -> Path | None:
    """The file of the database; None if it is not in one."""
    if connection.dialect.name != "sqlite":
        return None
    _, _, file = raw_connection(connection).execute("PRAGMA database_list").fetchone()
    return Path(file) if file else None


def find_damage(connection: sqlite3.Connection, *, thorough: bool = False) -> str | None:
    """What is wrong with the file, in SQLite's words."""
    check = "integrity_check" if thorough else "quick_check"  # the former compares indexes too
    (found,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    return None if found == "ok" else str(found)


def _refuse_overwriting(target: Path, shown: str, *, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise StoreUnavailable(
            f"{shown} is there already: name a new file, or write over it with --force"
        )
    for log in (Path(f"{target}{end}") for end in LOGS):
        if log.exists():
            raise StoreUnavailable(
                f"{shown} is in use, or was not closed: {log.name} belongs to what is there, and "
                "would damage what takes its place; name a new file"
            )


def _seal(path: Path, shown: str) -> None:
    """Make it one file that needs no other beside it, is whole, and survives a power cut."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        damage = find_damage(connection, thorough=True)
    if damage is not None:
        raise StoreUnavailable(
            f"{shown} was not written: the store is damaged ({damage}); put a backup in its place, "
            "or try `sqlite3 FILE .recover`"
        )
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _telling(shown: str) -> Iterator[None]:
    """Say what the system refuses, and of which file."""
    try:
        with explained(shown):
            yield
    except OSError as error:
        raise StoreUnavailable(
            f"{shown}: {error.strerror}: expected a file that you may write"
        ) from error
