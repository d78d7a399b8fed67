"""`sepconv compare` as its users type it: real repositories, real processes, a real store."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from sepconv import Store
from sepconv.case import Case
from sepconv.comparison import Outcome, Stage
from sepconv.record import Estimate, Measurement, Status
from sepconv.run import Environment, Machine, Run
from tests.repository import commit, git, init, state

pytestmark = pytest.mark.slow  # real contests, each of which starts servers

ROOT = Path(__file__).parents[2]
SUITE = """
name = "tiny"
[axes]
conv_type = [{}]
channels = [8]
resolution = [14]
"""
TYPES = """
from torch import nn

class Work(nn.Module):
    def __init__(self, case, extra):
        super().__init__()
        self.conv = nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1, bias=False)
        self.extra = extra

    def forward(self, x):
        y = self.conv(x)
        for _ in range(self.extra):
            y = y + 1.0
        return y

def fail(case):
    raise OSError("no such weights")

CONV_TYPES = {
"""
BASE = {"steady": "Work(case, 1)", "slowed": "Work(case, 1)", "gone": "Work(case, 1)"}
BASE |= {"breaks": "Work(case, 1)", "mends": "fail(case)"}
HEAD = {"steady": "Work(case, 1)", "slowed": "Work(case, 6)", "fresh": "Work(case, 1)"}
HEAD |= {"breaks": "fail(case)", "mends": "Work(case, 1)"}
ALL = list(dict.fromkeys([*BASE, *HEAD]))


def types(builders):
    lines = [f"    {name!r}: lambda case: {text},\n" for name, text in builders.items()]
    return TYPES + "".join(lines) + "}\n"


def write_suite(folder, *names):
    path = folder / "tiny.toml"
    path.write_text(SUITE.format(", ".join(f'"{name}"' for name in names)))
    return str(path)


def command(*arguments):
    return [sys.executable, "-m", "sepconv", "compare", *map(str, arguments)]


def sepconv(*arguments, cwd, **variables):
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=os.environ | {"SEPCONV_STORE": "", "COLUMNS": "200"} | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A user's repository whose head differs in every way, compared: all of what came out."""
    folder = tmp_path_factory.mktemp("compared")
    code = init(folder / "code")
    commit(code, "first", forms__py=types(BASE))
    git(code, "switch", "-q", "-c", "feature")
    (code / "forms.py").write_text(types(HEAD))  # not committed
    before = state(code)
    suite = write_suite(folder, *ALL)
    answer = sepconv(
        *("--conv-types", code / "forms.py", "--suite", suite, "--format", "json"), cwd=folder
    )
    assert answer.stdout, answer.stderr
    return folder, answer, json.loads(answer.stdout), before


def outcomes(told):
    return {case["conv_type"]: case["outcome"] for case in told["cases"]}


def test_every_case_has_the_outcome_that_its_code_deserves(compared):
    told = compared[2]

    assert outcomes(told) == {
        "steady": "same",
        "slowed": "slower",
        "gone": "missing",
        "fresh": "new",
        "breaks": "failed",
        "mends": "new",
    }
    assert told["outcome"] == "slower"
    assert compared[1].returncode == 1


def test_what_is_slower_has_a_ratio_with_an_interval_beyond_the_margin(compared):
    (slowed,) = (case for case in compared[2]["cases"] if case["conv_type"] == "slowed")

    assert 1.01 < slowed["low"] < slowed["ratio"] < slowed["high"]
    assert slowed["passes"] >= 8
    assert 0 < slowed["detectable"] < slowed["ratio"] - 1
    assert slowed["base_latency_s"] < slowed["head_latency_s"]
    assert (slowed["in_channels"], slowed["height"], slowed["threads"]) == (8, 14, 1)
    assert slowed["metrics"]["allocations"]["base"] < slowed["metrics"]["allocations"]["head"]
    assert "allocates_more" in slowed["details"]


def test_the_reasons_say_which_side_did_what(compared):
    reasons = {case["conv_type"]: case["reason"] for case in compared[2]["cases"]}

    assert "head: failed: OSError: no such weights" in reasons["breaks"]
    assert "base: failed: OSError: no such weights" in reasons["mends"]
    assert reasons["gone"] == "head has no conv type 'gone'"
    assert reasons["fresh"] == "base has no conv type 'fresh'"


def test_both_sides_are_named_with_commit_and_changes(compared):
    folder, _, told, _ = compared

    assert told["base"]["commit"] == git(folder / "code", "rev-parse", "main")
    assert told["base"]["dirty"] is False
    assert told["head"]["label"] == "the working tree"
    assert (told["head"]["branch"], told["head"]["dirty"]) == ("feature", True)
    assert told["base"]["digest"] != told["head"]["digest"]
    assert told["base"]["environment"] == told["head"]["environment"]


def test_the_method_says_what_no_change_looked_like(compared):
    method = compared[2]["method"]

    assert method["floor"] is not None
    assert method["screen_passes"] == 8
    assert method["margin"] >= 0.01


def test_the_users_files_are_as_they_were(compared):
    folder, _, _, before = compared

    assert state(folder / "code") == before


def test_everything_is_stored_with_every_pass(compared):
    folder, _, told, _ = compared
    with Store(folder / "results" / "sepconv.db", read_only=True) as store:
        (comparison,) = store.comparisons()
        passes = store.compared_passes(comparison.id)

    assert comparison.uid == told["uid"]
    assert comparison.state == "done"
    assert {str(case.outcome) for case in comparison.cases} == set(outcomes(told).values())
    slowed = next(case.ring for case in comparison.cases if case.outcome is Outcome.SLOWER)
    stages = [one.stage for one in passes if one.pair.ring == slowed]
    assert stages.count(Stage.SCREEN) >= 8
    assert stages.count(Stage.CONFIRM) >= 8
    servers = {one.stage: {one.pair.server} for one in passes if one.pair.ring == slowed}
    assert servers[Stage.SCREEN] != servers[Stage.CONFIRM]
    assert sum(one.stage is Stage.NULL for one in passes) >= 8


def test_the_history_tells_how_the_gate_has_judged(compared):
    folder = compared[0]

    shown = sepconv("--history", cwd=folder)
    told = json.loads(sepconv("--history", "--format", "json", cwd=folder).stdout)

    assert shown.returncode == 0
    assert "1 comparisons of 6 cases" in shown.stdout
    assert "red: 1 of 1 comparisons" in shown.stdout
    assert told["record"]["outcomes"]["slower"] == 1
    assert told["record"]["floor"] == pytest.approx(compared[2]["method"]["floor"])


def test_a_stored_comparison_is_shown_again_with_its_exit_code(compared):
    folder, _, told, _ = compared

    again = sepconv("--show", "latest", "--format", "json", cwd=folder)
    shown = sepconv("--show", told["uid"][:8], cwd=folder)
    nowhere = sepconv("--show", "99", cwd=folder)

    assert json.loads(again.stdout) == told
    assert again.returncode == shown.returncode == 1
    assert shown.stdout.startswith("Slower: 1 case of 6")
    assert nowhere.returncode == 2
    assert "the newest is 1" in nowhere.stderr


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """A repository with our layers: a branch that changes one of them, another that breaks it."""
    folder = init(tmp_path_factory.mktemp("layers") / "code")
    copytree(
        ROOT / "sepconv" / "convs",
        folder / "sepconv" / "convs",
        ignore=lambda *_: {"__pycache__"},
    )
    commit(folder, "first")
    path = folder / "sepconv" / "convs" / "standard.py"
    whole = path.read_text()
    git(folder, "switch", "-q", "-c", "comment")
    path.write_text(whole + "# a comment\n")
    commit(folder, "comment")
    git(folder, "switch", "-q", "-c", "broken", "main")
    path.write_text(whole + "import nowhere\n")
    commit(folder, "break")
    git(folder, "switch", "-q", "main")
    return folder


def test_where_no_code_changed_nothing_is_measured_and_that_is_said(layers, tmp_path):
    suite = write_suite(tmp_path, "depthwise_separable", "spatially_separable")

    answer = sepconv(
        *("main", "comment", "--repo", layers, "--suite", suite, "--changed"), cwd=tmp_path
    )

    assert answer.returncode == 0, answer.stderr
    assert "Nothing to compare: the code of" in answer.stdout
    assert "base main (" in answer.stdout


def test_only_the_conv_type_whose_code_changed_is_measured(layers, tmp_path):
    suite = write_suite(tmp_path, "standard", "depthwise_separable")

    answer = sepconv(
        *("main", "comment", "--repo", layers, "--suite", suite, "--changed"),
        *("--format", "json"),
        cwd=tmp_path,
    )

    told = json.loads(answer.stdout)
    assert answer.returncode == 0, answer.stderr
    assert set(outcomes(told)) == {"standard"}
    assert outcomes(told)["standard"] in ("same", "undecided")
    assert told["unchanged"] == ["depthwise_separable", "spatially_separable"]


def test_a_conv_type_that_cannot_be_imported_is_not_comparable(layers, tmp_path):
    suite = write_suite(tmp_path, "standard")

    answer = sepconv("main", "broken", "--repo", layers, "--suite", suite, cwd=tmp_path)

    assert answer.returncode == 4
    assert "Could not compare 1 case of 1" in answer.stdout
    assert "No module named 'nowhere'" in answer.stdout


def test_two_values_of_an_axis_are_compared_in_one_ring(tmp_path):
    suite = write_suite(tmp_path, "standard", "depthwise_separable")

    answer = sepconv(
        *("--base", "conv_type=standard", "--head", "conv_type=depthwise_separable"),
        *("--suite", suite, "--where", "channels=8", "--format", "json"),
        cwd=tmp_path,
    )

    told = json.loads(answer.stdout)
    (case,) = told["cases"]
    assert case["conv_type"] == "depthwise_separable"
    assert case["base_case"]["conv_type"] == "standard"
    assert case["outcome"] == "slower"  # of so few channels
    assert "workload_changed" not in case["details"]
    assert told["base"]["label"] == "conv_type=standard"
    assert answer.returncode == 1


def test_two_environments_are_measured_by_two_servers_in_one_ring(tmp_path):
    suite = write_suite(tmp_path, "standard")

    answer = sepconv(
        *("--head-env", "ONEDNN_MAX_CPU_ISA=SSE41", "--suite", suite, "--format", "json"),
        cwd=tmp_path,
    )

    told = json.loads(answer.stdout)
    (case,) = told["cases"]
    assert told["conditions"]["are_twins"] is False
    assert "ONEDNN_MAX_CPU_ISA=SSE41" in told["head"]["environment"]["omp_settings"]
    assert told["base"]["environment"]["key"] != told["head"]["environment"]["key"]
    assert case["passes"] >= 8
    assert case["outcome"] in {"slower", "faster", "same", "undecided"}


def test_explain_puts_the_operators_of_both_sides_side_by_side(compared):
    folder = compared[0]
    where = ("--conv-types", folder / "code" / "forms.py", "--suite", folder / "tiny.toml")

    answer = sepconv(*where, "--explain", "slowed", "--format", "json", cwd=folder)
    shown = sepconv(*where, "--explain", "slowed", cwd=folder)

    told = json.loads(answer.stdout)
    calls = {
        side: {each["name"]: each["calls"] for each in told[side]["operators"]}
        for side in ("base", "head")
    }
    assert (calls["base"]["aten::add"], calls["head"]["aten::add"]) == (1, 6)
    assert told["base"]["call_s"] < told["head"]["call_s"]
    assert "aten::add" in shown.stdout
    assert "1 → 6" in shown.stdout


def test_explain_of_a_case_that_is_not_there_names_some_that_are(compared):
    folder = compared[0]
    where = ("--conv-types", folder / "code" / "forms.py", "--suite", folder / "tiny.toml")

    answer = sepconv(*where, "--explain", "nowhere", cwd=folder)

    assert answer.returncode == 2
    assert "steady-8-14x14" in answer.stderr


def test_ctrl_c_ends_it_keeps_what_was_measured_and_says_so(tmp_path):
    suite = write_suite(tmp_path, "standard", "depthwise_separable")
    process = subprocess.Popen(
        command("--suite", suite, "--head", "threads=1", "--format", "json"),
        cwd=tmp_path,
        env=os.environ | {"SEPCONV_STORE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "pass 2" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    with Store(tmp_path / "results" / "sepconv.db", read_only=True) as store:
        (comparison,) = store.comparisons()
        passes = store.compared_passes(comparison.id)
    assert process.returncode == 130
    assert json.loads(out)["state"] == comparison.state == "interrupted"
    assert passes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "expected a commit, branch or tag"),
        (["--suite", "nowhere"], "one of the suites"),
        (["--base", "speed=1"], "expected an axis"),
        (["--base", "threads"], "expected '='"),
        (["--base", "threads=1", "--base", "threads=2"], "each axis once"),
        (["--head", "channels=0"], "in_channels must be"),
        (["--base-env", "nothing"], "KEY=VALUE"),
        (["--head-python", "/nowhere/python"], "found nothing to run at '/nowhere/python'"),
        (["main", "--where", "channels=7"], "none matches"),
        (["run:1", "main"], "a stored run cannot take turns"),
        (["run:1", "run:2", "--budget", "1m"], "--budget has no meaning for stored runs"),
        (["--head", "threads=2", "--changed"], "--changed skips what is of the same code"),
        (["--conv-types", "/nowhere.py"], "git repository"),
    ],
)
def test_bad_input_is_answered_by_2_and_a_reason_and_stores_nothing(
    layers, tmp_path, arguments, said
):
    has_code = arguments[0].startswith(("--head", "--base", "--conv-types", "run:"))
    place = [] if has_code else ["--repo", str(layers)]

    answer = sepconv(*arguments, *place, cwd=tmp_path)

    assert answer.returncode == 2, answer.stderr
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.rglob("*.db"))


def test_a_build_that_fails_measures_nothing(layers, tmp_path):
    answer = sepconv(
        *("main", "comment", "--repo", layers, "--build-command", "echo no compiler; false"),
        cwd=tmp_path,
        SEPCONV_CACHE_DIR=str(tmp_path / "cache"),
    )

    assert answer.returncode == 3
    assert "no compiler" in answer.stderr


RUN = Run(
    uid="a1" * 16,
    suite="tiny",
    started_at="2026-03-01T10:00:00+00:00",
    machine=Machine("Some CPU", "x86_64", 2, 4, 16),
    environment=Environment("3.11", "2.13.0", (), "AVX2", "tuned"),
    state="done",
)
CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)


def store_run(folder, latency_s, **changes):
    values = {"latency_s": Estimate(latency_s, 0.99 * latency_s, 1.01 * latency_s)}
    values["params"] = Estimate(576.0)
    with Store(folder / "store.db") as store:
        number = store.begin_run(replace(RUN, uid=f"{latency_s}", **changes))
        store.put_measurements(number, [Measurement(CASE, Status.OK, values=values, passes=8)])
    return f"run:{number}"


@pytest.mark.parametrize(
    ("times", "outcome", "code"),
    [(1.05, "undecided", 0), (1.5, "slower", 1), (0.5, "faster", 0)],
)
def test_stored_runs_are_judged_with_the_drift_of_the_machine_in_mind(
    tmp_path, times, outcome, code
):
    runs = store_run(tmp_path, 1e-3), store_run(tmp_path, times * 1e-3)

    answer = sepconv(*runs, "--store", tmp_path / "store.db", "--format", "json", cwd=tmp_path)

    (case,) = json.loads(answer.stdout)["cases"]
    assert (case["outcome"], answer.returncode) == (outcome, code)
    assert case["ratio"] == pytest.approx(times)
    assert case["reason"].startswith("unpaired")


def test_stored_runs_of_two_environments_are_not_comparable(tmp_path):
    other = replace(RUN.environment, torch="2.14.0")
    runs = store_run(tmp_path, 1e-3), store_run(tmp_path, 2e-3, environment=other)

    answer = sepconv(*runs, "--store", tmp_path / "store.db", cwd=tmp_path)

    assert answer.returncode == 4
    assert "not the same: the environment" in answer.stdout
    assert "unpaired" in answer.stdout


def test_a_stored_case_that_was_not_tried_is_left_out_and_one_that_failed_is_not(tmp_path):
    with Store(tmp_path / "store.db") as store:
        for number, status in enumerate((Status.OK, Status.SKIPPED, Status.CRASHED), 1):
            run = store.begin_run(replace(RUN, uid=str(number)))
            values = {"latency_s": Estimate(1e-3)} if status is Status.OK else {}
            told = [Measurement(CASE, status, None if values else "why", values=values, passes=8)]
            store.put_measurements(run, told)
    told = [
        sepconv("run:1", run, "--store", tmp_path / "store.db", "--format", "json", cwd=tmp_path)
        for run in ("run:2", "run:3")
    ]

    skipped, crashed = (json.loads(answer.stdout) for answer in told)
    assert (skipped["cases"], skipped["left_out"][0]["reason"]) == ([], "head: skipped: why")
    assert [case["outcome"] for case in crashed["cases"]] == ["failed"]
    assert [answer.returncode for answer in told] == [3, 3]


def test_the_folder_of_the_default_store_is_no_change_of_the_users_code(compared):
    folder = compared[0]

    assert (folder / "results" / ".gitignore").read_text() == "*\n"


def test_what_a_budget_leaves_no_time_for_is_left_out_and_measured_is_what_fits(tmp_path):
    suite = write_suite(tmp_path, "standard", "depthwise_separable", "spatially_separable")

    answer = sepconv(
        *("--suite", suite, "--head", "threads=1", "--budget", "1s", "--format", "json"),
        cwd=tmp_path,
    )

    told = json.loads(answer.stdout)
    assert len(told["cases"]) + len(told["left_out"]) == 3
    assert told["left_out"]
    assert {each["reason"] for each in told["left_out"]} == {"there was no time for it"}
    assert answer.returncode == (0 if told["cases"] else 3)


def test_a_defect_of_our_own_is_not_told_as_a_regression(tmp_path):
    program = (
        "import sepconv.cli, sepconv.cli.runs\n"
        "sepconv.cli.runs.run_row = None\n"
        "import sepconv.cli.table as t\n"
        "def broken(*_): raise RuntimeError('a defect')\n"
        "t.print_rows = broken\n"
        "sepconv.cli.main(['runs', '--store', 'store.db', '--format', 'markdown'])\n"
    )
    store_run(tmp_path, 1e-3)

    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 3
    assert "RuntimeError: a defect" in answer.stderr
    assert "this is a defect of sepconv" in answer.stderr


def test_a_wait_for_the_device_ends_when_it_is_free(tmp_path):
    """Both want the CPU: the second says that it is busy, and with --wait it would wait."""
    suite = write_suite(tmp_path, "standard")
    arguments = ("--suite", suite, "--head", "threads=1")
    first = subprocess.Popen(
        command(*arguments), cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        time.sleep(3.0)
        second = sepconv(*arguments, cwd=tmp_path)
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)

    assert second.returncode == 2
    assert "is being measured by another" in second.stderr
