"""SQLite stores: opening, creating, upgrading and locking a file that many processes share."""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
from contextlib import closing
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, QueuePool, StaticPool, create_engine, event

from sepconv.errors import NotAStore, StoreUnavailable
from sepconv.store.backup import copy_database
from sepconv.store.fault import explain, explained
from sepconv.store.migration import LINEAGE, Lineage, check_version, find_version, migrate
from sepconv.store.schema import APPLICATION_ID

BUSY_TIMEOUT_S = 30.0
RETRY_S = 0.01
MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
UNREAD_LOG = (
    "newer records are in the -wal file beside it, which is read where the folder may be written: "
    "copy both files to a folder of yours"
)
APPLICATION_ID_PLACE = slice(68, 72)  # in the header, big-endian


def open_memory(lineage: Lineage = LINEAGE) -> Engine:
    """A new store that lives as long as the process."""
    return _migrate_in_memory(_connect(":memory:", uri=False), lineage)


def open_file(path: Path, shown: str, *, read_only: bool, lineage: Lineage = LINEAGE) -> Engine:
    """The store in the file `path`; made, or upgraded after a backup, where that is needed.

    Raises:
        NotAStore: The file is no database, or that of another program; it is not touched.
        SchemaMismatch: A later sepconv wrote it; it is not touched.
        StoreUnavailable: It cannot be opened.
    """
    has_content = _has_content(path, shown)
    if read_only:
        if not has_content:
            raise StoreUnavailable(
                f"there is no store at {shown} yet: run `sepconv quick` first, "
                "or name another with --store"
            )
        return _open_for_reading(path, shown, lineage)
    if not has_content:
        _make_folder(path, shown)
    engine = _build(path, "mode=rwc")
    try:
        with explained(shown):
            if not has_content or not _is_current(engine, shown, lineage, may_create=True):
                _create_or_upgrade(path, shown, lineage)
            with closing(_connect(_uri(path, "mode=rw"))) as connection:
                use_wal(connection, shown)
    except BaseException:
        engine.dispose()
        raise
    return engine


def use_wal(connection: sqlite3.Connection, shown: str) -> None:
    """Let readers and a writer work at the same time, for good; warn where that cannot be.

    Switching needs the file for itself for a moment and does not wait for it, so we do.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise explain(shown, error) from error
            time.sleep(RETRY_S)
    if mode != "wal":
        warnings.warn(
            f"{shown} keeps a {mode!r} journal instead of a write-ahead log: readers and writers "
            "will wait for each other; network file systems do this, a local disk does not",
            stacklevel=2,
        )


def _has_content(path: Path, shown: str) -> bool:
    """Whether there is a store in the file, judged by its header: opening it might change it."""
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreUnavailable(
            f"{shown}: {error.strerror}: expected a file that you may read and write"
        ) from error
    if not header:
        return False
    if not header.startswith(MAGIC) or len(header) < HEADER_BYTES:
        raise NotAStore(f"{shown} is no SQLite database; name another store with --store")
    if int.from_bytes(header[APPLICATION_ID_PLACE]) != APPLICATION_ID:
        raise NotAStore(
            f"{shown} is the SQLite database of another program; name another store with --store"
        )
    return True


def _make_folder(path: Path, shown: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"{shown}: {error.strerror}: cannot make the folder {path.parent}; make it yourself, "
            "or name another store with --store"
        ) from error


def _open_for_reading(path: Path, shown: str, lineage: Lineage) -> Engine:
    """A store that this process never writes to, also in a folder where it could not.

    Reading a write-ahead log needs files beside the store. Where they cannot be made and no
    log is there, nobody is writing, and the file may be taken as immutable. A store with an
    older schema is not touched: what is read is a copy in memory, which is upgraded.
    """
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    has_log = Path(f"{path}-wal").exists()
    modes = ["mode=rw"] if may_write else ["mode=ro"]
    if not may_write and not has_log:
        modes.append("mode=ro&immutable=1")
    for mode in modes:
        engine = _build(path, mode, query_only=True)
        try:
            with explained(shown):
                if not _is_current(engine, shown, lineage, may_create=False):
                    return _copy_upgraded(engine, lineage)
        except BaseException as error:
            engine.dispose()
            if not may_write and has_log and isinstance(error, StoreUnavailable):
                raise StoreUnavailable(f"{error}; {UNREAD_LOG}") from error
            if mode == modes[-1] or not isinstance(error, StoreUnavailable):
                raise
        else:
            break
    return engine


def _is_current(engine: Engine, shown: str, lineage: Lineage, *, may_create: bool) -> bool:
    with engine.connect() as connection:
        return check_version(connection, shown, lineage, may_create=may_create, may_upgrade=True)


def _copy_upgraded(older: Engine, lineage: Lineage) -> Engine:
    """What `older` holds, in memory and in the newest schema; `older` is disposed of."""
    memory = _connect(":memory:", foreign_keys=False, uri=False)
    with older.connect() as connection:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(memory)
    older.dispose()
    engine = _migrate_in_memory(memory, lineage)
    memory.execute("PRAGMA query_only = ON")
    return engine


def _migrate_in_memory(memory: sqlite3.Connection, lineage: Lineage) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: memory,
        poolclass=StaticPool,
        hide_parameters=True,
        paramstyle="named",
    )
    _begin_explicitly(engine)
    try:
        with engine.execution_options(writes=True).begin() as connection:
            migrate(connection, lineage)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _create_or_upgrade(path: Path, shown: str, lineage: Lineage) -> None:
    """Migrate under the write lock, whole or not at all.

    The version is read again under the lock, as another process may have been faster. Foreign
    keys are off: rebuilding a parent table with them on deletes its children without a word.
    """
    engine = _build(path, "mode=rwc", foreign_keys=False, pooled=False)
    with engine.execution_options(writes=True).begin() as connection:
        if check_version(connection, shown, lineage, may_create=True, may_upgrade=True):
            return
        found = find_version(connection)
        if found is not None:
            _back_up(path, found)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection, lineage)
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
            raise StoreUnavailable(
                f"{shown} was not upgraded from {found}: {len(broken)} rows of {broken[0][0]!r} "
                "would have lost what they refer to; nothing was changed"
            )


def _back_up(path: Path, version: str) -> Path:
    """A whole copy beside the store, its write-ahead log included."""
    names = (Path(f"{path}.{version}-{number}.backup") for number in count(1))
    target = next(name for name in names if not name.exists())
    unfinished = Path(f"{target}.unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(_uri(path, "mode=ro"), uri=True)) as source:
        copy_database(source, unfinished)
    return unfinished.replace(target)


def _build(
    path: Path,
    mode: str,
    *,
    foreign_keys: bool = True,
    query_only: bool = False,
    pooled: bool = True,
) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect(_uri(path, mode), foreign_keys, query_only),
        poolclass=QueuePool if pooled else NullPool,
        hide_parameters=True,
        paramstyle="named",
    )
    _begin_explicitly(engine)
    return engine


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?{mode}"


def _connect(
    database: str, foreign_keys: bool = True, query_only: bool = False, *, uri: bool = True
) -> sqlite3.Connection:
    connection = sqlite3.connect(
        database,
        uri=uri,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,  # `_begin_explicitly` begins
        check_same_thread=False,  # the pool hands a connection to one thread at a time
    )
    connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
    connection.execute("PRAGMA synchronous = NORMAL")
    if query_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def _begin_explicitly(engine: Engine) -> None:
    """Writers take the write lock when they begin; taken later, it cannot wait for its turn."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
