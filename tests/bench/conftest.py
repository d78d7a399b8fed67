"""A repository with a branch, for what chooses, copies and builds commits."""

from pathlib import Path

import pytest

from tests.repository import commit, git, init


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits on main, one on a branch off the first, which is checked out."""
    folder = init(tmp_path / "code")
    commit(folder, "first", conv__py="speed = 1\n", __gitignore="*.o\n")
    git(folder, "switch", "-q", "-c", "feature")
    commit(folder, "change", conv__py="speed = 2\n", pack___new__py="x = 1\n")
    git(folder, "switch", "-q", "main")
    commit(folder, "second", conv__py="speed = 3\n")
    git(folder, "switch", "-q", "feature")
    return folder.resolve()
