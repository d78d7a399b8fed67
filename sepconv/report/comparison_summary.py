"""What a comparison says beside its cases: sides, counts, exact metrics, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from sepconv.comparison import BY_WEIGHT, Compared, Comparison, Contender, Outcome
from sepconv.judge.workload import FAULTS
from sepconv.report.comparison_row import metric_text
from sepconv.report.run import format_time
from sepconv.report.sentence import join_words
from sepconv.report.shape import shape_texts
from sepconv.report.text import NONE, headline, shorten
from sepconv.report.verdict import WORDS, describe_acknowledgement, form_of, format_change
from sepconv.run import Environment
from sepconv.units import format_duration

Fact = tuple[str, str]

UNMEASURED = (Outcome.FAILED, Outcome.NOT_COMPARABLE)
TOLD = (*UNMEASURED, Outcome.MISSING, Outcome.NEW, Outcome.UNDECIDED)  # with their reasons
MOST_LABELS = 8  # of the cases that share a reason; the rest is counted
MOST_DIFFERENCES = 100  # exact metrics that differ, one line each
VALUE_LENGTH = 500  # letters of a condition; what is longer is a document, not a fact
REASON_LENGTH = 4000


@dataclass(frozen=True)
class Row:
    """One line of a table with two sides."""

    name: str
    base: str
    head: str

    @property
    def differs(self) -> bool:
        return self.base != self.head


@dataclass(frozen=True)
class Count:
    """How many cases of one conv type have each of some outcomes."""

    form: str
    counts: Sequence[int]
    total: int


@dataclass(frozen=True)
class Difference:
    """An exact metric that the sides do not share."""

    place: int  # of its case, in the list of all
    name: str
    base: str
    head: str
    change: str


@dataclass(frozen=True)
class Exact:
    """What is not measured but counted: where the sides differ, and what they share."""

    differences: Sequence[Difference]
    total: int  # of the differences; those beyond `MOST_DIFFERENCES` are not listed
    sentences: Sequence[str]


@dataclass(frozen=True)
class Gap:
    """Cases that share an outcome and a reason."""

    what: str  # "failed", "left out"
    reason: str
    whole: str | None  # of the reason, where it is longer than a line
    count: int
    places: Sequence[tuple[int | None, str]]  # of the cases in the list of all, with their labels


def side_facts(side: Contender) -> list[Fact]:
    """What is known of one side, without what is unknown."""
    revision = side.revision
    facts = [
        ("chosen", side.note or ""),
        ("commit", revision.commit if revision else ""),
        ("subject", revision.subject if revision else ""),
        ("committed", format_time(revision.committed_at) if revision else ""),
        ("branch", side.branch or ""),
        ("tree", {True: "with uncommitted changes", False: "clean", None: ""}[side.dirty]),
        ("code", side.digest or ""),
        *((name, value) for name, value in side.settings.items()),
    ]
    return [(name, text) for name, text in facts if text]


def environment_rows(comparison: Comparison) -> list[Row]:
    """Every field of both environments; none if neither is known."""
    base, head = comparison.base.environment, comparison.head.environment
    if base is None and head is None:
        return []
    return [
        Row(field.name.replace("_", " "), _field(base, field.name), _field(head, field.name))
        for field in fields(Environment)
    ]


def circumstances(comparison: Comparison) -> list[Fact]:
    """When, where and by what it was compared."""
    facts = [
        ("suite", comparison.suite),
        ("started", format_time(comparison.started_at)),
        ("finished", format_time(comparison.finished_at) if comparison.finished_at else ""),
        ("state", comparison.state),
        ("machine", comparison.machine.label),
        ("architecture", comparison.machine.architecture),
        ("sepconv", comparison.harness_version),
        ("seed", str(comparison.seed)),
        ("time budget", format_duration(comparison.budget_s) if comparison.budget_s else "none"),
        *(
            (name.removesuffix("_s").replace("_", " "), format_duration(seconds))
            for name, seconds in comparison.timing.items()
        ),
        *_flat(comparison.conditions),
        ("number", "" if comparison.id is None else str(comparison.id)),
        ("id", comparison.uid),
    ]
    return [(name, text) for name, text in facts if text]


def method_facts(comparison: Comparison) -> list[Fact]:
    """The rule of the verdict, constant by constant."""
    return list(_flat(comparison.method))


def count_outcomes(cases: Sequence[Compared]) -> tuple[list[Outcome], list[Count]]:
    """The outcomes that occur, and a line for each conv type, the last one for all of them."""
    found = {case.outcome for case in cases}
    outcomes = [outcome for outcome in BY_WEIGHT if outcome in found]
    by_form: dict[str, list[Compared]] = {}
    for case in cases:
        by_form.setdefault(form_of(case), []).append(case)
    rows = [_count(form, own, outcomes) for form, own in sorted(by_form.items())]
    if len(rows) > 1:
        rows.append(_count("all", cases, outcomes))
    return outcomes, rows


def exact_metrics(cases: Sequence[Compared]) -> Exact:
    """The counted metrics: each difference, and in how many cases there is none."""
    names = dict.fromkeys(name for case in cases for name in case.metrics if name != FAULTS)
    differences: list[Difference] = []
    told: dict[str, list[str]] = {}
    for name in names:
        both = [(p, *case.metrics[name]) for p, case in enumerate(cases) if name in case.metrics]
        known = [(p, base, head) for p, base, head in both if base is not None and head is not None]
        changed = [(p, base, head) for p, base, head in known if base != head]
        differences += [_difference(place, name, base, head) for place, base, head in changed]
        said = _extent(len(known), len(changed), len(both) - len(known))
        told.setdefault(said, []).append(name.replace("_", " "))
    sentences = [f"{join_words(own)}: {said}" for said, own in told.items()]
    return Exact(differences[:MOST_DIFFERENCES], len(differences), sentences)


def gaps(comparison: Comparison, cases: Sequence[Compared]) -> list[Gap]:
    """What was not measured, not decided or not compared, by what and why."""
    groups: dict[tuple[str, str], list[tuple[int | None, str]]] = {}
    shapes = shape_texts([case.head for case in cases])
    labels = [f"{form_of(case)} {shape}" for case, shape in zip(cases, shapes, strict=True)]
    for outcome in TOLD:
        for place, case in enumerate(cases):
            if case.outcome is outcome:
                key = (WORDS[outcome], (case.reason or "").strip())
                groups.setdefault(key, []).append((place, labels[place]))
    for each in comparison.left_out:
        groups.setdefault(("left out", each.reason.strip()), []).append((None, each.case.label))
    return [_gap(what, reason, found) for (what, reason), found in groups.items()]


def acknowledged(cases: Sequence[Compared]) -> list[tuple[int, str, str]]:
    """The changes that are meant: the place of the case, its change, and who said so and why."""
    return [
        (place, format_change(case), describe_acknowledgement(case.acknowledged))
        for place, case in enumerate(cases)
        if case.acknowledged is not None
    ]


def unmeasured(comparison: Comparison) -> str | None:
    """That nothing is known of some cases, in a sentence; None if there are none of these."""
    counts = comparison.counts
    failed, unlike = counts[Outcome.FAILED], counts[Outcome.NOT_COMPARABLE]
    parts = []
    if failed:
        parts.append(f"{_cases(failed)} could not be measured")
    if unlike:
        parts.append(f"{_cases(unlike)} could not be compared")
    if not parts:
        return None
    return f"{' and '.join(parts)}: whether head is slower there is not known."


def _field(environment: Environment | None, name: str) -> str:
    if environment is None:
        return "unknown"
    return _plain(getattr(environment, name)) or NONE


def _count(form: str, cases: Sequence[Compared], outcomes: Iterable[Outcome]) -> Count:
    counts = [sum(case.outcome is outcome for case in cases) for outcome in outcomes]
    return Count(form, counts, len(cases))


def _difference(place: int, name: str, base: float, head: float) -> Difference:
    change = f"{100 * (head / base - 1):+.3g} %" if base else NONE
    return Difference(
        place, name.replace("_", " "), metric_text(name, base), metric_text(name, head), change
    )


def _extent(known: int, changed: int, unknown: int) -> str:
    """ "equal in all 24 cases"; "different in 2 of 24 cases"."""
    if not known:
        return "known of one side only"
    if changed:
        told = f"different in {changed} of {_cases(known)}"
    else:
        told = f"equal in {f'all {_cases(known)}' if known > 1 else 'the one case'}"
    return f"{told}, and known of one side only in {unknown}" if unknown else told


def _gap(what: str, reason: str, found: Sequence[tuple[int | None, str]]) -> Gap:
    first = headline(reason) or "no reason was given"
    whole = reason[-REASON_LENGTH:] if len(reason.splitlines()) > 1 else None
    return Gap(what, shorten(first, VALUE_LENGTH), whole, len(found), found[:MOST_LABELS])


def _flat(plain: Mapping[str, object], prefix: str = "") -> Iterable[Fact]:
    for name, value in plain.items():
        label = f"{prefix}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{label}: ")
        elif text := _plain(value):
            yield label, shorten(text, VALUE_LENGTH)


def _plain(value: object) -> str:
    """A value as people write it; nothing of what is not known."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cases(count: int) -> str:
    return f"{count} case{'s' * (count != 1)}"
