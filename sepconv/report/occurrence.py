"""What happened in an event, in words: what changed, by how much, where, and since when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, log
from statistics import fmean

from sepconv.event import Changed, Event, EventKind
from sepconv.judge.axis import name_of
from sepconv.report.change import format_pooled, format_signed
from sepconv.report.region import describe_region
from sepconv.report.sentence import join_words
from sepconv.report.text import inert, shorten
from sepconv.run import Revision

COMMIT_LETTERS = 10
SUBJECT_LENGTH = 72  # what git itself thinks a subject should have
TEXT_LENGTH = 300  # of an explanation, or a reason
FORMS = 4  # conv types of one sentence; of more, those that changed most
METRIC_NAMES = {"params": "parameters", "macs": "multiply-adds", "flops": "FLOPs"}


def describe_change(event: Event) -> str:
    """What changed and by how much, in which cases, since which commit."""
    parts = [SENTENCES[event.kind](event), describe_place(event)]
    if event.kind is not EventKind.ENVIRONMENT and event.explanations:
        parts.append(f"also there: {'; '.join(map(_short, event.explanations))}")
    return ", ".join(parts)


def format_count(number: int, noun: str) -> str:
    """ "1 case", "14 cases"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def describe_place(event: Event) -> str:
    """The commit, or the range of commits, and the day on which it was measured first."""
    day = f"on {event.began_at[:10]}"
    if event.kind is EventKind.ENVIRONMENT:
        return day
    good, bad = event.last_good, event.first_bad
    if bad is None:
        return day if good is None else f"after {short_commit(good)}, {day}"
    if good is None or is_certain(event):
        return f"since {short_commit(bad)} “{shorten(inert(bad.subject), SUBJECT_LENGTH)}” {day}"
    span = format_range(good, bad)
    if len(event.commits) < 2:
        return f"between {short_commit(good)} and {short_commit(bad)}, {day}"
    return f"since one of the {len(event.commits)} commits {span}, {day}"


def is_certain(event: Event) -> bool:
    """Whether the range is one commit, and certainly nothing lies between it and the last good
    one: where the graph has a gap, the only commit that is known need not be the only one."""
    if not event.is_one_commit:
        return False
    return event.last_good is None or event.last_good.commit in event.commits[0].parents


def format_range(good: Revision, bad: Revision) -> str:
    """As git takes it: "3f2a1bc0d1..9d8c7b6a54"."""
    return f"{short_commit(good)}..{short_commit(bad)}"


def region(event: Event) -> str:
    """What its cases have in common on the swept axes."""
    return describe_region([member.case for member in event.members])


def metric_name(metric: str) -> str:
    """As people say it: "multiply-adds", "latency"."""
    return METRIC_NAMES.get(metric, inert(metric.removesuffix("_s").replace("_", " ")))


def short_commit(revision: Revision) -> str:
    """Its first letters."""
    return inert(revision.commit[:COMMIT_LETTERS])


def _latency(event: Event) -> str:
    return (
        f"{event.direction} by {format_pooled(event)} in {_cases(event.members)} of {region(event)}"
    )


def _workload(event: Event) -> str:
    """Each exact metric with its change: "multiply-adds +3.9 % in 3 cases of …"."""
    by_metric: dict[str, list[Changed]] = {}
    for member in event.members:
        by_metric.setdefault(member.metric, []).append(member)
    parts = []
    for metric, members in by_metric.items():
        ends = sorted({format_signed(member.ratio): member.ratio for member in members}.items())
        ends.sort(key=lambda end: end[1])
        texts = [text for text, _ in ends]
        change = texts[0] if len(texts) == 1 else f"{texts[0]} to {texts[-1]}"
        parts.append(f"{metric_name(metric)} {change} in {_cases(members)}")
    return f"the workload changed: {join_words(parts)} of {region(event)}"


def _environment(event: Event) -> str:
    """What changed, and what it does to the same code, conv type by conv type."""
    ratios: dict[str, list[float]] = {}
    for member in event.members:
        ratios.setdefault(shorten(inert(name_of(member.case)), SUBJECT_LENGTH), []).append(
            log(member.ratio)
        )
    means = {name: exp(fmean(logs)) for name, logs in ratios.items()}
    ranked = sorted(means, key=lambda name: (-abs(log(means[name])), name))
    told = ", ".join(f"{name} {format_signed(means[name])}" for name in ranked[:FORMS])
    rest = f" and {len(ranked) - FORMS} more" if len(ranked) > FORMS else ""
    why = "; ".join(map(_short, event.explanations)) or "nothing known changed, not even the code"
    return f"{why}: {told}{rest} in {_cases(event.members)}"


def _cases(members: Sequence[Changed]) -> str:
    return format_count(len(members), "case")


def _short(text: str) -> str:
    return shorten(inert(text), TEXT_LENGTH)


SENTENCES: Mapping[EventKind, Callable[[Event], str]] = {
    EventKind.LATENCY: _latency,
    EventKind.WORKLOAD: _workload,
    EventKind.ENVIRONMENT: _environment,
}
