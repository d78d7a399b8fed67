from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sepconv.errors import InvalidExchange, StoreError
from sepconv.store import Store
from sepconv.store.exchange import FORMATS
from sepconv.store.exchange.arrival import Arrival, Kept, keep, read_file
from sepconv.store.exchange.format import Writing
from sepconv.store.exchange.pytest_benchmark import write
from sepconv.store.exchange.translation import Translation

WriteFile = Callable[..., Path]
Plain = Callable[..., dict[str, Any]]
SAYS = Translation(settings={"resolution": 56})


def arrive(path: Path, translation: Translation = SAYS) -> Arrival:
    return read_file(path, FORMATS["pytest-benchmark"], translation)


def keep_all(store: Store, arrival: Arrival) -> Kept:
    return keep(store, arrival, arrival.measurements)


def test_a_real_file_is_a_run_with_measurements_and_rounds(
    store: Store, real_file: Path, real_plain: dict[str, Any]
) -> None:
    arrival = arrive(real_file)

    kept = keep_all(store, arrival)

    assert kept == Kept(1, True)
    run = store.find_run("latest")
    assert run == replace(arrival.run, id=1)
    assert run.conditions["imported_from"] == "pytest-benchmark"
    assert run.conditions["file"] == "mine.json"
    assert tuple(store.measurements(1)) == arrival.measurements
    blocks = store.blocks(1)
    assert [block.case for block in blocks] == [each.case for each in arrival.measurements]
    for block, plain in zip(blocks, real_plain["benchmarks"], strict=False):
        calls = plain["stats"]["iterations"]
        assert block.summary.wall.median == pytest.approx(plain["stats"]["median"])
        assert block.rounds is not None
        assert [each.wall_s for each in block.rounds] == pytest.approx(
            [calls * each for each in plain["stats"]["data"]], abs=1e-9
        )
    assert {each.case for each in store.series()} == {each.case for each in arrival.measurements}


def test_importing_again_adds_nothing(store: Store, real_file: Path, tmp_path: Path) -> None:
    keep_all(store, arrive(real_file))
    copy = tmp_path / "other-name.json"
    copy.write_bytes(real_file.read_bytes())

    assert keep_all(store, arrive(copy)) == Kept(1, False)
    assert len(store.runs()) == 1
    assert len(store.blocks(1)) == 4


def test_another_translation_is_another_run(store: Store, real_file: Path) -> None:
    keep_all(store, arrive(real_file))

    kept = keep_all(store, arrive(real_file, Translation(settings={"resolution": 28})))

    assert kept == Kept(2, True)


def test_what_was_exported_from_this_store_adds_nothing_to_it(
    memory: Store, stored_writing: Writing, write_file: WriteFile
) -> None:
    arrival = arrive(write_file(write(stored_writing)))

    assert keep_all(memory, arrival) == Kept(1, False, is_origin=True)
    assert len(memory.runs()) == 1


def test_what_was_exported_from_another_store_is_the_same_run_here(
    store: Store, memory: Store, stored_writing: Writing, write_file: WriteFile
) -> None:
    keep_all(store, arrive(write_file(write(stored_writing))))

    theirs, mine = memory.find_run("latest"), store.find_run("latest")
    assert mine.conditions["exported_uid"] == theirs.uid
    assert (mine.machine, mine.environment) == (theirs.machine, theirs.environment)
    assert store.measurements(1) == memory.measurements(1)
    for one, other in zip(store.blocks(1), memory.blocks(1), strict=True):
        assert (one.pass_number, one.ring, one.arm) == (other.pass_number, other.ring, other.arm)
        assert one.summary.wall.quantiles == pytest.approx(other.summary.wall.quantiles)


def test_a_bad_file_is_told_with_its_path(write_file: WriteFile, file_plain: Plain) -> None:
    path = write_file(file_plain(datetime=3))

    with pytest.raises(InvalidExchange, match=f"^{path}: datetime: expected a time"):
        arrive(path)


def test_a_format_that_only_writes_is_refused(real_file: Path) -> None:
    with pytest.raises(InvalidExchange, match="files of bencher can only be written"):
        read_file(real_file, FORMATS["bencher"], SAYS)


@pytest.mark.parametrize("table", ["block", "value", "measurement", "case"])
def test_a_failure_on_the_way_stores_nothing(table: str, real_file: Path, tmp_path: Path) -> None:
    """The database itself fails, at the last row of a table."""
    path = tmp_path / "store.db"
    with Store(path) as store:
        raw = sqlite3.connect(path)
        raw.execute(
            f'CREATE TRIGGER fail BEFORE INSERT ON "{table}" '
            f'WHEN (SELECT count(*) FROM "{table}") >= 3 BEGIN SELECT RAISE(ABORT, "no"); END'
        )
        raw.close()

        with pytest.raises(StoreError):
            keep_all(store, arrive(real_file))

        assert store.runs() == []
        counts = sqlite3.connect(path)
        for name in ("machine", "environment", "revision", "case", "measurement", "block"):
            assert counts.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (0,), name
        counts.close()
