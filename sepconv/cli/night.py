"""A night from beginning to end: measured, analysed, confirmed; each step outlives the others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sepconv.cli import elapsed_s
from sepconv.cli.account import account, case_counts, counted, swept_counts
from sepconv.cli.agenda import Agenda, Say
from sepconv.cli.commit_range import keep_graph
from sepconv.cli.comparison import Terms, compare_sides, exit_code_of
from sepconv.cli.confirmation import Bench, confirm_events, open_questions
from sepconv.cli.contender import Asked, Ready, find_code, ready_sides
from sepconv.cli.killed import mark_killed
from sepconv.cli.reference import Reference, choose_reference
from sepconv.cli.roof import add_missing_peaks
from sepconv.cli.said import now_utc
from sepconv.cli.setting import Settings
from sepconv.cli.sweep import MEASURED_CODE, Swept, open_store, run_sweep
from sepconv.comparison import Comparison, Purpose
from sepconv.errors import InvalidRevision
from sepconv.judge.night import unconnected_reference
from sepconv.report.night import Night
from sepconv.report.text import headline
from sepconv.run import Revision
from sepconv.suite import Suite
from sepconv.units import format_duration

if TYPE_CHECKING:
    from sepconv.cli.analysis import Analysis

PASSES = 8  # of every case: fewer cover less than they claim
CHAIN_PASSES = 16  # of an old reference and the new one: everything before will rest on it
LOOKED_AT = 180  # nights: what changed before that has been told, and stays as it is
RATIO_SHARE = 0.6  # of the budget, where a sweep follows
LEAST_SWEEP = 0.05  # of the budget: with less, nothing comes of a sweep
BRANCH_VARIABLES = ("CI_COMMIT_BRANCH", "GITHUB_REF_NAME")  # where a job has HEAD detached


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a night does."""

    suite: Suite
    store_url: str
    reference: str | None = None
    where: str | None = None
    budget_s: float = 2400.0
    confirm_budget_s: float = 600.0
    sweeps: bool = True
    confirms: bool = True
    conv_types: Path | None = None
    repo: Path | None = None
    wait: bool = True


def spend_night(plan: Plan, *, say: Say) -> Night:
    """Do all that a night does, and tell of each step in one line.

    Raises:
        KeyboardInterrupt: Somebody wants it to end; what was measured is stored.
    """
    watch = Watch(plan, Agenda(say))
    watch.keep()
    return account(watch)


class Watch:
    """One night: what it has found so far, step by step."""

    def __init__(self, plan: Plan, steps: Agenda) -> None:
        self.plan = plan
        self.steps = steps
        self.started_at = now_utc()
        self.before: Sequence[Comparison] = ()  # nights, chains and confirmations, newest first
        self.killed: Sequence[str] = ()
        self.repository: Path | None = None
        self.commit: Revision | None = None
        self.is_dirty = False
        self.reference: Reference | None = None
        self.comparison: Comparison | None = None
        self.swept: Swept | None = None
        self.analysis: Analysis | None = None
        self._begun_s = elapsed_s()

    @property
    def nights(self) -> Sequence[Comparison]:
        """Those before this one, of the same suite, newest first."""
        return [
            each
            for each in self.before
            if each.purpose is Purpose.NIGHTLY and each.suite == self.plan.suite.name
        ]

    def keep(self) -> None:
        """Go through all steps."""
        with self.steps.attempt("killed"):
            self._look_back()
        with self.steps.attempt("reference"):
            self._choose()
        if self.reference is not None:
            with self.steps.attempt("graph"):
                assert self.repository is not None
                keep_graph(self.repository, "HEAD", self.plan.store_url)
            with self.steps.attempt("ratio"):
                self._measure_ratio()
            with self.steps.attempt("chain"):
                self._chain()
        with self.steps.attempt("sweep"):
            self._sweep()
        with self.steps.attempt("peaks"):
            self._raise_roofs()
        with self.steps.attempt("events"):
            self._analyse()
        if self.analysis is not None and self.plan.confirms:
            with self.steps.attempt("confirm"):
                self._confirm(self.analysis)

    def _look_back(self) -> None:
        from sepconv.bench.machine import capture_machine

        with open_store(self.plan.store_url) as store:
            found = mark_killed(store, capture_machine(), now=self.started_at)
            purposes = {Purpose.NIGHTLY, Purpose.CHAIN, Purpose.CONFIRM}
            self.before = store.comparisons(purposes=purposes)
        self.killed = list(map(str, found))
        for sentence in self.killed:
            self.steps.tell("killed", sentence)

    def _choose(self) -> None:
        from sepconv.bench.revision import ask_git, read_revision

        self.repository, _ = find_code(self.plan.repo, self.plan.conv_types)
        self.commit = read_revision(self.repository, "HEAD")
        status = ask_git(self.repository, "status", "--porcelain", "--untracked-files=no")
        self.is_dirty = bool(status and status.strip())
        if self.is_dirty:
            self.steps.tell("tree", "uncommitted changes are left alone: HEAD is measured")
        self.reference = choose_reference(self.repository, self.plan.reference, self.nights)
        if self.reference.note is not None:
            self.steps.tell("reference", f"{self.reference.shown}: {self.reference.note}")

    def _measure_ratio(self) -> None:
        assert self.reference is not None
        share = RATIO_SHARE if self.plan.sweeps else 1.0
        terms = Terms(
            where=self.plan.where,
            budget_s=share * self._left_s(),
            purpose=Purpose.NIGHTLY,
            passes=PASSES,
        )
        self.comparison = self._compare(self.reference.name, "HEAD", terms)
        took_s = sum(self.comparison.timing.values())
        self.steps.tell(
            "ratio",
            f"{counted(case_counts(self.comparison))}, divided by {self.comparison.base.title}; "
            f"comparison {self.comparison.id}, {format_duration(took_s)}",
            exit_code_of(self.comparison),
        )

    def _chain(self) -> None:
        """Measure the reference of earlier nights against this one, if nothing connects them."""
        now = self.comparison.base.revision if self.comparison else None
        old = unconnected_reference(self.before, now.commit) if now is not None else None
        if now is None or old is None:
            return
        ends = f"{old.commit[:10]} → {now.commit[:10]}"
        terms = Terms(
            where=self.plan.where,
            budget_s=self.plan.budget_s,
            purpose=Purpose.CHAIN,
            passes=CHAIN_PASSES,
        )
        try:
            done = self._compare(old.commit, now.commit, terms)
        except InvalidRevision as error:
            last = self.nights[0].base.revision if self.nights else None
            if last is not None and last.commit == old.commit:  # else it was told before
                reason = headline(str(error))
                self.steps.tell("chain", f"reference {ends}: the series begins anew: {reason}")
            return
        counts = counted(case_counts(done))
        text = f"reference {ends}: the series goes on: {counts}; comparison {done.id}"
        self.steps.tell("chain", text)

    def _compare(self, base: str, head: str, terms: Terms) -> Comparison:
        from sepconv.cli.progress import Progress

        with (
            ready_sides(
                Asked(base),
                Asked(head),
                repo=self.plan.repo,
                conv_types=self.plan.conv_types,
                build_command=None,
                allocator="tuned",
            ) as (before, after),
            Progress() as progress,
        ):
            if terms.purpose is Purpose.NIGHTLY:
                after = self._on_branch(after)
            done = compare_sides(
                self.plan.suite,
                before,
                after,
                terms,
                store_url=self.plan.store_url,
                wait=self.plan.wait,
                say=progress.say,
            )
        if done.state == "interrupted":
            raise KeyboardInterrupt
        return done

    def _on_branch(self, head: Ready) -> Ready:
        """HEAD with the branch that it is on, which tells a history's points from others."""
        from sepconv.bench.tree import working_tree

        assert self.repository is not None
        names = [working_tree(self.repository).branch, *map(os.environ.get, BRANCH_VARIABLES)]
        branch = next(filter(None, names), None)
        return replace(head, contender=replace(head.contender, branch=branch))

    def _sweep(self) -> None:
        if not self.plan.sweeps:
            return
        left_s = self._left_s()
        obstacle = self._what_is_in_the_way()
        if obstacle is None and left_s < LEAST_SWEEP * self.plan.budget_s:
            obstacle = "no time is left of the budget"
        if obstacle is not None:
            self.steps.tell("sweep", f"left out: {obstacle}")
            return
        settings = Settings(
            where=self.plan.where, time_budget_s=left_s, conv_types=self.plan.conv_types
        )
        self.swept = run_sweep(
            self.plan.suite,
            settings,
            store_url=self.plan.store_url,
            wait=self.plan.wait,
            begun_s=elapsed_s(),
        )
        if self.swept.interrupted:
            raise KeyboardInterrupt
        run = self.swept.run
        took = format_duration(sum(run.timing.values()))
        counts = counted(swept_counts(self.swept))
        self.steps.tell("sweep", f"{counts}; run {run.id}, {took}", self.swept.exit_code)

    def _raise_roofs(self) -> None:
        if self.swept is not None:
            say = partial(self.steps.tell, "peaks")
            add_missing_peaks(self.plan.store_url, self.swept, say=say)

    def _what_is_in_the_way(self) -> str | None:
        """Why a sweep would not measure the commit of this night; None if it would."""
        from sepconv.bench.revision import capture_provenance

        if self.repository is None or self.commit is None:
            return "there is no commit to measure"
        if self.plan.conv_types is None:
            provenance = capture_provenance(MEASURED_CODE)
            if provenance.revision is None or provenance.revision.commit != self.commit.commit:
                return "it would measure the layers of the sepconv that runs, not this repository's"
        if self.is_dirty:
            return "it would measure the uncommitted changes as well"
        return None

    def _analyse(self) -> None:
        from sepconv.cli.analysis import analyse

        with open_store(self.plan.store_url) as store:
            self.analysis = analyse(store, now=now_utc(), nights=LOOKED_AT)
        count = len(self.analysis.series)
        alarms = sum(event.is_alarm for event in self.analysis.events)
        self.steps.tell("events", f"{count} series analysed, {alarms} events open")

    def _confirm(self, analysis: Analysis) -> None:
        again = [each for each in self.before if each.purpose is Purpose.CONFIRM]
        questions = open_questions(analysis.events, again)
        if not questions:
            return
        bench = Bench(
            store_url=self.plan.store_url,
            repo=self.plan.repo,
            conv_types=self.plan.conv_types,
            budget_s=self.plan.confirm_budget_s,
            wait=self.plan.wait,
        )
        try:
            for line in confirm_events(questions, bench):
                self.steps.tell("confirm", line)
        finally:
            with open_store(self.plan.store_url) as store:
                self.analysis = replace(analysis, events=store.events())

    def _left_s(self) -> float:
        return max(0.0, self.plan.budget_s - (elapsed_s() - self._begun_s))
