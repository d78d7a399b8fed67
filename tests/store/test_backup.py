"""A backup is one whole file, whatever happens around it, or none."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from subprocess import Popen

import pytest

from sepconv.errors import StoreUnavailable
from sepconv.run import Run
from sepconv.store import Store
from tests.store.made_up import contents, fill, make_world, raw_rows
from tests.store.test_sqlite import open_to_all as open_to_all
from tests.store.test_sqlite import unprivileged

Start = Callable[..., Popen[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.db") as store:
        fill(store, make_world(1))
        yield store


def test_a_backup_has_everything_in_one_file(store: Store, folder: Path) -> None:
    fill(store, make_world(1))

    written = store.backup(folder / "backup.db")

    assert [path.name for path in folder.iterdir()] == ["backup.db"]
    assert written.path == folder / "backup.db"
    assert written.size_bytes == written.path.stat().st_size
    assert written.rows["run"] == 10
    with Store(written.path, read_only=True) as copy:
        assert contents(copy) == contents(store)
        assert {name: len(rows) for name, rows in raw_rows(copy).items()} == written.rows


def test_a_backup_of_a_file_keeps_the_numbers_of_runs(file_store: Store, folder: Path) -> None:
    file_store.backup(folder / "backup.db")

    with Store(folder / "backup.db", read_only=True) as copy:
        assert raw_rows(copy) == raw_rows(file_store)


def test_a_backup_can_be_read_where_nothing_can_be_written(
    file_store: Store, folder: Path, open_to_all: Path
) -> None:
    file_store.backup(folder / "backup.db")
    folder.chmod(0o555)

    told = unprivileged(lambda: _count_runs(folder / "backup.db"))

    folder.chmod(0o755)
    assert told == "10 runs"
    assert [path.name for path in folder.iterdir()] == ["backup.db"]


def _count_runs(path: Path) -> str:
    with Store(path, read_only=True) as store:
        return f"{len(raw_rows(store)['run'])} runs"


def test_what_is_written_meanwhile_goes_on(file_store: Store, folder: Path, run: Run) -> None:
    """A reader in the middle of its transaction, and a writer that has not folded its log."""
    with file_store.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM run").scalar()
        file_store.begin_run(run)

        file_store.backup(folder / "backup.db")

    with Store(folder / "backup.db", read_only=True) as copy:
        assert len(raw_rows(copy)["run"]) == 11


def test_what_a_killed_writer_left_in_its_log_is_in_the_backup(
    tmp_path: Path, folder: Path, start: Start
) -> None:
    start("hold_store.py", tmp_path / "store.db").wait()
    assert (tmp_path / "store.db-wal").stat().st_size > 0

    with Store(tmp_path / "store.db", read_only=True) as store:
        store.backup(folder / "backup.db")

    with Store(folder / "backup.db", read_only=True) as copy:
        assert [each.run.uid for each in copy.runs()] == ["a" * 32]


def test_nothing_is_overwritten_unless_that_is_wanted(file_store: Store, folder: Path) -> None:
    (folder / "backup.db").write_text("precious")

    with pytest.raises(StoreUnavailable, match="is there already: name a new file"):
        file_store.backup(folder / "backup.db")
    assert (folder / "backup.db").read_text() == "precious"

    file_store.backup(folder / "backup.db", overwrite=True)

    with Store(folder / "backup.db", read_only=True) as copy:
        assert raw_rows(copy) == raw_rows(file_store)


@pytest.mark.parametrize("name", ["store.db", "alias.db"])
def test_a_store_does_not_take_its_own_place(file_store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "alias.db").symlink_to(tmp_path / "store.db")

    with pytest.raises(StoreUnavailable, match="is the store itself"):
        file_store.backup(tmp_path / name, overwrite=True)


def test_a_store_that_was_not_closed_is_not_overwritten(
    file_store: Store, folder: Path, start: Start
) -> None:
    """SQLite would put the other store's log into the backup."""
    start("hold_store.py", folder / "other.db").wait()

    with pytest.raises(StoreUnavailable, match=r"was not closed: other.db-wal belongs to"):
        file_store.backup(folder / "other.db", overwrite=True)
    with Store(folder / "other.db") as other:
        assert len(other.runs()) == 1


def test_a_damaged_store_gives_no_backup(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "store.db"
    with Store(path) as store:
        fill(store, make_world(2))
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT max(pageno) FROM dbstat WHERE name = 'value'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 200)
    (folder / "backup.db").write_text("an older backup")

    with (
        Store(path, read_only=True) as store,
        pytest.raises(StoreUnavailable, match="was not written: the store is damaged"),
    ):
        store.backup(folder / "backup.db", overwrite=True)

    assert [each.name for each in folder.iterdir()] == ["backup.db"]
    assert (folder / "backup.db").read_text() == "an older backup"


def test_a_folder_that_is_missing_is_made(file_store: Store, tmp_path: Path) -> None:
    file_store.backup(tmp_path / "a" / "b" / "backup.db")

    assert (tmp_path / "a" / "b" / "backup.db").is_file()


def test_a_folder_that_may_not_be_written_is_told(
    file_store: Store, tmp_path: Path, open_to_all: Path
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(0o555)

    def back_up() -> str:
        with Store() as store:
            store.backup(locked / "backup.db")
        return "written"

    assert "Permission denied: expected a file that you may write" in unprivileged(back_up)
    assert not list(locked.iterdir())


@pytest.mark.parametrize("target", ["sqlite://", "postgresql://me:s3cret@host/name"])
def test_a_backup_is_a_file(file_store: Store, target: str) -> None:
    with pytest.raises(StoreUnavailable, match="is no file, and a backup is one") as raised:
        file_store.backup(target)
    assert "s3cret" not in str(raised.value)


def test_a_backup_may_be_named_by_a_url(file_store: Store, folder: Path) -> None:
    file_store.backup(f"sqlite:///{folder}/backup.db")

    assert [path.name for path in folder.iterdir()] == ["backup.db"]


def test_a_backup_has_the_rights_that_other_files_have(file_store: Store, folder: Path) -> None:
    file_store.backup(folder / "backup.db")
    (folder / "plain").touch()

    modes = {stat.S_IMODE(path.stat().st_mode) & 0o555 for path in folder.iterdir()}
    assert len(modes) == 1
