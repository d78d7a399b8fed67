"""The commits that a store knows: what it learns of them later, and what it does not forget."""

from __future__ import annotations

from dataclasses import replace

from sepconv.run import Revision, Run
from sepconv.store import Store


def revision(number: int, *parents: int, subject: str = "A commit") -> Revision:
    at = f"2026-11-{number:02d}T09:00:00+00:00"
    commits = [f"{each:02d}" * 20 for each in (number, *parents)]
    return Revision(commits[0], tuple(commits[1:]), at, at, subject)


def test_commits_come_back_oldest_first_by_their_clock(store: Store) -> None:
    known = [revision(3, 2, 1), revision(1), revision(2, 1)]

    store.keep_revisions(known)

    assert store.revisions() == [known[1], known[2], known[0]]


def test_of_no_commits_nothing_is_kept(store: Store) -> None:
    store.keep_revisions([])

    assert store.revisions() == []


def test_a_commit_learns_its_parents_and_never_forgets_them(store: Store) -> None:
    """git says of the oldest commit of a shallow clone that it has none."""
    shallow, whole = revision(2), revision(2, 1)

    store.keep_revisions([shallow, revision(3, 2)])
    assert store.revisions() == [shallow, revision(3, 2)]
    store.keep_revisions([whole])
    assert store.revisions() == [whole, revision(3, 2)]
    store.keep_revisions([shallow])
    assert store.revisions() == [whole, revision(3, 2)]


def test_nothing_but_the_parents_is_learned(store: Store) -> None:
    store.keep_revisions([revision(2), revision(5, 4)])

    store.keep_revisions([revision(2, 1, subject="Another"), revision(5, 3, subject="Another")])

    assert store.revisions() == [revision(2, 1), revision(5, 4)]


def test_a_commit_of_a_run_is_known_and_learns_its_parents_too(store: Store, run: Run) -> None:
    assert run.revision is not None
    bare = replace(run.revision, parents=())
    number = store.begin_run(replace(run, revision=bare))
    assert store.revisions() == [bare]

    store.keep_revisions([run.revision, run.revision])

    assert store.revisions() == [run.revision]
    assert store.find_run(str(number)).revision == run.revision


def test_many_commits_are_kept_at_once(store: Store) -> None:
    known = [
        replace(revision(1), commit=f"{number:040x}", parents=(f"{number - 1:040x}",))
        for number in range(1, 2001)
    ]

    store.keep_revisions(known)

    assert store.revisions() == known
