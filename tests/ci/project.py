"""A user's project in a folder of its own: the scripts, an environment, conv types, a suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cli.test_compare import types, write_suite
from tests.repository import IDENTITY, commit, git, init

ROOT = Path(__file__).parents[2]
OPTIONS = ("--conv-types", "forms.py", "--suite", "tiny.toml")
SEPCONV = f"""#!/bin/sh
PYTHONPATH={ROOT} exec {sys.executable} -P -m sepconv "$@"
"""
IGNORED = ".venv/\n.bin/\nresults/\nreport/\nearlier/\nacknowledged/\n__pycache__/\n"


def make_project(folder: Path, *names: str) -> Path:
    """A repository whose default branch has the scripts and the conv types of these names."""
    init(folder)
    (folder / "scripts").mkdir()
    for name in ("environment", "pull-request", "comment", "nightly", "nightly-issue"):
        shutil.copy2(ROOT / "scripts" / name, folder / "scripts" / name)
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".gitignore").write_text(IGNORED)
    write_suite(folder, *names)
    write_types(folder, dict.fromkeys(names, 1))
    make_environment(folder)
    commit(folder, "first")
    return folder


def write_types(folder: Path, additions: dict[str, int]) -> None:
    """Conv types that make so many additions after their convolution."""
    builders = {name: f"Work(case, {count})" for name, count in additions.items()}
    (folder / "forms.py").write_text(types(builders))


def make_environment(folder: Path) -> None:
    """The environment that scripts/environment would make, with the sepconv under test."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    path = programs / "sepconv"
    path.write_text(SEPCONV)
    path.chmod(0o755)
    made_from = (ROOT / "scripts" / "environment").read_text().partition("\nif [ ! -x")[0]
    stamp = run(folder, "sh", "-c", f'{made_from}\necho "$stamp"').stdout
    (folder / ".venv" / "stamp").write_text(stamp)


def clean(**variables: str) -> dict[str, str]:
    """This machine's environment without what a CI that runs these tests has set in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GITHUB_", "CI_", "SEPCONV_STORE", "GH_"))
        and name not in ("CI", "PYTHONPATH")
    }
    return kept | IDENTITY | {"COLUMNS": "200"} | variables


def run(
    folder: Path, *command: str, timeout_s: float = 240, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command, run in the folder."""
    return subprocess.run(
        command,
        cwd=folder,
        env=clean(**variables),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def branch_off(folder: Path, branch: str, additions: dict[str, int]) -> str:
    """A branch with these conv types, checked out; returns its commit."""
    git(folder, "switch", "-q", "-c", branch)
    write_types(folder, additions)
    return commit(folder, f"work on {branch}")
