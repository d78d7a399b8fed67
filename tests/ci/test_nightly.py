"""The nights of a repository on GitHub, each on a clean clone with what the last one has kept."""

import random
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp

import pytest
import yaml

from sepconv import Store
from sepconv.bench.revision import list_revisions
from sepconv.comparison import Purpose
from sepconv.event import EventState
from tests.ci.forge import forge
from tests.ci.project import ROOT, clean, make_project, run, write_types
from tests.ci.runner import GitHub, Job, load
from tests.ci.tool import need
from tests.cli.test_notification import listening
from tests.repository import commit, git

EXAMPLES = ROOT / "docs" / "examples"
NIGHTS = {
    "ours": ROOT / ".github" / "workflows" / "nightly.yml",
    "example": EXAMPLES / "github" / "sepconv-nightly.yml",
}
GITLAB = EXAMPLES / "gitlab-nightly.yml"
OFFICIAL = re.compile(
    r"actions/(checkout@v5|setup-python@v6|cache/(restore|save)@v5|upload-artifact@v6"
    r"|download-artifact@v7|upload-pages-artifact@v5|deploy-pages@v5)"
)
SCRIPTS = ("nightly", "nightly-issue")
KINDS = sorted(NIGHTS)
ids = pytest.mark.parametrize("path", NIGHTS.values(), ids=KINDS)
PATH = clean()["PATH"]
CONFIGURATION = """
[reference]
revision = "v1"
[nightly]
suite = "tiny.toml"
conv_types = "forms.py"
webhook = "$SEPCONV_WEBHOOK"
"""
NAMES = ("slowed", "steady", "still", "same", "alike")


one_world = pytest.mark.parametrize("world", ["ours"], indirect=True)
"""For what both workflows do by the same lines: every night takes half a minute."""


@ids
def test_actionlint_finds_nothing(path):
    need("actionlint", "shellcheck")

    answer = subprocess.run(
        ["actionlint", "-no-color", str(path)], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("name", SCRIPTS)
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
    assert (ROOT / "scripts" / name).stat().st_mode & 0o111


def steps(path):
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


@ids
def test_only_official_actions_are_used_and_nothing_of_others_stands_in_shell_text(path):
    for step in steps(path):
        assert "${{" not in step.get("run", ""), step
        assert "uses" not in step or OFFICIAL.fullmatch(step["uses"]), step
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@ids
def test_each_job_may_do_what_it_must_and_no_more(path):
    read = load(path)
    granted = {name: job["permissions"] for name, job in read["jobs"].items()}

    assert read["permissions"] == {"contents": "read"}
    assert granted == {
        "night": {"actions": "read", "contents": "read"},
        "issue": {"contents": "read", "issues": "write"},
        "publish": {"id-token": "write", "pages": "write"},
    }


@ids
def test_nights_never_overlap_and_none_cuts_off_another(path):
    assert isinstance(load(path)["concurrency"], str)  # which cancels none that is running


@ids
def test_the_secret_is_given_to_the_one_step_that_needs_it(path):
    having = [step for step in steps(path) if "secrets." in str(step)]

    assert [step["name"] for step in having] == ["Measure"]
    assert list(having[0]["env"]).count("SEPCONV_WEBHOOK") == 1


@pytest.fixture
def there():
    need("gh", "jq", "curl")
    with forge() as held:
        yield held


class World:
    """A repository on GitHub that is measured every night."""

    def __init__(self, folder, there, kind):
        self.path = NIGHTS[kind]
        self.there = there
        self.github = GitHub(folder / "github", there)
        self.github.folder.mkdir()
        self.github.variables = {"SEPCONV_NIGHTLY_OPTIONS": "--no-sweep --no-confirm --budget 6m"}
        self.origin = folder / "origin"
        self.folder = folder
        self.run_id = 100
        self.jobs = 0

    def workspace(self):
        """What actions/checkout leaves, with what the workflow installs."""
        self.jobs += 1
        place = self.folder / f"workspace-{self.jobs}"
        git(self.folder, "clone", "-q", f"file://{self.origin}", str(place))
        shutil.copytree(self.origin / ".venv", place / ".venv")
        return place

    def night(self, inputs=None):
        """The jobs of a night, by their names; `inputs` are those of one begun by hand."""
        self.run_id += 1
        event = {"inputs": inputs, "repository": {"default_branch": "main"}} if inputs else {}
        given = {"event_name": "workflow_dispatch" if inputs else "schedule", "ref_name": "main"}
        done = {}
        for name in ("night", "issue", "publish"):
            done[name] = self.github.run_job(
                self.path,
                self.workspace(),
                event,
                self.run_id,
                name=name,
                needs={key: done[key] for key in done if key == "night"},
                **given,
            )
        return done

    def kept(self, run_id=None):
        """The store that a night has kept."""
        return (
            self.github.folder / f"artefact-{run_id or self.run_id}-sepconv-nightly-store/store.db"
        )


@pytest.fixture(params=KINDS)
def world(request, tmp_path, there, monkeypatch):
    """A repository whose first commit is v1; its history has twelve more commits."""
    made = World(tmp_path, there, request.param)
    make_project(made.origin, *NAMES)
    (made.origin / "sepconv.toml").write_text(CONFIGURATION)
    script = made.origin / ".github" / "sepconv-nightly-issue"
    script.parent.mkdir()
    shutil.copy2(ROOT / "scripts" / "nightly-issue", script)
    commit(made.origin, "configure the nights")
    git(made.origin, "tag", "v1")
    for number in range(12):
        commit(made.origin, f"words {number}", notes__md=str(number))
    monkeypatch.setenv("PATH", f"{made.origin / '.venv' / 'bin'}:{PATH}")  # as pip install does
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return made


def remember(path, repository):
    """Put nights of the twelve commits before into a store, as if they had been measured: like
    the one that is there, with the scatter that nights have."""
    chance = random.Random(7)
    now = datetime.now(UTC)
    with Store(path) as store:
        (model,) = store.comparisons(purposes={Purpose.NIGHTLY})
        commits = list_revisions(repository, "v1", "HEAD")[:-1]
        for number, revision in enumerate(commits):
            at = (now - timedelta(days=len(commits) - number)).isoformat(timespec="seconds")
            cases = []
            for one in model.cases:
                by = exp(chance.gauss(0, 0.006))
                cases.append(replace(one, ratio=by, low=by * 0.99, high=by * 1.01))
            made = replace(
                model,
                uid=f"{number:032x}",
                id=None,
                started_at=at,
                finished_at=at,
                head=replace(model.head, revision=revision),
                cases=cases,
            )
            store.finish_comparison(store.begin_comparison(made), made)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_three_nights_on_three_clean_clones_and_the_third_has_an_event(world, there):
    with listening(200) as hook:
        world.github.secrets["SEPCONV_WEBHOOK"] = hook.address

        first = world.night()
        assert first["night"].conclusion == "success", first["night"].log
        assert first["issue"].conclusion == "success", first["issue"].log
        assert first["publish"].conclusion == "skipped"
        remember(world.kept(), world.origin)  # of earlier nights the artefact alone knows

        write_types(world.origin, dict.fromkeys(NAMES, 1) | {"slowed": 8})
        culprit = commit(world.origin, "one clone() more | @all")
        second = world.night()
        assert second["night"].conclusion == "success", second["night"].log
        with Store(world.kept(), read_only=True) as store:
            assert len(store.comparisons(purposes={Purpose.NIGHTLY})) == 13
        assert there.issues == []  # what was seen once is suspicious, and nobody is told
        assert hook.received == []

        commit(world.origin, "words", notes__md="more")
        world.github.variables["SEPCONV_PAGES"] = "true"
        third = world.night()

        night = third["night"]
        assert night.outputs["measure"]["code"] == "1", night.log
        assert night.conclusion == "failure"
        assert night.steps["Slower, confirmed, and nobody has spoken about it"] == "failure"
        assert "❌ Slower: 1 open event" in night.summary
        with Store(world.kept(), read_only=True) as store:
            assert len(store.comparisons(purposes={Purpose.NIGHTLY})) == 14
            (event,) = (each for each in store.events() if each.is_alarm)
        assert culprit in {each.commit for each in event.commits}
        assert event.state is EventState.CONFIRMED
        assert {member.case.conv_type for member in event.members} == {"slowed"}
        assert third["issue"].conclusion == "success", third["issue"].log
        (issue,) = there.issues
        assert culprit[:10] in issue["body"]
        assert "@all" not in issue["body"]
        assert third["publish"].conclusion == "success"
        assert {"index.html", "events.atom", "nightly.json"} <= world.github.pages.keys()
        assert "store.db" not in world.github.pages
        assert len(hook.received) == 1
        assert hook.address not in night.log

        body = issue["body"]
        fourth = world.night()
        assert fourth["night"].outputs["measure"]["code"] == "1", fourth["night"].log
        assert (issue["body"], there.bodies(1)) == (body, [])
        assert len(hook.received) == 1

        said = {"event": event.uid[:12], "say": "acknowledge", "reason": "`exact` $(id) now"}
        fifth = world.night(said)
        assert fifth["night"].conclusion == "success", fifth["night"].log
        assert issue["state"] == "closed"
        with Store(world.kept(), read_only=True) as store:
            note = store.find_event(event.uid).notes[-1]
        assert (note.state, note.author) == (EventState.ACKNOWLEDGED, "alice")
        assert note.reason == "`exact` $(id) now"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@one_world
def test_a_night_that_cannot_be_measured_is_red_by_another_name_and_passes_the_store_on(
    world, there
):
    world.night()
    there.open_issue("<!-- sepconv-nightly -->\n<!-- alarms 1 abc -->\n")
    world.github.variables["SEPCONV_NIGHTLY_OPTIONS"] += " --reference no-such-tag"

    done = world.night()

    assert done["night"].conclusion == "failure"
    assert done["night"].steps["Could not measure, which is no regression"] == "failure"
    assert "🛑 Could not measure" in done["night"].summary
    with Store(world.kept(), read_only=True) as store:
        assert len(store.comparisons()) == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@one_world
def test_a_night_that_died_leaves_the_issue_and_the_store_as_they_were(world, there):
    world.night()
    before = world.kept()
    there.open_issue("<!-- sepconv-nightly -->\n<!-- alarms 1 abc -->\n")
    program = world.origin / ".venv" / "bin" / "sepconv"
    whole = program.read_text()
    program.write_text(
        whole.replace("PYTHONPATH", '[ "$1" = nightly ] && kill -9 $$\nPYTHONPATH', 1)
    )

    done = world.night()

    assert done["night"].conclusion == "failure"
    assert done["night"].steps["Slower, confirmed, and nobody has spoken about it"] == "skipped"
    assert [issue["state"] for issue in there.issues] == ["open"]
    assert there.writes() == []
    with Store(before, read_only=True) as old, Store(world.kept(), read_only=True) as new:
        assert [each.uid for each in new.comparisons()] == [each.uid for each in old.comparisons()]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@one_world
def test_an_artefact_that_a_fork_has_kept_under_that_name_is_not_taken(world, there):
    world.night()
    told = {"id": 999, "head_branch": "main", "repository_id": 1, "head_repository_id": 2}
    forks = {"name": "sepconv-nightly-store", "expired": False, "workflow_run": told}
    there.artifacts.append(forks)

    done = world.night()

    assert done["night"].outputs["kept"]["run"] == "101", done["night"].log


@ids
def test_a_branch_that_is_not_the_default_one_measures_nothing(path, tmp_path, there):
    (tmp_path / "github").mkdir()
    event = {"inputs": {}, "repository": {"default_branch": "main"}}

    done = GitHub(tmp_path / "github", there).run_job(
        path, tmp_path, event, 1, name="night", event_name="workflow_dispatch", ref_name="feature"
    )

    assert done.conclusion == "skipped"


@ids
@pytest.mark.parametrize("name", ["issue", "publish"])
def test_without_a_result_nothing_is_told_and_nothing_published(path, name, tmp_path, there):
    (tmp_path / "github").mkdir()
    github = GitHub(tmp_path / "github", there, {"SEPCONV_PAGES": "true"})

    done = github.run_job(
        path, tmp_path, {}, 1, name=name, needs={"night": Job("failure", told={"code": ""})}
    )

    assert done.conclusion == "skipped"


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_the_script_makes_the_history_whole_measures_and_leaves_a_folder(tmp_path):
    """From a shallow clone, as most CI makes it."""
    origin = make_project(tmp_path / "origin", "steady")
    git(origin, "tag", "v1")
    (origin / "sepconv.toml").write_text(CONFIGURATION)
    commit(origin, "second")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{origin}", str(clone))
    shutil.copytree(origin / ".venv", clone / ".venv")

    answer = run(clone, "scripts/nightly", "--no-sweep", CI="true")

    assert answer.returncode == 0, answer.stderr
    assert "fetching the rest of the history of origin" in answer.stderr
    left = {path.name for path in (clone / "results" / "nightly").iterdir()}
    assert left == {"index.html", "nightly.md", "nightly.json", "events.atom", "store.db"}
    with Store(clone / "results" / "nightly" / "store.db", read_only=True) as store:
        assert len(store.comparisons()) == 1
        assert len(store.revisions()) == 2


def test_a_program_that_cannot_start_is_no_regression(tmp_path):
    folder = make_project(tmp_path / "project", "steady")
    (folder / ".venv" / "bin" / "sepconv").write_text("#!/bin/sh\necho '```' >&2\nexit 1\n")

    answer = run(folder, "scripts/nightly")

    assert answer.returncode == 3
    lines = (folder / "results" / "nightly" / "nightly.md").read_text().splitlines()
    assert lines[:2] == ["<!-- sepconv-nightly -->", "<!-- alarms unknown -->"]
    assert "````text" in lines


def gitlab_job(name):
    jobs = yaml.safe_load(GITLAB.read_text())
    job = jobs[name]
    whole = jobs.get(job.get("extends"), {}) | job
    return whole, "\n".join(whole["script"])


@pytest.mark.parametrize("name", ["sepconv:nightly", "sepconv:nightly:issue"])
def test_the_gitlab_jobs_are_sound_shell_and_run_on_a_schedule_alone(name, tmp_path):
    need("shellcheck")
    whole, script = gitlab_job(name)
    path = tmp_path / "job.sh"
    path.write_text(script + "\n")

    answer = subprocess.run(
        ["shellcheck", "--shell=sh", "--exclude=SC2086", str(path)],  # SEPCONV_OPTIONS are words
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout
    assert all('== "schedule"' in rule["if"] for rule in whole["rules"])


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_two_gitlab_nights_pass_the_store_on_and_have_nothing_to_say(tmp_path, there, monkeypatch):
    folder = make_project(tmp_path / "project", "steady")
    git(folder, "tag", "v1")
    (folder / "sepconv.toml").write_text(CONFIGURATION)
    script = folder / ".gitlab" / "sepconv-nightly-issue"
    script.parent.mkdir()
    shutil.copy2(ROOT / "scripts" / "nightly-issue", script)
    commit(folder, "configure the nights")

    def job(place, name):
        whole, script = gitlab_job(name)
        return run(
            place,
            *("bash", "-eo", "pipefail", "-c", script),
            **{key: str(text) for key, text in whole.get("variables", {}).items()},
            PATH=f"{folder / '.venv' / 'bin'}:{PATH}",
            CI="true",
            GITLAB_CI="true",
            CI_API_V4_URL=there.gitlab_url,
            CI_PROJECT_ID="5",
            CI_COMMIT_BRANCH="main",
            SEPCONV_GITLAB_TOKEN="bot-token",
            SEPCONV_OPTIONS="--no-sweep",
        )

    first = job(folder, "sepconv:nightly")
    assert first.returncode == 0, first.stderr
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", f"file://{folder}", str(clone))
    git(clone, "switch", "-q", "--detach", "HEAD")
    shutil.copytree(folder / "sepconv-store", clone / "sepconv-store")  # as GitLab's cache does
    second = job(clone, "sepconv:nightly")
    told = job(clone, "sepconv:nightly:issue")

    assert second.returncode == 0, second.stderr
    assert told.returncode == 0, told.stderr
    assert there.issues == []
    with Store(clone / "sepconv-store" / "store.db", read_only=True) as store:
        nights = store.comparisons()
    assert [night.head.branch for night in nights] == ["main", "main"]
