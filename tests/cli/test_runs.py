from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sepconv.case import Case
from sepconv.cli import main
from sepconv.record import Estimate, Measurement, Status
from sepconv.run import Environment, Machine, Revision, Run
from sepconv.store import Store

Sepconv = Callable[..., str]

RUN = Run(
    uid="a1b2c3d4" * 4,
    suite="quick",
    started_at="2026-03-01T10:00:00+00:00",
    machine=Machine("Some CPU", "x86_64", 2, 4, 16),
    environment=Environment("3.11", "2.13.0", (), "AVX2", "tuned"),
    revision=Revision("c0ffee" + "0" * 34, (), "", "", "Make it faster"),
    branch="main",
    dirty=True,
)
CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def sepconv(path: Path, capsys: pytest.CaptureFixture[str]) -> Sepconv:
    """Run a command on the store; what it prints, if it ends as expected."""

    def sepconv(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--store", str(path)])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.err if code else printed.out

    return sepconv


@pytest.fixture
def filled(path: Path) -> Path:
    values = {"latency_s": Estimate(0.001, 0.0009, 0.0011)}
    with Store(path) as store:
        number = store.begin_run(RUN)
        store.put_measurements(
            number,
            [
                Measurement(CASE, Status.OK, None, values, 8),
                Measurement(replace(CASE, stride=2), Status.FAILED, "it broke"),
            ],
        )
        store.finish_run(
            number,
            state="done",
            finished_at="2026-03-01T10:01:40+00:00",
            timing={"total_s": 98.5, "timed_s": 60.0},
        )
        store.begin_run(replace(RUN, uid="b" * 32, started_at="2026-03-02T10:00:00+00:00"))
    return path


def test_runs_are_listed_newest_first(filled: Path, sepconv: Sepconv) -> None:
    lines = [line for line in sepconv("runs").splitlines() if "2026-03-0" in line]

    assert len(lines) == 2
    assert "2026-03-02 10:00" in lines[0]
    for part in ("1", "quick", "c0ffee000000+", "main", "Some CPU", "1 ok, 1 failed", "1 min 38 s"):
        assert part in lines[1]


def test_json_has_everything_under_test(filled: Path, sepconv: Sepconv) -> None:
    newest, older = json.loads(sepconv("runs", "--format", "json"))

    assert (newest["run"], newest["state"], newest["duration_s"]) == (2, "running", None)
    assert older == {
        "run": 1,
        "uid": RUN.uid,
        "started_at": "2026-03-01T10:00:00+00:00",
        "finished_at": "2026-03-01T10:01:40+00:00",
        "suite": "quick",
        "state": "done",
        "commit": RUN.commit,
        "branch": "main",
        "dirty": True,
        "machine": "Some CPU, 4 cores, 16 GiB",
        "environment": "torch 2.13.0, Python 3.11, tuned allocator",
        "cases": {"ok": 1, "failed": 1},
        "blocks": 0,
        "duration_s": 98.5,
    }


def test_csv_has_the_same_columns_as_json(filled: Path, sepconv: Sepconv) -> None:
    rows = list(csv.DictReader(io.StringIO(sepconv("runs", "--format", "csv"))))

    assert rows[1]["run"] == "1"
    assert rows[1]["cases"] == "ok 1, failed 1"
    assert list(rows[0]) == list(json.loads(sepconv("runs", "--format", "json"))[0])


def test_markdown_is_a_table(filled: Path, sepconv: Sepconv) -> None:
    lines = sepconv("runs", "--format", "markdown").splitlines()

    assert lines[0].startswith("| run | started (UTC) | suite |")
    assert {line.count("|") for line in lines} == {10}


def test_the_list_can_be_limited(filled: Path, sepconv: Sepconv) -> None:
    [only] = json.loads(sepconv("runs", "--limit", "1", "--format", "json"))

    assert only["run"] == 2


def test_an_empty_store_says_what_to_run(path: Path, sepconv: Sepconv) -> None:
    Store(path).close()

    assert "run `sepconv quick` first" in sepconv("runs")
    assert json.loads(sepconv("runs", "--format", "json")) == []
    assert sepconv("runs", "--format", "csv") == ""


def test_a_store_that_is_not_there_is_bad_input_and_is_not_made(
    path: Path, sepconv: Sepconv
) -> None:
    assert "run `sepconv quick` first" in sepconv("runs", code=2)
    assert not path.exists()


@pytest.mark.parametrize("output_format", ["table", "json", "csv", "markdown"])
def test_hostile_names_are_inert(path: Path, sepconv: Sepconv, output_format: str) -> None:
    hostile = "=cmd()\x1b[2J\x9b31m[bold]:smile:[/]|<b>@me\u202e\nx"
    with Store(path) as store:
        store.begin_run(replace(RUN, branch=hostile, suite="-" + hostile))

    printed = sepconv("runs", "--format", output_format)

    assert not {"\x1b", "\x9b", "\u202e"} & set(printed)
    if output_format == "table":
        assert "[bold]:smile:[/]" in printed
    if output_format == "csv":
        assert ",'=cmd()" in printed
        assert ",'-=cmd()" in printed
    if output_format == "markdown":
        assert "\\|&lt;b&gt;@<!-- -->me" in printed


def test_a_pipe_gets_everything(path: Path, sepconv: Sepconv) -> None:
    with Store(path) as store:
        store.begin_run(replace(RUN, branch="long-" * 100))

    assert "long-" * 100 in sepconv("runs")
