"""`sepconv backfill`: commits of the past in a real repository, measured as nights."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sepconv import Store
from sepconv.cli.step import Code
from sepconv.comparison import Outcome, Purpose
from tests.repository import commit, git, init, state

TYPES = """
from torch import nn

def build(case):
    return nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1, bias=False)

CONV_TYPES = {"work": build}
"""
SUITE = """
name = "tiny"
[axes]
conv_type = ["work"]
channels = [8]
resolution = [14]
"""
OWN = ("--conv-types", "code/forms.py", "--suite", "tiny.toml")


def command(*arguments):
    return [sys.executable, "-m", "sepconv", "backfill", *map(str, arguments)]


def sepconv(*arguments, cwd):
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=os.environ | {"SEPCONV_STORE": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Eight commits, the sixth of which cannot be imported."""
    folder = tmp_path_factory.mktemp("project")
    code = init(folder / "code")
    for number in range(8):
        broken = "import nowhere\n" if number == 5 else ""
        commit(code, f"Number {number}", forms__py=f"{TYPES}# {number}\n{broken}")
    (folder / "tiny.toml").write_text(SUITE)
    return folder


def hashes(project):
    return git(project / "code", "log", "--reverse", "--format=%H").split()


def subjects(text):
    return [line.split()[3] for line in text.splitlines() if " Number " in line]


@pytest.mark.parametrize(
    ("arguments", "order"),
    [(["HEAD~7.."], "7146352"), (["HEAD~7..HEAD~1", "--every", "2"], "624")],
)
def test_the_ends_come_first_then_the_middle_of_the_largest_gap(project, arguments, order):
    answer = sepconv(*arguments, *OWN, "--dry-run", cwd=project)

    assert answer.returncode == 0, answer.stderr
    assert subjects(answer.stdout) == list(order)
    assert not (project / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["HEAD~2"], "expected two commits like v1.0..main"),
        (["HEAD~2...HEAD"], "expected two commits like v1.0..main"),
        (["..HEAD"], "expected two commits like v1.0..main"),
        (["HEAD..HEAD"], "are the same commit"),
        (["HEAD..HEAD~2"], "comes before"),
        (["HEAD~2..", "--where", "speed=1"], "expected an axis"),
        (["HEAD~2..", "--reference", "nowhere"], "expected a commit, branch or tag"),
    ],
)
def test_bad_usage_is_said_before_anything_is_measured(project, tmp_path, arguments, said):
    answer = sepconv(*arguments, *OWN, "--store", tmp_path / "store.db", cwd=project)

    assert answer.returncode == 2
    assert said in answer.stderr


@pytest.mark.slow
def test_commits_become_nights_and_what_cannot_be_measured_is_stored_and_passed_over(project):
    before = state(project / "code")
    asked = ("HEAD~4..", *OWN, "--reference", "HEAD~7", "--store", project / "nights.db")

    answer = sepconv(*asked, "--every", "2", "--format", "json", cwd=project)
    again = sepconv(*asked, "--missing", "--format", "json", cwd=project)
    whole = sepconv(*asked, "--missing", cwd=project)

    told, more = json.loads(answer.stdout), json.loads(again.stdout)
    with Store(project / "nights.db", read_only=True) as store:
        nights = {
            night.head.revision.commit: night
            for night in store.comparisons(purposes={Purpose.NIGHTLY})
        }
        known = store.revisions()
    commits = hashes(project)
    assert [each["commit"] for each in told["tried"]] == [commits[7], commits[5]]
    assert [each["cases"] for each in told["tried"]] == [1, 0]
    assert "No module named 'nowhere'" in told["tried"][1]["reason"]
    assert (answer.returncode, again.returncode) == (3, 0)
    assert {each["commit"] for each in more["tried"]} == {commits[4], commits[6]}
    assert more["known_before"] == 2
    assert nights.keys() == {commits[4], commits[5], commits[6], commits[7]}
    assert {night.base.revision.commit for night in nights.values()} == {commits[0]}
    assert nights[commits[7]].cases[0].passes == 8
    assert nights[commits[5]].cases[0].outcome is Outcome.NOT_COMPARABLE
    assert {each.commit for each in known} == set(commits)  # the graph, measured or not
    assert "0 measured, 0 failed, 0 left, 4 there before" in whole.stdout
    assert state(project / "code") == before


@pytest.mark.slow
def test_a_commit_that_does_not_build_is_a_night_in_which_every_case_failed(project, tmp_path):
    build = "if [ $SEPCONV_COMMIT = {} ]; then echo no compiler; exit 1; fi"
    asked = ("HEAD~1..", *OWN, "--store", tmp_path / "store.db")

    answer = sepconv(
        *asked, "--build-command", build.format(hashes(project)[7]), "--format", "json", cwd=project
    )

    told = json.loads(answer.stdout)
    with Store(tmp_path / "store.db", read_only=True) as store:
        (night,) = store.comparisons()
    assert answer.returncode == 3
    assert "ended with 1" in told["tried"][0]["reason"]
    assert (night.state, night.purpose) == ("failed", Purpose.NIGHTLY)
    assert [case.outcome for case in night.cases] == [Outcome.FAILED]
    assert night.head.environment is not None


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_stored_and_missing_goes_on(project, tmp_path):
    asked = ("HEAD~3..", *OWN, "--reference", "HEAD~7", "--store", tmp_path / "store.db")
    process = subprocess.Popen(
        command(*asked, "--format", "json"),
        cwd=project,
        env=os.environ | {"SEPCONV_STORE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "1 case in" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    ended = sepconv(*asked, "--missing", "--budget", "1s", "--format", "json", cwd=project)

    told, more = json.loads(out), json.loads(ended.stdout)
    assert process.returncode == told["exit_code"] == 130
    assert len(told["tried"]) < 3
    assert more["known_before"] >= 1
    assert len(more["tried"]) == 1  # one at least, whatever the budget
    assert len(more["left"]) == 3 - more["known_before"] - 1


def test_a_commit_is_written_out_for_as_long_as_it_is_needed(project, monkeypatch):
    monkeypatch.chdir(project)
    commits = hashes(project)
    code = Code(conv_types=project / "code" / "forms.py")

    with code.ready(commits[1], commits[2]) as (base, head):
        trees = [Path(side.side.tree) for side in (base, head)]
        texts = [(tree / "forms.py").read_text() for tree in trees]

    assert [text.count(f"# {place}") for place, text in enumerate(texts, 1)] == [1, 1]
    assert not any(tree.exists() for tree in trees)
