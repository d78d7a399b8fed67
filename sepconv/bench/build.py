"""Builds a side of a comparison in its own copy, once, and keeps what was built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from sepconv.bench.tree import Tree, write_tree
from sepconv.errors import BuildFailed

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

BUILD_TAIL = 30  # lines of what a failed command printed
KEPT_BUILDS = 20  # the newest
CACHE_VARIABLE = "SEPCONV_CACHE_DIR"
COMPLETE = ".sepconv-built"  # marks a folder whose build has ended well


@contextmanager
def prepared(
    tree: Tree, build_command: str | None = None, python: str = sys.executable
) -> Iterator[Path]:
    """A folder with the files of the tree, built by `build_command` if there is one.

    What was built is kept, and used again for the same files, command, interpreter and torch.

    Raises:
        BuildFailed: The files cannot be written, or the command did not end well.
        InvalidRevision: git cannot write the files.
    """
    if build_command is None:
        with TemporaryDirectory(prefix="sepconv-tree-", ignore_cleanup_errors=True) as place:
            folder = Path(place) / tree.repository.name
            write_tree(tree, folder)
            yield folder
        return
    try:
        folder = _built(tree, build_command, python)
    except OSError as error:
        raise BuildFailed(f"{cache_folder()}: builds cannot be kept there: {error}") from error
    yield folder


def cache_folder() -> Path:
    """Where built trees are kept: `SEPCONV_CACHE_DIR`, else the user's folder for caches."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    usual = os.environ.get("XDG_CACHE_HOME")
    return (Path(usual) if usual else Path.home() / ".cache") / "sepconv"


def _built(tree: Tree, command: str, python: str) -> Path:
    """The folder of that tree in the cache, which is built unless it is there."""
    builds = cache_folder() / "builds"
    builds.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="new-", dir=builds, ignore_cleanup_errors=True) as place:
        fresh = Path(place) / "tree"
        if tree.is_working_tree:  # what is hashed is what will be built
            write_tree(tree, fresh)
        words = [*_state_of(tree, fresh), command, python, _torch_of(python)]
        key = sha256("\0".join(words).encode(errors="surrogateescape")).hexdigest()[:16]
        folder = builds / f"{tree.repository.name}-{key}"
        with (builds / f"{folder.name}.lock").open("w") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / COMPLETE).exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed
                if not fresh.exists():
                    write_tree(tree, fresh)
                fresh.rename(folder)
                _build(tree, folder, command, python)
                (folder / COMPLETE).touch()
            os.utime(folder / COMPLETE)
    _remove_old(builds, folder)
    return folder


def _build(tree: Tree, folder: Path, command: str, python: str) -> None:
    variables = {"SEPCONV_COMMIT": tree.revision.commit if tree.revision else ""}
    variables["SEPCONV_PYTHON"] = python
    ended = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        tail = "\n".join(ended.stdout.rstrip().splitlines()[-BUILD_TAIL:])
        raise BuildFailed(
            f"building {tree.label}: expected `{command}` to end with 0, it ended with "
            f"{ended.returncode}; its last lines:\n{tail}"
        )


def _state_of(tree: Tree, copy: Path) -> list[str]:
    """What tells this state of the files from all others."""
    if not tree.is_working_tree:
        assert tree.revision is not None
        return [str(tree.repository), tree.revision.commit]
    digest = sha256()
    for path in sorted(copy.rglob("*")):
        if path.is_symlink():
            held = os.fsencode(path.readlink())
        elif path.is_file():
            held = path.read_bytes()
        else:
            continue
        mode = path.lstat().st_mode
        name = os.fsencode(path.relative_to(copy))
        digest.update(b"%s\0%o\0%d\0" % (name, mode, len(held)) + held)
    return [str(tree.repository), digest.hexdigest()]


def _torch_of(python: str) -> str:
    """The version of torch that an extension would be built against."""
    program = "import importlib.metadata as m; print(m.version('torch'))"
    try:
        answer = subprocess.run(
            [python, "-c", program], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def _remove_old(builds: Path, used: Path) -> None:
    """Keep the newest builds only."""
    marks = sorted(builds.glob(f"*/{COMPLETE}"), key=lambda mark: mark.stat().st_mtime)
    for mark in marks[:-KEPT_BUILDS]:
        if mark.parent != used:
            shutil.rmtree(mark.parent, ignore_errors=True)
            (builds / f"{mark.parent.name}.lock").unlink(missing_ok=True)
