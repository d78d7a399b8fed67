from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from sepconv.case import Case
from sepconv.cli import main
from sepconv.record import Block, Estimate, Measurement, Round, Status
from sepconv.run import Environment, Machine, Revision, Run
from sepconv.store import Store

RUN = Run(
    uid="a1b2c3d4" * 4,
    suite="quick",
    started_at="2026-03-01T10:00:00+00:00",
    machine=Machine("Some CPU", "x86_64", 2, 4, 16),
    environment=Environment("3.11", "2.13.0", (), "AVX2", "tuned"),
    revision=Revision("c0ffee" + "0" * 34, (), "", "", "Make it faster"),
    branch="main",
    dirty=False,
    state="done",
)
STANDARD = Case(conv_type="standard", in_channels=64, out_channels=64, height=56, width=56)
SEPARABLE = replace(STANDARD, conv_type="depthwise_separable")
MEASUREMENTS = [
    Measurement(
        STANDARD,
        Status.OK,
        values={"latency_s": Estimate(0.002, 0.0019, 0.0021), "params": Estimate(36864)},
        passes=8,
    ),
    Measurement(
        SEPARABLE,
        Status.NOISY,
        values={"latency_s": Estimate(0.0005), "realised_speedup": Estimate(4.0, 3.8, 4.2)},
        passes=1,
    ),
    Measurement(replace(SEPARABLE, stride=2), Status.TIMED_OUT, "30 s"),
    Measurement(replace(SEPARABLE, height=28), Status.TIMED_OUT, "30 s"),
    Measurement(replace(STANDARD, device="cuda"), Status.UNSUPPORTED, "no such device"),
]
BENCHMARKS = """
import pytest

@pytest.mark.parametrize("cin", [3, 16])
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise(benchmark, cin, stride):
    benchmark(sorted, list(range(cin * stride)))
"""


class Printed(NamedTuple):
    """What a command printed on its two streams."""

    out: str
    err: str


Sepconv = Callable[..., Printed]


@pytest.fixture
def sepconv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sepconv:
    """Run a command in the test's folder, on its store; what it prints, if it ends as expected."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEPCONV_STORE", "store.db")

    def sepconv(*arguments: str, code: int = 0) -> Printed:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = Printed(*capsys.readouterr())
        assert ended.value.code == code, printed.err
        return printed

    return sepconv


@pytest.fixture
def stored(tmp_path: Path) -> None:
    """A run of five cases, of which two have a value, and one its rounds."""
    with Store(tmp_path / "store.db") as store:
        number = store.begin_run(RUN)
        store.put_measurements(number, MEASUREMENTS)
        rounds = tuple(Round(0.02 + each / 1e4, 0.019) for each in range(5))
        store.add_block(
            number,
            Block(
                case=STANDARD,
                pass_number=1,
                calls=10,
                rounds=rounds,
                first_call_s=0.25,
                warmup_s=0.5,
                started_at="2026-03-01T10:00:01+00:00",
            ),
        )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What somebody's own suite wrote: parameters with names of their own, and no resolution."""
    folder = tmp_path_factory.mktemp("history")
    (folder / "test_mine.py").write_text(BENCHMARKS)
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(
        [*pytest_command, "--benchmark-max-time=0.005", "--benchmark-json=mine.json", "."],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "mine.json"


MAPPING = ("--map", "cin=channels", "--set", "resolution=28")


def test_a_history_becomes_a_run(sepconv: Sepconv, history: Path) -> None:
    printed = sepconv("import", str(history), *MAPPING)

    assert printed.out == f"{history} is now run 1: 4 cases\n"
    shown = json.loads(sepconv("show", "--format", "json").out)
    assert shown["run"]["conditions"]["imported_from"] == "pytest-benchmark"
    plain = json.loads(history.read_text())["benchmarks"]
    for case, benchmark in zip(shown["cases"], plain, strict=True):
        assert case["status"] == "noisy"
        assert case["case"]["conv_type"] == "test_depthwise"
        assert case["case"]["in_channels"] == benchmark["params"]["cin"]
        median = benchmark["stats"]["median"]
        assert case["values"]["latency_s"] == {"value": median, "low": None, "high": None}
        assert case["values"]["throughput_per_s"]["value"] == pytest.approx(1 / median)


def test_a_known_conv_type_brings_its_arithmetic(sepconv: Sepconv, history: Path) -> None:
    sepconv("import", str(history), *MAPPING, "--conv-type", "depthwise_separable")

    [case, *_] = json.loads(sepconv("show", "--format", "json").out)["cases"]
    assert case["values"]["params"]["value"] == 3 * 9 + 3 * 3
    assert {"macs", "flops", "ideal_speedup"} <= case["values"].keys()


def test_an_imported_run_can_be_shown_and_reported(
    sepconv: Sepconv, history: Path, tmp_path: Path
) -> None:
    sepconv("import", str(history), *MAPPING, "--conv-type", "standard")

    assert "pytest-benchmark" in sepconv("runs").out
    assert "28×28" in sepconv("show").out
    sepconv("report", "--output", "report.html")
    assert "pytest-benchmark" in (tmp_path / "report.html").read_text()


def test_importing_again_changes_nothing(sepconv: Sepconv, history: Path) -> None:
    sepconv("import", str(history), *MAPPING)

    again = sepconv("import", str(history), str(history), *MAPPING)

    assert again.out == f"{history} is run 1 already: nothing to add\n" * 2
    assert len(json.loads(sepconv("runs", "--format", "json").out)) == 1


def test_what_describes_no_case_says_what_to_type(
    sepconv: Sepconv, history: Path, tmp_path: Path
) -> None:
    printed = sepconv("import", str(history), code=2)

    assert printed.err == (
        f"sepconv: error: {history}: none of its 4 benchmarks describes a case; "
        "nothing says in_channels, out_channels, height, width; "
        "parameters that are not used: cin; try --map cin=in_channels "
        "--set out_channels=N --set resolution=N\n"
    )
    assert not (tmp_path / "store.db").exists()


def test_what_is_left_out_is_listed_with_its_reason(
    sepconv: Sepconv, history: Path, tmp_path: Path
) -> None:
    plain = json.loads(history.read_text())
    plain["benchmarks"][0]["params"] = {"x": 1}
    plain["benchmarks"][1]["params"] |= {"seed": 7}
    (tmp_path / "mixed.json").write_text(json.dumps(plain))

    printed = sepconv("import", "mixed.json", *MAPPING)

    assert printed.out == "mixed.json is now run 1: 3 cases\n"
    assert printed.err.splitlines() == [
        "sepconv: mixed.json: 1 benchmark left out:",
        f"sepconv: benchmarks[0] {plain['benchmarks'][0]['name']}: "
        "nothing says its in_channels, out_channels",
        "sepconv: try --set channels=N",
        "sepconv: mixed.json: not part of the case: seed; to make it so: --map seed=options.seed",
    ]


def test_a_long_list_of_what_is_left_out_is_cut(
    sepconv: Sepconv, history: Path, tmp_path: Path
) -> None:
    plain = json.loads(history.read_text())
    bad = plain["benchmarks"][0] | {"params": {"cin": 0}, "name": "bad\x1b[31m"}
    plain["benchmarks"] += [bad] * 30
    (tmp_path / "long.json").write_text(json.dumps(plain))

    printed = sepconv("import", "long.json", *MAPPING)

    assert len(printed.err.splitlines()) == 22
    assert printed.err.endswith("sepconv: and 10 more\n")
    assert "\x1b" not in printed.err


def test_a_dry_run_lists_the_cases_and_makes_no_store(
    sepconv: Sepconv, history: Path, tmp_path: Path
) -> None:
    lines = sepconv("import", str(history), *MAPPING, "--dry-run").out.splitlines()

    assert lines[0] == f"{history} would be a run of 4 cases:"
    assert any("test_depthwise-16-28x28-k3-s2-b1-cpu, " in line for line in lines)
    assert not (tmp_path / "store.db").exists()


def test_one_bad_file_among_good_ones_changes_nothing(
    sepconv: Sepconv, history: Path, tmp_path: Path
) -> None:
    plain = json.loads(history.read_text())
    plain["benchmarks"][3]["stats"]["median"] = "fast"
    (tmp_path / "bad.json").write_text(json.dumps(plain))

    printed = sepconv("import", str(history), "bad.json", *MAPPING, code=2)

    assert printed.err == (
        'sepconv: error: bad.json: benchmarks[3].stats.median: expected seconds > 0, found "fast"\n'
    )
    assert not (tmp_path / "store.db").exists()


def test_a_file_that_is_not_there_is_told(sepconv: Sepconv) -> None:
    printed = sepconv("import", "nowhere.json", code=2)

    assert printed.err == (
        "sepconv: error: nowhere.json: cannot be read: No such file or directory\n"
    )


@pytest.mark.parametrize("kind", ["[", '{"a":'])
def test_a_bomb_is_one_line(sepconv: Sepconv, tmp_path: Path, kind: str) -> None:
    (tmp_path / "bomb.json").write_text(kind * (10_000_000 // len(kind)))

    printed = sepconv("import", "bomb.json", code=2)

    assert printed.err.splitlines() == [
        "sepconv: error: bomb.json: the JSON is nested too deeply to be results"
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--map", "cin"], "'cin' is not of the form cin=in_channels"),
        (["--map", "=channels"], "is not of the form"),
        (["--map", "cin=chanels"], "'chanels' in 'cin=chanels' is none of the axes channels"),
        (["--map", "cim=threads", *MAPPING], "--map: cim: no benchmark has that parameter"),
        (["--set", "chanels=3"], "expected an axis"),
        (["--set", "stride"], "expected '='"),
        (["--format", "asv"], "'asv' is not one of pytest-benchmark."),
        (["--format", "bencher"], "'bencher' is not one of pytest-benchmark."),
    ],
)
def test_wrong_usage_of_import_is_told(
    sepconv: Sepconv, history: Path, arguments: list[str], said: str
) -> None:
    assert said in sepconv("import", str(history), *arguments, code=2).err


@pytest.mark.usefixtures("stored")
def test_an_export_goes_to_standard_output_and_says_what_it_lacks(sepconv: Sepconv) -> None:
    printed = sepconv("export", "--format", "bencher")

    assert json.loads(printed.out) == {
        STANDARD.label: {
            "latency": {"value": 2e6, "lower_value": 1.9e6, "upper_value": 2.1e6},
        },
        SEPARABLE.label: {
            "latency": {"value": 5e5},
            "realised-speedup": {"value": 4.0, "lower_value": 3.8, "upper_value": 4.2},
        },
    }
    assert printed.err == ("sepconv: 3 of 5 cases have no value: 2 timed_out, 1 unsupported\n")


@pytest.mark.usefixtures("stored")
def test_an_export_goes_into_a_file(sepconv: Sepconv, tmp_path: Path) -> None:
    printed = sepconv(
        *("export", "c0ffee", "--format", "github-action-benchmark"),
        *("--where", "conv_type=standard and device=cpu", "--output", "new/bench.json"),
    )

    [entry] = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert (entry["name"], entry["value"], entry["range"]) == (STANDARD.label, 2e6, "± 100000")
    assert printed.out == ""
    assert printed.err == (
        "wrote new/bench.json: 1 case of run 1, for github-action-benchmark, "
        "customSmallerIsBetter\n"
    )


@pytest.mark.usefixtures("stored")
def test_another_metric_can_be_exported(sepconv: Sepconv) -> None:
    printed = sepconv(
        *("export", "--format", "github-action-benchmark", "--metric", "realised_speedup"),
        *("--output", "-"),
    )

    [entry] = json.loads(printed.out)
    assert (entry["name"], entry["value"]) == (SEPARABLE.label, 4.0)
    assert "4 of 5 cases have no value: 1 without realised_speedup, 2 timed_out" in printed.err
    assert "customBiggerIsBetter" in printed.err


@pytest.mark.usefixtures("stored")
def test_what_was_exported_is_the_same_run_in_another_store(
    sepconv: Sepconv, tmp_path: Path
) -> None:
    sepconv("export", "--output", "run.json")

    assert "was exported from run 1: nothing to add" in sepconv("import", "run.json").out
    sepconv("import", "run.json", "--store", "other.db")
    with Store(tmp_path / "store.db") as here, Store(tmp_path / "other.db") as there:
        assert there.measurements(1) == here.measurements(1)[:2]
        theirs, ours = there.blocks(1)[0].summary, here.blocks(1)[0].summary
        assert theirs.wall.quantiles == pytest.approx(ours.wall.quantiles)
        assert there.find_run("1").machine == here.find_run("1").machine


@pytest.mark.usefixtures("stored")
def test_real_pytest_benchmark_compares_an_export_with_its_own_file(
    sepconv: Sepconv, history: Path, tmp_path: Path
) -> None:
    sepconv("export", "--output", "run.json")
    script = shutil.which("pytest-benchmark", path=str(Path(sys.executable).parent))
    assert script is not None

    answer = subprocess.run(
        [script, "compare", str(tmp_path / "run.json"), str(history)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    assert STANDARD.label in answer.stdout
    assert SEPARABLE.label in answer.stdout


@pytest.mark.usefixtures("stored")
def test_nothing_to_export_is_not_done_and_writes_nothing(sepconv: Sepconv, tmp_path: Path) -> None:
    printed = sepconv("export", "--where", "stride=2", "--output", "run.json", code=3)

    assert "1 of 1 cases has no value: 1 timed_out" in printed.err
    assert "nothing to export" in printed.err
    assert not (tmp_path / "run.json").exists()


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["7"], "there is no run '7'"),
        (["--where", "stride=9"], "no case of run 1 is left"),
        (["--format", "csv"], "'csv' is not one of pytest-benchmark, bencher, github"),
        (["--metric", "flops"], "pytest-benchmark keeps only latency_s, cpu_latency_s"),
        (["--metric", "speed"], "'speed' is not one of"),
        (["--output", "store.db/run.json"], "cannot write"),
    ],
)
def test_wrong_usage_of_export_is_told(sepconv: Sepconv, arguments: list[str], said: str) -> None:
    assert said in sepconv("export", *arguments, code=2).err


def test_the_help_lists_the_formats(sepconv: Sepconv) -> None:
    assert "[pytest-benchmark|bencher|github-action-benchmark]" in sepconv("export", "--help").out
    assert "[pytest-benchmark]" in sepconv("import", "--help").out
