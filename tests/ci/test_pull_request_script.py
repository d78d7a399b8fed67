"""`scripts/pull-request` in real repositories, clones and forks, with the real sepconv."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sepconv import Store
from tests.ci.project import OPTIONS, branch_off, clean, make_project, run
from tests.repository import commit, git

pytestmark = pytest.mark.slow  # processes, most of them of a minute together

SCRIPT = "scripts/pull-request"
MARK = "<!-- sepconv:pull-request -->"
QUIET = "<!-- sepconv:pull-request quiet -->"
NEEDED = ["sh", "dirname", "mkdir", "rm", "mktemp", "tee", "tail", "tr", "cut", "awk", "cat"]
NEEDED += ["mv", "head", "git"]  # by the script, beside Python


@pytest.fixture
def project(tmp_path):
    """A branch whose code is that of main, so that nothing has to be measured; main went on."""
    folder = make_project(tmp_path / "project", "steady")
    git(folder, "switch", "-q", "-c", "feature")
    commit(folder, "words", notes__md="more")
    git(folder, "switch", "-q", "main")
    commit(folder, "elsewhere", other__md="more")
    git(folder, "switch", "-q", "feature")
    return folder


def gate(folder, *arguments, **variables):
    answer = run(folder, f"./{SCRIPT}", *arguments, *OPTIONS, "--changed", **variables)
    return answer, (folder / "results" / "pull-request" / "comment.md").read_text()


def compared(folder):
    """The commits of base and head."""
    told = json.loads((folder / "results" / "pull-request" / "comparison.json").read_text())
    return told["base"]["commit"], told["head"]["commit"]


@pytest.fixture(scope="module")
def red(tmp_path_factory):
    """A branch that makes one of two conv types slower, measured in a job of GitHub's."""
    folder = make_project(tmp_path_factory.mktemp("red") / "project", "steady", "slowed")
    branch_off(folder, "feature", {"steady": 1, "slowed": 6})
    summary = folder.parent / "summary.md"
    variables = {
        "CI": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_REF": "refs/pull/17/merge",
        "GITHUB_RUN_ID": "99",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_SERVER_URL": "https://github.com",
    }
    answer = run(folder, f"./{SCRIPT}", "main", "HEAD", *OPTIONS, **variables)
    return folder, answer, summary


def test_a_slower_branch_ends_with_1_and_leaves_everything(red):
    folder, answer, summary = red
    report = folder / "results" / "pull-request"

    assert answer.returncode == 1, answer.stderr
    comment = (report / "comment.md").read_text()
    assert comment.splitlines()[0] == MARK
    assert "Slower: 1 case of 2" in comment
    assert summary.read_text() == comment
    assert json.loads((report / "comparison.json").read_text())["outcome"] == "slower"
    assert (report / "index.html").read_text().rstrip().endswith("</html>")
    assert "https://github.com/o/r/actions/runs/99" in comment
    assert "https://github.com/o/r/actions/workflows/acknowledge.yml" in comment


def test_the_backup_is_a_whole_store_that_knows_its_pull_request(red):
    folder = red[0]

    with Store(folder / "results" / "pull-request" / "store.db", read_only=True) as store:
        (comparison,) = store.comparisons()
    assert comparison.alarms
    assert "pull request 17" in comparison.conditions.values()
    assert not list((folder / "results" / "pull-request").glob("store.db-*"))


def test_base_is_where_the_branch_left_even_if_main_went_on(project):
    answer, comment = gate(project, "main", "feature")

    assert answer.returncode == 0, answer.stderr
    assert comment.startswith(QUIET)
    first = git(project, "rev-parse", "main~1")
    assert compared(project) == (first, git(project, "rev-parse", "feature"))


def test_head_is_the_working_tree_and_base_the_default_branchs_unless_named(project):
    answer, _ = gate(project)

    assert answer.returncode == 0, answer.stderr
    assert compared(project)[0] == git(project, "rev-parse", "main~1")
    assert json.loads((project / "results/pull-request/comparison.json").read_text())["head"][
        "label"
    ].startswith("the working tree")


@pytest.mark.parametrize(
    "name",
    [
        "$(touch${IFS}owned)",
        *("odd/nämé-1", "a;b", "x'y"),
    ],
)
def test_a_name_is_a_name_whatever_is_in_it(project, name):
    git(project, "branch", name, "feature")

    answer, comment = gate(project, "main", name)

    assert answer.returncode == 0, answer.stderr
    assert comment.startswith(QUIET)
    assert not (project / "owned").exists()


def test_an_earlier_report_does_not_outlive_a_failure(project):
    gate(project, "main", "feature")

    answer, comment = gate(project, "nowhere", "feature")

    assert answer.returncode == 2
    assert comment.startswith(MARK)
    assert "Could not measure" in comment
    assert "'nowhere'" in comment
    assert not (project / "results/pull-request/index.html").exists()


def test_a_mistyped_option_is_a_comment_too(project, tmp_path):
    summary = tmp_path / "summary"

    answer, comment = gate(
        project, "main", "feature", "--nonsense", GITHUB_STEP_SUMMARY=str(summary)
    )

    assert answer.returncode == 2
    assert comment.startswith(f"{MARK}\n")
    assert "No such option '--nonsense'" in comment
    assert summary.read_text() == comment


def test_an_environment_that_cannot_be_made_is_no_regression_and_says_why(project, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(shutil.which(name))

    answer, comment = gate(project, "main", "feature", PATH=str(programs), PYTHON="")

    assert answer.returncode == 3
    assert "Could not measure" in comment
    assert "needs Python 3.11 or newer; found none" in comment


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("exit 1", 3, "exit code 1"),
        ("exit 0", 3, "exit code 0"),
        ("echo 'Traceback' >&2; exit 70", 3, "Traceback"),
        ("kill -9 $$", 3, "where memory ends"),
    ],
    ids=["one", "nothing", "another", "killed"],
)
def test_what_ends_without_a_comment_is_never_a_regression_nor_a_pass(project, program, code, said):
    path = project / ".venv" / "bin" / "sepconv"
    path.write_text(f"#!/bin/sh\n{program}\n")

    answer, comment = gate(project, "main", "feature")

    assert answer.returncode == code
    assert said in comment


def test_hostile_words_of_what_died_are_inert(project):
    lines = r"````\n\033[31mred\033[0m @everyone <img src=x> \342\200\256\n`````\n/close\n"
    path = project / ".venv" / "bin" / "sepconv"
    path.write_text(f"#!/bin/sh\nprintf '{lines}' >&2\nkill -9 $$\n")

    _, comment = gate(project, "main", "feature")

    fences = re.findall(r"^`{3,}", comment, re.MULTILINE)
    assert fences == ["``````", "````", "`````", "``````"]  # ours is the longest, and the last
    assert "\x1b" not in comment
    assert "\u202e" not in comment
    assert comment.rstrip().endswith("``````")


def test_compare_killed_while_it_measures_is_told_loudly(tmp_path):
    folder = make_project(tmp_path / "project", "steady")
    branch_off(folder, "feature", {"steady": 2})
    process = subprocess.Popen(
        [f"./{SCRIPT}", "main", "HEAD", *OPTIONS],
        cwd=folder,
        env=clean(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "pass 2" in line:
            break
    os.kill(measuring(process.pid), signal.SIGKILL)
    process.communicate(timeout=60)

    comment = (folder / "results" / "pull-request" / "comment.md").read_text()
    assert process.returncode == 3
    assert "exit code 137" in comment
    assert "screening: pass" in comment
    assert (folder / "results" / "pull-request" / "store.db").exists()


def measuring(pid: int) -> int:
    """The process of `sepconv compare` below that one."""
    import psutil

    for _ in range(100):
        for child in psutil.Process(pid).children(recursive=True):
            if "compare" in child.cmdline() and "-m" in child.cmdline():
                return child.pid
        time.sleep(0.05)
    raise AssertionError("nothing is measuring")


@pytest.fixture
def remote(project, tmp_path):
    """A forge's copy of the project, whose pull request 1 was merged for a try."""
    bare = tmp_path / "remote.git"
    git(tmp_path, "clone", "-q", "--bare", str(project), str(bare))
    git(bare, "symbolic-ref", "HEAD", "refs/heads/main")
    git(project, "switch", "-q", "-c", "try", "main")
    git(project, "merge", "-q", "--no-edit", "feature")
    git(project, "push", "-q", str(bare), "try:refs/pull/1/merge", "feature:refs/pull/1/head")
    return bare


def clone(remote, place, *options):
    git(place.parent, "clone", "-q", *options, f"file://{remote}", str(place))
    move_environment(remote.parent / "project", place)
    return place


def move_environment(project: Path, place: Path) -> None:
    shutil.copytree(project / ".venv", place / ".venv")


def test_a_shallow_clone_of_ci_is_given_the_history_that_it_needs(project, remote, tmp_path):
    place = clone(remote, tmp_path / "shallow", "--depth", "1", "--branch", "feature")
    assert git(place, "rev-list", "--count", "HEAD") == "1"

    answer, _ = gate(place, "origin/main", "HEAD", CI="true")

    assert answer.returncode == 0, answer.stderr
    assert "fetching the rest of the history of origin" in answer.stderr
    assert compared(place)[0] == git(project, "rev-parse", "main~1")


def test_a_shallow_checkout_of_the_merge_of_a_fork_finds_both_parents(project, remote, tmp_path):
    """As actions/checkout leaves it by default: one commit, on no branch of this repository."""
    git(project, "push", "-q", str(remote), ":feature")  # it is a fork's, here known as pull/1
    place = clone(remote, tmp_path / "merge", "--depth", "1", "--branch", "main")
    git(place, "fetch", "-q", "--depth", "1", "origin", "+refs/pull/1/merge:refs/remotes/pull/1")
    git(place, "checkout", "-q", "refs/remotes/pull/1")
    head = git(project, "rev-parse", "feature")

    answer, _ = gate(place, "origin/main", head, CI="true")

    assert answer.returncode == 0, answer.stderr
    assert compared(place) == (git(project, "rev-parse", "main~1"), head)


def test_a_person_with_a_shallow_clone_is_told_what_to_type_and_it_helps(project, remote, tmp_path):
    place = clone(remote, tmp_path / "shallow", "--depth", "1", "--branch", "feature")

    refused, comment = gate(place, "origin/main", "HEAD")
    (line,) = re.findall(r"type: (git fetch .*)", refused.stderr)
    subprocess.run(line, shell=True, cwd=place, check=True, capture_output=True)
    helped, _ = gate(place, "origin/main", "HEAD")

    assert refused.returncode == 2
    assert "Could not measure" in comment
    assert git(place, "rev-parse", "--is-shallow-repository") == "false"
    assert helped.returncode == 0, helped.stderr


def test_without_a_base_a_shallow_clone_of_ci_is_compared_with_the_default_branch(
    project, remote, tmp_path
):
    place = clone(remote, tmp_path / "shallow", "--depth", "2", "--branch", "feature")

    answer, _ = gate(place, CI="true")

    assert answer.returncode == 0, answer.stderr
    assert compared(place)[0] == git(project, "rev-parse", "main~1")


def test_a_shallow_fork_is_given_the_history_of_both_remotes(project, remote, tmp_path):
    fork = tmp_path / "fork.git"
    git(tmp_path, "clone", "-q", "--bare", str(remote), str(fork))
    git(fork, "branch", "-D", "main")  # a fork that knows nothing of where it came from
    git(fork, "symbolic-ref", "HEAD", "refs/heads/feature")
    place = clone(remote, tmp_path / "place", "--depth", "1", "--branch", "main")
    git(place, "remote", "rename", "origin", "upstream")
    git(place, "remote", "add", "origin", f"file://{fork}")
    git(place, "fetch", "-q", "--depth", "1", "origin", "feature:refs/remotes/origin/feature")

    answer, _ = gate(place, "upstream/main", "origin/feature", CI="true")

    assert answer.returncode == 0, answer.stderr
    assert compared(place)[0] == git(project, "rev-parse", "main~1")


def test_a_remote_that_does_not_answer_is_named_and_nothing_is_concluded(project, remote, tmp_path):
    place = clone(remote, tmp_path / "shallow", "--depth", "1", "--branch", "feature")
    remote.rename(tmp_path / "gone.git")

    answer, comment = gate(place, "origin/main", "HEAD", CI="true")

    assert answer.returncode == 2
    assert "could not fetch from origin" in answer.stderr
    assert "Could not measure" in comment


def test_a_branch_without_a_common_commit_is_compared_with_the_base_that_was_named(project):
    git(project, "branch", "alone", git(project, "commit-tree", "main^{tree}", "-m", "alone"))

    answer, _ = gate(project, "alone", "feature")

    assert answer.returncode == 0, answer.stderr
    assert compared(project)[0] == git(project, "rev-parse", "alone")


def test_stores_of_earlier_jobs_are_merged_and_a_damaged_one_is_passed_over(project, red):
    earlier = project / "earlier"
    earlier.mkdir()
    shutil.copy2(red[0] / "results" / "pull-request" / "store.db", earlier / "store.db")
    (earlier / "damaged.db").write_text("no database")

    answer, _ = gate(project, "main", "feature", SEPCONV_EARLIER="earlier")

    assert answer.returncode == 0, answer.stderr
    assert "goes on without earlier/damaged.db" in answer.stderr
    with Store(project / "results" / "pull-request" / "store.db", read_only=True) as store:
        assert len(store.comparisons()) == 2
