"""`sepconv acknowledge`: who says what of which case, and what it changes."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from sepconv import Store
from sepconv.comparison import Outcome
from tests.report.compared import CASE, compared, comparison

SAME_CASE = replace(CASE, stride=2)
TWO_SLOWER = comparison(
    compared(Outcome.SLOWER, 1.05),
    compared(Outcome.SAME, case=SAME_CASE),
    compared(Outcome.SLOWER, 1.03, case=replace(CASE, batch_size=8)),
)


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "store.db"
    with Store(path) as made:
        made.finish_comparison(made.begin_comparison(TWO_SLOWER), TWO_SLOWER)
    return path


def sepconv(*arguments, store, **variables):
    command = [sys.executable, "-m", "sepconv", *map(str, arguments), "--store", str(store)]
    path = {"PATH": "/usr/bin:/bin", "HOME": str(store.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        command, cwd=store.parent, env=path | variables, capture_output=True, text=True, check=False
    )


def acknowledged(store):
    with Store(store, read_only=True) as opened:
        told = opened.find_comparison("latest")
    return {case.head.label: case.acknowledged for case in told.acknowledged}


def test_one_case_is_acknowledged_by_its_label_with_author_and_reason(store):
    answer = sepconv(
        "acknowledge", 1, CASE.label, "--reason", "needs\nmore", "--author", "Ada", store=store
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"acknowledged by Ada: {CASE.label}\nSlower: 1 case of 3")
    (word,) = acknowledged(store).values()
    assert (word.author, word.reason, word.carried_from) == ("Ada", "needs more", None)


def test_the_gate_is_green_once_all_that_is_slower_is_acknowledged_and_red_once_withdrawn(store):
    before = sepconv("compare", "--show", 1, store=store)
    said = sepconv("acknowledge", "latest", "--all", "--reason", "meant", store=store)
    after = sepconv("compare", "--show", 1, store=store)
    taken = sepconv("acknowledge", 1, "--all", "--withdraw", store=store)
    at_last = sepconv("compare", "--show", 1, "--format", "json", store=store)

    assert (before.returncode, said.returncode, after.returncode) == (1, 0, 0)
    assert "Slower, as acknowledged: 2 cases of 3" in after.stdout
    assert "slower, as acknowledged" in after.stdout
    assert (taken.returncode, at_last.returncode) == (0, 1)
    assert [case["acknowledged"] for case in json.loads(at_last.stdout)["cases"]] == [None] * 3


def test_the_author_is_whoever_started_the_job_else_as_git_knows_them(store):
    (store.parent / ".gitconfig").write_text("[user]\nname = Grace\nemail = grace@example.org\n")

    sepconv("acknowledge", 1, CASE.label, "--reason", "a", store=store)
    sepconv("acknowledge", 1, "--all", "--reason", "b", store=store, GITHUB_ACTOR="octo")

    authors = [word.author for word in acknowledged(store).values()]
    assert authors == ["Grace <grace@example.org>", "octo"]


def test_the_json_says_what_the_exit_code_of_the_gate_is_now(store):
    answer = sepconv("acknowledge", 1, CASE.label, "--reason", "a", "--format", "json", store=store)

    told = json.loads(answer.stdout)
    assert (told["comparison"], told["cases"], told["exit_code"]) == (1, [CASE.label], 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([1, "--all"], "--reason is missing"),
        ([1, "--reason", "x"], "name the cases, or take every slower one with --all"),
        ([1, CASE.label, "--all", "--reason", "x"], "one of both"),
        ([1, "nothing", "--reason", "x"], f"slower are: {CASE.label}, "),
        ([1, SAME_CASE.label, "--reason", "x"], "only what is slower can be acknowledged"),
        ([1, CASE.label, "--withdraw"], "was not acknowledged"),
        ([1, "--all", "--withdraw"], "no case of comparison 1 is acknowledged"),
        ([7, "--all", "--reason", "x"], "the newest is 1"),
    ],
)
def test_what_cannot_be_acknowledged_is_refused_and_nothing_is_stored(store, arguments, message):
    answer = sepconv("acknowledge", *arguments, store=store)

    assert answer.returncode == 2
    assert message in " ".join(answer.stderr.split())
    assert acknowledged(store) == {}


def test_a_report_is_written_again_from_the_store_with_what_was_acknowledged(store):
    folder = store.parent / "report"
    sepconv("acknowledge", 1, "--all", "--reason", "more exact", store=store)

    answer = sepconv(
        *("compare", "--show", "latest", "--report", folder, "--report-url", "https://ci.example"),
        store=store,
    )

    assert answer.returncode == 0, answer.stderr
    assert "more exact" in (folder / "comment.md").read_text()
    assert (
        f"(<https://ci.example#case-{CASE.identity[:12]}>)" in (folder / "comment.md").read_text()
    )
    assert "more exact" in (folder / "index.html").read_text()
    plain = json.loads((folder / "comparison.json").read_text())
    assert [bool(case["acknowledged"]) for case in plain["cases"]] == [True, False, True]
    assert sorted(path.name for path in folder.iterdir()) == [
        "comment.md",
        "comparison.json",
        "index.html",
    ]


def test_a_reader_who_has_enough_leaves_the_report_as_it_is(store):
    folder = store.parent / "report"
    shown = f"{sys.executable} -m sepconv compare --show latest --store {store} --report {folder}"

    for _ in range(3):
        subprocess.run(["bash", "-c", f"{shown} | head -c 1"], check=False, capture_output=True)

    assert "### ❌ Slower: 2 cases of 3" in (folder / "comment.md").read_text()
    assert (folder / "index.html").exists()
