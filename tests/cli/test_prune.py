"""`sepconv db prune`: what goes, what is kept, and what is said of both."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sepconv.case import Case
from sepconv.cli import main
from sepconv.record import Block, Round
from sepconv.run import Environment, Machine, Run
from sepconv.store import Store
from tests.store.conftest import PASSWORD
from tests.store.conftest import postgresql_server as postgresql_server
from tests.store.conftest import postgresql_url as postgresql_url

Prune = Callable[..., str]

RUN = Run(
    uid="a1b2c3d4" * 4,
    suite="quick",
    started_at="2026-03-01T10:00:00+00:00",
    machine=Machine("Some CPU", "x86_64", 2, 4, 16),
    environment=Environment("3.11", "2.13.0", (), "AVX2", "tuned"),
    state="done",
)
CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)
ROUNDS = tuple(Round(0.0005 + i % 7 / 1e6, 0.0005, i / 1e6, i % 3, i % 2) for i in range(200))
BLOCK = Block(CASE, 1, 10, ROUNDS, 0.25, 0.5, "2026-03-01T10:00:01+00:00")


@pytest.fixture
def prune(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prune:
    """Run `sepconv db prune` in a folder of its own; what it prints, if it ends as expected."""
    monkeypatch.chdir(tmp_path)

    def prune(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["db", "prune", *arguments])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.err if code else printed.out

    return prune


def write(url: str, *states: str, blocks: int = 100) -> None:
    """A store with a run of each state, one a day from the first of March 2026."""
    with Store(url) as store:
        for day, state in enumerate(states, 1):
            time = f"2026-03-{day:02d}T10:00:00+00:00"
            run = replace(RUN, uid=f"f{day:03d}" * 8, started_at=time, state=state)
            many = [replace(BLOCK, pass_number=number) for number in range(blocks)]
            store.add_blocks(store.begin_run(run), many)


def test_old_runs_lose_their_rounds_and_the_file_gets_smaller(prune: Prune) -> None:
    write("a.db", *["done"] * 5)
    before = Path("a.db").stat().st_size

    first, second = prune("--keep-runs", "2", "--store", "a.db").splitlines()

    kept = "; kept whole: the newest 2 runs"
    assert re.fullmatch(
        rf"dropped the raw rounds of 3 runs: 300 blocks, [\d.]+ KiB{re.escape(kept)}", first
    )
    assert re.fullmatch(r"a\.db: \d+ KiB → \d+ KiB", second)
    assert Path("a.db").stat().st_size < before
    again = prune("--keep-runs", "2", "--store", "a.db")
    assert again == f"nothing to prune: no older run has raw rounds{kept}\n"


def test_a_dry_run_only_tells(prune: Prune) -> None:
    write("a.db", "done", "done")
    before = Path("a.db").read_bytes()

    printed = prune("--keep-runs", "1", "--dry-run", "--store", "a.db")

    assert printed.startswith("would drop the raw rounds of 1 run: 100 blocks, ")
    assert printed.count("\n") == 1
    assert Path("a.db").read_bytes() == before


def test_by_default_thirty_runs_are_kept(prune: Prune) -> None:
    write("a.db", *["done"] * 31, blocks=1)

    assert "dropped the raw rounds of 1 run: 1 block" in prune("--store", "a.db")


def test_a_run_that_is_not_old_enough_is_kept_whole(prune: Prune) -> None:
    write("a.db", "done", "done", "done", blocks=1)

    printed = prune("--keep-runs", "0", "--older-than", "2026-03-03", "--store", "a.db")

    assert "the raw rounds of 2 runs: 2 blocks" in printed
    assert "; kept whole: those since 2026-03-03\n" in printed


def test_a_run_that_did_not_end_is_told_of(prune: Prune) -> None:
    write("a.db", "running", "done", blocks=1)

    assert "kept whole: 1 older run that did not end" in prune(
        "--keep-runs", "0", "--store", "a.db"
    )
    assert (
        prune("--keep-runs", "0", "--store", "a.db")
        == "nothing to prune: no other run has raw rounds; "
        "kept whole: 1 older run that did not end\n"
    )


def test_a_store_in_use_is_pruned_and_says_how_to_give_the_space_back(prune: Prune) -> None:
    write("my results.db", "done")

    with Store("my results.db", read_only=True) as other:
        assert len(other.runs()) == 1
        lines = prune("--keep-runs", "0", "--store", "my results.db").splitlines()

    assert lines[0].startswith("dropped the raw rounds of 1 run: 100 blocks")
    command = "sqlite3 'my results.db' VACUUM"
    assert lines[1].endswith(f"when nobody measures: {command}")
    assert lines[1].startswith("my results.db is in use, and uses the space for what comes next")
    before = Path("my results.db").stat().st_size
    subprocess.run(command, shell=True, check=True)
    assert Path("my results.db").stat().st_size < before


def test_as_json_it_has_everything_under_test(prune: Prune) -> None:
    write("a.db", "done", "running", "done")
    options = ("--keep-runs", "1", "--store", "a.db", "--format", "json")

    told = json.loads(prune(*options, "--dry-run"))
    done = json.loads(prune(*options))

    assert told == {
        "store": "sqlite:///a.db",
        "dry_run": True,
        "runs": 1,
        "blocks": 100,
        "rounds_bytes": told["rounds_bytes"],
        "unended_runs": 1,
        "space": None,
    }
    assert 10_000 < told["rounds_bytes"] < 1_000_000
    space = done["space"]
    assert done == told | {"dry_run": False, "space": space}
    assert space["before_bytes"] > space["after_bytes"] == Path("a.db").stat().st_size
    assert space["was_free"] is True


@pytest.mark.postgresql
def test_postgresql_reuses_the_space_by_itself(prune: Prune, postgresql_url: str) -> None:
    write(postgresql_url, "done", "done")

    printed = prune("--keep-runs", "1", "--store", postgresql_url)

    first, second = printed.splitlines()
    assert first.startswith("dropped the raw rounds of 1 run: 100 blocks")
    assert second.endswith(" uses the space for what comes next")
    assert PASSWORD not in printed


def test_a_store_without_runs_has_nothing_to_prune(prune: Prune) -> None:
    Store("a.db").close()

    assert prune("--store", "a.db") == "a.db holds no run yet: nothing to prune\n"


def test_a_store_that_is_not_there_is_not_made(prune: Prune, tmp_path: Path) -> None:
    assert "run `sepconv quick` first" in prune("--store", "none.db", code=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--keep-runs", "-1", "x>=0"), ("--older-than", "soon", "found 'soon'")],
)
def test_what_cannot_be_meant_is_refused(prune: Prune, option: str, value: str, said: str) -> None:
    write("a.db", "done")

    assert said in prune(option, value, "--store", "a.db", code=2)


def test_it_has_help_with_an_example(prune: Prune) -> None:
    assert "Example: sepconv db prune " in prune("--help")
