"""Raw rounds that are dropped, and the space that they leave."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import pytest

from sepconv.errors import StoreUnavailable
from sepconv.event import Event, EventKind, EventState, Note
from sepconv.record import Block, Measurement, Round
from sepconv.run import Run
from sepconv.store import Store
from sepconv.store.backup import find_damage

RunOn = Callable[..., Run]
Start = Callable[..., Popen[str]]
ROUNDS = tuple(  # whole nanoseconds, as they are stored
    Round((500_000 + i % 7) / 1e9, 500_000 / 1e9, i / 1e9, i % 3, i % 2) for i in range(200)
)


def fill(store: Store, run: Run, block: Block, *, passes: int = 3) -> int:
    """A run with that many blocks."""
    number = store.begin_run(run)
    many = replace(block, rounds=ROUNDS)
    store.add_blocks(number, [replace(many, pass_number=each) for each in range(passes)])
    return number


def with_rounds(store: Store, number: int) -> int:
    """How many blocks of the run have their rounds."""
    return sum(block.rounds is not None for block in store.blocks(number))


def test_a_run_among_the_newest_and_one_that_is_not_so_old_are_kept_whole(
    store: Store, run_on: RunOn, block: Block
) -> None:
    numbers = [fill(store, run_on(day, state="done"), block) for day in (1, 2, 3, 4)]

    thinned = store.thin(keep_runs=1, started_before="2026-03-03T12:00:00+02:00")

    assert thinned == 6
    assert [with_rounds(store, number) for number in numbers] == [0, 0, 3, 3]


def test_what_would_go_is_told_and_stays(store: Store, run_on: RunOn, block: Block) -> None:
    first = fill(store, run_on(1, state="interrupted"), block)
    fill(store, run_on(2, state="done"), block)

    (found,) = store.thinnable(keep_runs=1)

    assert (found.run_id, found.blocks, found.is_running) == (first, 3, False)
    assert 3 * 200 < found.size_bytes < 3 * 200 * 8
    assert with_rounds(store, first) == 3


def test_a_run_that_is_running_is_never_thinned(store: Store, run_on: RunOn, block: Block) -> None:
    running, ended = fill(store, run_on(1), block), fill(store, run_on(2, state="failed"), block)

    assert store.thin(keep_runs=0) == 3

    assert (with_rounds(store, running), with_rounds(store, ended)) == (3, 0)
    (left,) = store.thinnable(keep_runs=0)
    assert (left.run_id, left.is_running) == (running, True)


def test_everything_else_stays(
    store: Store, run_on: RunOn, block: Block, measured: Measurement
) -> None:
    number = fill(store, run_on(1, state="done"), block)
    store.put_measurements(number, [measured])
    at = "2026-03-02T10:00:00+00:00"
    note = Note(EventState.IGNORED, "Ada", "an old one", at)
    times = dict.fromkeys(("began_at", "last_good_at", "first_seen_at", "last_seen_at"), at)
    said = Event("e" * 32, EventKind.LATENCY, "slower", "m", None, None, **times, members=[])
    store.put_events([replace(said, notes=[note])])
    before = [replace(each, rounds=None) for each in store.blocks(number)]

    store.thin(keep_runs=0)

    assert store.blocks(number) == before
    assert store.measurements(number) == [measured]
    assert list(store.events()[0].notes) == [note]


def test_merging_an_older_copy_brings_its_rounds_back(
    store: Store, tmp_path: Path, run_on: RunOn, block: Block
) -> None:
    """A merge fills in what a copy says nothing of; the next thinning drops them again."""
    number = fill(store, run_on(1, state="done"), block)
    store.backup(tmp_path / "older.db")
    store.thin(keep_runs=0)

    with Store(tmp_path / "older.db", read_only=True) as older:
        store.merge(older)

    assert with_rounds(store, number) == 3
    assert store.thin(keep_runs=0) == 3


def test_a_thinned_copy_takes_no_rounds_away(
    store: Store, tmp_path: Path, run_on: RunOn, block: Block
) -> None:
    number = fill(store, run_on(1, state="done"), block)
    store.backup(tmp_path / "thinned.db")
    with Store(tmp_path / "thinned.db") as thinned:
        thinned.thin(keep_runs=0)
        store.merge(thinned)

    assert with_rounds(store, number) == 3


def test_a_writer_goes_on_while_rounds_are_dropped(
    url: str, start: Start, run_on: RunOn, block: Block
) -> None:
    with Store(url) as store:
        for day in range(1, 9):
            fill(store, run_on(day, state="done"), block, passes=250)
        writer = start("write_blocks.py", url, "the sweep", 100_000)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"

        thinned = store.thin(keep_runs=0)
        space = store.give_back()

        writer.kill()
        said, errors = writer.communicate()
        assert (writer.returncode, errors) == (-9, "")
        assert thinned == 8 * 250
        assert space is None or not space.was_free
        sweep = store.find_run("the sweep").id or 0
        stored = said.count("\n")
        assert stored > 0
        assert with_rounds(store, sweep) == len(store.blocks(sweep)) >= 2 * stored


@pytest.mark.parametrize("updates", [1, 4, 7])
def test_a_kill_in_the_middle_leaves_every_block_whole_or_thinned(
    url: str, start: Start, run_on: RunOn, block: Block, updates: int
) -> None:
    with Store(url) as store:
        numbers = [fill(store, run_on(day, state="done"), block, passes=25) for day in (1, 2, 3)]
        summaries = [[each.summary for each in store.blocks(number)] for number in numbers]

    process = start("thin_store.py", url, "updates", updates)
    process.communicate()

    assert process.returncode == -9
    with Store(url) as store:
        blocks = [store.blocks(number) for number in numbers]
        assert [[each.summary for each in own] for own in blocks] == summaries
        whole = [each.rounds for own in blocks for each in own if each.rounds is not None]
        assert all(rounds == ROUNDS for rounds in whole)
        assert len(whole) >= 75 - 10 * updates + 10
        assert store.thin(keep_runs=0) == len(whole)


def test_space_is_given_back(tmp_path: Path, run_on: RunOn, block: Block) -> None:
    path = tmp_path / "store.db"
    with Store(path) as store:
        number = fill(store, run_on(1, state="done"), block, passes=500)
        store.thin(keep_runs=0)

        space = store.give_back()

        assert space is not None
        assert space.was_free
        assert space.after_bytes < 0.8 * space.before_bytes
        assert len(store.blocks(number)) == 500  # it can be used as before
    assert path.stat().st_size == space.after_bytes


@pytest.mark.parametrize("read_only", [True, False])
def test_space_stays_while_somebody_has_the_store_open(
    tmp_path: Path, run_on: RunOn, block: Block, read_only: bool
) -> None:
    path = tmp_path / "store.db"
    with Store(path) as store:
        fill(store, run_on(1, state="done"), block, passes=500)
        store.thin(keep_runs=0)
        with Store(path, read_only=read_only) as other:
            assert len(other.runs()) == 1

            space = store.give_back()

            assert space is not None
            assert not space.was_free
            assert len(other.runs()) == 1
            if not read_only:
                other.begin_run(run_on(2))


def test_a_kill_while_the_file_is_written_anew_loses_nothing(
    tmp_path: Path, start: Start, run_on: RunOn, block: Block
) -> None:
    path = tmp_path / "store.db"
    with Store(path) as store:
        number = fill(store, run_on(1, state="done"), block, passes=500)
        summaries = [each.summary for each in store.blocks(number)]

    process = start("thin_store.py", path, "vacuum", 3)
    process.communicate()

    assert process.returncode == -9
    with closing(sqlite3.connect(path)) as connection:
        assert find_damage(connection, thorough=True) is None
    with Store(path) as store:
        assert [each.summary for each in store.blocks(number)] == summaries
        assert with_rounds(store, number) == 0
        space = store.give_back()
    assert space is not None
    assert space.after_bytes < space.before_bytes


def test_a_store_in_memory_is_no_file() -> None:
    with Store() as store:
        assert store.give_back() is None


def test_a_store_opened_for_reading_gives_nothing_back(tmp_path: Path) -> None:
    Store(tmp_path / "store.db").close()

    with (
        Store(tmp_path / "store.db", read_only=True) as store,
        pytest.raises(StoreUnavailable, match="opened for reading only"),
    ):
        store.give_back()
