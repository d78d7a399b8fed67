"""Stores brought together: every row of both is there, once, and of conflicting ones the right."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import pytest
from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from sepconv.case import Case
from sepconv.comparison import Acknowledgement, Comparison, Contender
from sepconv.errors import NotAStore, SchemaMismatch, StoreUnavailable
from sepconv.ratio import Pair
from sepconv.record import Block, Estimate, Measurement, Slot, Status
from sepconv.run import Peak, Run
from sepconv.store import Store
from sepconv.store.layout import read_layouts
from sepconv.store.schema import metadata
from sepconv.store.settlement import NEWEST_BY, REPLACED
from sepconv.store.source import open_source
from tests.store.made_up import contents, fill, make_world, part_of, raw_rows

Start = Callable[..., Popen[str]]
Fill = Callable[[Store], int]

END = "2026-03-01T11:00:00+00:00"
LATER = "2026-03-01T12:00:00+00:00"
KEPT = Path(__file__).parent / "kept"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "other.db") as store:
        yield store


@pytest.fixture
def third(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "third.db") as store:
        yield store


def test_every_table_of_the_schema_is_merged_into_an_empty_store(
    store: Store, other: Store
) -> None:
    fill(other, make_world(1))

    (merged,) = store.merge(other)

    assert set(contents(store)) == set(metadata.tables)
    assert all(contents(store).values())  # each table is tried
    assert contents(store) == contents(other)
    assert set(merged.rows) == set(metadata.tables)


def test_whatever_the_database_that_is_read_all_of_it_is_merged(
    store: Store, other: Store, third: Store
) -> None:
    """From every database into a file, where the test before merges into each of them."""
    fill(store, make_world(2))

    third.merge(store)

    assert contents(third) == contents(store)


@pytest.mark.parametrize("seed", range(6))
def test_merged_stores_have_each_row_of_both_whichever_is_merged_into_which(
    store: Store, other: Store, third: Store, seed: int
) -> None:
    world = make_world(seed)
    fill(store, world, part_of(world, seed, 0.8), seed=1)
    fill(other, world, part_of(world, seed + 100, 0.8), seed=2)
    ours, theirs = contents(store), contents(other)
    third.merge(store)

    third.merge(other)
    store.merge(other)

    both = {name: sorted({*ours[name], *theirs[name]}, key=repr) for name in ours}
    assert contents(store) == both
    assert contents(third) == both
    other.merge(store)
    assert contents(other) == both


def test_merging_the_same_again_changes_nothing(store: Store, other: Store) -> None:
    world = make_world(3)
    fill(other, world)
    fill(store, world, part_of(world, 3, 0.7))
    store.merge(other)
    before = raw_rows(store)

    (merged,) = store.merge(other)

    assert raw_rows(store) == before
    assert (merged.rows, merged.new, merged.completed) == ({}, {}, {})
    assert merged.already_there == {"run": 10, "comparison": 10}


def test_more_rows_than_are_read_at_once_are_merged(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepconv.store.merge.CHUNK", 3)
    monkeypatch.setattr("sepconv.store.layout.PARAMETERS", 12)
    world = make_world(4, rows=25)
    fill(store, world, part_of(world, 4, 0.5))
    fill(other, world)

    store.merge(other)

    assert contents(store) == contents(other)


def test_a_table_that_is_added_later_is_merged_without_new_code(tmp_path: Path) -> None:
    later = Table(
        "remark",
        metadata,
        Column("measurement_id", Integer, ForeignKey("measurement.id"), primary_key=True),
        Column("place", Integer, primary_key=True),
        Column("words", Text),
    )
    try:
        with Store(tmp_path / "one.db") as one, Store(tmp_path / "two.db") as two:
            for store in (one, two):
                with store._writing() as connection:
                    later.create(connection)
            fill(one, make_world(5))
            two.merge(one)

            assert contents(two) == contents(one)
            assert len(contents(two)["remark"]) == 10
    finally:
        metadata.remove(later)


def test_what_has_rules_of_its_own_is_in_the_schema() -> None:
    assert set(metadata.tables) >= REPLACED
    assert all(time in metadata.tables[name].c for name, time in NEWEST_BY.items())
    roots = {layout.name for layout in read_layouts() if layout.is_root}
    assert roots == {"run", "comparison"}


def test_what_makes_a_row_the_same_is_never_null() -> None:
    """A database finds nothing that equals NULL, so it would be merged again and again."""
    for layout in read_layouts():
        assert not any(layout.table.c[name].nullable for name in layout.key), layout.name


@pytest.fixture
def interrupted(run: Run, case: Case, separable: Case, block: Block, measured: Measurement) -> Fill:
    """A run that was interrupted after three passes."""

    def fill(store: Store) -> int:
        number = store.begin_run(run)
        for at in range(3):
            store.add_block(number, replace(block, pass_number=at))
        failed = Measurement(separable, Status.FAILED, "it broke")
        three = replace(measured, values={**measured.values, "flops": Estimate(9.0)}, passes=3)
        store.put_measurements(number, [three, failed])
        store.finish_run(number, state="interrupted", finished_at=LATER, timing={})
        return number

    return fill


@pytest.fixture
def done(run: Run, block: Block, measured: Measurement) -> Fill:
    """The same run, after it was resumed elsewhere."""

    def fill(store: Store) -> int:
        number = store.begin_run(run)
        for at in range(8):
            store.add_block(number, replace(block, pass_number=at))
        store.put_measurements(number, [measured])
        store.finish_run(number, state="done", finished_at=END, timing={"total_s": 9.0})
        return number

    return fill


def test_of_two_copies_of_a_run_the_one_that_is_done_counts_and_nothing_else_is_lost(
    store: Store, other: Store, third: Store, interrupted: Fill, done: Fill, measured: Measurement
) -> None:
    number = interrupted(store)
    interrupted(third)
    done(other)
    left = store.measurements(number)[1]

    (merged,) = store.merge(other)

    found = store.find_run(str(number))
    assert (found.state, found.finished_at, found.timing) == ("done", END, {"total_s": 9.0})
    assert store.measurements(number) == [measured, left]  # with no value of three passes
    assert [each.pass_number for each in store.blocks(number)] == list(range(8))
    assert (merged.completed, merged.settled, merged.unsettled) == ({"run": 1}, {"run": 1}, {})
    other.merge(third)
    assert contents(other) == contents(store)


def test_a_copy_that_got_less_far_adds_what_only_it_has(
    store: Store, other: Store, interrupted: Fill, done: Fill, block: Block
) -> None:
    number = done(store)
    theirs = interrupted(other)
    other.add_block(theirs, replace(block, pass_number=20))

    (merged,) = store.merge(other)

    assert store.find_run(str(number)).state == "done"
    assert store.blocks(number)[-1].pass_number == 20
    assert [each.status for each in store.measurements(number)] == [Status.OK, Status.FAILED]
    assert (merged.completed, merged.settled) == ({"run": 1}, {"run": 1})


def test_of_two_copies_that_ended_alike_the_later_counts(
    store: Store, other: Store, done: Fill, measured: Measurement
) -> None:
    number, theirs = done(store), done(other)
    other.put_measurements(theirs, [replace(measured, passes=16)])
    other.finish_run(theirs, state="done", finished_at=LATER, timing={})

    store.merge(other)

    assert store.find_run(str(number)).finished_at == LATER
    assert store.measurements(number)[0].passes == 16
    assert other.merge(store)[0].rows == {}


def test_copies_that_got_equally_far_are_told_and_stay_as_they_are_here(
    store: Store, other: Store, done: Fill, measured: Measurement
) -> None:
    number, theirs = done(store), done(other)
    more = {**measured.values, "flops": Estimate(1.0)}
    other.put_measurements(theirs, [replace(measured, status=Status.NOISY, values=more)])
    before = raw_rows(store)

    (merged,) = store.merge(other)

    assert raw_rows(store) == before
    assert store.measurements(number) == [measured]
    assert (merged.unsettled, merged.settled) == ({"run": 1}, {})
    assert merged.already_there == {"run": 1}


def test_facts_that_are_here_stay(store: Store, other: Store, done: Fill, block: Block) -> None:
    number, theirs = done(store), done(other)
    store.add_block(number, replace(block, pass_number=9))
    other.add_block(theirs, replace(block, pass_number=9, first_call_s=7.0))

    (merged,) = store.merge(other)

    assert store.blocks(number)[-1].summary.first_call_s == 0.25
    assert merged.unsettled == {"run": 1}


def test_what_one_copy_says_nothing_of_comes_from_the_other(
    store: Store, other: Store, run: Run, case: Case, block: Block
) -> None:
    """A backup that was made before the plan was known, and one of thinned rounds."""
    ended = replace(run, state="done")
    number, theirs = store.begin_run(ended), other.begin_run(ended)
    store.add_block(number, block)
    store.thin(keep_runs=0)
    other.add_block(theirs, block)
    other.add_plan(theirs, [Slot(case, 10, 30, 0.001, ring=3)], passes=8)

    (merged,) = store.merge(other)

    assert store.find_run(str(number)).passes == 8
    assert store.blocks(number)[0].rounds is not None
    assert (merged.completed, merged.unsettled) == ({"run": 1}, {})


def test_of_two_copies_of_a_comparison_the_one_that_is_done_counts(
    store: Store, other: Store, run: Run
) -> None:
    begun = Comparison("c0" * 16, "quick", END, run.machine, Contender("main"), Contender("mine"))
    store.begin_comparison(begun)
    finished = replace(begun, state="done", finished_at=LATER, timing={"timed_s": 3.0})
    other.finish_comparison(other.begin_comparison(begun), finished)

    (merged,) = store.merge(other)

    (found,) = store.comparisons()
    assert (found.state, found.finished_at, found.timing) == ("done", LATER, {"timed_s": 3.0})
    assert merged.completed == {"comparison": 1}


@pytest.mark.parametrize("newest_is_here", [True, False])
def test_the_newest_acknowledgement_and_the_newest_peak_count(
    store: Store, other: Store, run: Run, newest_is_here: bool
) -> None:
    begun = Comparison("c0" * 16, "quick", END, run.machine, Contender("main"), Contender("mine"))
    for each, is_new in ((store, newest_is_here), (other, not newest_is_here)):
        number, time = each.begin_comparison(begun), LATER if is_new else END
        said = Acknowledgement("Ada", "new" if is_new else "old", time, None, is_new)
        each.acknowledge(number, {1: said})
        peak = Peak("copy", "cpu", "float32", 1, 2.0 if is_new else 1.0, time)
        each.keep_peaks(run.machine, run.environment, [peak])

    (merged,) = store.merge(other)

    with store.reading() as connection:
        acknowledgement = metadata.tables["acknowledgement"]
        (row,) = connection.execute(acknowledgement.select()).mappings()
    assert (row["reason"], row["is_withdrawn"]) == ("new", True)
    assert [peak.value for peak in store.peaks(run.machine, run.environment)] == [2.0]
    assert not merged.unsettled


def test_a_shallow_clones_revision_learns_its_parents(store: Store, other: Store, run: Run) -> None:
    assert run.revision is not None
    store.begin_run(replace(run, revision=replace(run.revision, parents=())))
    other.begin_run(run)

    store.merge(other)

    assert store.runs()[0].run.revision == run.revision


def test_several_sources_are_merged_in_one_go(
    store: Store, other: Store, third: Store, run_on: Callable[..., Run]
) -> None:
    other.begin_run(run_on(1))
    third.begin_run(run_on(1))
    third.begin_run(run_on(2))

    first, second = store.merge(other, third)

    assert (first.new, second.new, second.already_there) == ({"run": 1}, {"run": 1}, {"run": 1})
    assert len(store.runs()) == 2


def test_a_merged_run_is_written_and_read_like_any_other(
    store: Store, other: Store, interrupted: Fill, ring: tuple[Block, Block, Pair], run: Run
) -> None:
    interrupted(other)
    store.merge(other)
    base, head, pair = ring

    number = store.find_run(run.uid).id
    assert number is not None
    store.add_block(number, replace(base, pass_number=9), replace(head, pass_number=9), pair=pair)

    assert len(store.blocks(number)) == 5
    assert store.pairs(number) == [pair]
    assert store.begin_run(replace(run, uid="d" * 32)) == number + 1


def test_a_merge_that_is_killed_leaves_the_store_as_it_was(
    url: str, other: Store, start: Start
) -> None:
    """At the first row, in the middle, and before the last table is complete."""
    world = make_world(6, blob_bytes=500_000)  # more than SQLite keeps in memory before it writes
    fill(other, world)
    with Store(url) as store:
        fill(store, world, part_of(world, 6, 0.5))
        before = raw_rows(store)
    for insert in (1, 7, 14):
        process = start("merge_stores.py", other.shown_url, url, insert)

        process.communicate()

        assert process.returncode == -signal.SIGKILL
        with Store(url) as store:
            assert raw_rows(store) == before
    with Store(url) as store:
        store.merge(other)
        assert contents(store) == contents(other)


@pytest.mark.slow
def test_four_processes_that_merge_the_same_at_once_merge_it_once(
    url: str, other: Store, start: Start
) -> None:
    fill(other, make_world(9))
    merging = [start("merge_stores.py", other.shown_url, url, 0) for _ in range(4)]

    errors = [process.communicate()[1] for process in merging]

    assert errors == [""] * 4
    with Store(url) as store:
        assert contents(store) == contents(other)


def test_a_damaged_row_in_the_second_source_takes_back_the_first(
    store: Store,
    other: Store,
    third: Store,
    run_on: Callable[..., Run],
    measured: Measurement,
    tmp_path: Path,
) -> None:
    other.begin_run(run_on(1))
    third.put_measurements(third.begin_run(run_on(2)), [measured])
    with closing(sqlite3.connect(tmp_path / "third.db")) as connection:
        connection.execute("DELETE FROM measurement")  # without foreign keys, it may
        connection.commit()

    with pytest.raises(StoreUnavailable, match=r"third.db is damaged: a row of 'value' refers to"):
        store.merge(other, third)
    assert store.runs() == []


def test_a_store_is_not_merged_into_itself(url: str, store: Store) -> None:
    with (
        Store(url, read_only=True) as same,
        pytest.raises(StoreUnavailable, match="is the store to merge into"),
    ):
        store.merge(same)


def test_a_file_is_itself_under_every_name(tmp_path: Path, other: Store) -> None:
    (tmp_path / "alias.db").symlink_to(tmp_path / "other.db")

    with (
        Store(tmp_path / "alias.db", read_only=True) as same,
        pytest.raises(StoreUnavailable, match="is the store to merge into"),
    ):
        other.merge(same)


@pytest.mark.postgresql
def test_a_database_is_itself_under_every_name(postgresql_url: str) -> None:
    alias = postgresql_url.replace("127.0.0.1", "localhost")
    with (
        Store(postgresql_url) as store,
        Store(alias, read_only=True) as same,
        pytest.raises(StoreUnavailable, match="is the store to merge into"),
    ):
        store.merge(same)


def test_what_a_writer_has_not_folded_into_its_file_yet_is_merged(
    store: Store, tmp_path: Path, run: Run
) -> None:
    writer = Store(tmp_path / "live.db")
    writer.begin_run(run)

    with open_source(tmp_path / "live.db") as source:
        store.merge(source.store)

    assert len(store.runs()) == 1
    writer.close()


def test_a_source_is_not_changed(store: Store, other: Store, tmp_path: Path) -> None:
    fill(other, make_world(7))
    other.close()
    before = (tmp_path / "other.db").read_bytes()

    with open_source(tmp_path / "other.db") as source:
        store.merge(source.store)
        assert source.upgraded_from is None

    assert (tmp_path / "other.db").read_bytes() == before
    assert not list(tmp_path.glob("other.db?*"))


@pytest.mark.parametrize("kept", sorted(KEPT.glob("*.db")), ids=lambda path: path.stem)
def test_a_source_of_an_older_schema_is_copied_and_the_copy_upgraded(
    store: Store, tmp_path: Path, kept: Path
) -> None:
    shutil.copyfile(kept, tmp_path / "older.db")

    with open_source(tmp_path / "older.db") as source:
        (merged,) = store.merge(source.store)

        assert source.upgraded_from == kept.stem
        assert merged.source.endswith("/older.db")
    assert merged.new["run"] == len(store.runs()) > 0
    assert (tmp_path / "older.db").read_bytes() == kept.read_bytes()
    assert not list(tmp_path.glob("older.db?*"))


def open_briefly(path: Path) -> None:
    """Open the source, and close it again."""
    with open_source(path):
        pass


def test_a_source_of_a_newer_schema_is_refused(tmp_path: Path, other: Store) -> None:
    with other._writing() as connection:
        connection.exec_driver_sql("UPDATE sepconv_version SET version_num = '9999'")
    other.close()

    with pytest.raises(SchemaMismatch, match=r"other.db has schema version 9999"):
        open_briefly(tmp_path / "other.db")


def test_what_is_not_there_is_no_source_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="is not there, so nothing was merged"):
        open_briefly(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_an_empty_file_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()

    with pytest.raises(StoreUnavailable, match="is empty, so nothing was merged"):
        open_briefly(tmp_path / "empty.db")
    assert (tmp_path / "empty.db").stat().st_size == 0


@pytest.mark.parametrize("content", [b"not a database", b"\0" * 5000])
def test_what_is_no_store_is_no_source(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text.db").write_bytes(content)

    with pytest.raises(NotAStore, match=r"text.db is no store of sepconv"):
        open_briefly(tmp_path / "text.db")
    assert (tmp_path / "text.db").read_bytes() == content


def test_a_damaged_file_is_no_source(tmp_path: Path, other: Store) -> None:
    fill(other, make_world(8))
    other.close()
    path = tmp_path / "other.db"
    whole = bytearray(path.read_bytes())
    for start in range(8192, len(whole), 16384):
        whole[start : start + 200] = b"\xff" * 200
    path.write_bytes(whole)

    with pytest.raises(StoreUnavailable, match="put a backup in its place"):
        open_briefly(path)
