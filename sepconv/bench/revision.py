"""Which commit the measured code is at; every answer may be absent, and none is an error."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from operator import itemgetter
from pathlib import Path

from sepconv.errors import InvalidRevision
from sepconv.run import Revision

GIT_TIMEOUT_S = 10
LISTING_S = 60  # of git, for the history of a large repository
FORMAT = "%H%x00%P%x00%ct%x00%at%x00%s"
FIELDS = 5  # of FORMAT


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
    if ask_git(folder, "ls-files", "--error-unmatch", source.name) is None:
        return Provenance(reason=_why_untracked(folder))
    revision = read_revision(folder, "HEAD")
    if revision is None:
        return Provenance(reason="the repository has no commit yet")
    status = ask_git(folder, "status", "--porcelain", "--untracked-files=no")
    return Provenance(
        revision=revision,
        branch=(ask_git(folder, "symbolic-ref", "--short", "--quiet", "HEAD") or "").strip()
        or None,
        dirty=None if status is None else bool(status.strip()),
    )


def read_revision(folder: Path, name: str) -> Revision | None:
    """The commit that git knows by that name; None if there is none."""
    log = ask_git(
        folder, "log", "-1", f"--format={FORMAT}", "--end-of-options", f"{name}^{{commit}}"
    )
    return _revision_of(log.split("\0", FIELDS - 1)) if log else None


def list_revisions(
    folder: Path, good: str, bad: str, *, first_parent: bool = True
) -> list[Revision]:
    """The commits that came after `good`, up to and with `bad`, oldest first.

    Along the first parents of `bad` unless told otherwise: a merge stands for what it brought in.

    Raises:
        InvalidRevision: git cannot list them, as it does not know one of the two.
    """
    along = ("--first-parent",) if first_parent else ("--topo-order",)
    span = (f"^{good}^{{commit}}", f"{bad}^{{commit}}")
    return _list(folder, "--reverse", *along, "--end-of-options", *span)


def read_graph(folder: Path, tip: str, *, limit: int = 10_000) -> list[Revision]:
    """The commits that `tip` was made from, itself first, none before one that is based on it;
    the newest `limit` of them.

    Raises:
        InvalidRevision: git cannot list them, as it does not know that commit.
    """
    return _list(folder, "--date-order", f"-{limit}", "--end-of-options", f"{tip}^{{commit}}")


def _list(folder: Path, *arguments: str) -> list[Revision]:
    try:
        answer = run_git(folder, "log", "-z", f"--format={FORMAT}", *arguments, timeout_s=LISTING_S)
        trouble = answer.stderr.strip() if answer.returncode else None
    except FileNotFoundError:
        trouble = "git is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        trouble = str(error)
    if trouble is not None:
        raise InvalidRevision(f"{folder}: git cannot list its commits: {trouble}")
    fields = answer.stdout.split("\0")
    return [_revision_of(fields[at : at + FIELDS]) for at in range(0, len(fields) - 1, FIELDS)]


def _revision_of(fields: Sequence[str]) -> Revision:
    """What git told in FORMAT."""
    commit, parents, committed, authored, subject = fields
    return Revision(
        commit=commit,
        parents=tuple(parents.split()),
        committed_at=_utc(committed),
        authored_at=_utc(authored),
        subject=subject.strip(),
    )


def digest_code(folder: Path) -> str:
    """Of the Python files below `folder`, as they are now: a dirty tree can change twice."""
    return digest_files(
        (path.relative_to(folder).as_posix(), path) for path in folder.rglob("*.py")
    )


def digest_files(files: Iterable[tuple[str, Path]]) -> str:
    """Of files by their content and by the name that each has there, in the order of paths."""
    digest = sha256()
    for name, path in sorted(files, key=itemgetter(1)):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _why_untracked(folder: Path) -> str:
    """One line that says why no commit can be named."""
    try:
        answer = run_git(folder, "rev-parse", "--is-inside-work-tree")
    except FileNotFoundError:
        return "git is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"git did not answer: {error}"
    if answer.returncode == 0:
        return "the measured code is not tracked by git"
    return answer.stderr.strip().splitlines()[0] if answer.stderr.strip() else "no repository"


def ask_git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None if it fails, hangs or is not there."""
    try:
        answer = run_git(folder, *arguments)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None


def run_git(
    folder: Path,
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    timeout_s: float = GIT_TIMEOUT_S,
    errors: str = "replace",
) -> subprocess.CompletedProcess[str]:
    """Run git there, without a prompt or a lock that others would notice.

    Raises:
        OSError: git is not installed.
        TimeoutExpired: It did not end in time.
    """
    return subprocess.run(
        ["git", "-C", str(folder), "--no-optional-locks", *arguments],
        capture_output=True,
        text=True,
        errors=errors,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"} | dict(variables or {}),
        check=False,
    )


def _utc(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")
