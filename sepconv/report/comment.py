"""The comment on a pull request, as GitHub-flavoured Markdown: the verdict, and what to do next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import exp, log
from statistics import fmean
from textwrap import wrap

from sepconv.comparison import BY_WEIGHT, DECIDED, Compared, Comparison, Outcome
from sepconv.judge.workload import EXACT
from sepconv.report.comparison_row import anchor_of
from sepconv.report.markdown import code_block, code_span, markdown_cell, written_table
from sepconv.report.shape import shape_texts, shared_axes
from sepconv.report.text import NONE, inert, shorten
from sepconv.report.verdict import (
    WORDS,
    conclude,
    describe_acknowledgement,
    describe_environment,
    describe_gaps,
    describe_method,
    explaining_command,
    form_of,
    format_change,
    format_metric,
    ordered,
    outcome_text,
    reproducing_command,
    worst_alarm,
)
from sepconv.units import format_percent, format_seconds

MARK = "<!-- sepconv:pull-request -->"  # by which the comment is found again
QUIET_MARK = "<!-- sepconv:pull-request quiet -->"  # it says nothing that is worth a new comment
LIMIT = 60_000  # characters; GitHub takes 65,536, of which some may be counted as two
WORST = 10  # rows that are seen at once; the rest is folded
TEXT_LIMIT = 300  # letters of a name or a reason
UID_LENGTH = 12  # numbers are those of one store, and stores are merged
GAPS = 10  # reasons for what was left out
COMMAND_LIMIT = 1_500
SHOWN_ERROR = 4_000  # characters of an error, its end

LOUD = {Outcome.FAILED, Outcome.NOT_COMPARABLE}
SIGNS = {
    Outcome.SLOWER: "❌",
    Outcome.FASTER: "⚡",
    Outcome.SAME: "✅",
    Outcome.UNDECIDED: "❔",
    Outcome.NEW: "✅",
    Outcome.MISSING: "❔",
}
CALM = {Outcome.SAME, Outcome.UNDECIDED, Outcome.NEW}
FOLDED = {Outcome.SAME, Outcome.UNDECIDED}

NUMBERS = {"base → head", "change", "could show"}

Row = dict[str, str]


def render_comment(comparison: Comparison, report_url: str | None = None) -> str:
    """The comment; its rows link into the page at `report_url`, where it is known.

    At most `LIMIT` characters: what does not fit is counted, the most important comes first.
    """
    head = [
        QUIET_MARK if is_quiet(comparison) else MARK,
        _heading(comparison),
        _sides(comparison),
        *_next_steps(comparison),
        *_acknowledged(comparison),
        *_exact(comparison),
        _summary(comparison),
    ]
    tail = _footer(comparison, report_url)
    spent = sum(len(part) + 2 for part in (*head, *tail))
    tables = _tables(comparison, report_url, LIMIT - spent)
    return "\n\n".join([part.rstrip() for part in (*head, *tables, *tail) if part]) + "\n"


def render_failure(error: str, asked: Sequence[str]) -> str:
    """The comment where there is no comparison at all: the error, and how to try it again."""
    command = shlex.join(["sepconv", "compare", *asked])
    return "\n\n".join(
        [
            MARK,
            "## 🛑 Could not measure",
            "> [!CAUTION]\n> This says nothing about speed: no side was compared. It is neither "
            "a pass nor a regression.",
            code_block(_wrapped(error[-SHOWN_ERROR:]), "text"),
            f"Try it where you can see it: {code_span(shorten(command, COMMAND_LIMIT))}\n",
        ]
    )


def _wrapped(error: str) -> str:
    """The lines of an error, none wider than a page."""
    return "\n".join(part for line in error.splitlines() for part in wrap(line, 100) or [""])


def is_quiet(comparison: Comparison) -> bool:
    """Whether there is nothing to say: nothing changed, and everything could be measured."""
    outcomes = {case.outcome for case in comparison.cases}
    return (
        comparison.state == "done"
        and outcomes <= CALM
        and not any(case.details for case in comparison.cases)
        and (bool(outcomes & DECIDED) or bool(comparison.unchanged))
    )


def _heading(comparison: Comparison) -> str:
    verdict = _cell(conclude(comparison))
    if _is_loud(comparison):
        lines = [
            "## 🛑 Could not measure",
            "",
            "> [!CAUTION]",
            f"> {verdict}",
        ]
        return "\n".join(lines)
    return f"### {SIGNS.get(comparison.outcome, '❔')} {verdict}"


def _is_loud(comparison: Comparison) -> bool:
    """Whether what could not be measured is what decides."""
    decided = any(comparison.counts[outcome] for outcome in DECIDED)
    nothing = not decided and not (comparison.unchanged and not comparison.cases)
    return comparison.outcome in LOUD or comparison.state != "done" or nothing


def _sides(comparison: Comparison) -> str:
    base, head = comparison.base, comparison.head
    text = f"{_cell(base.title)} → {_cell(head.title)}"
    notes = [_cell(f"{side.note}") for side in (base, head) if side.note]
    return f"{text}; {'; '.join(notes)}" if notes else text


def _next_steps(comparison: Comparison) -> Iterator[str]:
    """What to type, where something got slower."""
    if not comparison.alarms:
        return
    worst = worst_alarm(comparison)
    accept = [
        "sepconv",
        "acknowledge",
        comparison.uid[:UID_LENGTH],
        worst.head.label,
        "--reason",
        "…",
    ]
    commands = {
        "where the time goes": explaining_command(comparison, worst),
        "measure it once more": reproducing_command(comparison, worst),
        "it is meant to be so": shlex.join(accept),
    }
    lines = [
        line
        for what, command in commands.items()
        for line in (f"# {what}", shorten(command, COMMAND_LIMIT))
    ]
    yield code_block("\n".join(lines), "sh")


def _acknowledged(comparison: Comparison) -> Iterator[str]:
    said = comparison.acknowledged
    if not said:
        return
    rows = [
        {
            "acknowledged": _cell(case.head.label),
            "change": _cell(format_change(case)),
            "by": _cell(describe_acknowledgement(case.acknowledged)),
        }
        for case in said[:WORST]
        if case.acknowledged is not None
    ]
    more = f"\nand {len(said) - WORST} more" if len(said) > WORST else ""
    yield written_table(rows) + more


def _exact(comparison: Comparison) -> Iterator[str]:
    """Parameters and multiply-adds, which need no statistics: any change of them is told."""
    known = [case for case in comparison.cases if any(name in case.metrics for name in EXACT)]
    same_case = [case for case in known if case.base.identity == case.head.identity]
    changed = [case for case in same_case if _exact_changes(case)]
    if changed:
        rows = [
            {"case": _cell(case.head.label)}
            | {
                name.replace("_", " "): _cell(_exact_changes(case).get(name, "="))
                for name in EXACT
                if any(name in _exact_changes(each) for each in changed)
            }
            for case in changed[:WORST]
        ]
        count = len(changed)
        more = f"\nand {count - WORST} more" if count > WORST else ""
        yield (
            f"**The workload changed** in {count} case{'s' * (count != 1)}: what follows compares "
            f"different work.\n\n{written_table(rows)}{more}"
        )
    elif same_case:
        yield f"Parameters and multiply-adds: equal in all {len(same_case)} cases."


def _exact_changes(case: Compared) -> dict[str, str]:
    return {
        name: f"{format_metric(name, base)} → {format_metric(name, head)}"
        for name in EXACT
        for base, head in [case.metrics.get(name, (None, None))]
        if base is not None and head is not None and base != head
    }


def _summary(comparison: Comparison) -> str:
    """Conv type by outcome, with the mean change and its range."""
    forms: dict[str, list[Compared]] = {}
    for case in comparison.cases:
        forms.setdefault(form_of(case), []).append(case)
    outcomes = [outcome for outcome in BY_WEIGHT if comparison.counts[outcome]]
    rows = [_summary_row(form, own, outcomes) for form, own in forms.items()]
    return written_table(rows, right=rows[0].keys() - {"conv type"} if rows else ())


def _summary_row(form: str, own: Sequence[Compared], outcomes: Sequence[Outcome]) -> Row:
    counts = Counter(case.outcome for case in own)
    ratios = [case.ratio for case in own if case.ratio]
    row = {"conv type": _cell(form), "cases": str(len(own))}
    row |= {WORDS[outcome]: str(counts[outcome] or NONE) for outcome in outcomes}
    if not ratios:
        return row | {"mean change": NONE, "range": NONE}
    mean, low, high = exp(fmean(map(log, ratios))), min(ratios), max(ratios)
    return row | {
        "mean change": f"{_change(mean)} %",
        "range": f"{_change(low)} to {_change(high)} %",
    }


def _change(ratio: float) -> str:
    return f"{round(100 * (ratio - 1), 1) + 0.0:+.1f}"  # no minus before a zero


def _tables(comparison: Comparison, url: str | None, budget: int) -> Iterator[str]:
    """The rows, worst first; all but the first are folded, and those beyond the budget counted."""
    cases = ordered(comparison.cases)
    rows = _rows(cases, url)
    seen = [row for case, row in zip(cases, rows, strict=True) if case.outcome not in FOLDED][
        :WORST
    ]
    if seen:
        table = written_table(seen, NUMBERS)
        budget -= len(table) + 2
        yield table
    rest = rows[len(seen) :]
    if not rest:
        return
    fitting = _fitting(rest, budget - 200)
    left = len(rest) - len(fitting)
    title = f"{len(rest)} more cases" if seen else f"all {len(rest)} cases"
    note = f"\n\n… and {left} more cases, all of them in the page and the JSON" if left else ""
    table = f"{written_table(fitting, NUMBERS)}{note}"
    yield f"<details><summary>{title}</summary>\n\n{table}\n\n</details>"


def _fitting(rows: Sequence[Row], budget: int) -> Sequence[Row]:
    """As many rows as have room."""
    spent = 0
    for place, row in enumerate(rows):
        spent += (
            len(written_table([row])) if place == 0 else 4 + sum(len(c) + 3 for c in row.values())
        )
        if spent > budget:
            return rows[:place]
    return rows


def _rows(cases: Sequence[Compared], url: str | None) -> list[Row]:
    shapes = shape_texts([case.head for case in cases])
    return [
        {
            "shape": _linked(shape, case, url),
            "conv type": _cell(form_of(case)),
            "base → head": _latencies(case),
            "change": _cell(format_change(case)),
            "could show": NONE if case.detectable is None else format_percent(case.detectable),
            "outcome": _cell(outcome_text(case)),
        }
        for case, shape in zip(cases, shapes, strict=True)
    ]


def _latencies(case: Compared) -> str:
    both = (case.base_latency_s, case.head_latency_s)
    show: Callable[[float], str] = format_seconds
    return " → ".join(NONE if each is None else show(each) for each in both)


def _cell(value: str) -> str:
    """The beginning of a text of others, inert."""
    return markdown_cell(shorten(inert(value), TEXT_LIMIT))


def _linked(text: str, case: Compared, url: str | None) -> str:
    cell = _cell(text)
    if url is None:
        return cell
    return f"[{cell}](<{_address(url)}#{anchor_of(case)}>)"


def _address(url: str) -> str:
    """A web address that cannot end the link that it stands in."""
    return (
        inert(url).replace("<", "%3C").replace(">", "%3E").replace("|", "%7C").replace(" ", "%20")
    )


def _footer(comparison: Comparison, url: str | None) -> list[str]:
    shared = shared_axes([case.head for case in comparison.cases])
    alike = ", ".join(f"{name} {text}" for name, text in shared.items())
    gaps = describe_gaps(comparison)
    lines = [
        *gaps[:GAPS],
        *([f"and {len(gaps) - GAPS} more reasons"] if len(gaps) > GAPS else []),
        *([f"all cases: {alike}"] if alike else []),
        describe_method(comparison),
        f"{comparison.machine.label}; {describe_environment(comparison)}",
    ]
    text = "  \n".join(f"<sub>{_cell(line)}</sub>" for line in lines if line)
    again = ""
    if comparison.cases and not comparison.alarms:
        command = reproducing_command(comparison, ordered(comparison.cases)[0])
        again = f"  \n<sub>reproduce a row: {code_span(shorten(command, COMMAND_LIMIT))}</sub>"
    page = f"\n\n[The page with every pass, figures and commands](<{_address(url)}>)" if url else ""
    return [f"{text}{again}{page}"]
