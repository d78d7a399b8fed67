"""The trees of the two sides of a comparison: chosen by git, and copied out.

Nothing of the user's repository is touched: no work tree is added to it, no index refreshed, no
hook run. A commit is written out with an index of its own, into a folder of ours; the working
tree is copied as it is, so that it may be edited while it is measured.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sepconv.bench.revision import ask_git, read_revision, run_git
from sepconv.errors import BuildFailed, InvalidRevision
from sepconv.run import DEFAULT_BRANCHES, Revision

WORKING_TREE = "the working tree"
EXPORT_S = 600.0  # of git, for a large repository on a slow disk


@dataclass(frozen=True)
class Tree:
    """One state of a repository's files: a commit, or the working tree."""

    repository: Path
    label: str
    revision: Revision | None
    branch: str | None = None
    dirty: bool | None = None
    note: str | None = None  # why it was chosen, where nobody named it

    @property
    def is_working_tree(self) -> bool:
        return self.label == WORKING_TREE


def find_repository(path: Path) -> Path:
    """The top folder of the repository that `path` is in.

    Raises:
        InvalidRevision: It is in none, or git cannot tell.
    """
    folder = path if path.is_dir() else path.parent
    try:
        answer = run_git(folder, "rev-parse", "--show-toplevel")
    except FileNotFoundError as error:
        raise InvalidRevision("comparing commits needs git, which is not installed") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InvalidRevision(f"git did not answer: {error}") from error
    if answer.returncode or not answer.stdout.strip():
        said = (answer.stderr.strip().splitlines() or ["no work tree"])[0]
        raise InvalidRevision(
            f"{folder}: expected a folder in a git repository, git says: {said}; "
            "name the repository with --repo"
        )
    return Path(answer.stdout.rstrip("\n")).resolve()


def working_tree(repository: Path) -> Tree:
    """The files as they are now, tracked or new, but for those that git ignores."""
    status = ask_git(repository, "status", "--porcelain")
    branch = (ask_git(repository, "symbolic-ref", "--short", "--quiet", "HEAD") or "").strip()
    return Tree(
        repository,
        WORKING_TREE,
        read_revision(repository, "HEAD"),
        branch or None,
        None if status is None else bool(status.strip()),
    )


def find_tree(repository: Path, name: str) -> Tree:
    """The commit of that name.

    Raises:
        InvalidRevision: There is none.
    """
    revision = None if name.startswith("-") else read_revision(repository, name)
    if revision is None:
        hint = "fetch more of its history" if _is_shallow(repository) else "see `git log --oneline`"
        raise InvalidRevision(
            f"{name!r}: expected a commit, branch or tag of {repository}, found none of that "
            f"name; {hint}"
        )
    return Tree(repository, name, revision, dirty=False)


def choose_base(repository: Path, head: Tree) -> Tree:
    """What `head` is compared with unless somebody says: where it left the default branch.

    A head that is on that branch itself is compared with the commit before; one that has
    changes which are not committed, with the commit below them.

    Raises:
        InvalidRevision: There is no such commit.
    """
    if head.revision is None:
        raise InvalidRevision(f"{repository} has no commit yet: commit something, or name BASE")
    branch = _default_branch(repository)
    commit = head.revision.commit
    if branch is None:
        why = "no default branch was found"
    else:
        found = (ask_git(repository, "merge-base", commit, branch) or "").strip()
        if not found:
            raise InvalidRevision(
                f"{head.label} and {branch} have no common commit here; "
                f"{_how_to_deepen(repository)}"
            )
        if found != commit:
            note = f"where {head.label} left {branch}"
            return Tree(
                repository, found[:10], read_revision(repository, found), note=note, dirty=False
            )
        why = f"{head.label} is on {branch} itself"
    if head.dirty:
        return Tree(
            repository, commit[:10], head.revision, note=f"the last commit: {why}", dirty=False
        )
    parent = read_revision(repository, f"{commit}~1")
    if parent is None:
        raise InvalidRevision(
            f"{why}, and there is no commit before it here; {_how_to_deepen(repository)}"
        )
    return Tree(
        repository, parent.commit[:10], parent, note=f"the commit before: {why}", dirty=False
    )


def write_tree(tree: Tree, folder: Path) -> None:
    """Write the files of the tree into `folder`, which is made.

    Raises:
        InvalidRevision: git cannot write them.
        BuildFailed: They cannot be read, or the disk cannot hold them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if tree.is_working_tree:
            _copy_files(tree.repository, folder)
            return
    except OSError as error:
        raise BuildFailed(f"{tree.label} of {tree.repository} cannot be copied: {error}") from error
    assert tree.revision is not None
    with TemporaryDirectory(prefix="sepconv-index-") as place:
        variables = {"GIT_INDEX_FILE": str(Path(place) / "index")}
        hooks = ("-c", f"core.hooksPath={place}")
        _write(tree, *hooks, "read-tree", tree.revision.commit, variables=variables)
        prefix = f"--prefix={folder}{os.sep}"
        _write(tree, *hooks, "checkout-index", "--all", "--force", prefix, variables=variables)


def _copy_files(repository: Path, folder: Path) -> None:
    """Every file that git tracks or would track, as it is now."""
    for name in _listed_files(repository):
        source, target = repository / name, folder / name
        if any((repository / parent).is_symlink() for parent in Path(name).parents):
            continue  # git's file is gone: its folder has become a link
        if source.is_symlink() or source.is_file():  # else deleted, or a submodule
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _listed_files(repository: Path) -> Iterable[str]:
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        answer = run_git(repository, *listed, timeout_s=EXPORT_S, errors="surrogateescape")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InvalidRevision(f"{repository}: git cannot list its files: {error}") from error
    if answer.returncode:
        raise InvalidRevision(f"{repository}: git cannot list its files: {answer.stderr.strip()}")
    return sorted(set(filter(None, answer.stdout.split("\0"))))


def _write(tree: Tree, *arguments: str, variables: dict[str, str]) -> None:
    try:
        answer = run_git(tree.repository, *arguments, variables=variables, timeout_s=EXPORT_S)
        trouble = answer.stderr.strip() if answer.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        trouble = str(error)
    if trouble is not None:
        raise InvalidRevision(f"git cannot write out {tree.label} of {tree.repository}: {trouble}")


def _default_branch(repository: Path) -> str | None:
    """The branch that others start from: the remote's, else a local one by its usual name."""
    remote = ask_git(repository, "symbolic-ref", "--short", "--quiet", "refs/remotes/origin/HEAD")
    candidates = [
        *([remote.strip()] if remote else []),
        *(f"origin/{name}" for name in DEFAULT_BRANCHES),
        *DEFAULT_BRANCHES,
    ]
    configured = (ask_git(repository, "config", "init.defaultBranch") or "").strip()
    for name in [*candidates, *([configured] if configured else [])]:
        if read_revision(repository, name) is not None:
            return name
    return None


def _is_shallow(repository: Path) -> bool:
    answer = ask_git(repository, "rev-parse", "--is-shallow-repository")
    return (answer or "").strip() == "true"


def _how_to_deepen(repository: Path) -> str:
    if _is_shallow(repository):
        return "this clone is shallow: `git fetch --unshallow`, or name BASE"
    return "name BASE"
