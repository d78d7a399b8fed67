"""When a made-up history was measured, and the commits that it measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random

from sepconv.run import Revision

START = datetime(2025, 1, 6, 2, 17, tzinfo=UTC)  # of the first night, a Monday
QUIET_SHARE = 0.15  # of the nights: nobody has committed anything since the last one
MOST_COMMITS = 4  # of a day
BRANCH_SHARE = 0.25  # of the days with commits: one of them is a merge
MISSED_SHARE = 0.04  # of the nights: the machine was off before it, for some nights
MOST_MISSED = 3  # nights in a row
TOPICS = (
    "tidy the tests",
    "explain the padding",
    "rename an argument",
    "pin the linter",
    "add an example",
    "shorten a docstring",
    "test odd sizes",
    "move the layer to its own file",
    "check an argument earlier",
    "describe the cost model",
)


@dataclass(frozen=True)
class Night:
    """One night: when it began, and what was checked out."""

    number: int  # counted from 0
    began: datetime
    tip: Revision


@dataclass(frozen=True)
class Calendar:
    """The nights with their commits; those that nobody measured are there too."""

    nights: Sequence[Night]
    revisions: Sequence[Revision]  # every commit, parents first
    announced: Mapping[int, Revision]  # the commit with the subject that a night was to have
    missed: Sequence[str]  # dates on which nothing was measured


def make_calendar(nights: int, subjects: Mapping[int, str], seed: str) -> Calendar:
    """So many nights, and the commits before each; on the first-parent chain before those of
    `subjects`, one has that subject."""
    chance = Random(f"{seed} calendar")
    tree = _Tree(chance, seed)
    tree.commit(START - timedelta(days=1), "begin")
    before = START - timedelta(hours=10)
    found: list[Night] = []
    announced: dict[int, Revision] = {}
    missed: list[str] = []
    began = START
    for number in range(nights):
        if number > 0:
            began += timedelta(days=1)
            for _ in range(_missed_before(number, nights, chance)):
                missed.append(began.date().isoformat())
                began += timedelta(days=1)
        days = max(1, (began - before).days)
        subject = subjects.get(number)
        count = _commits(chance, days, at_least=1 if subject or number == 0 else 0)
        chosen = chance.randrange(count) if count else 0
        for place, moment in enumerate(_moments(before, began, count, chance)):
            is_announced = subject is not None and place == chosen
            if not is_announced and chance.random() < BRANCH_SHARE / MOST_COMMITS:
                tree.merge_branch(moment)
                continue
            made = tree.commit(moment, subject if is_announced and subject else tree.topic())
            if is_announced:
                announced[number] = made
        found.append(Night(number, began, tree.tip))
        before = began
    return Calendar(found, tree.revisions, announced, missed)


@dataclass
class _Tree:
    """A repository as it grows."""

    chance: Random
    seed: str
    revisions: list[Revision] = field(default_factory=list)
    tip: Revision = field(init=False)

    def topic(self) -> str:
        return self.chance.choice(TOPICS)

    def commit(self, moment: datetime, subject: str) -> Revision:
        """A commit on the main branch."""
        parents = (self.tip.commit,) if self.revisions else ()
        self.tip = self._add(moment, subject, parents)
        return self.tip

    def merge_branch(self, moment: datetime) -> Revision:
        """A merge of a branch of one to three commits that left the main branch just now."""
        name = f"synthetic-{len(self.revisions)}"
        last = self.tip
        left = datetime.fromisoformat(last.committed_at)
        for made in _moments(left, moment, self.chance.randint(1, 3), self.chance):
            last = self._add(made, self.topic(), (last.commit,))
        both = (self.tip.commit, last.commit)
        self.tip = self._add(moment, f"Merge branch {name}", both)
        return self.tip

    def _add(self, moment: datetime, subject: str, parents: tuple[str, ...]) -> Revision:
        said = subject if subject.startswith("synthetic: ") else f"synthetic: {subject}"
        digest = sha256(f"{self.seed} {len(self.revisions)}".encode()).hexdigest()
        at = moment.isoformat(timespec="seconds")
        made = Revision(digest[:40], parents, committed_at=at, authored_at=at, subject=said)
        self.revisions.append(made)
        return made


def _missed_before(number: int, nights: int, chance: Random) -> int:
    """How many nights were missed before that one; in a history that is not short, some are."""
    is_certain = number == nights // 3 and nights >= 10
    return chance.randint(1, MOST_MISSED) if is_certain or chance.random() < MISSED_SHARE else 0


def _commits(chance: Random, days: int, *, at_least: int) -> int:
    quiet = chance.random() < QUIET_SHARE
    count = 0 if quiet else sum(chance.randint(1, MOST_COMMITS) for _ in range(days))
    return max(count, at_least)


def _moments(after: datetime, until: datetime, count: int, chance: Random) -> list[datetime]:
    """Moments between the two, in order, in whole seconds."""
    span = (until - after).total_seconds()
    shares = sorted(chance.random() for _ in range(count))
    return [after + timedelta(seconds=int(share * span)) for share in shares]
