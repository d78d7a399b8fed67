"""What a search for a commit has found: as data, and as people and programs read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil, exp, expm1, log2
from pathlib import Path
from typing import Any

from sepconv.case import Case
from sepconv.cli.commit_range import CommitRange, merged_range
from sepconv.judge.bisection import CONFIDENCE
from sepconv.judge.culprit import Span
from sepconv.judge.interval import Interval
from sepconv.report.text import shorten
from sepconv.run import Revision
from sepconv.units import format_duration

SHOWN = 10  # candidates
MOST_SUBJECT = 72  # letters

SHOWN_CONFIDENCE = 0.95  # of the intervals that people see


class Ending(StrEnum):
    """How a search ended."""

    FOUND = "found"
    NO_CHANGE = "no_change"  # between good and bad: none can be shown
    UNCLEAR = "unclear"  # steps or time were used up
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Limits:
    """When it is enough."""

    confidence: float = CONFIDENCE
    most_steps: int | None = None  # None: by the number of commits
    budget_s: float | None = None

    def steps_for(self, count: int) -> int:
        return self.most_steps or max(20, 4 * ceil(log2(count + 1)))


@dataclass(frozen=True)
class Culprit:
    """Where the level takes a step: one commit, or several of which no more can be told."""

    span: Span
    change: Interval  # of the last of them against the commit before the first
    chance: float


@dataclass(frozen=True)
class Finding:
    """What a search has found, or what is known so far."""

    commits: CommitRange
    cases: Sequence[Case]  # that were followed
    ending: Ending
    effect: Interval | None  # of bad against good
    culprits: Sequence[Culprit] = ()  # the largest step first
    candidates: Mapping[Span, float] = field(default_factory=dict)  # the likeliest first
    unsearched: Sequence[Span] = ()  # parts that may hold another step
    skipped: Mapping[int, str] = field(default_factory=dict)  # places that cannot be measured
    comparisons: int = 0
    took_s: float = 0.0


def describe_change(change: Interval) -> str:
    """As people say it: "+5.1 % [4.4, 5.8]"."""
    centre, low, high = (100 * expm1(each) for each in _bounds(change))
    return f"{centre:+.1f} % [{low:.1f}, {high:.1f}]"


def describe_finding(finding: Finding) -> list[str]:
    """What was found, the answer first; texts of others as they are."""
    lines: list[str] = []
    for culprit in finding.culprits:
        lines += _describe_culprit(finding, culprit)
    if finding.effect is None:
        lines.append("Nothing is known yet: good and bad were not compared")
    elif finding.ending is Ending.NO_CHANGE:
        lines.append(f"No change to find: {_ends(finding)} differ by {_effect(finding)}")
    elif not finding.culprits:
        verb = "Interrupted" if finding.ending is Ending.INTERRUPTED else "Not found"
        lines.append(f"{verb} after {_counted(finding.comparisons, 'comparison')}")
    elif len(finding.culprits) > 1:
        lines.insert(0, f"{len(finding.culprits)} commits changed it, the largest step first")
    if finding.effect is not None and finding.ending is not Ending.NO_CHANGE:
        lines.append(f"all in all, {_ends(finding)}: {_effect(finding)}")
    for part in finding.unsearched:
        ends = finding.commits.at(part.after).commit[:10], finding.commits.at(part.last).commit[:10]
        lines.append(f"not searched for another step: --good {ends[0]} --bad {ends[1]}")
    if finding.cases:
        lines.append(f"followed: {', '.join(case.label for case in finding.cases)}")
    for place, reason in sorted(finding.skipped.items()):
        lines.append(f"{finding.commits.at(place).commit[:10]} cannot be measured: {reason}")
    took = format_duration(finding.took_s)
    lines.append(f"{_counted(finding.comparisons, 'comparison')}, {took}")
    return lines


def candidate_rows(finding: Finding) -> list[dict[str, str]]:
    """The likeliest commits, where none is found."""
    if finding.culprits or finding.ending is Ending.NO_CHANGE or finding.effect is None:
        return []
    return [
        {
            "commit": finding.commits.at(span.last).commit[:10],
            "chance": _percent(chance),
            "commits": str(span.count),
            "subject": shorten(finding.commits.at(span.last).subject, MOST_SUBJECT),
        }
        for span, chance in list(finding.candidates.items())[:SHOWN]
    ]


def finding_plain(finding: Finding) -> dict[str, Any]:
    """As programs read it."""
    return {
        "ending": str(finding.ending),
        "good": finding.commits.good.commit,
        "bad": finding.commits.bad.commit,
        "commits": len(finding.commits.commits),
        "cases": [{"label": case.label, "identity": case.identity} for case in finding.cases],
        "effect": None if finding.effect is None else _change_plain(finding.effect),
        "culprits": [
            _commits_plain(finding, each.span)
            | {"chance": each.chance}
            | _change_plain(each.change)
            for each in finding.culprits
        ],
        "candidates": []
        if finding.culprits or finding.ending is Ending.NO_CHANGE
        else [
            _commits_plain(finding, span) | {"chance": chance}
            for span, chance in finding.candidates.items()
        ],
        "unsearched": [
            {
                "good": finding.commits.at(part.after).commit,
                "bad": finding.commits.at(part.last).commit,
            }
            for part in finding.unsearched
        ],
        "skipped": [
            {"commit": finding.commits.at(place).commit, "reason": reason}
            for place, reason in sorted(finding.skipped.items())
        ],
        "comparisons": finding.comparisons,
        "took_s": finding.took_s,
    }


def commits_of(finding: Finding, span: Span) -> list[Revision]:
    """The commits of a candidate, oldest first."""
    return [finding.commits.at(place) for place in range(span.after + 1, span.last + 1)]


def _describe_culprit(finding: Finding, culprit: Culprit) -> list[str]:
    commits = commits_of(finding, culprit.span)
    verb = "slower" if culprit.change.centre > 0 else "faster"
    before = finding.commits.at(culprit.span.after).commit[:10]
    what = f"{commits[-1].commit[:10]} “{shorten(commits[-1].subject, MOST_SUBJECT)}”"
    if len(commits) > 1:
        others = ", ".join(each.commit[:10] for each in commits[:-1][:SHOWN])
        what = f"one of {len(commits)} commits: {what}, or one that cannot be measured: {others};"
    lines = [f"{what} made it {verb}: {describe_change(culprit.change)}"]
    lines.append(f"compared with {before}, the commit before; chance {_percent(culprit.chance)}")
    if len(commits) == 1 and len(commits[0].parents) > 1:
        lines.append(_about_merge(finding.commits.repository, commits[0]))
    return lines


def _about_merge(repository: Path, merge: Revision) -> str:
    inside = merged_range(repository, merge)
    if inside is None:
        return "it is a merge"
    count = _counted(len(inside.commits), "commit")
    ends = f"--good {inside.good.commit[:10]} --bad {inside.bad.commit[:10]}"
    return f"it is a merge, which brought in {count}: search them with {ends}, or --into-merges"


def _commits_plain(finding: Finding, span: Span) -> dict[str, Any]:
    commits = commits_of(finding, span)
    return {
        "commit": commits[-1].commit,
        "subject": commits[-1].subject,
        "committed_at": commits[-1].committed_at,
        "is_merge": len(commits[-1].parents) > 1,
        "before": finding.commits.at(span.after).commit,
        "commits": [each.commit for each in commits],
    }


def _change_plain(change: Interval) -> dict[str, Any]:
    centre, low, high = map(exp, _bounds(change))
    return {"ratio": centre, "low": low, "high": high, "passes": change.count}


def _bounds(change: Interval) -> tuple[float, float, float]:
    half = change.half(SHOWN_CONFIDENCE)
    return change.centre, change.centre - half, change.centre + half


def _ends(finding: Finding) -> str:
    return f"{finding.commits.good.commit[:10]} and {finding.commits.bad.commit[:10]}"


def _effect(finding: Finding) -> str:
    return "nothing known" if finding.effect is None else describe_change(finding.effect)


def _percent(chance: float) -> str:
    return f"{100 * chance:.1f} %"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
