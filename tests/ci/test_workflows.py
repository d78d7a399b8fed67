"""The workflows and examples: they are well-formed, and do what docs/pull-requests.md says."""

import re
import shutil
import subprocess

import pytest
import yaml

from sepconv import Store
from tests.ci.forge import forge
from tests.ci.project import OPTIONS, ROOT, branch_off, clean, make_project, run
from tests.ci.runner import GitHub, load
from tests.ci.tool import need
from tests.repository import commit, git

MARK = "<!-- sepconv:pull-request -->"
OURS = ROOT / ".github" / "workflows"
EXAMPLES = ROOT / "docs" / "examples" / "github"
GITLAB = ROOT / "docs" / "examples" / "gitlab-ci.yml"
GATES = {  # gate, comment, acknowledge: of this repository, and as a stranger pastes them
    "ours": [OURS / f"{name}.yml" for name in ("pull-request", "pull-request-comment")]
    + [OURS / "acknowledge.yml"],
    "example": [EXAMPLES / f"{name}.yml" for name in ("sepconv", "sepconv-comment")]
    + [EXAMPLES / "sepconv-acknowledge.yml"],
}
WORKFLOWS = [path for paths in GATES.values() for path in paths]
OFFICIAL = re.compile(
    r"actions/(checkout@v5|setup-python@v6|cache/(restore|save)@v5|upload-artifact@v6"
    r"|download-artifact@v7)"  # the oldest that run on a Node that GitHub still has
)
KINDS = sorted(GATES)
ids = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def steps(path):
    ((_, job),) = load(path)["jobs"].items()
    return job["steps"]


@ids
def test_actionlint_finds_nothing(path):
    need("actionlint", "shellcheck")

    answer = subprocess.run(
        ["actionlint", "-no-color", str(path)], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("name", ["pull-request", "comment", "environment", "quickstart", "test"])
def test_shellcheck_finds_nothing_in_the_scripts(name):
    need("shellcheck")

    answer = subprocess.run(
        ["shellcheck", "--shell=sh", "-x", "--severity=warning", f"scripts/{name}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout


@ids
def test_nothing_that_others_choose_stands_in_shell_text(path):
    for step in steps(path):
        assert "${{" not in step.get("run", ""), step


@ids
def test_only_official_actions_are_used(path):
    for step in steps(path):
        if "uses" in step:
            assert OFFICIAL.fullmatch(step["uses"]), step["uses"]


@ids
def test_the_token_is_not_left_in_the_checkout(path):
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("kind", KINDS)
def test_each_may_do_what_it_must_and_no_more(kind):
    gate, comment, acknowledge = (load(path)["permissions"] for path in GATES[kind])

    assert gate == {"contents": "read"}
    assert comment == {"actions": "read", "contents": "read", "pull-requests": "write"}
    assert acknowledge == {"actions": "write", "contents": "read", "pull-requests": "write"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_write_checks_out_the_default_branch_alone(kind):
    for path in GATES[kind][1:]:
        for step in steps(path):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert not {"ref", "repository"} & step["with"].keys()


@pytest.mark.parametrize("kind", KINDS)
def test_the_comment_follows_the_gate_by_its_name(kind):
    gate, comment, _ = map(load, GATES[kind])

    assert comment["on"]["workflow_run"]["workflows"] == [gate["name"]]


@pytest.fixture
def there():
    need("gh", "jq", "curl")
    with forge() as held:
        yield held


def pull(head, number=17, branch="feature", repository="o/r"):
    """A pull request as GitHub tells of it."""
    place = {"full_name": repository}
    return {"number": number, "state": "open", "head": {"ref": branch, "sha": head, "repo": place}}


def finished(head, conclusion="failure", branch="feature", repository="o/r", run_id=100):
    """A finished run of the gate, as GitHub tells of it."""
    return {
        "id": run_id,
        "workflow_id": 3,
        "event": "pull_request",
        "conclusion": conclusion,
        "head_branch": branch,
        "head_sha": head,
        "head_repository": {
            "full_name": repository,
            "owner": {"login": repository.partition("/")[0]},
        },
        "html_url": f"https://github.com/o/r/actions/runs/{run_id}",
    }


class World:
    """A repository on GitHub with one pull request, and the machines of its Actions."""

    def __init__(self, folder, there, kind):
        self.gate, self.comment, self.acknowledge = GATES[kind]
        self.there = there
        self.github = GitHub(folder / "github", there)
        self.github.folder.mkdir()
        self.origin = folder / "origin"
        self.folder = folder
        self.jobs = 0
        self.run_id = 100
        self.number = 17
        if kind == "ours":
            self.github.variables["SEPCONV_OPTIONS"] = " ".join(OPTIONS)
        else:
            self.github.variables["SEPCONV_OPTIONS"] = "--suite tiny.toml"

    def workspace(self, ref):
        """What actions/checkout leaves, with what the workflow installs."""
        self.jobs += 1
        place = self.folder / f"workspace-{self.jobs}"
        git(self.folder, "clone", "-q", f"file://{self.origin}", str(place))
        git(place, "checkout", "-q", ref)
        shutil.copytree(self.origin / ".venv", place / ".venv")
        return place

    def measure(self, head):
        event = {"pull_request": {"number": self.number, "head": {"sha": head}}}
        return self.github.run_job(
            self.gate,
            self.workspace(head),
            event,
            self.run_id,
            base_ref="main",
            ref=f"refs/pull/{self.number}/merge",
        )

    def tell(self, told):
        event = {"workflow_run": told, "repository": {"default_branch": "main"}}
        return self.github.run_job(self.comment, self.workspace("origin/main"), event, 900)

    def say(self, case, reason, run_id):
        event = {"inputs": {"run_id": str(run_id), "case": case, "reason": reason}}
        event["repository"] = {"default_branch": "main"}
        return self.github.run_job(
            self.acknowledge, self.workspace("origin/main"), event, 901, ref_name="main"
        )


@pytest.fixture(params=KINDS)
def world(request, tmp_path, there, monkeypatch):
    """The pull request makes one of two conv types slower."""
    made = World(tmp_path, there, request.param)
    make_project(made.origin, "steady", "slowed")
    script = made.origin / ".github" / "sepconv-comment"
    script.parent.mkdir()
    shutil.copy2(ROOT / "scripts" / "comment", script)
    commit(made.origin, "the script that comments")
    monkeypatch.setenv("PATH", f"{made.origin / '.venv' / 'bin'}:{PATH}")  # as pip install does
    return made


PATH = clean()["PATH"]


@pytest.mark.slow
def test_a_slower_pull_request_is_red_is_told_acknowledged_and_green(world, there):
    head = branch_off(world.origin, "feature", {"steady": 1, "slowed": 6})
    git(world.origin, "switch", "-q", "main")
    there.pulls = [pull(head)]
    there.runs[100] = finished(head) | {"path": f".github/workflows/{world.gate.name}"}

    red = world.measure(head)
    told = world.tell(finished(head, red.conclusion))

    assert red.outputs["measure"]["code"] == "1", red.log
    assert red.conclusion == "failure"
    assert red.steps["Slower, and confirmed"] == "failure"
    assert red.steps["Could not measure, which is no regression"] == "skipped"
    assert "Slower: 1 case of 2" in red.summary
    assert told.conclusion == "success", told.log
    (comment,) = there.bodies(17)
    assert comment.startswith(MARK)
    assert "Slower: 1 case of 2" in comment
    assert f"https://github.com/o/r/actions/workflows/{world.acknowledge.name}" in comment
    assert "artefact of run 100" in comment

    case = re.search(r"acknowledge \S+ (\S+) --reason", comment)[1]
    said = world.say(case, "six `additions` are $(exact)", 100)

    assert said.conclusion == "success", said.log
    assert there.reruns == [100]
    (comment,) = there.bodies(17)
    assert "alice" in comment
    assert "additions" in comment
    assert "https://github.com/o/r/actions/runs/100" in comment

    green = world.measure(head)
    told = world.tell(finished(head, green.conclusion))

    assert green.conclusion == "success", green.log
    assert "as acknowledged" in green.summary
    assert told.conclusion == "success"
    assert len(there.bodies(17)) == 1


@pytest.mark.slow
def test_the_store_of_a_pull_request_goes_from_run_to_run(world):
    git(world.origin, "switch", "-q", "-c", "feature")
    heads = [commit(world.origin, "words", notes__md=text) for text in ("one", "two")]

    for number, head in enumerate(heads):
        world.run_id = 100 + number
        job = world.measure(head)
        assert job.conclusion == "success", job.log

    (store,) = world.github.folder.glob("artefact-101-*/store.db")
    with Store(store, read_only=True) as opened:
        assert len(opened.comparisons()) == 2
    assert {scope for scope, *_ in world.github.caches} == {"refs/pull/17/merge"}


@pytest.mark.slow
def test_what_could_not_be_measured_is_red_under_another_name(world, there):
    head = git(world.origin, "rev-parse", "HEAD")
    world.github.variables["SEPCONV_OPTIONS"] += " --where stride"
    there.pulls = [pull(head)]

    job = world.measure(head)
    told = world.tell(finished(head))

    assert job.conclusion == "failure"
    assert job.steps["Could not measure, which is no regression"] == "failure"
    assert job.steps["Slower, and confirmed"] == "skipped"
    assert job.steps["Keep the report"] == "success"
    assert "Could not measure" in job.summary
    assert told.conclusion == "success", told.log
    assert "Could not measure" in there.bodies(17)[0]


@pytest.mark.slow
def test_a_gate_that_died_is_red_by_neither_name_and_its_comment_says_that_nothing_is_known(
    world, there
):
    head = git(world.origin, "rev-parse", "HEAD")
    (world.origin / ".venv" / "bin" / "sepconv").write_text("#!/bin/sh\nexit 1\n")
    there.pulls = [pull(head)]

    job = world.measure(head)
    world.tell(finished(head))

    assert job.conclusion == "failure"
    assert job.steps["Slower, and confirmed"] == "skipped"
    assert "Could not measure" in there.bodies(17)[0]


def leave(world, text, run_id=100):
    """An artefact that a run has left, by whatever code."""
    (gate,) = (step for step in steps(world.gate) if "upload-artifact" in step.get("uses", ""))
    kept = world.github.folder / f"artefact-{run_id}-{gate['with']['name']}"
    kept.mkdir()
    (kept / "comment.md").write_text(text)


HEAD = "4" * 40
TEXT = f"{MARK}\nSlower\n"


@pytest.mark.slow
def test_the_number_is_githubs_and_not_the_artefacts(world, there):
    leave(world, TEXT)
    there.pulls = [pull("5" * 40, 16, "other"), pull(HEAD, 17), pull(HEAD, 18, repository="x/r")]

    told = world.tell(finished(HEAD))

    assert told.conclusion == "success", told.log
    assert (there.bodies(16), there.bodies(17), there.bodies(18)) == ([], [TEXT], [])


@pytest.mark.slow
@pytest.mark.parametrize("branch", ["a&b=c#d", "$(touch owned)", "`id`;x", "ünï/cødé"])
def test_a_branch_of_any_name_is_found(world, there, branch):
    leave(world, TEXT)
    there.pulls = [pull(HEAD, 17, branch)]

    told = world.tell(finished(HEAD, branch=branch))

    assert told.conclusion == "success", told.log
    assert there.bodies(17) == [TEXT]
    assert not list(world.folder.rglob("owned"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "pulls",
    [[], [pull("5" * 40)], [pull(HEAD, 17), pull(HEAD, 18)]],
    ids=["closed", "moved on", "two"],
)
def test_where_the_pull_request_is_not_certain_nothing_is_posted(world, there, pulls):
    leave(world, TEXT)
    there.pulls = pulls

    told = world.tell(finished(HEAD))

    assert told.conclusion == "success", told.log
    assert "no open pull request, or of several" in told.log
    assert there.writes() == []


@pytest.mark.slow
def test_a_forks_text_is_posted_only_where_somebody_has_allowed_it(world, there):
    leave(world, TEXT)
    there.pulls = [pull(HEAD, 17, repository="mallory/r")]
    theirs = finished(HEAD, repository="mallory/r")

    refused = world.tell(theirs)
    before = list(there.requests)
    world.github.variables["SEPCONV_COMMENT_ON_FORKS"] = "true"
    allowed = world.tell(theirs)

    assert (refused.conclusion, before) == ("skipped", [])
    assert allowed.conclusion == "success", allowed.log
    assert there.bodies(17) == [TEXT]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("conclusion", "bodies"), [("timed_out", 1), ("failure", 1), ("cancelled", 1), ("skipped", 0)]
)
def test_a_run_that_left_nothing_is_told_of_unless_it_never_began(world, there, conclusion, bodies):
    there.pulls = [pull(HEAD)]

    told = world.tell(finished(HEAD, conclusion))

    assert told.conclusion == ("success" if bodies else "skipped"), told.log
    assert len(there.bodies(17)) == bodies
    for body in there.bodies(17):
        assert "Could not measure" in body
        assert "https://github.com/o/r/actions/runs/100" in body


@pytest.mark.slow
def test_a_run_that_a_newer_push_replaced_is_not_told_of(world, there):
    there.pulls = [pull("5" * 40)]

    told = world.tell(finished(HEAD, "cancelled"))

    assert told.conclusion == "success", told.log
    assert there.writes() == []


@pytest.mark.slow
def test_other_runs_are_none_of_its_business(world, there):
    told = world.tell(finished(HEAD) | {"event": "push"})

    assert told.conclusion == "skipped"
    assert there.requests == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run_id", "change", "said"),
    [
        ("12; id", {}, "expected the number of a run"),
        ("999", {}, "Not Found"),
        ("100", {"event": "push"}, "is not one of"),
        ("100", {"path": ".github/workflows/other.yml"}, "is not one of"),
        ("100", {"head_sha": "5" * 40}, "newest run of one open pull request"),
    ],
)
def test_only_the_newest_run_of_a_pull_request_can_be_acknowledged(
    world, there, run_id, change, said
):
    there.pulls = [pull(HEAD)]
    there.runs[100] = finished(HEAD) | {"path": f".github/workflows/{world.gate.name}"} | change

    job = world.say("all", "why", run_id)

    assert job.conclusion == "failure"
    assert said in job.log
    assert there.writes() == []
    assert there.reruns == []
    assert world.github.caches == []


@pytest.mark.slow
def test_a_branch_that_is_not_the_default_one_acknowledges_nothing(world):
    event = {"inputs": {"run_id": "100", "case": "all", "reason": "why"}}
    event["repository"] = {"default_branch": "main"}

    job = world.github.run_job(
        world.acknowledge, world.workspace("origin/main"), event, 901, ref_name="feature"
    )

    assert job.conclusion == "skipped"


def gitlab_job(name):
    """The job of the example, with what it extends, and the words of its script."""
    jobs = yaml.safe_load(GITLAB.read_text())
    job = jobs[name]
    whole = jobs.get(job.get("extends"), {}) | job
    return whole, "\n".join(whole["script"])


@pytest.mark.parametrize("name", ["sepconv", "sepconv:comment", "sepconv:acknowledge"])
def test_the_gitlab_jobs_run_in_merge_requests_alone(name):
    job, _ = gitlab_job(name)

    assert all('== "merge_request_event"' in rule["if"] for rule in job["rules"])


def test_a_forks_pipeline_of_gitlab_does_not_try_to_comment():
    job, _ = gitlab_job("sepconv:comment")

    (rule,) = job["rules"]
    assert "$CI_MERGE_REQUEST_PROJECT_ID == $CI_PROJECT_ID" in rule["if"]
    assert rule["when"] == "always"  # what is red is told of, too


@pytest.mark.parametrize("name", ["sepconv", "sepconv:comment", "sepconv:acknowledge"])
def test_the_scripts_of_the_gitlab_jobs_are_sound_shell(name, tmp_path):
    need("shellcheck")
    path = tmp_path / "job.sh"
    path.write_text(gitlab_job(name)[1] + "\n")

    answer = subprocess.run(
        ["shellcheck", "--shell=sh", "--exclude=SC2086", str(path)],  # SEPCONV_OPTIONS are words
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout


@pytest.fixture
def gitlab(tmp_path, there):
    """A merge request that makes a conv type slower, and a job's way to be run."""
    folder = make_project(tmp_path / "project", "slowed")
    script = folder / ".gitlab" / "sepconv-comment"
    script.parent.mkdir()
    shutil.copy2(ROOT / "scripts" / "comment", script)
    base = commit(folder, "the script that comments")
    head = branch_off(folder, "feature", {"slowed": 6})

    def job(name, **variables):
        whole, script = gitlab_job(name)
        of_job = {key: str(text) for key, text in whole.get("variables", {}).items()}
        return run(
            folder,
            *("bash", "-eo", "pipefail", "-c", script),
            **of_job,
            **{
                "PATH": f"{folder / '.venv' / 'bin'}:{PATH}",
                "CI": "true",
                "CI_API_V4_URL": there.gitlab_url,
                "CI_COMMIT_SHA": head,
                "CI_JOB_URL": "https://gitlab.example.org/o/r/-/jobs/1",
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
                "CI_MERGE_REQUEST_IID": "17",
                "CI_PROJECT_ID": "5",
                "GITLAB_USER_LOGIN": "alice",
                "SEPCONV_GITLAB_TOKEN": "bot-token",
                "SEPCONV_OPTIONS": "--suite tiny.toml",
            }
            | variables,
        )

    return folder, job


@pytest.mark.slow
def test_a_slower_merge_request_is_red_is_told_acknowledged_and_green(gitlab, there):
    folder, job = gitlab

    red = job("sepconv")
    told = job("sepconv:comment")
    (comment,) = there.bodies(17)
    case = re.search(r"acknowledge \S+ (\S+) --reason", comment)[1]
    said = job("sepconv:acknowledge", CASE=case, REASON="six `additions` are $(exact)")
    green = job("sepconv")
    job("sepconv:comment")

    assert red.returncode == 1, red.stderr
    assert told.returncode == 0, told.stderr
    assert comment.startswith(MARK)
    assert "https://gitlab.example.org/o/r/-/jobs/1/artifacts/file/report/index.html#" in comment
    assert said.returncode == 0, said.stderr
    assert green.returncode == 0, green.stderr
    (comment,) = there.bodies(17)
    assert "as acknowledged" in comment
    assert (folder / "report" / "store.db").exists()


@pytest.mark.slow
def test_a_gitlab_job_that_left_no_report_is_no_regression(gitlab):
    folder, job = gitlab
    (folder / ".venv" / "bin" / "sepconv").write_text("#!/bin/sh\nexit 1\n")

    answer = job("sepconv")

    assert answer.returncode == 3
    assert "ended without a report (1)" in answer.stdout
