"""Runs the workflows in .github/workflows as GitHub would, as far as it is not GitHub's own.

Every `run` is executed by bash as the runner does it. The official actions have stand-ins that
keep what the real ones keep: caches with their scopes and artefacts of runs, in folders.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.forge import Forge
from tests.ci.project import run

STATUS = re.compile(r"\b(always|cancelled|success|failure)\(\)")
OURS = {"checkout", "setup-python", "cache/restore", "cache/save"}
OURS |= {"upload-artifact", "download-artifact", "upload-pages-artifact", "deploy-pages"}


class Context(dict[str, Any]):
    """An object of the expression language: what is not there is the empty string."""

    def __getattr__(self, name: str) -> Any:
        value = self.get(name, "")
        return Context(value) if isinstance(value, dict) else "" if value is None else value


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The value of an expression of the language's small part that our workflows use."""
    python = expression.replace("&&", " and ").replace("||", " or ")
    python = re.sub(r"!(?!=)", " not ", python.replace("\n", " ")).strip()
    names = {name: Context(value) for name, value in contexts.items()}
    return eval(python, {"__builtins__": {}}, names | STATES)


STATES = {"always": lambda: True, "cancelled": lambda: False, "success": lambda: True}


def filled(text: Any, contexts: Mapping[str, Any]) -> str:
    """The text with its expressions replaced by their values."""
    return re.sub(
        r"\$\{\{(.*?)\}\}", lambda found: str(evaluate(found[1], contexts)), str(text), flags=re.S
    )


def load(path: Path) -> dict[str, Any]:
    """The workflow; `on` is a boolean for YAML 1.1, and is given its name back."""
    read = yaml.safe_load(path.read_text())
    return {("on" if key is True else key): value for key, value in read.items()}


@dataclass
class Job:
    """What became of a job."""

    conclusion: str = "success"
    steps: dict[str, str] = field(default_factory=dict)  # name: success, failure or skipped
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)  # by step
    told: dict[str, str] = field(default_factory=dict)  # its own outputs
    summary: str = ""
    log: str = ""


@dataclass
class GitHub:
    """One repository's Actions."""

    folder: Path
    forge: Forge
    variables: dict[str, str] = field(default_factory=dict)
    caches: list[tuple[str, str, str, Path]] = field(default_factory=list)  # scope, key, path, copy
    token: str = "bot-token"
    secrets: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)  # what is published, by its name

    def run_job(
        self,
        path: Path,
        workspace: Path,
        event: dict[str, Any],
        run_id: int,
        *,
        name: str | None = None,
        needs: Mapping[str, Job] | None = None,
        **github: Any,
    ) -> Job:
        """Run a job of a workflow, the only one if it has no name here, in a workspace that is
        checked out already. `needs` are those that ran before it."""
        jobs = load(path)["jobs"]
        if name is None:
            ((name, _),) = jobs.items()
        job = jobs[name]
        done = Job()
        temp = self.folder / f"temp-{run_id}-{len(list(self.folder.iterdir()))}"
        temp.mkdir(parents=True)
        contexts = {
            "github": {
                "event": event,
                "run_id": run_id,
                "run_attempt": 1 + len(list(self.folder.glob(f"temp-{run_id}-*"))),
                "repository": "o/r",
                "server_url": "https://github.com",
                "token": self.token,
                "actor": "alice",
            }
            | github,
            "vars": self.variables,
            "secrets": self.secrets,
            "needs": {
                name: {"result": one.conclusion, "outputs": one.told}
                for name, one in (needs or {}).items()
            },
            "inputs": event.get("inputs", {}),
            "runner": {"temp": str(temp)},
            "steps": {},
        }
        if not evaluate(job.get("if", "True"), contexts):
            done.conclusion = "skipped"
            return done
        contexts["env"] = {
            name: filled(text, contexts) for name, text in job.get("env", {}).items()
        }
        for step in job["steps"]:
            self._step(step, contexts, workspace, temp, done)
        outputs = job.get("outputs", {})
        done.told = {name: filled(text, contexts) for name, text in outputs.items()}
        return done

    def _step(
        self, step: dict[str, Any], contexts: dict[str, Any], place: Path, temp: Path, done: Job
    ) -> None:
        name = step.get("name") or step["uses"]
        condition = str(step.get("if", "success()"))
        failed = done.conclusion == "failure"
        if (failed and not STATUS.search(condition)) or (failed and condition == "success()"):
            done.steps[name] = "skipped"
            return
        if not evaluate(condition.removeprefix("${{").removesuffix("}}"), contexts):
            done.steps[name] = "skipped"
            return
        if "run" in step:
            good = self._run(step, contexts, place, temp, done)
        else:
            good = self._use(step, contexts, place)
        done.steps[name] = "success" if good else "failure"
        if not good and not step.get("continue-on-error"):
            done.conclusion = "failure"

    def _run(
        self, step: dict[str, Any], contexts: dict[str, Any], place: Path, temp: Path, done: Job
    ) -> bool:
        assert "${{" not in step["run"], "what others choose reaches a shell by env alone"
        if step["run"].startswith("pip install"):
            return True  # the sepconv under test is there
        output, summary, event = (temp / name for name in ("output", "summary", "event.json"))
        output.write_text("")
        event.write_text(json.dumps(contexts["github"]["event"]))
        variables = {name: filled(text, contexts) for name, text in step.get("env", {}).items()}
        github = contexts["github"]
        answer = run(
            place,
            *("bash", "-e", "-c", step["run"]),
            **(contexts["env"] | variables),
            CI="true",
            GH_HOST="github.localhost",
            HTTP_PROXY=self.forge.url,
            HOME=str(temp),
            RUNNER_TEMP=str(temp),
            GITHUB_ACTOR=github["actor"],
            GITHUB_EVENT_PATH=str(event),
            GITHUB_OUTPUT=str(output),
            GITHUB_REF=github.get("ref", "refs/heads/main"),
            GITHUB_REF_NAME=github.get("ref", "refs/heads/main").split("/", 2)[2],
            GITHUB_REPOSITORY=github["repository"],
            GITHUB_RUN_ID=str(github["run_id"]),
            GITHUB_SERVER_URL="https://github.com",
            GITHUB_STEP_SUMMARY=str(summary),
        )
        told = dict(line.split("=", 1) for line in output.read_text().splitlines())
        if "id" in step:
            contexts["steps"][step["id"]] = {"outputs": told}
            done.outputs[step["id"]] = told
        done.summary = summary.read_text() if summary.exists() else ""
        done.log += answer.stdout + answer.stderr
        return answer.returncode == 0

    def _use(self, step: dict[str, Any], contexts: dict[str, Any], place: Path) -> bool:
        action = step["uses"].partition("@")[0].removeprefix("actions/")
        assert action in OURS, f"{action} has no stand-in here"
        given = {key: filled(text, contexts) for key, text in step.get("with", {}).items()}
        scope = contexts["github"].get("ref", "refs/heads/main")
        if action == "cache/save":
            return self._save(scope, given, place)
        if action == "cache/restore":
            return self._restore(scope, given, place)
        if action == "upload-artifact":
            return self._upload(given, place, contexts["github"]["run_id"])
        if action == "download-artifact":
            return self._download(given, place, contexts["github"]["run_id"])
        if action == "upload-pages-artifact":
            return self._upload({"name": "github-pages"} | given, place, 0)
        if action == "deploy-pages":
            pages = self.folder / "artefact-0-github-pages"
            self.pages = {each.name: each.read_text() for each in pages.iterdir()}
        return True

    def _save(self, scope: str, given: dict[str, str], place: Path) -> bool:
        if any(cache[:2] == (scope, given["key"]) for cache in self.caches):
            return True  # the real one warns
        if not (place / given["path"]).exists():
            return True
        copy = self.folder / f"cache-{len(self.caches)}"
        shutil.copy2(place / given["path"], copy)
        self.caches.append((scope, given["key"], given["path"], copy))
        return True

    def _restore(self, scope: str, given: dict[str, str], place: Path) -> bool:
        """The newest of the key, or beginning with it, of this scope, else the default branch's."""
        wanted = [given["key"], *given.get("restore-keys", "").split()]
        for where in (scope, "refs/heads/main"):
            for beginning in wanted:
                for held, key, path, copy in reversed(self.caches):
                    same = (held, path) == (where, given["path"])
                    if same and key.startswith(beginning):
                        (place / path).parent.mkdir(parents=True, exist_ok=True)
                        shutil.copy2(copy, place / path)
                        return True
        return True

    def _upload(self, given: dict[str, str], place: Path, run_id: int) -> bool:
        kept = self.folder / f"artefact-{run_id}-{given['name']}"
        shutil.rmtree(kept, ignore_errors=True)
        source = place / given["path"]
        if source.is_dir():
            shutil.copytree(source, kept)
        elif source.is_file():
            kept.mkdir()
            shutil.copy2(source, kept)
        else:
            return True
        told = {"id": run_id, "head_branch": "main", "repository_id": 1, "head_repository_id": 1}
        self.forge.artifacts.append({"name": given["name"], "expired": False, "workflow_run": told})
        return True

    def _download(self, given: dict[str, str], place: Path, run_id: int) -> bool:
        kept = self.folder / f"artefact-{given.get('run-id', run_id)}-{given['name']}"
        if not kept.is_dir():
            return False
        shutil.copytree(kept, place / given["path"], dirs_exist_ok=True)
        return True
