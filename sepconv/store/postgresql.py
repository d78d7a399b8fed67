"""PostgreSQL stores: opening, creating and upgrading a database that many machines share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine

from sepconv.errors import StoreUnavailable
from sepconv.store.fault import explained
from sepconv.store.migration import (
    LINEAGE,
    Lineage,
    check_version,
    lock_postgresql,
    migrate,
)

CONNECT_TIMEOUT_S = 10


def open_database(url: URL, shown: str, *, read_only: bool, lineage: Lineage = LINEAGE) -> Engine:
    """The store in the database; its tables are made or upgraded where that is needed.

    Raises:
        NotAStore: Its tables are those of another program.
        SchemaMismatch: A later sepconv wrote it.
        StoreUnavailable: It cannot be opened, or psycopg is not installed.
    """
    options: dict[str, Any] = {}
    if "connect_timeout" not in url.query:
        options["connect_timeout"] = CONNECT_TIMEOUT_S
    if read_only:
        options["options"] = "-c default_transaction_read_only=on"
    try:
        engine = create_engine(url, connect_args=options, hide_parameters=True, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise StoreUnavailable(
            f"{shown} needs psycopg: pip install 'sepconv[postgresql]'"
        ) from error
    try:
        with explained(shown):
            _bring_up_to_date(engine, shown, lineage, read_only=read_only)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _bring_up_to_date(engine: Engine, shown: str, lineage: Lineage, *, read_only: bool) -> None:
    with engine.connect() as connection:
        may = not read_only
        if check_version(connection, shown, lineage, may_create=may, may_upgrade=may):
            return
    with engine.begin() as connection:
        lock_postgresql(connection)
        if not check_version(connection, shown, lineage, may_create=True, may_upgrade=True):
            migrate(connection, lineage)
