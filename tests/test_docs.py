"""The documentation is under test: its commands parse, its files exist, its examples run."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from sepconv.cli import COMMANDS, cli
from sepconv.metric import METRICS
from sepconv.suite import Suite

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "results/README.md"]
README = (ROOT / "README.md").read_text()
COMMAND = re.compile(r"(?:`|^\$ )(sepconv [a-z][^`\n#]*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def commands() -> list[tuple[str, str]]:
    return [
        (page.name, command.strip())
        for page in PAGES
        for command in COMMAND.findall(page.read_text())
    ]


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_in_the_documentation_can_be_typed(page, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [word for word in shlex.split(command)[1:] if word not in ("SUITE", "SELECTION")]
    if words[-1:] == ["…"]:
        words.pop()
    name, *arguments = words
    assert name in COMMANDS, f"{page} names a command that does not exist"
    found = cli.get_command(click.Context(cli), name)
    assert found is not None

    if name == "run" and not arguments:
        arguments = ["quick"]
    for word in arguments:
        if word.endswith(".py"):
            Path(word).touch()  # the reader's own file
    found.make_context(name, list(arguments))  # raises UsageError for what it does not know


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help_with_an_example(name):
    found = cli.get_command(click.Context(cli), name)

    assert re.search(rf"`sepconv {name}\b", README), f"sepconv {name} is not in the README"
    assert found is not None
    assert found.help
    assert f"sepconv {name}" in (found.epilog or "")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_in_the_interface(name):
    assert f"`{name}`" in (ROOT / "docs" / "interface.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readmes_suite_is_one():
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)

    suite = Suite.from_dict(tomllib.loads(block), source="README.md")

    assert suite.name == "mine"
    assert len(suite.expand()) > 10


def test_the_readmes_python_runs_and_prints_what_it_says():
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    answer = subprocess.run(
        [sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
    (said,) = re.findall(r"macs\)\s+# (\d+)", block)
    assert answer.stdout.splitlines()[0] == said
    assert "depthwise_separable" in answer.stdout


def test_the_layers_python_prints_what_its_comments_say():
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/layers.md").read_text(), re.DOTALL)

    answer = subprocess.run(
        [sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
    promised = [line for said in re.findall(r"\)  # (.*)", block) for line in said.split(" / ")]
    assert answer.stdout.splitlines() == [line for line in promised if "random" not in line]


@pytest.mark.parametrize("script", ["quickstart", "test"])
def test_the_readmes_scripts_exist_and_can_be_run(script):
    path = ROOT / "scripts" / script

    assert f"./scripts/{script}" in README
    assert path.stat().st_mode & 0o111


def test_the_changelog_has_the_version_or_is_waiting_for_it():
    from sepconv import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert project["version"] == __version__
    assert "## Unreleased" in changelog or f"## {__version__}" in changelog


def test_torch_is_pinned_and_every_dependency_with_it():
    pins = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[>=<]", need)[0].lower().replace("_", "-") for need in wanted}

    assert names <= pins
