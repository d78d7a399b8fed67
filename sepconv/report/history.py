"""Histories in words and as data: a row for each series, or a row for each night of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sepconv.judge.circumstance import differences
from sepconv.judge.course import Change, Course
from sepconv.judge.history import RATIO
from sepconv.judge.night import missed_dates
from sepconv.metric import METRICS
from sepconv.record import Estimate
from sepconv.report.change import format_ratio_change, format_signed
from sepconv.report.occurrence import SUBJECT_LENGTH, short_commit
from sepconv.report.sparkline import sparkline
from sepconv.report.text import NONE, headline, inert, shorten
from sepconv.series import Occasion, Point, Series
from sepconv.units import format_bytes, format_count, format_seconds, significant

MOST_CHANGES = 3  # of one row; the rest is counted
ERROR_LENGTH = 120
WIDTH, NARROW_WIDTH = 36, 18  # letters of a drawn history


@dataclass(frozen=True)
class Night:
    """An occasion on which a class of machines measured, and how that ended."""

    occasion: Occasion
    state: str = "done"  # running, done, interrupted, failed

    @property
    def trouble(self) -> str:
        """What kept it from its end; nothing if it came there."""
        if self.state == "done":
            return ""
        killed = self.occasion.conditions.get("killed")
        return f"killed {inert(killed)}" if killed else inert(self.state)


def history_rows(
    courses: Sequence[Course],
    nights: Mapping[tuple[str, str], Sequence[Night]],
    *,
    is_narrow: bool = False,
) -> list[dict[str, object]]:
    """A row for each series; what is the same for all of them is left out.

    `nights` are all occasions of a class of machine and environment, in order: a night that has
    no value of a case is a gap. A narrow place does without counts and intervals.
    """
    has_metrics = len({course.series.metric for course in courses}) > 1
    has_classes = len({class_of(course.series) for course in courses}) > 1
    missed = {key: _missed_before(own) for key, own in nights.items()}
    rows = []
    for course in courses:
        series = course.series
        key = series.machine, series.environment
        row: dict[str, object] = {"case": series.case.label}
        if has_metrics:
            row["metric"] = series.metric
        if not is_narrow:
            row["points"] = sum(value is not None for value in series.values)
        width = NARROW_WIDTH if is_narrow else WIDTH
        row["history"] = _drawn(course, nights.get(key, ()), missed.get(key, {}), width)
        row["newest"] = _newest(course, is_narrow)
        if not is_narrow:
            row["last change"] = _change_text(course.changes[-1]) if course.changes else NONE
        row["changes"] = _changes(course, is_narrow)
        if has_classes:
            row["measured on"] = class_of(series)
        rows.append(row)
    return rows


def night_rows(
    course: Course, nights: Sequence[Night], reasons: Mapping[str, str]
) -> list[dict[str, object]]:
    """A row for each night of one series, oldest commit first; what happened stands beside it.

    `reasons` say why a night has no value, by its uid.
    """
    series = course.series
    points = {point.occasion.uid: point for point in series.points}
    told = _told(course)
    missed = _missed_before(nights)
    known = {night.occasion.uid for night in nights}
    every = [*nights, *(Night(p.occasion) for p in series.points if p.occasion.uid not in known)]
    rows = []
    for night in every:
        uid = night.occasion.uid
        if uid in missed:
            rows.append(_gap(missed[uid]))
        rows.append(_night_row(series.metric, night, points.get(uid), told.get(uid, ()), reasons))
    return rows


def course_plain(course: Course) -> dict[str, Any]:
    """A series for programs, with all its points."""
    series = course.series
    return {
        "label": series.case.label,
        "identity": series.case.identity,
        "case": series.case.to_dict(),
        "metric": series.metric,
        "machine": series.machine,
        "environment": series.environment,
        "changes": [
            {
                "index": change.index,
                "started_at": series.points[change.index].occasion.started_at,
                "commit": series.points[change.index].occasion.commit,
                "ratio": change.ratio,
                "low": change.low,
                "high": change.high,
            }
            for change in course.changes
        ],
        "points": [_point_plain(point) for point in series.points],
    }


def point_rows(courses: Sequence[Course]) -> list[dict[str, Any]]:
    """A row for each point of each series, for spreadsheets."""
    return [
        {
            "label": course.series.case.label,
            "metric": course.series.metric,
            "machine": course.series.machine,
            "environment": course.series.environment,
            **_point_plain(point),
            "begins_level": index in {change.index for change in course.changes},
        }
        for course in courses
        for index, point in enumerate(course.series.points)
    ]


def class_of(series: Series) -> str:
    """What its points have in common beside the case, for people."""
    if series.metric == RATIO:
        return inert(f"{series.machine}, {series.environment}")
    newest = series.points[-1].occasion
    return inert(f"{newest.machine.label}; {newest.environment.label}")


def format_value(metric: str, value: float) -> str:
    """A value in the unit that people read: "2.11 ms", "1.0523×", "231 M"."""
    known = METRICS.get(metric)
    if known is None:
        return significant(value, 4)
    if known.unit == "s":
        return format_seconds(value)
    if known.unit == "B":
        return format_bytes(value)
    if known.exact and metric != "ideal_speedup":
        return format_count(value)
    sign = "×" if metric in (RATIO, "realised_speedup", "ideal_speedup") else ""
    return f"{significant(value, 4)}{sign}"


def format_estimate(metric: str, estimate: Estimate) -> str:
    """A value and half its interval: "2.11 ms ± 1.2 %"."""
    error = estimate.relative_error if estimate.value else None
    text = format_value(metric, estimate.value)
    return f"{text} ± {significant(100 * error, 2)} %" if error else text


def _drawn(
    course: Course, nights: Sequence[Night], missed: Mapping[str, Sequence[str]], width: int
) -> str:
    found = {p.occasion.uid: p.estimate.value for p in course.series.points if p.estimate}
    values: list[float | None] = []
    for night in nights:
        values += [None] * len(missed.get(night.occasion.uid, ()))
        values.append(found.get(night.occasion.uid))
    return sparkline(values or course.series.values, course.levels, width)


def _newest(course: Course, is_narrow: bool) -> str:
    point = course.newest
    if point.estimate is None:
        return str(point.status).replace("_", " ")
    if is_narrow:
        return format_value(course.series.metric, point.estimate.value)
    return format_estimate(course.series.metric, point.estimate)


def _change_text(change: Change) -> str:
    return format_ratio_change(change.ratio, change.low, change.high)


def _changes(course: Course, is_narrow: bool) -> str:
    """Where levels began, the newest first: "2026-04-07 63a442afe6 +10.7 %"."""
    texts = []
    for change in course.changes[::-1][:MOST_CHANGES]:
        occasion = course.series.points[change.index].occasion
        parts = [occasion.started_at[:10], format_signed(change.ratio)]
        if occasion.revision is not None and not is_narrow:
            parts.insert(1, short_commit(occasion.revision))
        texts.append(" ".join(parts))
    if hidden := len(course.changes) - len(texts):
        texts.append(f"{hidden} before")
    return "; ".join(texts) or NONE


def _missed_before(nights: Sequence[Night]) -> dict[str, list[str]]:
    """The dates on which nobody measured, by the uid of the night that came after them."""
    times = [night.occasion.started_at for night in nights]
    found = {
        night.occasion.uid: missed_dates(times[:place], times[place])
        for place, night in enumerate(nights)
        if place
    }
    return {uid: dates for uid, dates in found.items() if dates}


def _told(course: Course) -> dict[str, list[str]]:
    """What happened before each point, by its uid: new levels, other circumstances."""
    points = course.series.points
    told: dict[str, list[str]] = {point.occasion.uid: [] for point in points}
    for change in course.changes:
        told[points[change.index].occasion.uid].append(f"new level: {_change_text(change)}")
    for before, after in pairwise(point.occasion for point in points):
        told[after.uid] += map(inert, differences(before, after))
        old, new = before.reference, after.reference
        if new is not None and (old is None or old.commit != new.commit):
            told[after.uid].append(f"the reference moved to {short_commit(new)}")
    return told


def _gap(dates: Sequence[str]) -> dict[str, object]:
    span = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    count = "1 night" if len(dates) == 1 else f"{len(dates)} nights"
    return {"night": "", "commit": "", "value": NONE, "what": f"{count} missed: {span}"}


def _night_row(
    metric: str,
    night: Night,
    point: Point | None,
    told: Sequence[str],
    reasons: Mapping[str, str],
) -> dict[str, object]:
    occasion = night.occasion
    value, what = NONE, list(told)
    if point is not None and point.estimate is not None:
        value = format_estimate(metric, point.estimate)
    elif point is not None:
        reason = shorten(headline(reasons.get(occasion.uid)), ERROR_LENGTH)
        word = str(point.status).replace("_", " ")
        what.append(f"{word}: {reason}" if reason else word)
    if night.trouble:
        what.append(night.trouble)
    elif point is None:
        what.append("not measured")
    if told and occasion.revision is not None:
        what.append(f"“{shorten(inert(occasion.revision.subject), SUBJECT_LENGTH)}”")
    return {
        "night": occasion.started_at[:10],
        "commit": short_commit(occasion.revision) if occasion.revision else NONE,
        "value": value,
        "what": "; ".join(what),
    }


def _point_plain(point: Point) -> dict[str, Any]:
    occasion, estimate = point.occasion, point.estimate
    return {
        "uid": occasion.uid,
        "started_at": occasion.started_at,
        "commit": occasion.commit,
        "reference": occasion.reference.commit if occasion.reference else None,
        "status": str(point.status),
        "value": estimate.value if estimate else None,
        "low": estimate.low if estimate else None,
        "high": estimate.high if estimate else None,
    }
