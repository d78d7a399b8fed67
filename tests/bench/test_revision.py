import os
import subprocess
from pathlib import Path

import pytest

from sepconv.bench.revision import capture_provenance, list_revisions, read_graph
from sepconv.errors import InvalidRevision


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


def commit(repository: Path, subject: str) -> str:
    git(repository, "commit", "-q", "--allow-empty", "-m", subject)
    return git(repository, "rev-parse", "HEAD")


def test_the_commits_after_one_are_listed_up_to_another_oldest_first(repository):
    good = git(repository, "rev-parse", "HEAD")
    later = [commit(repository, f"Number {number} \x1b[31m") for number in (1, 2, 3)]
    git(repository, "tag", "-m", "annotated", "v2")
    commit(repository, "Not yet")

    found = list_revisions(repository, good, "v2")

    assert [revision.commit for revision in found] == later
    assert found[0].parents == (good,)
    assert found[0].subject == "Number 1 \x1b[31m"
    assert found[0].committed_at == "2026-01-02T01:04:05+00:00"
    assert list_revisions(repository, "v2", "v2") == []


def test_a_merge_stands_for_what_it_brought_in(repository):
    good = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "-b", "side")
    aside = commit(repository, "Aside")
    git(repository, "checkout", "-q", "-")
    ahead = commit(repository, "Ahead")
    git(repository, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    merge = git(repository, "rev-parse", "HEAD")

    along = list_revisions(repository, good, "HEAD")
    every = list_revisions(repository, good, "HEAD", first_parent=False)

    assert [revision.commit for revision in along] == [ahead, merge]
    assert along[1].parents == (ahead, aside)
    assert {revision.commit for revision in every} == {ahead, aside, merge}
    assert every[-1].commit == merge


def test_the_graph_has_every_branch_and_no_commit_before_one_that_is_based_on_it(repository):
    root = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "-b", "side")
    aside = commit(repository, "Aside")
    git(repository, "checkout", "-q", "-")
    ahead = commit(repository, "Ahead")
    git(repository, "merge", "-q", "--no-ff", "-m", "Merge", "side")

    graph = read_graph(repository, "HEAD")

    commits = [revision.commit for revision in graph]
    assert commits[0] == git(repository, "rev-parse", "HEAD")
    assert set(commits[1:3]) == {aside, ahead}
    assert commits[3:] == [root]
    assert graph[3].parents == ()
    assert [each.commit for each in read_graph(repository, "HEAD", limit=1)] == commits[:1]


@pytest.mark.parametrize("name", ["no-such-commit", "--all", ""])
def test_commits_of_an_unknown_name_cannot_be_listed(repository, name):
    with pytest.raises(InvalidRevision, match="git cannot list its commits"):
        list_revisions(repository, "HEAD", name)
    with pytest.raises(InvalidRevision, match="git cannot list its commits"):
        list_revisions(repository, name, "HEAD")
    with pytest.raises(InvalidRevision, match="git cannot list its commits"):
        read_graph(repository, name)


def test_without_git_no_commits_can_be_listed(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))

    with pytest.raises(InvalidRevision, match="git is not installed"):
        read_graph(repository, "HEAD")
