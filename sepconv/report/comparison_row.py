"""The cases of a comparison as rows of plain text: what a table shows, and what opens below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from sepconv.case import Case
from sepconv.comparison import Compared, Comparison, Outcome
from sepconv.judge.workload import FAULTS
from sepconv.report.shape import shape_texts
from sepconv.report.text import NONE, headline, shorten
from sepconv.report.verdict import (
    changed_metrics,
    describe_acknowledgement,
    explaining_command,
    form_of,
    format_change,
    format_details,
    format_metric,
    outcome_word,
    reproducing_command,
)
from sepconv.units import format_percent, format_seconds

DETAILED = 1500  # cases, the most important first: so many can be opened
HEADLINE_LENGTH = 160  # letters of a reason in the table
REASON_LENGTH = 1500  # letters of it below; what failed stands at the end of a traceback
ANCHOR_DIGITS = 12  # of an identity


@dataclass(frozen=True)
class Opened:
    """What there is to know of one case beside its row."""

    label: str
    base_label: str | None  # where base measured another case
    facts: Sequence[tuple[str, str]]
    reason: str | None  # the whole of it, if the row has only its beginning
    metrics: Sequence[tuple[str, str, str]]  # name, base, head: where they differ
    equal: str  # the metrics that do not, with their values
    commands: Sequence[tuple[str, str]]  # what for, what to type


@dataclass(frozen=True)
class CaseRow:
    """One case as people read it."""

    anchor: str
    outcome: str
    shape: str
    form: str
    word: str
    said: str  # details, and the beginning of the reason
    change: str
    base: str
    head: str
    detectable: str
    passes: int
    opened: Opened | None


def anchor_of(case: Compared) -> str:
    """The id of the case's element in the page: what a link to it ends with.

    Several cases of base may meet the same one of head: then its identity alone is not enough.
    """
    anchor = f"case-{case.head.identity[:ANCHOR_DIGITS]}"
    return anchor if case.base.identity == case.head.identity else f"{anchor}-{case.ring}"


def case_rows(comparison: Comparison, cases: Sequence[Compared]) -> list[CaseRow]:
    """A row for each of `cases`, in their order; the first of them can be opened."""
    shapes = shape_texts([case.head for case in cases])
    anchors = anchors_of(cases)
    told = replace(comparison, cases=_witnesses(comparison.cases))
    return [
        _row(told, case, shape, anchor, is_detailed=place < DETAILED)
        for place, (case, shape, anchor) in enumerate(zip(cases, shapes, anchors, strict=True))
    ]


def _witnesses(cases: Sequence[Compared]) -> list[Compared]:
    """A few cases that differ on the same axes as all of them do, which is what a command to
    select one of them depends on; so that it need not look at all of them for each."""
    kept: dict[int, Compared] = {}
    for field in fields(Case):
        seen: dict[object, Compared] = {}
        for case in cases:
            seen.setdefault(getattr(case.base, field.name), case)
            if len(seen) > 1 and field.name != "options":
                break
        kept |= {id(case): case for case in seen.values()}
    return list(kept.values())


def anchors_of(cases: Sequence[Compared]) -> list[str]:
    """The anchor of each case; should two be equal, the later ones have their ring in them."""
    taken: set[str] = set()
    anchors = []
    for case in cases:
        anchor = anchor_of(case)
        if anchor in taken:
            anchor = f"{anchor}-{case.ring}"
        taken.add(anchor)
        anchors.append(anchor)
    return anchors


def metric_text(name: str, value: float | None) -> str:
    """A metric in the unit of its kind, or that it is not known."""
    return NONE if value is None else format_metric(name, value)


def _row(
    comparison: Comparison, case: Compared, shape: str, anchor: str, *, is_detailed: bool
) -> CaseRow:
    said = _said(case)
    return CaseRow(
        anchor=anchor,
        outcome=str(case.outcome),
        shape=shape,
        form=form_of(case),
        word=outcome_word(case),
        said=said,
        change=format_change(case),
        base=NONE if case.base_latency_s is None else format_seconds(case.base_latency_s),
        head=NONE if case.head_latency_s is None else format_seconds(case.head_latency_s),
        detectable=NONE if case.detectable is None else format_percent(case.detectable),
        passes=case.passes,
        opened=_opened(comparison, case, said) if is_detailed else None,
    )


def _said(case: Compared) -> str:
    """What the outcome does not say by itself: details, changed metrics, why there is none."""
    parts = [format_details(case), *changed_metrics(case)]
    if case.outcome not in (Outcome.SAME, Outcome.SLOWER, Outcome.FASTER):
        parts.append(headline(case.reason))
    return shorten("; ".join(filter(None, parts)), HEADLINE_LENGTH)


def _opened(comparison: Comparison, case: Compared, said: str) -> Opened:
    reason = (case.reason or "").strip()
    return Opened(
        label=case.head.label,
        base_label=case.base.label if case.base.identity != case.head.identity else None,
        facts=_facts(case),
        reason=_end(reason) if reason not in said else None,
        metrics=_metrics(case, equal=False),
        equal=", ".join(f"{name} {value}" for name, value, _ in _metrics(case, equal=True)),
        commands=_commands(comparison, case),
    )


def _facts(case: Compared) -> list[tuple[str, str]]:
    facts = []
    if case.passes:
        facts.append(("rests on", f"{case.passes} pass{'es' * (case.passes != 1)}"))
    if case.confidence is not None:
        facts.append(("interval", f"{100 * case.confidence:.4g} %"))
    if case.detectable is not None:
        change = format_percent(case.detectable)
        facts.append(("could show", f"a change of {change} would have shown"))
    if case.acknowledged is not None:
        facts.append(("acknowledged by", describe_acknowledgement(case.acknowledged)))
    return facts


def _metrics(case: Compared, *, equal: bool) -> list[tuple[str, str, str]]:
    """Page faults are told, and are no evidence: the same code reads 0 or 440 of them."""
    return [
        (
            name.replace("_", " ") + (" (no evidence)" if name == FAULTS else ""),
            metric_text(name, base),
            metric_text(name, head),
        )
        for name, (base, head) in case.metrics.items()
        if (base == head) is equal
    ]


def _commands(comparison: Comparison, case: Compared) -> list[tuple[str, str]]:
    """What to type; nothing of two stored runs, which cannot be measured again."""
    if comparison.conditions.get("unpaired"):
        return []
    return [
        ("Measure this row again", reproducing_command(comparison, case)),
        ("See where the time goes", explaining_command(comparison, case)),
    ]


def _end(reason: str) -> str:
    """The end of a long reason, where a traceback has what failed."""
    return reason if len(reason) <= REASON_LENGTH else f"…{reason[1 - REASON_LENGTH :]}"
