"""Real faults of SQLite files: each is one clear line, and what was stored stays."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sepconv.errors import NotAStore, SepconvError, StoreUnavailable
from sepconv.record import Block
from sepconv.run import Run
from sepconv.store import Store, sqlite

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def filled(path: Path, run: Run, block: Block) -> Path:
    with Store(path) as store:
        store.add_block(store.begin_run(run), block)
    return path


def unprivileged(tell: Callable[[], str]) -> str:
    """What `tell` returns, or the error it raises, when somebody other than root runs it."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            told = tell()
        except BaseException as error:  # noqa: BLE001  # the parent judges it
            told = f"{type(error).__name__}: {error}"
        os.write(writable, told.encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


@pytest.fixture
def open_to_all(tmp_path: Path) -> Path:
    """A folder that somebody else can reach, below one that only root can."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    return tmp_path


def count_blocks(path: Path) -> str:
    with Store(path, read_only=True) as store:
        return f"{len(store.blocks(1))} blocks"


def test_the_folder_of_a_new_store_is_made(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path}/a/b/store.db").close()

    assert (tmp_path / "a" / "b" / "store.db").is_file()


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    path.touch()

    with Store(path) as store:
        assert store.runs() == []


@pytest.mark.parametrize("name", ["what?mode=memory", "100%20.db", "a#b", "naïve 表.db"])
def test_any_file_name_can_be_a_store(tmp_path: Path, name: str, run: Run) -> None:
    with Store(tmp_path / name) as store:
        store.begin_run(run)

    with Store(tmp_path / name, read_only=True) as store:
        assert len(store.runs()) == 1
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.touch()])
def test_reading_a_store_that_is_not_there_says_how_to_make_one(
    path: Path, make: Callable[[Path], None]
) -> None:
    make(path)

    with pytest.raises(StoreUnavailable, match="run `sepconv quick` first"):
        Store(path, read_only=True)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\0", b"\0" * 5000])
def test_a_file_that_is_no_database_is_refused_and_not_touched(
    path: Path, content: bytes, read_only: bool
) -> None:
    path.write_bytes(content)

    with pytest.raises(NotAStore, match="no SQLite database"):
        Store(path, read_only=read_only)

    assert path.read_bytes() == content


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_the_database_of_another_program_is_refused_and_not_touched(
    path: Path, journal: str, read_only: bool
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("CREATE TABLE run (id INTEGER)")
        connection.commit()
    before = path.read_bytes()

    with pytest.raises(NotAStore, match="another program"):
        Store(path, read_only=read_only)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="Is a directory"):
        Store(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnavailable, match=r"Not a directory|cannot make the folder"):
        Store(tmp_path / "file" / "store.db")


def test_a_store_that_lost_its_tables_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 0x73657063")
        connection.execute("CREATE TABLE run (id INTEGER)")

    with pytest.raises(NotAStore, match="'run' that sepconv did not make"):
        Store(path)


def test_a_full_disk_is_named_and_what_was_stored_before_stays(
    filled: Path, run: Run, block: Block
) -> None:
    with Store(filled) as store:
        with store._engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            [[pages]] = raw.execute("PRAGMA page_count")
            raw.execute(f"PRAGMA max_page_count = {pages}")

        def fill() -> None:
            for number in range(1000):
                store.add_block(1, replace(block, pass_number=10 + number))

        with pytest.raises(StoreUnavailable, match=r"disk is full.*stored before is safe"):
            fill()

        assert store.blocks(1)[0].rounds == block.rounds


def test_a_damaged_page_is_named(filled: Path) -> None:
    content = bytearray(filled.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    filled.write_bytes(content)

    with pytest.raises(StoreUnavailable, match="damaged; put a backup in its place"):
        count_blocks(filled)


def test_a_lock_held_for_too_long_is_named(
    filled: Path, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with Store(filled) as store:
            with pytest.raises(StoreUnavailable, match="another process has been writing"):
                store.add_block(1, replace(block, pass_number=2))

            assert len(store.blocks(1)) == 1  # readers do not wait


def test_a_reader_leaves_nothing_behind_and_changes_nothing(filled: Path) -> None:
    before = filled.read_bytes()

    assert count_blocks(filled) == "1 blocks"

    assert filled.read_bytes() == before
    assert list(filled.parent.iterdir()) == [filled]


def test_a_store_in_a_read_only_folder_can_be_read(filled: Path, open_to_all: Path) -> None:
    filled.chmod(0o444)
    filled.parent.chmod(0o555)

    assert unprivileged(lambda: count_blocks(filled)) == "1 blocks"


def test_a_read_only_file_in_a_writable_folder_can_be_read(filled: Path, open_to_all: Path) -> None:
    filled.chmod(0o444)
    filled.parent.chmod(0o777)

    assert unprivileged(lambda: count_blocks(filled)) == "1 blocks"


def test_a_store_with_a_log_in_a_read_only_folder_is_not_read_without_its_log(
    path: Path, run: Run, block: Block, open_to_all: Path
) -> None:
    store = Store(path)
    store.add_block(store.begin_run(run), block)
    whole = path.with_name("killed.db")  # as a kill -9 leaves it: with a log, without its index
    for end in ("", "-wal"):
        Path(f"{whole}{end}").write_bytes(Path(f"{path}{end}").read_bytes())
        Path(f"{whole}{end}").chmod(0o444)
    store.close()
    path.unlink()
    whole.parent.chmod(0o555)

    told = unprivileged(lambda: count_blocks(whole))

    assert told.startswith("StoreUnavailable")
    assert "copy both files to a folder of yours" in told


def test_a_read_only_store_says_so_to_a_writer(
    filled: Path, open_to_all: Path, block: Block
) -> None:
    filled.chmod(0o444)

    def write() -> str:
        with Store(filled) as store:
            store.add_block(1, replace(block, pass_number=2))
        return "written"

    assert "StoreUnavailable" in (told := unprivileged(write))
    assert "check" in told


def test_a_folder_that_may_not_be_written_is_named(open_to_all: Path) -> None:
    open_to_all.chmod(0o555)

    told = unprivileged(lambda: repr(Store(open_to_all / "new" / "store.db")))

    assert told.startswith("StoreUnavailable")
    assert "cannot make the folder" in told
    told = unprivileged(lambda: repr(Store(open_to_all / "store.db")))
    assert told.startswith("StoreUnavailable")
    assert "check that you may" in told


def test_a_file_that_may_not_be_read_is_named(filled: Path, open_to_all: Path) -> None:
    filled.chmod(0o000)

    assert "Permission denied" in unprivileged(lambda: count_blocks(filled))


def test_a_file_system_without_shared_memory_is_warned_of(tmp_path: Path) -> None:
    uri = f"file:{tmp_path}/store.db?vfs=unix-dotfile"  # has no shared memory, like a network's

    with (
        closing(sqlite3.connect(uri, uri=True)) as connection,
        pytest.warns(UserWarning, match=r"'delete' journal.*network file systems"),
    ):
        sqlite.use_wal(connection, "store.db")


def test_every_error_is_one_line(path: Path) -> None:
    path.write_text("no database")

    with pytest.raises(SepconvError) as caught:
        Store(path)

    assert "\n" not in str(caught.value)
