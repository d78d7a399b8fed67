"""What the page says first: which form is faster, and what happened since the last time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import median
from typing import Any

from sepconv.figures.table import Table, round_digits
from sepconv.judge.drift import Seen, find_drift, find_floor
from sepconv.judge.finding import Headline
from sepconv.judge.standing import Sight, Standing, count_outcomes, find_standings, run_before
from sepconv.panel import Panel
from sepconv.record import Estimate
from sepconv.report.dashboard.source import Source
from sepconv.report.event import describe_balance
from sepconv.report.sentence import describe, describe_shape, trust
from sepconv.run import Run

NOT_YET = "This run goes on, and nothing has been measured in it yet."
MOST_SERIES = 300  # whose medians tell the noise of all as well
MOST_RUNS = 60  # newest runs of a class, whose noise is drawn


def overview_section(source: Source, table: Table) -> dict[str, Any]:
    """For the newest run of every class, by its index, what it says and what has become of its
    cases."""
    rows = rows_by_run(source.panel)
    return {
        "balance": describe_balance(source.events) if source.events else None,
        "runs": [
            {
                "run": run,
                **_finding(source, run),
                "since": _since(source.panel, rows, run),
                "noise": _noise(source, rows, run),
            }
            for run in source.newest
        ],
    }


def rows_by_run(panel: Panel) -> list[range]:
    """The rows of each run, which follow each other."""
    rows, start = [range(0)] * len(panel.runs), 0
    for run, members in groupby(panel.run):
        stop = start + sum(1 for _ in members)
        rows[run] = range(start, stop)
        start = stop
    return rows


def sights_of(panel: Panel, rows: Iterable[int]) -> dict[int, Sight]:
    """What was seen, case by case, with as many digits as the page carries."""
    return {
        panel.case[row]: Sight(
            panel.statuses[panel.status[row]], round_estimate(panel.latency.estimate(row))
        )
        for row in rows
    }


def round_estimate(estimate: Estimate | None) -> Estimate | None:
    """With as many digits as the page carries."""
    if estimate is None:
        return None
    ends = (None if end is None else round_digits(end) for end in (estimate.low, estimate.high))
    return Estimate(round_digits(estimate.value), *ends)


def _finding(source: Source, run: int) -> dict[str, Any]:
    own = source.runs[run]
    finding = source.findings[run]
    is_beginning = own.state == "running" and not finding.headlines
    return {
        "sentence": NOT_YET if is_beginning else describe(finding),
        "trust": trust(finding, own),
        "headlines": [_headline(headline, source.panel) for headline in finding.headlines],
    }


def _headline(headline: Headline, panel: Panel) -> dict[str, Any]:
    index_of = panel.case_index
    return {
        "shape": describe_shape(headline),
        "device": headline.shape.device,
        "cases": [index_of[each.measurement.case.identity] for each in headline.contenders],
        "leaders": [index_of[each.measurement.case.identity] for each in headline.leaders],
    }


def _since(panel: Panel, rows: Sequence[range], run: int) -> dict[str, Any] | None:
    """The run by the one before it; None without one."""
    before = run_before(panel.runs, run)
    if before is None:
        return None
    runs = panel.runs[before], panel.runs[run]
    found = find_standings(*(sights_of(panel, rows[each]) for each in (before, run)))
    return {
        "base": before,
        "same_code": _is_same_code(*runs),
        "counts": {str(name): count for name, count in count_outcomes(found.values()).items()},
        "untried": sum(each.outcome is None for each in found.values()),
        "detectable": _detectable(found.values()),
    }


def _is_same_code(base: Run, head: Run) -> bool:
    """Whether both measured the same commit, without any other change."""
    return base.commit is not None and base.commit == head.commit and not (base.dirty or head.dirty)


def _detectable(standings: Iterable[Standing]) -> float | None:
    """The change that would have been decided in half of the cases."""
    found = [each.quotient.detectable for each in standings if each.quotient]
    return round_digits(median(found)) if found else None


def _noise(source: Source, rows: Sequence[range], run: int) -> dict[str, Any]:
    """How far latencies differ without any cause, in the newest runs of the class."""
    drifts = find_drift(_histories(source, rows, run))
    floor = find_floor(drifts)
    return {
        "run": [drift.run for drift in drifts],
        "within": [_rounded(drift.within) for drift in drifts],
        "between": [_rounded(drift.between) for drift in drifts],
        "floor": {
            "within": _rounded(floor.within),
            "between": _rounded(floor.between),
            "explained": _rounded(floor.explained),
            "runs": floor.runs,
        },
    }


def _histories(source: Source, rows: Sequence[range], newest: int) -> list[list[Seen]]:
    """The latencies of some of the cases, evenly taken, in the newest runs of the class."""
    panel, group = source.panel, source.class_index[newest]
    runs = [run for run, own in enumerate(source.class_index) if own == group][-MOST_RUNS:]
    cases = sorted({panel.case[row] for row in rows[newest]})
    step = max(1, -(-len(cases) // MOST_SERIES))
    histories: dict[int, list[Seen]] = {case: [] for case in cases[::step]}
    for run in runs:
        for row in rows[run]:
            own = histories.get(panel.case[row])
            if own is not None and (latency := panel.latency.estimate(row)) is not None:
                own.append((run, latency))
    return list(histories.values())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round_digits(value)
