"""Which schema a database has, and how it gets the one that this sepconv reads.

Opening a store that is up to date compares one row and imports no alembic.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from sepconv.errors import NotAStore, SchemaMismatch, StoreUnavailable
from sepconv.store.schema import APPLICATION_ID, VERSION_TABLE, metadata

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0005"


@dataclass(frozen=True)
class Lineage:
    """A line of schemas: the newest, and the folders of the migrations that lead to it."""

    head: str
    folders: Sequence[Path]


LINEAGE = Lineage(HEAD, (MIGRATIONS / "versions",))


def find_version(connection: Connection) -> str | None:
    """The schema's version; None where there is no schema of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(select(column("version_num")).select_from(_VERSION))
    return found


def check_version(
    connection: Connection, shown: str, lineage: Lineage, *, may_create: bool, may_upgrade: bool
) -> bool:
    """Whether the schema is the newest; if not, it may and can be made so.

    Raises:
        NotAStore: The database has tables of our names, but not our version of them.
        SchemaMismatch: A later sepconv, or none that is known, wrote the database.
        StoreUnavailable: It would have to be created or upgraded, and may not be.
    """
    found = find_version(connection)
    if found == lineage.head:
        return True
    if found is None:
        if taken := sorted(set(inspect(connection).get_table_names()) & set(metadata.tables)):
            raise NotAStore(
                f"{shown} has a table {taken[0]!r} that sepconv did not make; "
                "name another store with --store"
            )
    elif found not in _known_versions(lineage):
        raise SchemaMismatch(shown, found=found, expected=lineage.head)
    if found is None and not may_create:
        raise StoreUnavailable(
            f"{shown} is still empty: run `sepconv quick` first, or name another store with --store"
        )
    if found is not None and not may_upgrade:
        raise StoreUnavailable(
            f"{shown} has the older schema {found}, and this sepconv reads {lineage.head}: "
            "open it once for writing, as `sepconv run` does, to upgrade it"
        )
    return False


def migrate(connection: Connection, lineage: Lineage) -> None:
    """Bring the schema to the newest version, within the transaction of `connection`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    for name, path in (
        ("script_location", str(MIGRATIONS)),
        ("version_locations", os.pathsep.join(map(str, lineage.folders))),
        ("path_separator", "os"),
        ("version_path_separator", "os"),  # its name before alembic 1.16
    ):
        config.set_main_option(name, path.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, lineage.head)


def lock_postgresql(connection: Connection) -> None:
    """Wait until no other process migrates; the lock goes with the transaction."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")


def _known_versions(lineage: Lineage) -> set[str]:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(
        str(MIGRATIONS), version_locations=[str(folder) for folder in lineage.folders]
    )
    return {script.revision for script in scripts.walk_revisions()}


_VERSION = table(VERSION_TABLE, column("version_num"))
