"""`sepconv db`: what is said of stores that are brought together and kept."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import pytest

from sepconv.case import Case
from sepconv.cli import main
from sepconv.cli.database import db
from sepconv.record import Estimate, Measurement, Status
from sepconv.run import Environment, Machine, Peak, Run
from sepconv.store import Store
from tests.store.conftest import PASSWORD
from tests.store.conftest import postgresql_server as postgresql_server
from tests.store.conftest import postgresql_url as postgresql_url

Sepconv = Callable[..., str]

RUN = Run(
    uid="a1b2c3d4" * 4,
    suite="quick",
    started_at="2026-03-01T10:00:00+00:00",
    machine=Machine("Some CPU", "x86_64", 2, 4, 16),
    environment=Environment("3.11", "2.13.0", (), "AVX2", "tuned"),
)
SECOND = replace(RUN, uid="b" * 32, started_at="2026-03-02T10:00:00+00:00")
GUIDE = Path(__file__).parents[2] / "docs" / "keeping-results.md"
CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)
END = "2026-03-01T10:01:40+00:00"


@pytest.fixture
def sepconv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sepconv:
    """Run `sepconv db` in a folder of its own; what it prints, if it ends as expected."""
    monkeypatch.chdir(tmp_path)

    def sepconv(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["db", *arguments])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.err if code else printed.out

    return sepconv


def write(path: str, *runs: Run, state: str = "done", passes: int = 8) -> None:
    """A store with these runs, of a measurement each."""
    with Store(path) as store:
        for run in runs:
            number = store.begin_run(run)
            values = {"latency_s": Estimate(0.001)}
            store.put_measurements(number, [Measurement(CASE, Status.OK, None, values, passes)])
            store.finish_run(number, state=state, finished_at=END, timing={})


def test_merge_says_what_came(sepconv: Sepconv) -> None:
    write("a.db", RUN, SECOND)
    with Store("a.db") as store:
        peak = Peak("copy", "cpu", "float32", 1, 1.0, END)
        store.keep_peaks(RUN.machine, RUN.environment, [peak])

    assert sepconv("merge", "a.db", "--store", "all.db") == "merged a.db: 2 runs, 1 peak new\n"
    assert (
        sepconv("merge", "a.db", "--store", "all.db")
        == "merged a.db: nothing new; 2 already there\n"
    )


def test_merge_says_which_copy_counted(sepconv: Sepconv) -> None:
    write("a.db", RUN, state="interrupted", passes=3)
    write("b.db", RUN, SECOND)

    lines = sepconv("merge", "b.db", "--store", "a.db").splitlines()

    assert lines == [
        "merged b.db: 1 run new; 1 run completed",
        "  1 run was in both stores with different contents; kept what got further, or ended later",
    ]


def test_merge_says_where_no_copy_counted_more(sepconv: Sepconv) -> None:
    write("a.db", RUN, passes=3)
    write("b.db", RUN)

    lines = sepconv("merge", "b.db", "--store", "a.db").splitlines()

    assert lines == [
        "merged b.db: nothing new; 1 already there",
        "  1 run was in both stores with different contents, equally far; kept those of a.db",
    ]


def test_merge_says_that_it_upgraded_a_copy(sepconv: Sepconv) -> None:
    older = Path(__file__).parents[1] / "store" / "kept" / "0002.db"

    printed = sepconv("merge", str(older), "--store", "all.db")

    assert "  it has the older schema 0002: an upgraded copy was merged\n" in printed


def test_merge_as_json_has_everything_under_test(sepconv: Sepconv) -> None:
    write("a.db", RUN)
    write("b.db", RUN, SECOND)

    found = json.loads(sepconv("merge", "a.db", "b.db", "--store", "all.db", "--format", "json"))

    assert found["store"] == "sqlite:///all.db"
    first, second = found["sources"]
    assert first == {
        "source": "sqlite:///a.db",
        "upgraded_from": None,
        "new": {"run": 1},
        "completed": {},
        "already_there": {},
        "settled": {},
        "unsettled": {},
        "rows": {
            "machine": 1,
            "environment": 1,
            "run": 1,
            "case": 1,
            "measurement": 1,
            "value": 1,
        },
    }
    assert (second["new"], second["already_there"]) == ({"run": 1}, {"run": 1})


def test_one_bad_source_of_several_changes_nothing(sepconv: Sepconv, tmp_path: Path) -> None:
    write("a.db", RUN)
    Path("text.db").write_text("not a database")

    error = sepconv("merge", "a.db", "text.db", "--store", "all.db", code=2)

    assert "text.db is no store of sepconv, so nothing was merged" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "text.db"]


@pytest.mark.parametrize("name", ["a.db", "./a.db", "sqlite:///a.db"])
def test_a_store_is_not_merged_into_itself(sepconv: Sepconv, name: str) -> None:
    write("a.db", RUN)

    assert "is the store to merge into" in sepconv("merge", name, "--store", "a.db", code=2)


def test_merge_wants_a_source(sepconv: Sepconv) -> None:
    assert "SOURCE" in sepconv("merge", "--store", "a.db", code=2)


def test_a_backup_is_written_once_and_merged_again(sepconv: Sepconv, tmp_path: Path) -> None:
    write("a.db", RUN)

    printed = sepconv("backup", "kept/backup.db", "--store", "a.db")

    assert re.fullmatch(r"wrote kept/backup.db: 1 run; \d+ KiB\n", printed)
    assert "name a new file" in sepconv("backup", "kept/backup.db", "--store", "a.db", code=2)
    assert sepconv("backup", "kept/backup.db", "--store", "a.db", "--force") == printed
    assert (
        sepconv("merge", "kept/backup.db", "--store", "new.db")
        == "merged kept/backup.db: 1 run new\n"
    )


def test_a_backup_as_json_has_everything_under_test(sepconv: Sepconv) -> None:
    write("a.db", RUN)

    found = json.loads(sepconv("backup", "b.db", "--store", "a.db", "--format", "json"))

    assert found["rows"].pop("run") == 1
    assert (found["store"], found["backup"]) == ("sqlite:///a.db", "b.db")
    assert found["size_bytes"] == Path("b.db").stat().st_size
    assert found.keys() == {"store", "backup", "size_bytes", "rows"}


def test_there_is_no_backup_of_what_is_not_there(sepconv: Sepconv, tmp_path: Path) -> None:
    assert "run `sepconv quick` first" in sepconv("backup", "b.db", "--store", "none.db", code=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.postgresql
def test_no_password_is_ever_shown(sepconv: Sepconv, postgresql_url: str) -> None:
    write("a.db", RUN)
    broken = postgresql_url.replace("test_", "none_")

    said = [
        sepconv("merge", "a.db", "--store", postgresql_url, "--format", "json"),
        sepconv("merge", postgresql_url, "--store", "b.db"),
        sepconv("merge", postgresql_url, "--store", postgresql_url, code=2),
        sepconv("backup", "c.db", "--store", postgresql_url, "--format", "json"),
        sepconv("backup", postgresql_url, "--store", "a.db", code=2),
        sepconv("merge", broken, "--store", "d.db", code=2),
    ]

    assert "1 run new" in said[1]
    assert not Path("d.db").exists()
    for each in said:
        assert PASSWORD not in each
        assert "s3cret" not in each


@pytest.mark.parametrize("name", ["merge", "backup"])
def test_every_subcommand_has_help_with_an_example(sepconv: Sepconv, name: str) -> None:
    assert f"Example: sepconv db {name} " in sepconv(name, "--help")
    assert f"  {name} " in sepconv("--help")


@pytest.mark.parametrize(
    "command", re.findall(r"^\$ sepconv db ([^#\n]*)", GUIDE.read_text("utf-8"), re.MULTILINE)
)
def test_every_command_of_the_guide_can_be_typed(command: str) -> None:
    name, *arguments = shlex.split(command)

    found = db.get_command(click.Context(db), name)

    assert found is not None
    found.make_context(name, arguments)  # raises UsageError for what it does not know
