"""Many processes on one store, and processes that are killed."""

from __future__ import annotations

import random
from collections.abc import Callable
from subprocess import Popen

import pytest

from sepconv.store import Store

Start = Callable[..., Popen[str]]


def acknowledged(process: Popen[str], at_least: int) -> int:
    """The number of the newest ring that the process said was stored; kills it."""
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    for _ in range(at_least):
        process.stdout.readline()
    process.kill()
    rest, _ = process.communicate()
    said = [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    return said[-1] if said else at_least - 1


def test_what_was_acknowledged_survives_a_kill_and_no_ring_is_half(url: str, start: Start) -> None:
    moments = random.Random(0)
    for attempt in range(4):
        process = start("write_blocks.py", url, f"run {attempt}", 100_000)

        newest = acknowledged(process, moments.randint(1, 60))

        with Store(url) as store:
            run = store.find_run(f"run {attempt}")
            stored = store.blocks(run.id or 0)
            pairs = store.pairs(run.id or 0)
        assert len(pairs) >= newest + 1
        assert [each.pass_number for each in pairs] == list(range(len(pairs)))
        arms = [(each.pass_number, each.arm) for each in stored]
        assert arms == [(each.pass_number, arm) for each in pairs for arm in ("base", "head")]
        for each in stored:
            assert each.rounds is not None
            assert each.rounds[0].wall_s == (each.pass_number + 1) / 1e9


@pytest.mark.slow
def test_eight_writers_at_once_lose_nothing(url: str, start: Start) -> None:
    writers = [start("write_blocks.py", url, f"run {index}", 100) for index in range(8)]

    errors = [writer.communicate()[1] for writer in writers]

    assert errors == [""] * 8
    with Store(url) as store:
        assert [each.blocks for each in store.runs()] == [200] * 8


@pytest.mark.slow
def test_eight_processes_open_a_new_store_at_once(url: str, start: Start) -> None:
    openers = [start("open_store.py", url) for _ in range(8)]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()

    said = [opener.communicate() for opener in openers]

    assert said == [("0\n", "")] * 8
