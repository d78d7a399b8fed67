"""The report of a comparison as a folder, whatever became of the comparison."""

import json
import os
import subprocess
import sys

import pytest

from sepconv import Store
from sepconv.cli.comparison import topic_of
from sepconv.comparison import Contender
from tests.cli.test_compare import sepconv, types, write_suite
from tests.repository import commit, git, init

STEADY = {"steady": "Work(case, 1)", "slowed": "Work(case, 1)"}
SLOWED = STEADY | {"slowed": "Work(case, 6)"}


def gate(folder, *arguments, **variables):
    report = folder / "report"
    answer = sepconv(
        *("--conv-types", folder / "code" / "forms.py", "--suite", folder / "tiny.toml"),
        *("--report", report, *arguments),
        cwd=folder,
        **variables,
    )
    return answer, (report / "comment.md").read_text(), report


@pytest.fixture
def folder(tmp_path):
    """A repository whose branch makes one conv type slower."""
    code = init(tmp_path / "code")
    commit(code, "first", forms__py=types(STEADY))
    git(code, "switch", "-q", "-c", "feature")
    commit(code, "slower", forms__py=types(SLOWED))
    write_suite(tmp_path, *STEADY)
    return tmp_path


@pytest.mark.slow
def test_an_acknowledged_pull_request_is_green_until_its_base_changes(folder):
    red, first, report = gate(folder)
    store = folder / "results" / "sepconv.db"
    with Store(store, read_only=True) as opened:
        label = opened.find_comparison("latest").alarms[0].head.label
    said = acknowledge(folder, label)
    green, second, _ = gate(folder)
    commit(folder / "code", "more", other__py="")
    still, _, _ = gate(folder)
    git(folder / "code", "switch", "-q", "main")
    commit(folder / "code", "elsewhere", note__md="x")
    git(folder / "code", "switch", "-q", "feature")
    git(folder / "code", "rebase", "-q", "main")
    again, third, _ = gate(folder)

    assert (red.returncode, said, green.returncode, still.returncode) == (1, 0, 0, 0), red.stderr
    assert again.returncode == 1
    assert "### ❌ Slower: 1 case of 2" in first
    assert "as acknowledged" in second
    assert "six additions are exact" in second
    assert "as acknowledged" not in third
    assert json.loads((report / "comparison.json").read_text())["outcome"] == "slower"
    assert "<html" in (report / "index.html").read_text()


def acknowledge(folder, label):
    command = ["acknowledge", "latest", label, "--reason", "six additions are exact"]
    return subprocess.run(
        [sys.executable, "-m", "sepconv", *command],
        cwd=folder,
        env=os.environ | {"SEPCONV_STORE": ""},
        check=False,
    ).returncode


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 2, "nowhere"),
        (["--where", "stride ="], 2, "a value"),
        (["--build-command", "echo no compiler; false"], 3, "no compiler"),
        (["--changed", "--base", "threads=2"], 2, "leave it out"),
    ],
    ids=["no such commit", "bad selection", "build fails", "usage"],
)
def test_what_could_not_be_measured_is_a_report_too_and_replaces_an_older_one(
    folder, arguments, code, message
):
    report = folder / "report"
    report.mkdir()
    (report / "index.html").write_text("older")
    (report / "comment.md").write_text("older")

    answer, comment, _ = gate(folder, *arguments)

    assert answer.returncode == code, answer.stderr
    assert "## 🛑 Could not measure" in comment
    assert message in comment
    assert message in answer.stderr
    plain = json.loads((report / "comparison.json").read_text())
    assert (plain["outcome"], plain["cases"]) == ("failed", [])
    assert message in plain["error"]
    assert not (report / "index.html").exists()


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(folder):
    (folder / "report").write_text("a file")

    answer = sepconv("--report", folder / "report", cwd=folder)

    assert answer.returncode == 2
    assert "report" in answer.stderr


@pytest.mark.parametrize(
    ("variables", "topic"),
    [
        ({"GITHUB_REF": "refs/pull/12/merge"}, "pull request 12"),
        ({"GITHUB_REF": "refs/heads/main"}, "branch mine"),
        ({"CI_MERGE_REQUEST_IID": "7"}, "merge request 7"),
        ({}, "branch mine"),
    ],
)
def test_a_comparison_belongs_to_the_pull_request_of_its_job_else_to_its_branch(
    monkeypatch, variables, topic
):
    for name in ("GITHUB_REF", "CI_MERGE_REQUEST_IID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert topic_of(Contender("x", branch="mine")) == topic
    assert topic_of(Contender("x")) == (None if topic == "branch mine" else topic)
