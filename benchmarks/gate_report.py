"""The tables of the gate's study (`python benchmarks/gate.py --report`), from its store.

what no change became, case by case and pull request by pull request
what slowdowns became, by the length of a call and how much slower the case really was
what plain rules would have said of the same medians, read as one run after another
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import expm1, log, sqrt
from pathlib import Path
from statistics import fmean, median, stdev

from sepconv.comparison import Compared, ComparedPass, Comparison, Detail, Outcome, Stage
from sepconv.judge.gate import SIGNALS, Signal, signals_of
from sepconv.judge.interval import Interval
from sepconv.judge.rate import highest_rate
from sepconv.store import Store
from sepconv.units import format_seconds

STRATA = {
    "< 0.1 ms": 0.0,
    "0.1–0.5 ms": 1e-4,
    "0.5–5 ms": 0.5e-3,
    "> 5 ms": 5e-3,
}  # from seconds per call on
BUCKETS = {"+3 %": (0.025, 0.037), "+5 %": (0.042, 0.06), "+10 %": (0.08, 0.13)}
PLAIN_MARGIN = 0.05
PASSES = 8
Change = tuple[int, str, str, str, str]
"""Which store, condition, kind, share, identity of the case: each store has amounts of its own."""

T_BOUNDS = (2.365, 3.499)  # of 7 degrees of freedom
T_QUANTILE = 2.145  # two-sided, 5 %, of 14 degrees of freedom: two times eight passes


@dataclass(frozen=True)
class Case:
    """One case of one trial, with what is known of it."""

    trial: Comparison
    compared: Compared
    passes: Sequence[ComparedPass]
    store: int = 0  # which of those that are reported

    @property
    def settings(self) -> Mapping[str, str]:
        return self.trial.head.settings

    @property
    def is_slowed(self) -> bool:
        own = self.settings["conv_type"] == self.compared.head.conv_type
        return own and float(self.settings["share"]) > 0

    @property
    def stratum(self) -> str:
        seconds = self.compared.base_latency_s or 0.0
        return next(name for name, least in reversed(STRATA.items()) if seconds >= least)

    @property
    def change(self) -> Change:
        """The same slowdown of the same case, in whichever trial."""
        told = self.settings
        return (
            self.store,
            told["condition"],
            told["kind"],
            told["share"],
            self.compared.head.identity,
        )

    @property
    def screen(self) -> list[float]:
        """ln(head ÷ base) of each pass of the screen."""
        return self.signal("time")

    def signal(self, name: Signal) -> list[float]:
        """What the screen's passes say in that way, where they say it."""
        told = [signals_of(one.pair) for one in self.passes if one.stage is Stage.SCREEN]
        return [one[name] for one in told if name in one]


def report(stores: Sequence[tuple[str, Path]]) -> None:
    """Print all tables of these stores and their truths, condition by condition."""
    true: dict[Change, float] = {}
    found_cases: list[Case] = []
    for place, (store_url, truth) in enumerate(stores):
        true |= true_changes(truth, place)
        with Store(store_url, read_only=True) as store:
            trials = [one for one in store.comparisons() if one.state == "done"][::-1]
            for one in trials:
                passes = store.compared_passes(one.id or 0)
                found_cases += cases_of(one, passes, place)
    for condition in dict.fromkeys(case.settings["condition"] for case in found_cases):
        cases = [case for case in found_cases if case.settings["condition"] == condition]
        own = list({case.trial.uid: case.trial for case in cases}.values())
        start, end = min(one.started_at for one in own), max(one.finished_at or "" for one in own)
        print(f"\n## {condition}: {len(own)} comparisons, {start[:16]} to {end[:16]} UTC\n")
        for line in (
            *no_change(own, cases),
            "",
            *calibration(cases),
            "",
            *by_case(cases),
            "",
            *found(cases, true),
            "",
            *plain_rules(cases, true),
        ):
            print(line)


def cases_of(trial: Comparison, passes: Sequence[ComparedPass], store: int = 0) -> Iterator[Case]:
    """The cases of a trial, each with its passes."""
    by_ring: dict[int, list[ComparedPass]] = defaultdict(list)
    for one in passes:
        by_ring[one.pair.ring].append(one)
    for compared in trial.cases:
        yield Case(trial, compared, by_ring[compared.ring], store)


def no_change(trials: Sequence[Comparison], cases: Sequence[Case]) -> Iterator[str]:
    """What became of cases that nobody slowed down."""
    kept = [case for case in cases if not case.is_slowed]
    whole = [one for one in trials if float(one.head.settings["share"]) == 0]
    red = sum(one.counts[Outcome.SLOWER] > 0 for one in whole)
    yield "no change | cases | slower (at most) | faster | same | undecided | sd from pass to pass"
    yield "---|---|---|---|---|---|---"
    for name in ("all", *STRATA):
        own = kept if name == "all" else [case for case in kept if case.stratum == name]
        if not own:
            continue
        counts = Counter(case.compared.outcome for case in own)
        slower = counts[Outcome.SLOWER]
        spread = sqrt(fmean(stdev(case.screen) ** 2 for case in own if len(case.passes) > 1))
        yield " | ".join(
            [
                name,
                str(len(own)),
                f"{slower} ({highest_rate(slower, len(own)):.2%})",
                str(counts[Outcome.FASTER]),
                f"{counts[Outcome.SAME] / len(own):.1%}",
                f"{counts[Outcome.UNDECIDED] / len(own):.1%}",
                f"{spread:.2%}",
            ]
        )
    if whole:
        limit = highest_rate(red, len(whole))
        seconds = [sum(one.timing.values()) for one in whole]
        per_case = [spent / len(one.cases) for spent, one in zip(seconds, whole, strict=True)]
        yield ""
        yield (
            f"whole pull requests without a change: {red} of {len(whole)} red "
            f"(at most {limit:.1%}); {median(seconds):.0f} s each, {fmean(per_case):.1f} s per case"
        )
    floors = [one.method["floor"] for one in trials if one.method.get("floor") is not None]
    if floors:
        half, worst = median(floors), max(floors)
        yield f"base against itself: within {half:.1%} in half of them, {worst:.1%} in all"


def calibration(cases: Sequence[Case]) -> Iterator[str]:
    """Whether intervals of no change are as wide as they say: Student's t over eight passes."""
    yield "eight passes without a change | beyond the 95 % bound | beyond the 99 % bound | mean t"
    yield "---|---|---|---"
    for signal in SIGNALS:
        values = []
        for case in cases:
            screen = case.signal(signal)[:PASSES]
            if not case.is_slowed and len(screen) == PASSES:
                interval = Interval.of(screen)
                values.append(interval.centre / interval.error)
        if values:
            beyond = [fmean(abs(t) > quantile for t in values) for quantile in T_BOUNDS]
            cells = [f"{beyond[0]:.1%} of {len(values)}", f"{beyond[1]:.1%}"]
            yield " | ".join([signal, *cells, f"{fmean(values):+.2f}"])


def by_case(cases: Sequence[Case]) -> Iterator[str]:
    """Where the spread of no change comes from: processes, or the quads within them."""
    own: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if not case.is_slowed and len(case.screen) > 1:
            own[case.compared.head.label].append(case)
    yield "case | base | sd from pass to pass | its quads claim | undecided"
    yield "---|---|---|---|---"
    for label, trials in sorted(own.items(), key=lambda item: _base_s(item[1])):
        pairs = [one.pair for case in trials for one in case.passes if one.stage is Stage.SCREEN]
        claims = [pair.cpu.standard_error or 0.0 for pair in pairs]
        spread = sqrt(fmean(stdev(case.screen) ** 2 for case in trials))
        undecided = sum(case.compared.outcome is Outcome.UNDECIDED for case in trials)
        yield (
            f"{label} | {format_seconds(_base_s(trials))} | {spread:.2%} | "
            f"{sqrt(fmean(claim**2 for claim in claims)):.2%} | {undecided} of {len(trials)}"
        )


def found(cases: Sequence[Case], true: Mapping[Change, float]) -> Iterator[str]:
    """How many slowdowns were found, by stratum and by how much slower they really were."""
    slowed = [case for case in cases if case.is_slowed and case.change in true]
    yield "slowdown | " + " | ".join(STRATA)
    yield "---|" + "|".join(["---"] * len(STRATA))
    kinds = sorted({case.settings["kind"] for case in slowed})
    for kind in (None, *kinds):
        for bucket, (low, high) in BUCKETS.items():
            own = [
                case
                for case in slowed
                if low <= true[case.change] < high
                and (
                    case.settings["kind"] == kind
                    or (kind is None and case.settings["kind"] != "tail")
                )
            ]
            cells = [_share([case for case in own if case.stratum == name]) for name in STRATA]
            yield " | ".join([f"{bucket}, {kind or 'all but tail'}", *cells])
    spent = [
        sum(one.timing.values()) / len(one.cases)
        for one in {c.trial.uid: c.trial for c in slowed}.values()
    ]
    if spent:
        yield ""
        yield f"pull requests with a slowdown: {fmean(spent):.1f} s per case"
    wrong = [case for case in slowed if case.compared.outcome is Outcome.FASTER]
    yield f"slowed cases that were called faster: {len(wrong)}"
    tails = [case for case in slowed if Detail.TAIL_CHANGED in case.compared.details]
    yield f"found by the tail alone: {len(tails)}"


def true_changes(path: Path, store: int = 0) -> dict[Change, float]:
    """How much slower each slowed case really is: by passes that no verdict saw."""
    values: dict[Change, list[float]] = defaultdict(list)
    for line in path.read_text().splitlines() if path.exists() else ():
        row = json.loads(line)
        by_wall, by_mean = row["condition"] == "threads", row["kind"] == "tail"
        change = store, row["condition"], row["kind"], row["share"], row["identity"]
        values[change] += [ratios[2 * by_wall + by_mean] for ratios in row["passes"]]
    return {change: expm1(fmean(own)) for change, own in values.items()}


def plain_rules(cases: Sequence[Case], true: Mapping[Change, float]) -> Iterator[str]:
    """What rules would say that compare one run with the one before: base of a trial with head
    of the next one of its sort, by the medians of the first eight passes of each."""
    by_case: dict[tuple[int, str, bool], list[Case]] = defaultdict(list)
    for case in cases:  # the trees of slowed trials have one module more: never across
        is_slow = float(case.settings["share"]) > 0
        by_case[case.store, case.compared.head.identity, is_slow].append(case)
    yield 'the same medians, run after run | no change: "slower" | slowed by 4–6 % | by 8–13 %'
    yield "---|---|---|---"
    for name, rule in RULES.items():
        heard: dict[str, list[bool]] = defaultdict(list)
        for own in by_case.values():
            for before, after in pairwise(own):
                base = [one.base_latency_s for one in before.passes if one.stage is Stage.SCREEN]
                head = [one.head_latency_s for one in after.passes if one.stage is Stage.SCREEN]
                if min(len(base), len(head)) < PASSES:
                    continue
                size = true.get(after.change, -1.0) if after.is_slowed else 0.0
                heard[_class_of(size)].append(rule(base[:PASSES], head[:PASSES]))
        yield " | ".join([name, *(_rate(heard[place]) for place in ("none", "+5 %", "+10 %"))])


def _class_of(size: float) -> str:
    if size == 0:
        return "none"
    return next((name for name, (low, high) in BUCKETS.items() if low <= size < high), "other")


def _base_s(trials: Sequence[Case]) -> float:
    return median(case.compared.base_latency_s or 0.0 for case in trials)


def _by_median(base: Sequence[float], head: Sequence[float]) -> bool:
    return median(head) > (1 + PLAIN_MARGIN) * median(base)


def _by_minimum(base: Sequence[float], head: Sequence[float]) -> bool:
    return min(head) > (1 + PLAIN_MARGIN) * min(base)


def _by_t_test(base: Sequence[float], head: Sequence[float]) -> bool:
    logs = [log(x) for x in base], [log(x) for x in head]
    error = sqrt((stdev(logs[0]) ** 2 + stdev(logs[1]) ** 2) / len(base))
    return fmean(logs[1]) - fmean(logs[0]) > T_QUANTILE * error


RULES: dict[str, Callable[[Sequence[float], Sequence[float]], bool]] = {
    "wall median > 5 % (pytest-benchmark)": _by_median,
    "wall minimum > 5 %": _by_minimum,
    "t-test over passes": _by_t_test,
}


def _share(cases: Sequence[Case]) -> str:
    hits = sum(case.compared.outcome is Outcome.SLOWER for case in cases)
    return f"{hits} of {len(cases)}" if cases else "–"


def _rate(heard: Sequence[bool]) -> str:
    return f"{sum(heard) / len(heard):.0%} of {len(heard)}" if heard else "–"
