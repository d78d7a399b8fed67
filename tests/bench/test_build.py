"""Sides that are built: once per state, in a copy, and kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sepconv.bench.build import prepared
from sepconv.bench.tree import find_tree, working_tree
from sepconv.errors import BuildFailed


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEPCONV_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "builds"


def test_without_a_build_a_tree_lives_as_long_as_it_is_needed(repository):
    with prepared(find_tree(repository, "main")) as folder:
        assert (folder / "conv.py").read_text() == "speed = 3\n"

    assert not folder.exists()


def test_a_commit_is_built_once(repository, cache, tmp_path):
    command = f"echo built >> {tmp_path}/log; printf '%s' \"$SEPCONV_COMMIT\" > built.txt"
    tree = find_tree(repository, "main")
    for _ in range(2):
        with prepared(tree, command) as folder:
            assert (folder / "built.txt").read_text() == tree.revision.commit

    assert (tmp_path / "log").read_text() == "built\n"
    assert folder.parent == cache


def test_another_commit_command_or_change_is_built_anew(repository, cache):
    folders = []
    for tree, command in [
        (find_tree(repository, "main"), "true"),
        (find_tree(repository, "feature"), "true"),
        (find_tree(repository, "main"), ": other"),
        (working_tree(repository), "true"),
    ]:
        with prepared(tree, command) as folder:
            folders.append(folder)
    (repository / "conv.py").write_text("changed")
    with prepared(working_tree(repository), "true") as folder:
        folders.append(folder)
        assert (folder / "conv.py").read_text() == "changed"
    (repository / "conv.py").chmod(0o755)
    with prepared(working_tree(repository), "true") as folder:
        folders.append(folder)
    with prepared(working_tree(repository), "true", "/another/python") as folder:
        folders.append(folder)

    assert len(set(folders)) == 7


def test_a_build_that_fails_shows_its_last_lines_and_is_tried_again(repository, cache, tmp_path):
    command = f"echo no compiler here >&2; test -e {tmp_path}/fixed"
    tree = find_tree(repository, "main")
    with (
        pytest.raises(BuildFailed, match=r"ended with 1; its last lines:\nno compiler here"),
        prepared(tree, command),
    ):
        pass
    (tmp_path / "fixed").touch()
    assert [path for path in cache.iterdir() if path.is_dir()] == []

    with prepared(tree, command) as folder:
        assert (folder / "conv.py").exists()


def test_two_processes_that_want_the_same_build_make_one(repository, cache, tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from sepconv.bench.build import prepared\n"
        "from sepconv.bench.tree import find_tree\n"
        "tree = find_tree(Path(sys.argv[1]), 'main')\n"
        f"command = 'echo built >> {tmp_path}/log; sleep 0.3'\n"
        "with prepared(tree, command) as folder: print(folder)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(repository)], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    said = {process.communicate(timeout=60)[0] for process in processes}

    assert len(said) == 1
    assert (tmp_path / "log").read_text() == "built\n"


def test_only_the_newest_builds_are_kept(repository, cache, monkeypatch):
    monkeypatch.setattr("sepconv.bench.build.KEPT_BUILDS", 2)
    for number in range(4):
        with prepared(find_tree(repository, "main"), f": {number}") as folder:
            os.utime(folder / ".sepconv-built", (1000 + number, 1000 + number))

    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2
    assert folder.exists()
