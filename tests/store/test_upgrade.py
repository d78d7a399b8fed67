"""Real stores of every older schema, upgraded: every row of them is there again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, Table, create_engine, inspect, select, text

from sepconv import load
from sepconv.ratio import Pair
from sepconv.record import Block
from sepconv.run import Run
from sepconv.store import Store
from sepconv.store.address import parse_address
from sepconv.store.migration import LINEAGE, VERSION_TABLE, Lineage
from sepconv.store.postgresql import open_database

SAMPLE = Path(__file__).parents[2] / "results" / "sample.db"
KEPT = Path(__file__).parent / "kept"
FIRST = Lineage("0001", LINEAGE.folders)
PARENTS_FIRST = ["machine", "environment", "revision", "run", "case"]
PARENTS_FIRST += ["plan", "block", "measurement", "value"]

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def rows() -> Iterator[Rows]:
    """Every row of the sample, by its table."""
    engine = create_engine(f"sqlite:///file:{SAMPLE}?mode=ro&immutable=1&uri=true")
    yield rows_of(engine)
    engine.dispose()


def rows_of(engine: Engine, like: Rows | None = None) -> Rows:
    """The rows of every table; like others, only those tables and columns."""
    found: Rows = {}
    with engine.connect() as connection:
        for name in PARENTS_FIRST:
            table = Table(name, MetaData(), autoload_with=connection)
            columns = list(table.c) if like is None else [table.c[key] for key in like[name][0]]
            key = list(table.primary_key.columns)
            query = select(*columns).order_by(*key)
            found[name] = [dict(row) for row in connection.execute(query).mappings()]
    return found


@pytest.fixture
def older_url(url: str, rows: Rows) -> str:
    """The sample as it is, on every supported database."""
    address = parse_address(url)
    if address.path is not None:
        shutil.copyfile(SAMPLE, address.path)
        return url
    engine = open_database(address.url, address.shown, read_only=False, lineage=FIRST)
    with engine.begin() as connection:
        for name in PARENTS_FIRST:
            connection.execute(Table(name, MetaData(), autoload_with=engine).insert(), rows[name])
            if "id" in rows[name][0]:  # the next row gets the next number
                newest = f'(SELECT max(id) FROM "{name}")'
                connection.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('\"{name}\"', 'id'), {newest})")
                )
    engine.dispose()
    return url


def test_the_sample_is_of_the_first_schema() -> None:
    engine = create_engine(f"sqlite:///file:{SAMPLE}?mode=ro&immutable=1&uri=true")
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == "0001"
        assert set(inspect(connection).get_table_names()) == {*PARENTS_FIRST, VERSION_TABLE}
    engine.dispose()


def test_an_upgrade_keeps_every_row_of_every_table(older_url: str, rows: Rows) -> None:
    with Store(older_url) as store:
        found = rows_of(store._engine, rows)

    without_ring = [row | {"ring": 0} for row in rows["block"]]
    assert {row["ring"] for row in rows["block"]} == {None}
    for name, own in (rows | {"block": without_ring}).items():
        assert len(found[name]) == len(own)
        assert found[name] == own


def test_an_upgraded_store_is_read_as_one_of_this_schema(older_url: str, rows: Rows) -> None:
    with Store(older_url) as store:
        runs = store.runs()
        history = store.history()
        slots = store.plan(1)
        blocks = store.blocks(1)
        left = [store.resumption(each.run.id or 0) for each in runs]

    assert sum(each.blocks for each in runs) == len(rows["block"])
    assert {(each.run.passes, each.run.linked_uid) for each in runs} == {(None, None)}
    assert sum(len(own) for _, own in history) == len(rows["measurement"])
    assert sum(len(each.values) for _, own in history for each in own) == len(rows["value"])
    assert {(slot.ring, slot.arm) for slot in slots} == {(0, "")}
    assert {(each.ring, each.arm, each.throttled) for each in blocks} == {(0, "", None)}
    assert left == [None] * len(runs)  # whoever planned them knew no rings


def test_an_upgraded_store_is_written_like_a_new_one(
    older_url: str, run: Run, ring: tuple[Block, Block, Pair]
) -> None:
    base, head, pair = ring
    with Store(older_url) as store:
        number = store.begin_run(run)
        store.add_block(number, base, head, pair=pair)

        assert store.find_run(str(number)).uid == run.uid
        assert store.pairs(number) == [pair]


def test_an_upgraded_file_has_a_backup_that_is_the_older_one(tmp_path: Path, rows: Rows) -> None:
    shutil.copyfile(SAMPLE, tmp_path / "store.db")

    Store(tmp_path / "store.db").close()

    engine = create_engine(f"sqlite:///{tmp_path}/store.db.0001-1.backup")
    assert rows_of(engine) == rows
    engine.dispose()


def test_the_sample_is_read_without_being_upgraded(rows: Rows) -> None:
    before = SAMPLE.read_bytes()

    frame = load(SAMPLE)

    assert len(frame["metric"].dropna()) == len(rows["value"])
    assert SAMPLE.read_bytes() == before
    assert [path.name for path in SAMPLE.parent.glob("sample.db*")] == ["sample.db"]


def test_the_copy_of_an_older_file_is_not_written(tmp_path: Path) -> None:
    shutil.copyfile(SAMPLE, tmp_path / "store.db")

    with Store(tmp_path / "store.db", read_only=True) as store:
        assert len(store.runs()) == 3

    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]


@pytest.mark.parametrize("kept", sorted(KEPT.glob("*.db")), ids=lambda path: path.stem)
def test_every_kept_store_keeps_all_rows_of_all_tables(kept: Path, tmp_path: Path) -> None:
    shutil.copyfile(kept, tmp_path / "store.db")
    before = all_rows(kept)
    assert before.pop(VERSION_TABLE) == [(kept.stem,)]

    Store(tmp_path / "store.db").close()

    after = all_rows(tmp_path / "store.db")
    assert {name for name, own in before.items() if not own} == set()  # each table is tried
    for name, own in before.items():  # columns that came later stand at the end
        assert [row[: len(own[0])] for row in after[name]] == own
    assert [path.name for path in tmp_path.glob("*.backup")] == [f"store.db.{kept.stem}-1.backup"]


def test_there_is_a_kept_store_of_every_older_schema() -> None:
    versions = [path.stem[:4] for path in (LINEAGE.folders[0]).glob("0*.py")]
    kept = {"0001", *(path.stem for path in KEPT.glob("*.db"))}  # the sample is of the first

    assert kept == set(versions) - {LINEAGE.head}


def all_rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table of a file."""
    engine = create_engine(f"sqlite:///file:{path}?mode=ro&immutable=1&uri=true")
    found = {}
    with engine.connect() as connection:
        for name in inspect(connection).get_table_names():
            table = Table(name, MetaData(), autoload_with=connection)
            query = select(table).order_by(*table.primary_key.columns)
            found[name] = [tuple(row) for row in connection.execute(query)]
    engine.dispose()
    return found
