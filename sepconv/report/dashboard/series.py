"""The series of a panel: which rows are the history of one case in one class, and how they look
as columns of their newest point and as packed histories."""

from __future__ import annotations

from array import array
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

from sepconv.figures.table import round_digits
from sepconv.judge.unpaired import divide_latencies
from sepconv.panel import NONE, Column, Panel
from sepconv.record import Estimate
from sepconv.report.dashboard.pack import divide, estimate_columns, pack, spark

POINTS = 48_000  # of a part: about a million bytes before they are packed
NO_ERROR = 65_535
LEVEL = 0.05  # of the interval of a change: as wide as all others


@dataclass(frozen=True)
class Series:
    """The history of one case in one class: rows of the panel, oldest run first."""

    case: int
    place: int  # of the class
    rows: Sequence[int]


@dataclass(frozen=True)
class Part:
    """Neighbouring series whose histories are packed together."""

    series: Sequence[Series]

    @property
    def points(self) -> int:
        return sum(len(each.rows) for each in self.series)

    def pack(self, panel: Panel) -> str:
        """Run, status, latency and speed-up with their bounds, and error, of every point."""
        rows = [row for each in self.series for row in each.rows]
        errors = (panel.error[row] for row in rows)
        return pack(
            [
                array("H", [panel.run[row] for row in rows]),
                array("B", [panel.status[row] for row in rows]),
                *estimate_columns(panel.latency, rows),
                *estimate_columns(panel.speedup, rows),
                array("H", [NO_ERROR if e == NONE else min(e, NO_ERROR) for e in errors]),
            ]
        )


def find_series(panel: Panel, class_index: Sequence[int]) -> list[Series]:
    """Every series, class by class, case by case."""
    cases, runs = max(1, len(panel.cases)), max(1, len(panel.runs))
    firsts = [place * cases for place in class_index]
    keys = [
        (firsts[run] + case) * runs + run for run, case in zip(panel.run, panel.case, strict=True)
    ]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    found = []
    for key, rows in groupby(order, key=lambda row: keys[row] // runs):
        place, case = divmod(key, cases)
        found.append(Series(case, place, array("I", rows)))
    return found


def divide_parts(series: Sequence[Series]) -> list[Part]:
    """Parts of a bounded size, so that a page loads only what somebody looks at."""
    ranges = divide([len(each.rows) for each in series], POINTS)
    return [Part(series[start:end]) for start, end in ranges]


def series_columns(panel: Panel, parts: Sequence[Part]) -> dict[str, Any]:
    """Where each series is in its part, its newest point, and what changed since the one before."""
    every = [each for part in parts for each in part.series]
    newest = [each.rows[-1] for each in every]
    return {
        "case": [each.case for each in every],
        "class": [each.place for each in every],
        "first": [first for part in parts for first in _firsts(part)],
        "count": [len(each.rows) for each in every],
        "part": [number for number, part in enumerate(parts) for _ in part.series],
        "newest": [panel.run[row] for row in newest],
        "status": [panel.status[row] for row in newest],
        "error": [None if panel.error[row] == NONE else panel.error[row] for row in newest],
        **estimates_as("latency", (panel.latency.estimate(row) for row in newest)),
        **estimates_as("speedup", (panel.speedup.estimate(row) for row in newest)),
        **estimates_as("change", (_change(panel.latency, each.rows) for each in every)),
        "spark": b64encode(b"".join(_spark(panel.latency, each.rows) for each in every)).decode(),
    }


def estimates_as(name: str, estimates: Iterator[Estimate | None]) -> dict[str, list[Any]]:
    """Three columns, of the values and of the bounds of their intervals."""
    columns: dict[str, list[Any]] = {name: [], f"{name}_low": [], f"{name}_high": []}
    value, low, high = columns.values()
    for found in estimates:
        value.append(short(found.value if found else None))
        low.append(short(found.low if found else None))
        high.append(short(found.high if found else None))
    return columns


def short(value: float | None) -> float | None:
    """Five significant digits, which is more than an interval resolves."""
    return None if value is None else whole(round_digits(value))


def whole(value: float) -> float | None:
    """The number as JSON says it most shortly: a whole one without its ".0", NaN as null."""
    if value != value:
        return None
    return int(value) if value.is_integer() else value


def _firsts(part: Part) -> list[int]:
    counts = [len(each.rows) for each in part.series]
    return list(accumulate(counts[:-1], initial=0))


def _spark(latency: Column, rows: Sequence[int]) -> bytes:
    return spark([latency.value[row] for row in rows])


def _change(latency: Column, rows: Sequence[int]) -> Estimate | None:
    """The newest point by the last one before it that has a value; they took no turns."""
    after = latency.estimate(rows[-1])
    known = (latency.estimate(row) for row in reversed(rows[:-1]))
    before = next((each for each in known if each is not None), None)
    if before is None or after is None:
        return None
    found = divide_latencies(before, after, LEVEL)
    return Estimate(found.ratio, found.low, found.high)
