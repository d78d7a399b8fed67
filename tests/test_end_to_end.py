"""The main job as a user does it: real processes, a real store, a real page."""

import json
import os
import signal
import subprocess
import sys
import time
from math import exp
from pathlib import Path

import pytest

from sepconv import Store, load
from sepconv.bench.lock import DeviceLock
from sepconv.ratio import trim
from sepconv.record import Status

pytestmark = pytest.mark.slow  # whole runs, each of which starts servers

SUITE = """
name = "tiny"
time_budget = "20s"
precision = "20%"
[axes]
conv_type = ["standard", "depthwise_separable", "spatially_separable"]
channels = [8, 16]
resolution = [14]
stride = [1, 2]
[[exclude]]
channels = 16
stride = 2
[[include]]
conv_type = ["standard", "depthwise_separable"]
channels = [4]
resolution = [14]
direction = ["training"]
"""
ONE_SHAPE = """
name = "one"
[axes]
conv_type = ["standard", "depthwise_separable"]
channels = [8]
resolution = [14]
"""  # without a time budget, which a busy machine could use up before it measures
CASES = 11
SLOTS = 14  # in seven rings of two: standard has a slot with each of its partners


def sepconv(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sepconv", *arguments],
        cwd=cwd,
        env=os.environ | {"SEPCONV_STORE": "", "COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """A folder in which a tiny suite was run twice."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "tiny.toml").write_text(SUITE)
    for _ in range(2):
        answer = sepconv("run", "tiny.toml", cwd=folder)
        assert answer.returncode == 0, answer.stderr
        (folder / "printed.txt").write_text(answer.stdout)
    return folder


def test_a_run_measures_every_case_in_several_passes_and_stores_every_block(measured):
    with Store(f"sqlite:///{measured}/results/sepconv.db", read_only=True) as store:
        run = store.find_run("latest")
        measurements = store.measurements(run.id)
        blocks = store.blocks(run.id)
        pairs = store.pairs(run.id)
        slots = {(slot.ring, slot.arm): slot for slot in store.plan(run.id)}

    assert run.state == "done"
    assert len(measurements) == CASES
    assert len(slots) == SLOTS
    assert {m.status for m in measurements} <= {Status.OK, Status.NOISY, Status.FAULTING}
    assert all(m.passes >= 2 for m in measurements)
    assert len(blocks) == 2 * len(pairs) >= 2 * SLOTS
    assert all(
        (block.case, block.summary.calls, block.summary.count)
        == ((slot := slots[block.ring, block.arm]).case, slot.calls, slot.rounds)
        for block in blocks
        if block.pass_number == 1  # the time may cut a later one short
    )


def test_a_speed_up_is_that_of_the_pairs_of_its_ring(measured):
    with Store(f"sqlite:///{measured}/results/sepconv.db", read_only=True) as store:
        run = store.find_run("latest")
        measurements = store.measurements(run.id)
        pairs = store.pairs(run.id)

    for measurement in measurements:
        own = [p.cpu.quiet_mean for p in pairs if p.head == measurement.case]
        speedup = measurement.values.get("realised_speedup")
        if measurement.case.conv_type == "standard":
            assert (own, speedup) == ([], None)
        else:
            assert speedup.value == pytest.approx(exp(-trim(own).mean))


def test_every_value_has_its_interval_and_the_exact_ones_need_none(measured):
    frame = load(f"sqlite:///{measured}/results/sepconv.db")
    latency = frame[frame.metric == "latency_s"]
    flops = frame[frame.metric == "flops"]

    assert len(latency) == 2 * CASES
    assert (latency.low < latency.value).all()
    assert (latency.value < latency.high).all()
    assert (latency.value > 0).all()
    assert flops.low.isna().all()
    assert set(frame[frame.metric == "realised_speedup"].conv_type) == {
        "depthwise_separable",
        "spatially_separable",
    }


def test_a_training_step_is_measured_as_one_and_costs_more_than_its_forward_pass(measured):
    frame = load(f"sqlite:///{measured}/results/sepconv.db")
    training = frame[(frame.direction == "training") & (frame.metric == "flops")]

    standard = training[training.conv_type == "standard"]
    assert len(standard) == 2
    assert (standard.value == 2 * 2 * 14 * 14 * 4 * 4 * 9).all()  # the input needs no gradient


def test_the_environment_and_the_timing_are_told(measured):
    with Store(f"sqlite:///{measured}/results/sepconv.db", read_only=True) as store:
        run = store.find_run("latest")

    assert run.environment.torch
    assert run.environment.allocator in ("tuned", "default")
    assert run.machine.logical_cores >= 1
    assert set(run.timing) == {"starting_s", "warmup_s", "timed_s", "between_s"}
    assert all(seconds > 0 for seconds in run.timing.values())


def test_the_outcome_is_a_table_a_sentence_and_the_next_command(measured):
    printed = (measured / "printed.txt").read_text()

    assert "depthwise separable" in printed
    assert "of an ideal" in printed
    assert "timed " in printed
    assert "next: sepconv report --open" in printed


def test_the_report_of_a_store_draws_both_runs(measured):
    answer = sepconv("report", "--output", "page.html", cwd=measured)

    page = (measured / "page.html").read_text()
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "page.html"
    assert page.rstrip().endswith("</html>")


def test_runs_and_show_tell_what_is_stored(measured):
    runs = json.loads(sepconv("runs", "--format", "json", cwd=measured).stdout)
    shown = sepconv("show", "1", "--where", "channels=8", cwd=measured)

    assert [run["suite"] for run in runs] == ["tiny", "tiny"]
    assert shown.returncode == 0
    assert "spatially separable" in shown.stdout


def test_a_run_can_be_printed_as_data_that_a_program_reads(tmp_path):
    (tmp_path / "one.toml").write_text(ONE_SHAPE)

    answer = sepconv("run", "one.toml", "--format", "json", cwd=tmp_path)

    printed = json.loads(answer.stdout)
    assert [case["case"]["conv_type"] for case in printed["cases"]] == [
        "standard",
        "depthwise_separable",
    ]
    assert printed["cases"][1]["values"]["realised_speedup"]["value"] > 0
    assert "next: sepconv report" in answer.stderr


def test_two_runs_of_one_suite_share_their_series(measured):
    with Store(f"sqlite:///{measured}/results/sepconv.db", read_only=True) as store:
        series = list(store.series("latency_s"))

    assert len(series) == CASES
    assert all(len(each.points) == 2 for each in series)


def test_a_dry_run_prints_the_cases_their_number_and_the_time_and_measures_nothing(tmp_path):
    (tmp_path / "tiny.toml").write_text(SUITE)

    answer = sepconv("run", "tiny.toml", "--where", "stride=2", "--dry-run", cwd=tmp_path)

    *cases, last = answer.stdout.splitlines()
    assert answer.returncode == 0
    assert len(cases) == 3
    assert all("-s2-" in case for case in cases)
    assert last.startswith("3 cases of tiny, about ")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "nonesuch"], "nonesuch"),
        (["run", "broken.toml"], "broken.toml: axes.chanels"),
        (["run", "tiny.toml", "--where", "stride=7"], "none matches"),
        (["run", "tiny.toml", "--where", "strid=1"], "expected an axis"),
        (["run", "tiny.toml", "--time-budget", "soon"], "duration"),
        (["run", "tiny.toml", "--store", "sqlite://"], "name a file with --store"),
        (["show", "7"], "run `sepconv quick` first"),
        (["no-such-command"], "No such command"),
    ],
)
def test_wrong_input_is_told_in_one_place_with_exit_code_2(tmp_path, arguments, told):
    (tmp_path / "tiny.toml").write_text(SUITE)
    (tmp_path / "broken.toml").write_text('name = "b"\n[axes]\nchanels = [1]\n')

    answer = sepconv(*arguments, cwd=tmp_path)

    assert answer.returncode == 2, answer.stderr
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_run_in_which_nothing_could_be_measured_ends_with_code_3(tmp_path):
    (tmp_path / "meta.toml").write_text(
        'name = "meta"\n[axes]\nconv_type = ["standard"]\nchannels = [8]\nresolution = [14]\n'
        'device = ["meta"]\n'
    )

    answer = sepconv("run", "meta.toml", cwd=tmp_path)

    assert answer.returncode == 3
    assert "Nothing was measured" in answer.stdout
    frame = load(f"sqlite:///{tmp_path}/results/sepconv.db")
    assert set(frame.status) == {"unsupported"}


def test_a_failed_case_ends_a_run_with_code_3_and_keeps_the_others(tmp_path):
    (tmp_path / "one.toml").write_text(ONE_SHAPE.replace("depthwise_separable", "imaginary"))

    answer = sepconv("run", "one.toml", cwd=tmp_path)

    frame = load(f"sqlite:///{tmp_path}/results/sepconv.db")
    failed = frame[frame.conv_type == "imaginary"]
    assert answer.returncode == 3, answer.stderr
    assert set(failed.status) == {"failed"}
    assert "unknown conv type" in failed.error.iloc[0]
    assert (frame[(frame.conv_type == "standard")].status != "failed").all()


def test_an_interrupted_run_keeps_what_it_measured_and_goes_on_from_there(tmp_path):
    (tmp_path / "tiny.toml").write_text(SUITE)
    with subprocess.Popen(
        [sys.executable, "-m", "sepconv", "run", "tiny.toml"],
        cwd=tmp_path,
        env=os.environ | {"SEPCONV_STORE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("pass 2"):
                process.send_signal(signal.SIGINT)
                break
        printed, _ = process.communicate(timeout=60)

    def stored():
        with Store(f"sqlite:///{tmp_path}/results/sepconv.db", read_only=True) as store:
            run = store.find_run("latest")
            return run, store.blocks(run.id), store.measurements(run.id)

    run, blocks, _ = stored()
    assert process.returncode == 130
    assert (
        "interrupted: what was measured is stored; continue with: sepconv run --resume\n" in printed
    )
    assert run.state == "interrupted"
    assert SLOTS <= len(blocks) < 3 * SLOTS

    resumed = sepconv("run", "--resume", cwd=tmp_path)

    again, all_blocks, measurements = stored()
    assert resumed.returncode == 0, resumed.stderr
    assert (again.uid, again.state) == (run.uid, "done")
    assert all_blocks[: len(blocks)] == blocks
    assert len(all_blocks) == SLOTS * run.passes
    assert {m.passes for m in measurements} == {run.passes}
    assert all(again.timing[phase] > run.timing[phase] for phase in run.timing)

    finished = sepconv("run", "--resume", cwd=tmp_path)

    assert finished.returncode == 2
    assert "every run in sqlite:///results/sepconv.db is done" in finished.stderr


@pytest.mark.parametrize(
    ("moment", "blocks_at_least", "statuses", "error"),
    [
        ("pass 1", 0, {"missing"}, "the run ended before its turn"),
        ("pass 3", 2 * SLOTS, {"ok", "noisy", "faulting"}, None),  # of the first pass at least
    ],
)
def test_a_run_that_is_killed_leaves_its_blocks_and_says_what_it_lacks(
    tmp_path, moment, blocks_at_least, statuses, error
):
    (tmp_path / "tiny.toml").write_text(SUITE)
    url = f"sqlite:///{tmp_path}/results/sepconv.db"
    with subprocess.Popen(
        [sys.executable, "-m", "sepconv", "run", "tiny.toml"],
        cwd=tmp_path,
        env=os.environ | {"SEPCONV_STORE": ""},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(moment):
                process.kill()
                break

    with Store(url, read_only=True) as store:
        run = store.find_run("latest")
        blocks = store.blocks(run.id)
    frame = load(url)
    assert run.state == "running"  # nobody was left to say otherwise
    assert len(blocks) >= blocks_at_least
    assert set(frame.status) <= statuses
    assert set(frame.error) == {error}
    assert (frame[frame.metric == "params"].value > 0).all()


def test_plain_pytest_measures_one_pass_of_what_it_selects_without_intervals(tmp_path):
    benchmarks = Path(__file__).parents[1] / "benchmarks"
    url = f"sqlite:///{tmp_path}/own.db"
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(benchmarks), "--suite", "quick", "--store", url),
            *("-k", "depthwise and cpu and 14x14 and s1 and b1", "-p", "no:cacheprovider"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    frame = load(url)
    latency = frame[frame.metric == "latency_s"]
    assert answer.returncode == 0, answer.stdout
    assert "one pass, so no interval" in answer.stdout
    assert set(latency.conv_type) == {"depthwise_separable"}
    assert set(latency.height) == {14}
    assert latency.low.isna().all()
    assert (latency.value > 0).all()


def test_a_second_sweep_on_a_device_is_refused_or_waits(tmp_path):
    (tmp_path / "one.toml").write_text(ONE_SHAPE)
    command = ["run", "one.toml"]
    with DeviceLock(["cpu"]):
        refused = sepconv(*command, cwd=tmp_path)
        assert not (tmp_path / "results").exists()
        launched_at = time.monotonic()
        waiting = subprocess.Popen(
            [sys.executable, "-m", "sepconv", *command, "--wait"],
            cwd=tmp_path,
            env=os.environ | {"SEPCONV_STORE": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        told = waiting.stderr.readline()
        told_at = time.monotonic()
        time.sleep(2)

    waited_s = time.monotonic() - told_at
    waiting.communicate(timeout=120)
    whole_s = time.monotonic() - launched_at
    assert refused.returncode == 2
    assert f"by another sweep (process {os.getpid()} since" in refused.stderr
    assert "--wait" in refused.stderr
    assert told.startswith("waiting for cpu, held by process")
    assert waiting.returncode == 0
    with Store(f"sqlite:///{tmp_path}/results/sepconv.db", read_only=True) as store:
        run = store.find_run("latest")
    assert sum(run.timing.values()) <= whole_s - waited_s  # no budget pays for the waiting


def test_plain_pytest_measures_on_no_device_that_is_taken(tmp_path):
    benchmarks = Path(__file__).parents[1] / "benchmarks"
    with DeviceLock(["cpu"]):
        answer = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", str(benchmarks), "--store", "none"),
                *("-k", "16-14x14", "-p", "no:cacheprovider"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert answer.returncode == pytest.ExitCode.USAGE_ERROR
    assert "cpu is being measured by another sweep" in answer.stderr


def test_a_suite_of_two_allocators_makes_two_linked_runs(tmp_path):
    (tmp_path / "both.toml").write_text(
        ONE_SHAPE.replace("[axes]", 'allocators = ["tuned", "default"]\n[axes]')
    )

    answer = sepconv("run", "both.toml", cwd=tmp_path)

    with Store(f"sqlite:///{tmp_path}/results/sepconv.db", read_only=True) as store:
        second, first = (stored.run for stored in store.runs())
    assert answer.returncode == 0, answer.stderr
    assert first.linked_uid == second.linked_uid == first.uid
    assert second.environment.allocator == "default"
    assert "runs 1 and 2 are stored" in answer.stdout
    if first.environment.allocator == "tuned":  # where there is a glibc to tune
        assert "with the default allocator a call takes: standard " in answer.stdout


def test_somebodys_own_conv_type_is_measured_beside_ours(tmp_path):
    (tmp_path / "one.toml").write_text(ONE_SHAPE)
    (tmp_path / "own.py").write_text(
        "from torch import nn\n\n"
        "def pointwise(case):\n"
        "    return nn.Conv2d(case.in_channels, case.out_channels, 1, case.stride)\n\n"
        'CONV_TYPES = {"pointwise": pointwise}\n'
    )
    answer = sepconv(
        *("run", "one.toml", "--conv-types", "own.py"),
        *("--where", "conv_type in (standard, pointwise)"),
        cwd=tmp_path,
    )

    frame = load(f"sqlite:///{tmp_path}/results/sepconv.db")
    with Store(f"sqlite:///{tmp_path}/results/sepconv.db", read_only=True) as store:
        conditions = store.find_run("latest").conditions
    assert answer.returncode == 0, answer.stderr
    assert set(frame.conv_type) == {"standard", "pointwise"}
    assert "realised_speedup" in set(frame[frame.conv_type == "pointwise"].metric)
    assert conditions["conv_types_digest"]
    assert conditions["asked"]["conv_types"] == str(tmp_path / "own.py")


def test_plain_pytest_stores_nothing_where_nothing_is_timed(tmp_path):
    benchmarks = Path(__file__).parents[1] / "benchmarks"
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(benchmarks), "--benchmark-disable", "-q"),
            *("-k", "16-14x14", "-p", "no:cacheprovider"),
        ],
        cwd=tmp_path,
        env=os.environ | {"SEPCONV_STORE": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout
    assert not (tmp_path / "results").exists()


def test_plain_pytest_names_what_is_wrong_with_its_suite(tmp_path):
    benchmarks = Path(__file__).parents[1] / "benchmarks"
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", str(benchmarks), "--suite", "nonesuch"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nonesuch" in answer.stderr


@pytest.mark.parametrize("command", [["--help"], ["cost", "note"], ["run", "quick", "--dry-run"]])
def test_commands_that_measure_nothing_start_without_torch(command):
    program = (
        "import sys\nfrom sepconv.cli import main\n"
        f"try:\n    main({command!r})\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "loaded = {'torch', 'pandas', 'scipy', 'plotly'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr


def test_the_time_of_a_run_does_not_count_what_a_script_did_before_in_its_process(tmp_path):
    """`scripts/quickstart` makes the environment, then becomes `sepconv quick`."""
    (tmp_path / "one.toml").write_text(ONE_SHAPE)
    command = f"sleep 5; exec {sys.executable} -m sepconv run one.toml"
    begun = time.perf_counter()

    subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env=os.environ | {"SEPCONV_STORE": ""},
        capture_output=True,
        check=True,
    )

    whole_s = time.perf_counter() - begun
    with Store(f"sqlite:///{tmp_path}/results/sepconv.db", read_only=True) as store:
        run = store.find_run("latest")
    assert sum(run.timing.values()) <= whole_s - 5
