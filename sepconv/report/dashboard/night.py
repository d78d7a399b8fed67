"""The nights: every case divided by the pinned reference, in turns. It is what alarms rest on, as
the drift of the machine is not in it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sepconv.comparison import Compared, Comparison, Outcome
from sepconv.panel import Column
from sepconv.report.dashboard.pack import estimate_columns, pack
from sepconv.report.dashboard.series import short
from sepconv.report.dashboard.source import Source
from sepconv.series import Series

MOST_LARGEST = 4  # of the cases that differ from the reference by most


def nights_section(source: Source, keep: Callable[[str], Mapping[str, str]]) -> dict[str, Any]:
    """The nights in the order of their commits, the series by case and by what they hold for, and
    night, ratio and bounds of every point, packed like a history."""
    series = source.ratios
    groups = list(dict.fromkeys(map(_group, series)))
    counts = [len(each.points) for each in series]
    return {
        "number": [each.number for each in source.nights],
        "started": [each.started_at for each in source.nights],
        "commit": [each.commit for each in source.nights],
        "subject": [each.revision.subject if each.revision else None for each in source.nights],
        "reference": [each.reference_commit for each in source.nights],
        "groups": groups,
        "group": [groups.index(_group(each)) for each in series],
        "case": [source.panel.case_index[each.case.identity] for each in series],
        "count": counts,
        "points": sum(counts),
        "newest": {each.machine.key: _newest(each, source) for each in source.newest_nights},
        **(keep(_packed(source, series)) if series else {}),
    }


def describe_class(ratio_class: tuple[str, str]) -> str:
    """The machines and environments that a ratio holds for."""
    return ", ".join(ratio_class)


def _group(series: Series) -> str:
    return describe_class((series.machine, series.environment))


def _packed(source: Source, series: Sequence[Series]) -> str:
    night_of = {each.uid: index for index, each in enumerate(source.nights)}
    points = [point for each in series for point in each.points]
    column = Column()
    for point in points:
        column.append(point.estimate)
    nights = array("H", [night_of[point.occasion.uid] for point in points])
    return pack([nights, *estimate_columns(column, range(len(points)))])


def _newest(night: Comparison, source: Source) -> dict[str, Any]:
    """What the newest night of a machine says by itself, which is little: no verdicts."""
    return {
        "number": night.id,
        "machine": night.machine.label,
        "started": night.started_at,
        "state": night.state,
        "base": night.base.title,
        "head": night.head.title,
        "counts": Counter(map(_side, night.cases)),
        "untried": len(night.left_out),
        "largest": list(_largest(night.cases, source)),
    }


def _side(one: Compared) -> str:
    """Where its interval lies, as a night has no verdicts: longer or shorter than the reference."""
    if one.outcome is not Outcome.UNDECIDED:
        return str(one.outcome)
    if one.low is not None and one.low > 1:
        return "longer"
    if one.high is not None and one.high < 1:
        return "shorter"
    return str(one.outcome)


def _largest(cases: Sequence[Compared], source: Source) -> Iterator[dict[str, Any]]:
    """The cases whose interval is farthest from 1."""
    apart = [(distance, one) for one in cases if (distance := _distance(one)) > 1]
    for _, one in sorted(apart, key=lambda found: -found[0])[:MOST_LARGEST]:
        yield {
            "case": source.panel.case_index.get(one.head.identity),
            "label": one.head.label,
            "ratio": short(one.ratio),
            "low": short(one.low),
            "high": short(one.high),
        }


def _distance(one: Compared) -> float:
    """By what factor the interval is away from 1, either way; 1 where it includes it."""
    if one.low is None or one.high is None or one.low <= 0:
        return 1.0
    return max(one.low, 1 / one.high, 1.0)
