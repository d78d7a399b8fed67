from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import OperationalError

from sepconv.errors import SchemaMismatch, StoreUnavailable
from sepconv.record import Block, Measurement, Round
from sepconv.run import Run
from sepconv.store import Store
from sepconv.store.address import parse_address
from sepconv.store.migration import HEAD, LINEAGE, MIGRATIONS, Lineage, find_version
from sepconv.store.postgresql import open_database
from sepconv.store.schema import VERSION_TABLE, metadata
from sepconv.store.sqlite import open_file

BYTES_PER_SUMMARY = 400

NEXT = f"{int(HEAD) + 1:04d}"
LATER = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"


def upgrade():
    with op.batch_alter_table("run", recreate="auto") as batch:
        batch.add_column(sa.Column("weather", sa.Text()))
        batch.alter_column("suite", new_column_name="sweep")
"""
BROKEN = LATER + '    op.execute("SELECT no_such_column FROM run")\n'
CARELESS = LATER + '    op.execute("DELETE FROM machine")\n'


def later_lineage(folder: Path, script: str = LATER) -> Lineage:
    """The lineage of a sepconv that knows one more schema."""
    folder.mkdir()
    (folder / f"{NEXT}_next.py").write_text(script)
    return Lineage(NEXT, (*LINEAGE.folders, folder))


@pytest.fixture
def reopen(url: str) -> Iterator[Callable[[Lineage], Engine]]:
    """Open the store at `url` as a sepconv of another lineage would."""
    opened: list[Engine] = []
    address = parse_address(url)

    def reopen(lineage: Lineage, *, read_only: bool = False) -> Engine:
        place = address.url if address.is_postgresql else address.path
        open_it = open_database if address.is_postgresql else open_file
        engine = open_it(place, address.shown, read_only=read_only, lineage=lineage)
        opened.append(engine)
        return engine

    yield reopen
    for engine in opened:
        engine.dispose()


@pytest.fixture
def reopen_file() -> Iterator[Callable[[Path, Lineage], Engine]]:
    """Open a file for reading as a sepconv of another lineage would."""
    opened: list[Engine] = []

    def reopen(path: Path, lineage: Lineage) -> Engine:
        engine = open_file(path, "store.db", read_only=True, lineage=lineage)
        opened.append(engine)
        return engine

    yield reopen
    for engine in opened:
        engine.dispose()


def backups_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "backup" in path.name)


def test_the_migrations_make_exactly_the_tables_of_the_schema(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})

        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_that_stores_are_compared_with() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=list(map(str, LINEAGE.folders)))

    assert scripts.get_heads() == [HEAD]


def test_an_older_store_is_upgraded_and_keeps_everything(
    url: str, run: Run, block: Block, tmp_path: Path, reopen: Callable[..., Engine]
) -> None:
    with Store(url) as store:
        store.add_block(store.begin_run(run), block)

    engine = reopen(later_lineage(tmp_path / "later"))

    with engine.connect() as connection:  # the run was rebuilt, and its children are there
        assert find_version(connection) == NEXT
        assert connection.execute(text("SELECT sweep, weather FROM run")).all() == [("quick", None)]
        assert connection.scalar(text("SELECT count(*) FROM block")) == 1


def test_an_upgraded_store_has_a_backup_that_opens_as_before(
    tmp_path: Path, run: Run, block: Block
) -> None:
    path = tmp_path / "store.db"
    later = later_lineage(tmp_path / "later")
    with Store(path) as store:  # open meanwhile, so that the log is not yet in the file
        store.add_block(store.begin_run(run), block)
        open_file(path, "store.db", read_only=False, lineage=later).dispose()

    assert backups_in(tmp_path) == [f"store.db.{HEAD}-1.backup"]
    with Store(tmp_path / f"store.db.{HEAD}-1.backup") as backup:
        assert [each.rounds for each in backup.blocks(1)] == [block.rounds]


@pytest.mark.parametrize("script", [BROKEN, CARELESS])
def test_an_upgrade_that_fails_leaves_the_older_store_as_it_was(
    url: str, run: Run, tmp_path: Path, reopen: Callable[..., Engine], script: str
) -> None:
    with Store(url) as store:
        store.begin_run(run)

    with pytest.raises((StoreUnavailable, LookupError)):
        reopen(later_lineage(tmp_path / "later", script))

    with Store(url) as store:
        assert store.find_run("latest") == replace(run, id=1)


def test_an_older_database_is_not_upgraded_by_a_reader(postgresql_url: str, tmp_path: Path) -> None:
    Store(postgresql_url).close()
    address = parse_address(postgresql_url)
    later = later_lineage(tmp_path / "later")

    with pytest.raises(StoreUnavailable, match=rf"older schema {HEAD}.*{NEXT}.*sepconv run"):
        open_database(address.url, address.shown, read_only=True, lineage=later)

    Store(postgresql_url).close()


@pytest.mark.parametrize("is_open", [False, True])  # then the newest is in the log alone
def test_an_older_file_is_read_as_an_upgraded_copy_and_not_touched(
    tmp_path: Path, run: Run, block: Block, reopen_file: Callable[..., Engine], *, is_open: bool
) -> None:
    path = tmp_path / "store.db"
    later = later_lineage(tmp_path / "later")
    with Store(path) as store:
        store.add_block(store.begin_run(run), block)
        if not is_open:
            store.close()
        before = path.read_bytes()

        engine = reopen_file(path, later)

        with engine.connect() as connection:
            assert connection.scalar(text("SELECT sweep FROM run")) == "quick"
            assert connection.scalar(text("SELECT count(*) FROM block")) == 1
            with pytest.raises(OperationalError, match="readonly"):
                connection.execute(text("DELETE FROM block"))
    assert backups_in(tmp_path) == []
    assert path.read_bytes()[:100] == before[:100]
    assert path.read_bytes() == before or is_open


def test_an_older_file_that_cannot_be_upgraded_is_not_read(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "store.db"
    with Store(path) as store:
        store.begin_run(run)
    before = path.read_bytes()

    with pytest.raises(StoreUnavailable, match="no_such_column"):
        open_file(path, "store.db", read_only=True, lineage=later_lineage(tmp_path / "l", BROKEN))

    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_store_is_refused_with_both_versions_named(
    url: str, tmp_path: Path, reopen: Callable[..., Engine], read_only: bool
) -> None:
    engine = reopen(later_lineage(tmp_path / "later"))

    with pytest.raises(SchemaMismatch, match=rf"version {NEXT}.*version {HEAD}"):
        Store(url, read_only=read_only)

    with engine.connect() as connection:
        assert find_version(connection) == NEXT


def test_a_newer_store_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    later = later_lineage(tmp_path / "later")
    open_file(path, "store.db", read_only=False, lineage=later).dispose()
    before = path.read_bytes()

    with pytest.raises(SchemaMismatch):
        Store(path)

    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["later", "store.db"]


def test_opening_a_store_that_is_up_to_date_imports_no_alembic(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store(path).close()

    script = (
        "import sys; from sepconv.store import Store; Store(sys.argv[1]).close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)


def test_a_store_says_what_it_is_in_the_header_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store(path).close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x73657063,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_foreign_key_and_unique_key_has_a_name(store: Store) -> None:
    with store.reading() as connection:
        inspector = inspect(connection)
        names = [
            key["name"]
            for table in metadata.tables
            for key in inspector.get_foreign_keys(table) + inspector.get_unique_constraints(table)
        ]

    assert None not in names


def test_a_block_without_its_rounds_takes_at_most_400_bytes(
    tmp_path: Path, run: Run, block: Block
) -> None:
    path = tmp_path / "store.db"
    rounds = tuple(Round(0.0005 + i / 1e7, 0.0004 + i / 1e7, 1e-6, i, i) for i in range(30))
    cases = [replace(block.case, in_channels=channels) for channels in range(1, 101)]
    with Store(path) as store:
        number = store.begin_run(replace(run, state="done"))
        for case in cases:
            store.put_measurements(number, [Measurement(case, "ok")])  # type: ignore[arg-type]
        empty = size_of(path)
        for pass_number in range(12):
            for case in cases:
                own = replace(block, case=case, rounds=rounds, pass_number=pass_number)
                store.add_block(number, own)
        store.thin(keep_runs=0)

        assert (size_of(path) - empty) / 1200 <= BYTES_PER_SUMMARY


def size_of(path: Path) -> int:
    """Bytes of the whole file, once it holds nothing that is deleted."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
        [[pages]] = connection.execute("PRAGMA page_count")
        [[page_size]] = connection.execute("PRAGMA page_size")
    return int(pages) * int(page_size)
