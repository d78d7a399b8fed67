"""Stores to merge from: opened for reading, never changed, whatever their schema."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sepconv.errors import NotAStore, SchemaMismatch, StoreUnavailable
from sepconv.store.address import parse_address
from sepconv.store.backup import copy_database, find_damage
from sepconv.store.fault import explained
from sepconv.store.migration import HEAD
from sepconv.store.schema import VERSION_TABLE
from sepconv.store.store import Store

EXPECTED = "expected a file that `sepconv db backup` wrote, or the URL of a store"


@dataclass(frozen=True)
class Source:
    """A store to merge from, and the schema that it had if what is read is an upgraded copy."""

    store: Store
    upgraded_from: str | None = None


@contextmanager
def open_source(url: str | os.PathLike[str]) -> Iterator[Source]:
    """The store at `url`, to be read; one with an older schema is copied, and the copy upgraded.

    Raises:
        NotAStore: There is something else.
        SchemaMismatch: A later sepconv wrote it.
        StoreUnavailable: There is nothing, it is damaged, or cannot be opened.
    """
    address = parse_address(url)
    with ExitStack() as stack:
        try:
            path = address.path
            older = None if path is None else _check_file(path, address.shown)
            if path is not None and older is not None:
                store = stack.enter_context(_upgraded(path, address.shown))
            else:
                store = stack.enter_context(Store(url, read_only=True))
        except NotAStore as error:
            raise NotAStore(
                f"{address.shown} is no store of sepconv, so nothing was merged: {EXPECTED}"
            ) from error
        yield Source(store, older)


def _check_file(path: Path, shown: str) -> str | None:
    """The version of its schema, if that is another than ours.

    Raises:
        StoreUnavailable: The file is missing, empty or damaged.
    """
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        raise StoreUnavailable(
            f"{shown} is {'empty' if path.exists() else 'not there'}, so nothing was merged: "
            f"{EXPECTED}"
        )
    with explained(shown), closing(_connect(path)) as connection:
        if damage := find_damage(connection):
            raise StoreUnavailable(
                f"{shown} is damaged ({damage}), so nothing was merged: put a backup in its "
                "place, or try `sqlite3 FILE .recover`"
            )
        found = _find_version(connection)
    return found if found != HEAD else None


def _find_version(connection: sqlite3.Connection) -> str | None:
    """The version of the schema; None where it is not ours."""
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [VERSION_TABLE])
    if tables.fetchone() is None:
        return None
    row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return None if row is None else str(row[0])


@contextmanager
def _upgraded(path: Path, shown: str) -> Iterator[Store]:
    """A copy of the store in the newest schema, in a temporary file."""
    with TemporaryDirectory(prefix="sepconv-") as folder:
        copy = Path(folder) / "copy.db"
        with explained(shown), closing(_connect(path)) as connection:
            copy_database(connection, copy)
        try:
            store = Store(copy)
        except SchemaMismatch as error:
            raise SchemaMismatch(shown, found=error.found, expected=error.expected) from None
        with store:
            store.shown_url = shown
            yield store


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, also in a folder where it could make no log."""
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    has_log = Path(f"{path}-wal").exists()
    mode = "mode=rw" if may_write else "mode=ro" if has_log else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)
    connection.execute("PRAGMA query_only = ON")
    return connection
