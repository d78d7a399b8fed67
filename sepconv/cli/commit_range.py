"""The commits between a good one and a bad one, or why there are none to search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sepconv.bench.revision import ask_git, list_revisions, read_revision, run_git
from sepconv.errors import InvalidRevision
from sepconv.run import Revision


@dataclass(frozen=True)
class CommitRange:
    """A good commit, and those after it along the first parents; the last is the bad one."""

    repository: Path
    good: Revision
    commits: tuple[Revision, ...]

    @property
    def bad(self) -> Revision:
        return self.commits[-1]

    def at(self, place: int) -> Revision:
        """By its place: 0 is the good one."""
        return self.commits[place - 1] if place else self.good

    @property
    def places(self) -> dict[str, int]:
        """Every place, by the commit that is there."""
        return {self.at(place).commit: place for place in range(len(self.commits) + 1)}


def find_range(repository: Path, good: str, bad: str) -> CommitRange:
    """The commits after `good`, up to and with `bad`, oldest first.

    Raises:
        InvalidRevision: One of them is not there, they are the same, or `bad` was not made from
            `good`.
    """
    ends = [_read(repository, name) for name in (good, bad)]
    first, last = ends
    if first.commit == last.commit:
        raise InvalidRevision(
            f"{good} and {bad} are the same commit, {first.commit[:10]}: there is nothing between"
        )
    if not is_ancestor(repository, first.commit, last.commit):
        raise InvalidRevision(_why_unrelated(repository, good, bad, first, last))
    commits = list_revisions(repository, first.commit, last.commit)
    return CommitRange(repository, first, tuple(commits))


def is_ancestor(repository: Path, one: str, other: str) -> bool:
    """Whether the commit `other` was made from the commit `one`.

    Raises:
        InvalidRevision: git cannot tell.
    """
    answer = run_git(repository, "merge-base", "--is-ancestor", one, other, timeout_s=60)
    if answer.returncode not in (0, 1):
        raise InvalidRevision(f"{repository}: git cannot follow its commits: {answer.stderr}")
    return answer.returncode == 0


def merged_range(repository: Path, merge: Revision) -> CommitRange | None:
    """What a merge of two brought in: the commits of the branch, from where it began; None if
    that cannot be told."""
    if len(merge.parents) != 2:
        return None
    kept, brought = merge.parents
    began = (ask_git(repository, "merge-base", kept, brought) or "").strip()
    good = read_revision(repository, began) if began else None
    if good is None or began == brought:
        return None
    return CommitRange(repository, good, tuple(list_revisions(repository, began, brought)))


def _read(repository: Path, name: str) -> Revision:
    revision = None if name.startswith("-") else read_revision(repository, name)
    if revision is None:
        hint = _deepen(repository) or "see `git log --oneline`"
        raise InvalidRevision(
            f"{name!r}: expected a commit, branch or tag of {repository}, found none; {hint}"
        )
    return revision


def _why_unrelated(repository: Path, good: str, bad: str, first: Revision, last: Revision) -> str:
    if (deepen := _deepen(repository)) is not None:
        return f"the commits between {good} and {bad} are not here; {deepen}"
    if is_ancestor(repository, last.commit, first.commit):
        return (
            f"{bad} comes before {good}: --good is the older one, --bad the newer one, also where "
            "it became faster"
        )
    began = (ask_git(repository, "merge-base", first.commit, last.commit) or "").strip()
    if not began:
        return f"{good} and {bad} have no common commit"
    return (
        f"{bad} was not made from {good}: they parted at {began[:10]}; compare it with both, "
        "and take it as --good of the one that changed"
    )


def _deepen(repository: Path) -> str | None:
    """What to do about a shallow clone; None if it is none."""
    if (ask_git(repository, "rev-parse", "--is-shallow-repository") or "").strip() != "true":
        return None
    return "this clone is shallow: `git fetch --unshallow`, or `git fetch --deepen=100`"


def keep_graph(repository: Path, last: str, store_url: str) -> None:
    """Store the commits that the last one was made from, so that the history can be ordered."""
    from sepconv.bench.revision import read_graph
    from sepconv.cli.sweep import open_store

    graph = read_graph(repository, last)
    with open_store(store_url) as store:
        known = {each.commit for each in store.revisions() if each.parents}
        store.keep_revisions([each for each in graph if each.commit not in known])
