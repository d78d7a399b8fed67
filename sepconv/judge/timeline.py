"""The order in which a history happened: that of its commits, not that of the clock.

Nights are missed, old commits are measured later, and the clocks of those who commit disagree;
the graph of commits knows. A clock only decides between commits of which neither comes from the
other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush

from sepconv.run import DEFAULT_BRANCHES, Revision
from sepconv.series import Occasion


class Timeline:
    """The commits that are known, measured or not, in the order of their graph.

    `known` may lack commits, as a shallow clone does: what lies behind such a gap is ordered by
    the clock.
    """

    def __init__(self, known: Iterable[Revision]) -> None:
        self._known = {revision.commit: revision for revision in known}

    @cached_property
    def ranks(self) -> dict[str, int]:
        """The place of every commit: parents before children, else the older clock first."""
        waiting = {
            commit: sum(parent in self._known for parent in revision.parents)
            for commit, revision in self._known.items()
        }
        children: dict[str, list[str]] = {}
        for commit, revision in self._known.items():
            for parent in revision.parents:
                children.setdefault(parent, []).append(commit)
        ready = [self._clock(commit) for commit, count in waiting.items() if count == 0]
        heapify(ready)
        ranks: dict[str, int] = {}
        while ready:
            _, commit = heappop(ready)
            ranks[commit] = len(ranks)
            for child in children.get(commit, ()):
                waiting[child] -= 1
                if waiting[child] == 0:
                    heappush(ready, self._clock(child))
        return ranks

    def first_parents(self, tip: str) -> list[Revision]:
        """The commits that `tip` is built on, itself first, by first parents as far as known."""
        chain: list[Revision] = []
        commit: str | None = tip
        while commit is not None and (revision := self._known.get(commit)) is not None:
            chain.append(revision)
            commit = revision.parents[0] if revision.parents else None
        return chain

    def ancestors(self, tip: str) -> set[str]:
        """Every commit that `tip` comes from, by any parent, as far as known; itself too."""
        found: set[str] = set()
        ahead = [tip]
        while ahead:
            commit = ahead.pop()
            if commit in found or commit not in self._known:
                continue
            found.add(commit)
            ahead.extend(self._known[commit].parents)
        return found

    def descendants(self, of: Collection[str], *, by_first_parents: bool = False) -> set[str]:
        """Every known commit that comes from one of these, by any parent or by first parents
        alone; they too."""
        found = set(of)
        for commit in self.ranks:
            parents = self._known[commit].parents
            if not found.isdisjoint(parents[:1] if by_first_parents else parents):
                found.add(commit)
        return found

    def between(self, good: str, bad: str) -> list[Revision]:
        """The first-parent commits after `good` up to `bad`, oldest first.

        Only `bad` itself where the graph does not lead from one to the other.
        """
        if good == bad or bad not in self._known:
            return []
        found: list[Revision] = []
        for revision in self.first_parents(bad):
            if revision.commit == good:
                return found[::-1]
            found.append(revision)
        return found[:1]

    def _clock(self, commit: str) -> tuple[str, str]:
        return self._known[commit].committed_at, commit


def in_order(occasions: Iterable[Occasion], timeline: Timeline) -> list[Occasion]:
    """These occasions, oldest commit first; one without a commit stands after the last one that
    began before it."""
    every = sorted(occasions, key=lambda each: (each.started_at, each.uid))
    ordered = sorted(
        (each for each in every if each.commit is not None),
        key=lambda each: timeline.ranks.get(each.commit or "", -1),
    )
    for each in every:
        if each.commit is None:
            places = range(len(ordered), 0, -1)
            earlier = (i for i in places if ordered[i - 1].started_at <= each.started_at)
            ordered.insert(next(earlier, 0), each)
    return ordered


def main_history(occasions: Iterable[Occasion], timeline: Timeline) -> list[Occasion]:
    """The occasions that make up the history of the default branch, oldest commit first.

    Left out are trees with changes that were not committed, and commits of other branches: those
    that the newest commit does not come from, or comes from by a merge alone. Where the graph has
    a gap, as a shallow clone has, the name of the branch decides behind it. What has no commit is
    kept, after the last one that began before it.
    """
    clean = [each for each in occasions if not each.dirty]
    branch = _Branch(clean, timeline)
    return in_order((each for each in clean if not each.commit or branch.has(each)), timeline)


class _Branch:
    """The default branch: which occasions are of it."""

    def __init__(self, occasions: Sequence[Occasion], timeline: Timeline) -> None:
        branches = {_short(each.branch) for each in occasions if each.branch}
        self._name = next((name for name in DEFAULT_BRANCHES if name in branches), None)
        committed = [each for each in occasions if each.commit]
        tip = _newest([each for each in committed if self._is_named(each)] or committed, timeline)
        built_on = timeline.descendants([tip], by_first_parents=True)
        detached = [each for each in committed if not each.branch and each.commit in built_on]
        tip = _newest(detached, timeline) or tip  # nobody has said which branch they are
        self._chain = {revision.commit for revision in timeline.first_parents(tip)}
        self._related = timeline.descendants(timeline.ancestors(tip))

    def has(self, occasion: Occasion) -> bool:
        if occasion.commit in self._chain:
            return True
        if occasion.commit in self._related:
            return False
        return occasion.branch is None or self._name is None or self._is_named(occasion)

    def _is_named(self, occasion: Occasion) -> bool:
        return occasion.branch is not None and _short(occasion.branch) == self._name


def _newest(occasions: Iterable[Occasion], timeline: Timeline) -> str:
    """The newest commit of these; no commit if there is none."""
    commits = ((each.commit or "", each.started_at) for each in occasions)
    keys = ((timeline.ranks.get(commit, -1), at, commit) for commit, at in commits)
    return max(keys, default=(-1, "", ""))[-1]


def _short(branch: str) -> str:
    return branch.removeprefix("origin/")
