"""Old commits, measured one after another: each a night of its own, against the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING
from uuid import uuid4

from sepconv import __version__
from sepconv.case import Case
from sepconv.cli import elapsed_s
from sepconv.cli.comparison import Terms, compare_on, supervise
from sepconv.cli.contender import Ready
from sepconv.cli.roster import take_roster
from sepconv.cli.said import now_utc
from sepconv.cli.step import Code
from sepconv.cli.sweep import devices_at_first, open_store
from sepconv.comparison import Compared, Comparison, Contender, Outcome, Purpose
from sepconv.errors import BuildFailed, InvalidRevision, MeasuringFailed
from sepconv.judge.history import class_of
from sepconv.report.text import headline
from sepconv.run import Revision
from sepconv.series import Occasion
from sepconv.suite import Suite
from sepconv.units import format_duration

if TYPE_CHECKING:
    from sepconv.bench.lock import DeviceLock
    from sepconv.bench.supervisor import Supervisor

Say = Callable[[str], None]
Sides = tuple[Ready, Ready]


@dataclass(frozen=True)
class Tried:
    """What became of one commit."""

    commit: Revision
    comparison: int | None = None  # its number in the store
    cases: int = 0  # that have a ratio
    reason: str | None = None  # why it has none
    took_s: float = 0.0


@dataclass
class Refill:
    """What a backfill has done so far."""

    tried: list[Tried] = field(default_factory=list)
    left: list[Revision] = field(default_factory=list)  # no time, or interrupted
    interrupted: bool = False

    @property
    def measured(self) -> list[Tried]:
        return [each for each in self.tried if each.cases]

    @property
    def failed(self) -> list[Tried]:
        return [each for each in self.tried if not each.cases]


class Bench:
    """The reference, built; the device, locked; and servers for one commit after another."""

    def __init__(
        self,
        server: Supervisor,
        lock: DeviceLock,
        base: Ready,
        code: Code,
        suite: Suite,
        terms: Terms,
        *,
        store_url: str,
    ) -> None:
        self.server = server
        self.cases = _cases_here(suite, base, server, terms)
        self._lock = lock
        self._base = base
        self._code = code
        self._suite = suite
        self._terms = terms
        self._store_url = store_url

    def measured_before(self) -> set[str]:
        """The commits of which the store has a night of these cases, on machines of this class;
        also one that failed, but not one that was interrupted."""
        from sepconv.bench.machine import capture_machine

        hello = self.server.hello
        machine = capture_machine(hello.accelerators)
        here = class_of(Occasion("", None, "", machine, hello.environment))
        with open_store(self._store_url) as store:
            nights = store.comparisons(purposes={Purpose.NIGHTLY})
        return {
            each.head.revision.commit
            for each in nights
            if each.state in ("done", "failed")
            and each.head.revision is not None
            and each.head.environment is not None
            and not each.head.dirty
            and each.conditions.get("where") == self._terms.where
            and each.conditions.get("suite_digest") == (self._suite.digest or None)
            and class_of(Occasion.of_comparison(each)) == here
        }

    def measure(self, commit: Revision) -> Tried:
        """Measure one commit, and store what became of it.

        Raises:
            KeyboardInterrupt: Somebody wants it to end.
        """
        begun_s = elapsed_s()
        name = commit.commit
        try:
            with self._code.ready(name, name) as (_, head):
                done = compare_on(
                    self.server,
                    self._lock,
                    self._suite,
                    (self._base, head),
                    self._terms,
                    store_url=self._store_url,
                )
        except (BuildFailed, InvalidRevision) as error:
            why = _said(str(error))
            number = self._keep_failure(commit, why)
            return Tried(commit, number, reason=why, took_s=elapsed_s() - begun_s)
        except MeasuringFailed as error:
            if self.server.stopping:
                raise KeyboardInterrupt from error
            self.server.end_servers()  # whatever is left of them
            return Tried(commit, reason=_said(str(error)), took_s=elapsed_s() - begun_s)
        if done.state == "interrupted":
            raise KeyboardInterrupt
        count = sum(case.ratio is not None for case in done.cases)
        reasons = [case.reason for case in done.cases if case.ratio is None and case.reason]
        reason = None if count else _said(next(iter(reasons), "no case was measured"))
        return Tried(commit, done.id, count, reason, elapsed_s() - begun_s)

    def _keep_failure(self, commit: Revision, reason: str) -> int:
        """Store a commit that could not be built: a night in which every case failed."""
        from sepconv.bench.machine import capture_machine

        hello = self.server.hello
        now = now_utc()
        failed = Comparison(
            uid=uuid4().hex,
            suite=self._suite.name,
            started_at=now,
            finished_at=now,
            machine=capture_machine(hello.accelerators),
            base=replace(self._base.contender, environment=hello.environment),
            head=Contender(
                commit.commit, revision=commit, dirty=False, environment=hello.environment
            ),
            harness_version=__version__,
            seed=self._terms.seed,
            purpose=self._terms.purpose,
            state="failed",
            conditions={
                "suite_digest": self._suite.digest or None,
                "where": self._terms.where,
                "asked": self._terms.asked,
            },
            cases=[
                Compared(ring, case, case, Outcome.FAILED, reason=f"head: {reason}")
                for ring, case in enumerate(self.cases, 1)
            ],
        )
        with open_store(self._store_url) as store:
            number = store.begin_comparison(failed)
            store.finish_comparison(number, failed)
        return number


@contextmanager
def open_bench(
    reference: str,
    code: Code,
    suite: Suite,
    terms: Terms,
    *,
    store_url: str,
    wait: bool,
) -> Iterator[Bench]:
    """All that measuring commits against `reference` needs.

    Raises:
        BuildFailed: The reference cannot be built.
        DeviceBusy: Something else is measuring, and we do not `wait`.
    """
    from sepconv.bench.lock import DeviceLock

    with (
        code.ready(reference, reference) as (base, _),
        DeviceLock(devices_at_first(suite), wait=wait) as lock,
        supervise(base.side, terms) as server,
    ):
        yield Bench(server, lock, base, code, suite, terms, store_url=store_url)


def refill(
    bench: Bench,
    commits: Sequence[Revision],
    *,
    budget_s: float | None,
    expected_s: float | None,
    say: Say,
) -> Refill:
    """Measure the commits in that order, as many as there is time for.

    `expected_s` is what one took earlier, if that is known.
    """
    done = Refill(left=list(commits))
    begun_s = elapsed_s()
    _tell_cost(len(commits), len(bench.cases), expected_s, say)
    while done.left and not bench.server.stopping:
        taken = [each.took_s for each in done.measured]
        each_s = median(taken) if taken else expected_s
        spent_s = elapsed_s() - begun_s
        if budget_s is not None and spent_s + (each_s or 0.0) > budget_s and done.tried:
            return done
        try:
            tried = bench.measure(done.left[0])
        except KeyboardInterrupt:
            break
        done.tried.append(tried)
        del done.left[0]
        say(f"{tried.commit.commit[:10]}: {_told(tried)}; {len(done.left)} left")
        if len(done.measured) == 1 and tried.cases and done.left:
            _tell_cost(len(done.left), len(bench.cases), tried.took_s, say)
    done.interrupted = bench.server.stopping
    return done


def _tell_cost(count: int, cases: int, each_s: float | None, say: Say) -> None:
    time = "" if each_s is None else f", about {format_duration(count * each_s)}"
    plural = f"commit{'s' * (count != 1)} of {cases} case{'s' * (cases != 1)}"
    say(f"{count} {plural} to measure{time}")


def _told(tried: Tried) -> str:
    if tried.reason is not None:
        return f"not measured: {tried.reason}"
    return f"{tried.cases} case{'s' * (tried.cases != 1)} in {format_duration(tried.took_s)}"


def _said(reason: str) -> str:
    return headline(reason) or "no reason was given"


def _cases_here(suite: Suite, base: Ready, server: Supervisor, terms: Terms) -> list[Case]:
    """What the suite means on this machine."""
    roster = take_roster(suite, (base, base), server, where=terms.where)
    return [head for _, head in roster.pairs.values()]
