"""Both sides of a comparison, from real repositories; the user's own files stay as they are."""

import os
from pathlib import Path

import pytest

from sepconv.bench.tree import (
    WORKING_TREE,
    choose_base,
    find_repository,
    find_tree,
    working_tree,
    write_tree,
)
from sepconv.errors import BuildFailed, InvalidRevision
from tests.repository import commit, git, init, state


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_base_is_where_the_branch_left_main(repository):
    head = working_tree(repository)

    base = choose_base(repository, head)

    assert base.revision.subject == "first"
    assert base.note == "where the working tree left main"
    assert (head.label, head.branch, head.dirty) == (WORKING_TREE, "feature", False)


def test_the_default_branch_is_the_remotes_even_if_the_local_one_is_behind(repository, tmp_path):
    git(tmp_path, "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"  # its origin/HEAD is the branch that was checked out there
    commit(clone, "mine", conv__py="speed = 9\n")

    base = choose_base(clone, working_tree(clone))

    assert base.revision.subject == "change"
    assert "origin/feature" in base.note


def test_on_the_default_branch_itself_base_is_the_commit_before(repository):
    git(repository, "switch", "-q", "main")

    base = choose_base(repository, working_tree(repository))

    assert base.revision.subject == "first"
    assert base.note == "the commit before: the working tree is on main itself"


def test_uncommitted_changes_on_the_default_branch_are_compared_with_its_last_commit(repository):
    git(repository, "switch", "-q", "main")
    (repository / "conv.py").write_text("speed = 4\n")

    head = working_tree(repository)
    base = choose_base(repository, head)

    assert head.dirty
    assert base.revision.subject == "second"
    assert base.note == "the last commit: the working tree is on main itself"


def test_a_first_commit_has_nothing_to_be_compared_with(tmp_path):
    folder = init(tmp_path / "young")
    with pytest.raises(InvalidRevision, match="has no commit yet"):
        choose_base(folder, working_tree(folder))
    commit(folder, "first", a__py="")

    with pytest.raises(InvalidRevision, match="no commit before it here; name BASE"):
        choose_base(folder, working_tree(folder))


def test_a_shallow_clone_says_how_to_get_the_rest(repository, tmp_path):
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{repository}", "s")
    shallow = tmp_path / "s"
    git(shallow, "remote", "set-head", "origin", "main")

    with pytest.raises(InvalidRevision, match="git fetch --unshallow"):
        choose_base(shallow, working_tree(shallow))
    with pytest.raises(InvalidRevision, match="fetch more of its history"):
        find_tree(shallow, "feature~1")


@pytest.mark.parametrize("name", ["nowhere", "--all", "-x", "HEAD~99", "", "a b"])
def test_what_names_no_commit_is_refused_with_the_name(repository, name):
    with pytest.raises(InvalidRevision, match="expected a commit"):
        find_tree(repository, name)


@pytest.mark.parametrize("name", ["v1.0", "main", "feature~1", "odd/nämé-1"])
def test_tags_branches_and_relative_names_are_commits(repository, name):
    git(repository, "tag", "-a", "v1.0", "-m", "tag", "main")
    git(repository, "branch", "odd/nämé-1", "main")

    tree = find_tree(repository, name)

    assert tree.revision.commit == git(repository, "rev-parse", f"{name}^{{commit}}")


def test_outside_a_repository_the_error_names_the_option(tmp_path):
    with pytest.raises(InvalidRevision, match="--repo"):
        find_repository(tmp_path)


def test_without_git_the_error_says_so(repository, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(InvalidRevision, match="git, which is not installed"):
        find_repository(repository)


def test_a_commit_is_written_out_whole_and_nothing_of_the_repository_changes(repository, tmp_path):
    (repository / "conv.py").write_text("being edited")
    before = state(repository)

    write_tree(find_tree(repository, "main"), tmp_path / "out")

    assert files_of(tmp_path / "out") == {".gitignore": "*.o\n", "conv.py": "speed = 3\n"}
    assert state(repository) == before
    assert git(repository, "worktree", "list").count("\n") == 0


def test_the_working_tree_is_copied_as_it_is_without_what_git_ignores(repository, tmp_path):
    (repository / "conv.py").write_text("being edited")
    (repository / "new.py").write_text("not added yet")
    (repository / "left.o").write_text("ignored")
    (repository / "pack" / "new.py").unlink()
    (repository / "link").symlink_to("conv.py")
    before = state(repository)

    write_tree(working_tree(repository), tmp_path / "out")

    copied = files_of(tmp_path / "out")
    assert copied == {
        ".gitignore": "*.o\n",
        "conv.py": "being edited",
        "new.py": "not added yet",
        "link": "being edited",
    }
    assert (tmp_path / "out" / "link").is_symlink()
    assert state(repository) == before


def test_a_name_that_is_no_utf_8_is_copied_too(repository, tmp_path):
    odd = os.fsdecode(b"n\xff.py")
    (repository / odd).write_text("odd")

    write_tree(working_tree(repository), tmp_path / "out")

    assert (tmp_path / "out" / odd).read_text() == "odd"


def test_a_folder_that_became_a_link_is_copied_as_the_link(repository, tmp_path):
    (repository / "pack" / "new.py").unlink()
    (repository / "pack").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "new.py").write_text("not theirs")
    (repository / "pack").symlink_to(tmp_path / "elsewhere")

    write_tree(working_tree(repository), tmp_path / "out")

    assert (tmp_path / "out" / "pack").is_symlink()


def test_where_nothing_can_be_written_the_error_names_the_side(repository, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(BuildFailed, match=r"the working tree of .* cannot be copied"):
        write_tree(working_tree(repository), tmp_path / "file" / "out")


def test_no_hook_of_the_repository_runs(repository, tmp_path):
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)

    write_tree(find_tree(repository, "main"), tmp_path / "out")

    assert (tmp_path / "out" / "conv.py").exists()
    assert not (tmp_path / "ran").exists()
