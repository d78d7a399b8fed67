"""Nights of a made-up history, drawn and written one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from math import log
from random import Random
from typing import TYPE_CHECKING

from sepconv.case import Case
from sepconv.cli.sample.calendar import Calendar, Night
from sepconv.cli.sample.change import Plan, level_of
from sepconv.cli.sample.noise import Weather
from sepconv.cli.sample.ratio import Ratios
from sepconv.cli.sample.rounds import draw_rounds
from sepconv.cli.sample.run import PASSES, PRECISION, Measured
from sepconv.cli.sample.sweep import State, Sweep
from sepconv.comparison import Compared, Comparison, Contender, Purpose
from sepconv.judge.survey import PASSES as NIGHT_PASSES
from sepconv.run import Environment, Machine, Revision, Run

if TYPE_CHECKING:
    from sepconv.store import Store

SUITE = "synthetic"
BRANCH = "main"
CONDITIONS = {"synthetic": True}
CHAIN_PASSES = 16
RAW_RUNS = 2  # the newest ones, which have blocks with their rounds …
RAW_CASES = 600  # … of so many cases: enough to be looked at
SECONDS_PER_CASE = 4.0
TIMED_SHARE = 0.6  # of them in timed rounds
MACHINES = (
    Machine("synthetic CPU A", "x86_64", 2, 2, 16),
    Machine("synthetic CPU B", "x86_64", 4, 4, 32),
)
ENVIRONMENTS = (
    Environment("3.11", "2.12.0", ("oneDNN 3.6",), "AVX2", "tuned"),
    Environment("3.11", "2.13.0", ("oneDNN 3.7",), "AVX2", "tuned"),
)
REFERENCES = ("synthetic-1.0", "synthetic-2.0")  # as if they were tags


class Writer:
    """Draws each night and writes it before it draws the next."""

    def __init__(
        self,
        store: Store,
        name: str,
        seed: int,
        cases: Sequence[Case],
        plan: Plan,
        calendar: Calendar,
        killed: Mapping[str, int],
    ) -> None:
        self._store, self._name, self._seed = store, name, seed
        self._plan, self._calendar, self._killed = plan, calendar, killed
        self._sweep = Sweep(cases, name)
        self._weather = Weather(self._sweep.characters, name)
        self._measured = Measured(self._sweep, name)
        self._ratios = Ratios(self._sweep, NIGHT_PASSES, name)
        self._chain = Ratios(self._sweep, CHAIN_PASSES, name)

    def write(self) -> Iterator[int]:
        """Write all of it; says after every night how many are written."""
        self._store.keep_revisions(self._calendar.revisions)
        nights = self._calendar.nights
        changed = {each.night for each in self._plan.changes}
        levels = [0.0] * len(self._sweep.cases)
        reference, pinned = self._calendar.revisions[0], levels
        for night in nights:
            disturbance = self._weather.next_night()
            if night.number == self._plan.reference:
                newer = nights[night.number - 1].tip
                state = self._state(night, levels, disturbance)
                self._write_chain(night, state, (reference, pinned), newer)
                reference, pinned = newer, levels
            if night.number in changed:
                levels = self._levels(night.number)
            state = self._state(night, levels, disturbance)
            self._write_night(night, state, reference, pinned)
            if night.number != self._killed.get("comparison"):
                self._write_run(night, state)
            yield night.number + 1

    def _levels(self, number: int) -> list[float]:
        """What the night's code takes over what the first one took, in logarithms."""
        ratios = level_of(self._plan.changes, number)
        return [log(ratios.get(case.identity, 1.0)) for case in self._sweep.cases]

    def _state(self, night: Night, levels: Sequence[float], disturbance: Sequence[float]) -> State:
        return self._sweep.state(
            levels,
            disturbance,
            self._weather.scatter,
            has_new_torch=_is_since(night, self._plan.torch),
            has_second_machine=_is_since(night, self._plan.machine),
        )

    def _write_chain(
        self,
        night: Night,
        state: State,
        older: tuple[Revision, Sequence[float]],
        newer: Revision,
    ) -> None:
        """The old reference as base, the new one as head: the levels of `state` are its."""
        chance = Random(f"{self._name} chain {night.number}")
        reference, pinned = older
        cases = list(self._chain.draw(state, pinned, len(self._sweep.cases), chance))
        began = night.began - timedelta(hours=1)
        base, head = (
            self._contender(night, label, revision)
            for label, revision in zip(REFERENCES, (reference, newer), strict=True)
        )
        self._write_comparison(Purpose.CHAIN, night, began, base, head, cases, "done")

    def _write_night(
        self, night: Night, state: State, reference: Revision, pinned: Sequence[float]
    ) -> None:
        is_killed = night.number == self._killed.get("comparison")
        chance = Random(f"{self._name} comparison {night.number}")
        count = len(self._sweep.cases) // 2 if is_killed else len(self._sweep.cases)
        cases = list(self._ratios.draw(state, pinned, count, chance))
        label = REFERENCES[_is_since(night, self._plan.reference)]
        base = self._contender(night, label, reference)
        head = self._contender(night, night.tip.commit[:10], night.tip)
        ended = "interrupted" if is_killed else "done"
        self._write_comparison(Purpose.NIGHTLY, night, night.began, base, head, cases, ended)

    def _write_comparison(
        self,
        purpose: Purpose,
        night: Night,
        began: datetime,
        base: Contender,
        head: Contender,
        cases: Sequence[Compared],
        state: str,
    ) -> None:
        took_s = SECONDS_PER_CASE * len(cases)
        comparison = Comparison(
            uid=self._uid(str(purpose), night),
            suite=SUITE,
            started_at=began.isoformat(),
            machine=self._machine(night),
            base=base,
            head=head,
            harness_version=SUITE,
            seed=self._seed,
            conditions=CONDITIONS,
            cases=cases,
            state=state,
            finished_at=(began + timedelta(seconds=took_s)).isoformat(),
            timing=_timing(took_s),
            purpose=purpose,
        )
        number = self._store.begin_comparison(comparison)
        self._store.finish_comparison(number, comparison)

    def _write_run(self, night: Night, state: State) -> None:
        is_killed = night.number == self._killed.get("run")
        count = len(self._sweep.cases) // 2 if is_killed else len(self._sweep.cases)
        took_s = SECONDS_PER_CASE * count
        began = night.began + timedelta(seconds=took_s)
        number = self._store.begin_run(self._run(night, began))
        chance = Random(f"{self._name} run {night.number}")
        is_newest = night.number >= len(self._calendar.nights) - RAW_RUNS
        raw = min(count, RAW_CASES) if is_newest else 0
        drawn = draw_rounds(self._sweep, state, began, raw, chance)
        self._store.add_blocks(number, drawn.blocks, drawn.pairs)
        others = self._measured.draw(state, range(raw, count), chance)
        self._store.put_measurements(number, [*drawn.measurements, *others])
        self._store.finish_run(
            number,
            state="interrupted" if is_killed else "done",
            finished_at=(began + timedelta(seconds=took_s)).isoformat(),
            timing=_timing(took_s),
        )

    def _run(self, night: Night, began: datetime) -> Run:
        return Run(
            uid=self._uid("run", night),
            suite=SUITE,
            started_at=began.isoformat(),
            machine=self._machine(night),
            environment=self._environment(night),
            revision=night.tip,
            branch=BRANCH,
            dirty=False,
            harness_version=SUITE,
            seed=self._seed,
            precision=PRECISION,
            passes=PASSES,
            conditions=CONDITIONS,
        )

    def _contender(self, night: Night, label: str, revision: Revision) -> Contender:
        return Contender(label, revision, BRANCH, dirty=False, environment=self._environment(night))

    def _machine(self, night: Night) -> Machine:
        return MACHINES[_is_since(night, self._plan.machine)]

    def _environment(self, night: Night) -> Environment:
        return ENVIRONMENTS[_is_since(night, self._plan.torch)]

    def _uid(self, kind: str, night: Night) -> str:
        return sha256(f"{self._name} {kind} {night.number}".encode()).hexdigest()[:32]


def _is_since(night: Night, first: int | None) -> bool:
    return first is not None and night.number >= first


def _timing(took_s: float) -> dict[str, float]:
    timed_s = TIMED_SHARE * took_s
    return {"starting_s": 0.0, "warmup_s": 0.0, "timed_s": timed_s, "between_s": took_s - timed_s}
