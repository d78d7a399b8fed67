import os
import subprocess
from pathlib import Path

import pytest

from sepconv.bench.revision import capture_provenance


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | IDENTITY,
    ).stdout.strip()


IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05+02:00",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+02:00",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "feature/née-1")
    (tmp_path / "conv.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "First | <b>commit</b>")
    return tmp_path


def test_a_commit_is_named_with_its_parents_times_in_utc_and_subject(repository):
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--allow-empty", "-m", "Second")

    found = capture_provenance(repository / "conv.py")

    assert found.revision is not None
    assert found.revision.commit == git(repository, "rev-parse", "HEAD")
    assert found.revision.parents == (first,)
    assert found.revision.committed_at == "2026-01-02T01:04:05+00:00"
    assert found.revision.subject == "Second"
    assert found.branch == "feature/née-1"
    assert found.dirty is False


def test_an_edited_file_makes_the_tree_dirty_and_an_untracked_one_does_not(repository):
    (repository / "notes.txt").write_text("mine")
    clean = capture_provenance(repository / "conv.py")
    (repository / "conv.py").write_text("x = 2\n")

    assert clean.dirty is False
    assert capture_provenance(repository / "conv.py").dirty is True


def test_a_detached_head_has_a_commit_but_no_branch(repository):
    git(repository, "checkout", "-q", "--detach")

    found = capture_provenance(repository / "conv.py")

    assert found.revision is not None
    assert found.branch is None


def test_a_worktree_has_its_own_commit(repository, tmp_path_factory):
    other = tmp_path_factory.mktemp("worktree") / "w"
    git(repository, "worktree", "add", "-q", "-b", "other", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "Elsewhere")

    found = capture_provenance(other / "conv.py")

    assert found.revision is not None
    assert found.revision.subject == "Elsewhere"
    assert found.branch == "other"


def test_an_installed_package_is_not_at_the_commit_of_the_repository_around_it(repository):
    package = repository / ".venv" / "lib"
    package.mkdir(parents=True)
    (package / "conv.py").write_text("x = 1\n")

    found = capture_provenance(package / "conv.py")

    assert found.revision is None
    assert found.reason == "the measured code is not tracked by git"


def test_without_a_repository_the_reason_is_told(tmp_path):
    (tmp_path / "conv.py").write_text("x = 1\n")

    found = capture_provenance(tmp_path / "conv.py")

    assert (found.revision, found.branch, found.dirty) == (None, None, None)
    assert found.reason is not None
    assert "not a git repository" in found.reason


def test_a_repository_without_a_commit_has_no_revision(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "conv.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")

    assert capture_provenance(tmp_path / "conv.py").reason == "the repository has no commit yet"


def test_without_git_the_reason_is_told(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))

    assert capture_provenance(repository / "conv.py").reason == "git is not installed"


def test_a_shallow_clone_knows_its_commit(repository, tmp_path_factory):
    git(repository, "commit", "-q", "--allow-empty", "-m", "Second")
    clone = tmp_path_factory.mktemp("clone") / "c"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", repository.as_uri(), str(clone)],
        check=True,
        capture_output=True,
    )

    found = capture_provenance(clone / "conv.py")

    assert found.revision is not None
    assert found.revision.subject == "Second"
