from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sepconv.case import Case
from sepconv.cli import main
from sepconv.cli.table import (
    by_shape,
    case_cells,
    case_table,
    print_rows,
)
from sepconv.record import Estimate, Measurement, Status
from sepconv.report.shape import shared_axes
from sepconv.report.text import headline, inert
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
    dirty=False,
)
STANDARD = Case(conv_type="standard", in_channels=64, out_channels=64, height=56, width=56)
SEPARABLE = replace(STANDARD, conv_type="depthwise_separable")
TRACEBACK = (
    "Traceback (most recent call last):\n  File …\nRuntimeError: no kernel [red]\x1b[31m\n\n"
)
MEASUREMENTS = [
    Measurement(
        STANDARD,
        Status.OK,
        values={
            "latency_s": Estimate(0.00211, 0.00209, 0.00213),
            "cpu_latency_s": Estimate(0.002),
            "params": Estimate(36864),
            "flops": Estimate(231211008),
        },
        passes=8,
    ),
    Measurement(
        SEPARABLE,
        Status.NOISY,
        values={
            "latency_s": Estimate(0.0005, 0.00045, 0.00055),
            "realised_speedup": Estimate(4.18, 4.0, 4.36),
            "ideal_speedup": Estimate(7.89),
        },
        passes=8,
    ),
    Measurement(replace(SEPARABLE, stride=2), Status.FAILED, TRACEBACK),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    with Store(path) as store:
        number = store.begin_run(RUN)
        store.put_measurements(number, MEASUREMENTS)
        store.finish_run(
            number,
            state="done",
            finished_at="2026-03-01T10:01:00+00:00",
            timing={"total_s": 58.0, "timed_s": 41.0, "passes": 8},
        )
    return path


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


def test_the_facts_of_the_run_come_first(sepconv: Sepconv) -> None:
    lines = sepconv("show").splitlines()

    assert lines[:7] == [
        "run          1 of suite quick, done",
        "started      2026-03-01 10:00:00 UTC",
        "commit       c0ffee000000 on main: Make it faster",
        "machine      Some CPU, 4 cores, 16 GiB",
        "environment  torch 2.13.0, Python 3.11, tuned allocator",
        "passes       8",
        "time         total 58 s, timed 41 s",
    ]


def test_every_case_has_a_row_with_its_intervals(sepconv: Sepconv) -> None:
    printed = sepconv("show")

    rows = printed[printed.index("─\n") + 2 :].splitlines()
    standard, separable, failed = (row for row in rows if "standard" in row or "separable" in row)
    assert "2.11 ms ± 0.95 %" in standard
    assert "36.9 k" in standard
    assert "500 µs ± 10 %" in separable
    assert "4.2× ± 4.3 %" in separable
    assert "53% of 7.9×" in separable
    assert "failed: RuntimeError: no kernel [red][31m" in failed
    assert "\x1b" not in printed


def test_axes_that_all_cases_share_are_said_once() -> None:
    cells = case_cells(MEASUREMENTS)

    assert list(cells[0])[:2] == ["conv type", "stride"]
    assert shared_axes([STANDARD, SEPARABLE]) == {
        "channels": "64",
        "resolution": "56",
        "kernel size": "3",
        "stride": "1",
        "batch size": "1",
    }
    training = replace(STANDARD, direction="training", out_channels=128, kernel_size=(3, 1))
    assert shared_axes([training])["direction"] == "training"
    assert shared_axes([training])["channels"] == "64→128"
    assert shared_axes([training])["kernel size"] == "3×1"


@pytest.mark.parametrize("reference", ["1", "latest", "c0ffee", "a1b2c3"])
def test_a_run_can_be_named_in_several_ways(sepconv: Sepconv, reference: str) -> None:
    assert json.loads(sepconv("show", reference, "--format", "json"))["run"]["uid"] == RUN.uid


def test_an_unknown_run_is_bad_input(sepconv: Sepconv) -> None:
    assert "there is no run '7'; the store has run 1" in sepconv("show", "7", code=2)


def test_json_is_the_run_and_its_cases(sepconv: Sepconv) -> None:
    plain = json.loads(sepconv("show", "--format", "json"))

    assert plain["run"]["run"] == 1
    assert plain["run"]["timing"]["timed_s"] == 41.0
    standard, separable, failed = plain["cases"]
    assert Case.from_dict(standard["case"]) == STANDARD
    assert separable["values"]["realised_speedup"] == {"value": 4.18, "low": 4.0, "high": 4.36}
    assert (failed["status"], failed["error"]) == ("failed", TRACEBACK)


def test_csv_has_a_column_per_axis_and_metric(sepconv: Sepconv) -> None:
    standard, separable, failed = csv.DictReader(io.StringIO(sepconv("show", "--format", "csv")))

    assert standard["latency_s"] == "0.00211"
    assert separable["realised_speedup_high"] == "4.36"
    assert "ideal_speedup_high" not in separable
    assert (failed["stride"], failed["status"], failed["latency_s"]) == ("2", "failed", "")
    assert failed["error"].endswith("RuntimeError: no kernel [red][31m")


def test_markdown_has_the_facts_and_the_cases(sepconv: Sepconv) -> None:
    printed = sepconv("show", "--format", "markdown")

    assert "| 1 of suite quick, done |" in printed
    assert "| depthwise separable | 1 | 500 µs ± 10 % |" in printed
    assert "failed: RuntimeError: no kernel \\[red\\]" in printed


def test_a_selection_leaves_the_cases_it_names(sepconv: Sepconv) -> None:
    plain = json.loads(sepconv("show", "--where", "stride=2", "--format", "json"))

    assert [case["status"] for case in plain["cases"]] == ["failed"]


@pytest.mark.parametrize("where", ["stride=7", "strid=2"])
def test_a_selection_of_nothing_is_bad_usage(sepconv: Sepconv, where: str) -> None:
    assert where in sepconv("show", "--where", where, code=2)


def test_a_run_without_cases_says_so(path: Path, sepconv: Sepconv) -> None:
    with Store(path) as store:
        store.begin_run(
            replace(
                RUN,
                uid="b" * 32,
                revision=None,
                started_at="2026-03-02T10:00:00+00:00",
                conditions={"no_commit_because": "no git here"},
            )
        )

    printed = sepconv("show")

    assert "no case was measured" in printed
    assert "no git here" in printed


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@me", "'@me"),
        ("-1.5", "-1.5"),
        (-1.5, "-1.5"),
        ("-x", "'-x"),
        ("\t=x", "'=x"),
        (None, ""),
        ({"ok": 1, "failed": 2}, '"ok 1, failed 2"'),
    ],
)
def test_a_spreadsheet_runs_no_cell(
    cell: object, written: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows([{"first": "x", "cell": cell}], "csv")

    assert capsys.readouterr().out == f"first,cell\nx,{written}\n"


def test_no_rows_print_nothing_but_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    for output_format in ("csv", "markdown", "json"):
        print_rows([], output_format)

    assert capsys.readouterr().out == "[]\n"


def test_an_error_is_told_by_its_first_line_and_a_traceback_by_its_last() -> None:
    assert headline(TRACEBACK) == "RuntimeError: no kernel [red][31m"
    assert headline("killed by SIGSEGV\nExtension modules: torch") == "killed by SIGSEGV"
    assert headline("\n \n") == headline(None) == ""
    assert inert("a\tb\r\nc\x07") == "a b c"


@pytest.mark.parametrize("width", [80, 110])
def test_a_terminal_shows_every_value_of_the_table_whole(width):
    """At 80 columns params and FLOPs are left out, rather than everything cut."""
    console = Console(width=width, file=io.StringIO())

    console.print(case_table(TIDY, console.width))

    printed = console.file.getvalue()
    assert "…" not in printed
    assert "64 56×56" in printed
    assert "4.2× ± 4.8 %" in printed
    assert "7.9×" in printed
    assert ("FLOPs" in printed) == (width == 110)


def test_the_conv_types_of_one_shape_stand_next_to_each_other():
    shapes = [measurement.case.shape.identity for measurement in by_shape(TIDY)]

    assert shapes == sorted(shapes, key=shapes.index)


TIDY = [
    Measurement(
        Case(
            conv_type=conv_type,
            in_channels=channels,
            out_channels=channels,
            height=56,
            width=56,
            stride=stride,
            batch_size=batch_size,
        ),
        Status.NOISY,
        values={
            "latency_s": Estimate(0.00211, 0.00201, 0.00221),
            "realised_speedup": Estimate(4.2, 4.0, 4.4),
            "ideal_speedup": Estimate(7.9),
            "params": Estimate(36864),
            "flops": Estimate(231211008),
        },
        passes=8,
    )
    for conv_type in ("standard", "depthwise_separable", "spatially_separable")
    for channels in (64, 128)
    for stride, batch_size in ((1, 1), (2, 32))
]
