"""Which commit the measured code is at; every answer may be absent, and none is an error."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sepconv.record import Revision

GIT_TIMEOUT_S = 10
FORMAT = "%H%x00%P%x00%ct%x00%at%x00%s"


@dataclass(frozen=True)
class Provenance:
    """The state of the repository that a file belongs to; None is "could not be told"."""

    revision: Revision | None = None
    branch: str | None = None  # None as well when HEAD is detached
    dirty: bool | None = None
    reason: str | None = None  # why there is no revision


def capture_provenance(source: Path) -> Provenance:
    """The commit that `source`, a file of the measured code, belongs to.

    A file that git does not track has none: a package in a virtual environment inside
    somebody's repository is not at the commit of that repository.
    """
    folder = source.parent
    if _git(folder, "ls-files", "--error-unmatch", source.name) is None:
        return Provenance(reason=_why_untracked(folder))
    log = _git(folder, "log", "-1", f"--format={FORMAT}")
    if not log:
        return Provenance(reason="the repository has no commit yet")
    commit, parents, committed, authored, subject = log.split("\0", 4)
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Provenance(
        revision=Revision(
            commit=commit,
            parents=tuple(parents.split()),
            committed_at=_utc(committed),
            authored_at=_utc(authored),
            subject=subject.strip(),
        ),
        branch=(_git(folder, "symbolic-ref", "--short", "--quiet", "HEAD") or "").strip() or None,
        dirty=None if status is None else bool(status.strip()),
    )


def digest_code(folder: Path) -> str:
    """Of the Python files below `folder`, as they are now: a dirty tree can change twice."""
    digest = sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _why_untracked(folder: Path) -> str:
    """One line that says why no commit can be named."""
    try:
        answer = _run_git(folder, "rev-parse", "--is-inside-work-tree")
    except FileNotFoundError:
        return "git is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"git did not answer: {error}"
    if answer.returncode == 0:
        return "the measured code is not tracked by git"
    return answer.stderr.strip().splitlines()[0] if answer.stderr.strip() else "no repository"


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None if it fails, hangs or is not there."""
    try:
        answer = _run_git(folder, *arguments)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None


def _run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(folder), "--no-optional-locks", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=GIT_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
        check=False,
    )


def _utc(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")
