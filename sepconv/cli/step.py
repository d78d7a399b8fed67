"""One step of a search for a commit: two commits of a range, compared on servers that stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sepconv.cli import elapsed_s
from sepconv.cli.commit_range import CommitRange
from sepconv.cli.comparison import Terms, compare_on, supervise
from sepconv.cli.contender import Asked, Ready, ready_sides
from sepconv.cli.sweep import devices_at_first, open_store
from sepconv.comparison import (
    Compared,
    ComparedPass,
    Comparison,
    Contender,
    Outcome,
    Purpose,
    Stage,
)
from sepconv.errors import BuildFailed, InvalidRevision, MeasuringFailed
from sepconv.judge.gate import LEAST_PASSES, signals_of
from sepconv.suite import Suite

if TYPE_CHECKING:
    from sepconv.bench.lock import DeviceLock
    from sepconv.bench.supervisor import Supervisor

ALL = ""  # the place of a trouble that is that of all cases

Say = Callable[[str], None]
Logs = Mapping[str, Mapping[int, float]]
"""ln(head ÷ base) by the identity of the case, and by the number of the pass."""


@dataclass(frozen=True)
class Code:
    """Where the code of a commit comes from, and how it is built."""

    repo: Path | None = None
    conv_types: Path | None = None
    build_command: str | None = None
    allocator: str = "tuned"

    @contextmanager
    def ready(self, base: str, head: str) -> Iterator[tuple[Ready, Ready]]:
        """Both commits, written out and built."""
        with ready_sides(
            Asked(base),
            Asked(head),
            repo=self.repo,
            conv_types=self.conv_types,
            build_command=self.build_command,
            allocator=self.allocator,
        ) as sides:
            yield sides


@dataclass(frozen=True)
class Trouble:
    """Why a case says nothing, and which place of the range is to blame."""

    place: int
    reason: str


@dataclass(frozen=True)
class Step:
    """What the comparison of two places of the range said, case by case."""

    base: int
    head: int
    logs: Logs
    troubles: Mapping[str, Trouble] = field(default_factory=dict)  # by the identity of the case
    comparison: Comparison | None = None  # None: it could not even begin
    took_s: float = 0.0

    def trouble_with(self, cases: Collection[str]) -> Trouble | None:
        """What keeps it from saying something of all these cases; of any, if none are named."""
        missing = [name for name in cases if name not in self.logs]
        if not missing and self.logs:
            return None
        known = [self.troubles[name] for name in (*missing, ALL) if name in self.troubles]
        known += self.troubles.values()
        return known[0] if known else Trouble(self.head, "it was not measured")


class Stepper:
    """Compares places of a range with each other; good and bad stay written out."""

    def __init__(
        self,
        server: Supervisor,
        lock: DeviceLock,
        commits: CommitRange,
        code: Code,
        terms: Terms,
        *,
        store_url: str,
        say: Say,
        kept: Mapping[int, Ready],
    ) -> None:
        self.commits = commits
        self.server = server
        self.say = say
        self._lock = lock
        self._code = code
        self._terms = replace(terms, purpose=Purpose.BISECT)
        self._store_url = store_url
        self._kept = kept  # places whose trees are there already

    def measured_before(self) -> list[Step]:
        """What the same command has compared in this range, on this machine, in this
        environment; oldest first."""
        from sepconv.bench.machine import capture_machine

        hello, places = self.server.hello, self.commits.places
        machine = capture_machine(hello.accelerators).key
        with open_store(self._store_url) as store:
            alike = [
                done
                for done in store.comparisons(purposes={Purpose.BISECT})
                if done.state == "done"
                and tuple(done.conditions.get("asked", ())) == self._terms.asked
                and done.machine.key == machine
                and done.head.environment == hello.environment
            ]
            steps = []
            for done in reversed(alike):
                ends = [_place_of(side, places) for side in (done.base, done.head)]
                if ends[0] is not None and ends[1] is not None:
                    passes = store.compared_passes(done.id or 0)
                    steps.append(read_step(ends[0], ends[1], done, passes))
        return steps

    def renew(self) -> None:
        """Measure what comes in fresh servers."""
        self.server.end_servers()

    def compare(self, base: int, head: int, suite: Suite, where: str | None = None) -> Step:
        """Compare two places, and store it.

        Raises:
            KeyboardInterrupt: Somebody wants it to end.
            DeviceBusy: A device of a case is being measured by somebody else.
        """
        begun_s = elapsed_s()
        try:
            with self._ready(base) as before, self._ready(head) as after:
                done = compare_on(
                    self.server,
                    self._lock,
                    suite,
                    (before, after),
                    replace(self._terms, where=where),
                    store_url=self._store_url,
                )
        except _Unready as error:
            return Step(base, head, {}, {ALL: Trouble(error.place, str(error))})
        except MeasuringFailed as error:
            if self.server.stopping:
                raise KeyboardInterrupt from error
            self.server.end_servers()  # whatever is left of them
            return Step(base, head, {}, {ALL: Trouble(head, str(error))})
        if done.state == "interrupted":
            raise KeyboardInterrupt
        step = read_step(base, head, done, self._passes(done))
        return replace(step, took_s=elapsed_s() - begun_s)

    def _passes(self, done: Comparison) -> Sequence[ComparedPass]:
        from sepconv.store import Store

        with Store(self._store_url, read_only=True) as store:
            return store.compared_passes(done.id or 0)

    @contextmanager
    def _ready(self, place: int) -> Iterator[Ready]:
        """The commit at that place, written out and built.

        Raises:
            _Unready: It cannot be.
        """
        if place in self._kept:
            yield self._kept[place]
            return
        commit = self.commits.at(place).commit
        with ExitStack() as stack:
            try:
                _, ready = stack.enter_context(self._code.ready(commit, commit))
            except (BuildFailed, InvalidRevision) as error:
                raise _Unready(place, str(error)) from error
            yield ready


@contextmanager
def open_stepper(
    commits: CommitRange,
    code: Code,
    suite: Suite,
    terms: Terms,
    *,
    store_url: str,
    wait: bool,
    say: Say,
) -> Iterator[Stepper]:
    """Good and bad, built; the device, locked; and servers that start when they are needed.

    Raises:
        BuildFailed: The good or the bad commit cannot be built.
        DeviceBusy: Something else is measuring, and we do not `wait`.
    """
    from sepconv.bench.lock import DeviceLock

    good, bad = commits.good.commit, commits.bad.commit
    with (
        code.ready(good, bad) as sides,
        DeviceLock(devices_at_first(suite), wait=wait) as lock,
        supervise(sides[0].side, terms) as server,
    ):
        kept = {0: sides[0], len(commits.commits): sides[1]}
        yield Stepper(server, lock, commits, code, terms, store_url=store_url, say=say, kept=kept)


def read_step(base: int, head: int, done: Comparison, passes: Sequence[ComparedPass]) -> Step:
    """What a comparison of these two places says, of every case that has enough passes."""
    rings = {one.ring: one.head.identity for one in done.cases}
    logs: dict[str, dict[int, float]] = defaultdict(dict)
    for one in passes:
        if one.stage is Stage.SCREEN and one.pair.ring in rings:
            logs[rings[one.pair.ring]][one.pair.pass_number] = signals_of(one.pair)["time"]
    measured = {name: own for name, own in logs.items() if len(own) >= LEAST_PASSES}
    troubles = {
        one.head.identity: Trouble(base if _is_fault_of_base(one) else head, _said(one))
        for one in done.cases
        if one.head.identity not in measured
    }
    troubles |= {each.case.identity: Trouble(head, each.reason) for each in done.left_out}
    return Step(base, head, measured, troubles, done)


def _said(one: Compared) -> str:
    """The reason, without the word for the side, which means nothing in a range."""
    reason = one.reason or str(one.outcome)
    return reason.removeprefix("base: ").removeprefix("head: ")


def _is_fault_of_base(one: Compared) -> bool:
    reason = one.reason or ""
    if one.outcome is Outcome.NOT_COMPARABLE:
        return reason.startswith("base:") and "; head:" not in reason
    return one.outcome is Outcome.NEW


def _place_of(side: Contender, places: Mapping[str, int]) -> int | None:
    return places.get(side.revision.commit) if side.revision else None


class _Unready(Exception):
    """The commit at a place cannot be written out or built."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place
