"""A comparison in plain English: the verdict and what to do, and what it rests on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from sepconv.comparison import (
    BY_WEIGHT,
    Acknowledgement,
    Compared,
    Comparison,
    Detail,
    Outcome,
)
from sepconv.judge.workload import FAULTS
from sepconv.report.shape import form_text
from sepconv.report.text import headline
from sepconv.selection import spell_selection
from sepconv.units import (
    format_bytes,
    format_count,
    format_duration,
    format_percent,
    significant,
)

WORDS = {
    Outcome.SLOWER: "slower",
    Outcome.FASTER: "faster",
    Outcome.SAME: "the same",
    Outcome.UNDECIDED: "undecided",
    Outcome.NEW: "new",
    Outcome.MISSING: "missing",
    Outcome.FAILED: "failed",
    Outcome.NOT_COMPARABLE: "not comparable",
}
DETAIL_WORDS = {
    Detail.TAIL_CHANGED: "only some calls, not most",
    Detail.WAITS: "waits: wall time changed, CPU time did not",
    Detail.ALLOCATES_MORE: "allocates more",
    Detail.WORKLOAD_CHANGED: "the workload changed",
}
METRIC_FORMATS = {"allocated_bytes": format_bytes, "peak_memory_bytes": format_bytes}


def describe_verdict(comparison: Comparison) -> str:
    """The first line: what came out, and what to do about it."""
    verdict = conclude(comparison)
    if comparison.state == "interrupted" or not comparison.alarms:
        return verdict
    return f"{verdict} Why: {explaining_command(comparison, worst_alarm(comparison))}"


def worst_alarm(comparison: Comparison) -> Compared:
    """What got slower by most, and that nobody has acknowledged."""
    return max(comparison.alarms, key=lambda case: case.ratio or 0.0)


def conclude(comparison: Comparison) -> str:
    """What came out, in a sentence."""
    counts = comparison.counts
    total = len(comparison.cases)
    if comparison.state == "interrupted":
        return f"Interrupted: {total} cases were compared so far, and nothing is concluded."
    if slower := comparison.alarms:
        worst = worst_alarm(comparison)
        return (
            f"Slower: {_count(len(slower), 'case')} of {total}, at most {format_change(worst)} "
            f"({worst.head.label})."
        )
    if counts[Outcome.NOT_COMPARABLE]:
        first = next(c for c in comparison.cases if c.outcome is Outcome.NOT_COMPARABLE)
        return (
            f"Could not compare {_count(counts[Outcome.NOT_COMPARABLE], 'case')} of {total}: "
            f"{_first_line(first.reason)}"
        )
    if counts[Outcome.FAILED]:
        first = next(c for c in comparison.cases if c.outcome is Outcome.FAILED)
        return (
            f"Could not measure {_count(counts[Outcome.FAILED], 'case')} of {total}: "
            f"{_first_line(first.reason)}"
        )
    if not total:
        if comparison.unchanged:
            return f"Nothing to compare: the code of {_list(comparison.unchanged)} did not change."
        return "Could not compare anything: no case was left."
    if meant := len(comparison.acknowledged):
        return (
            f"Slower, as acknowledged: {_count(meant, 'case')} of {total}; nothing else got slower."
        )
    if faster := counts[Outcome.FASTER]:
        best = min(
            (case for case in comparison.cases if case.outcome is Outcome.FASTER),
            key=lambda case: case.ratio or 1.0,
        )
        return f"Faster: {_count(faster, 'case')} of {total}, at most {format_change(best)}."
    if counts[Outcome.SAME] == total:
        return f"The same: no change in {'any of ' if total > 1 else ''}{_count(total, 'case')}."
    if counts[Outcome.SAME]:
        rest = ", ".join(_counted(comparison, Outcome.UNDECIDED, Outcome.NEW, Outcome.MISSING))
        return f"No change was found in {_count(total, 'case')} ({rest})."
    rest = ", ".join(_counted(comparison, Outcome.UNDECIDED, Outcome.NEW, Outcome.MISSING))
    return f"Nothing could be decided of {_count(total, 'case')} ({rest})."


def describe_method(comparison: Comparison) -> str:
    """What the verdict rests on, and the noise that no change showed meanwhile."""
    method = comparison.method
    if not method:
        return "nothing was measured"
    passes = [case.passes for case in comparison.cases if case.passes]
    parts = []
    if "screen_passes" in method:
        threads = max((case.head.threads for case in comparison.cases), default=1)
        where = "one core" if threads == 1 else "the same cores"
        parts.append(
            f"base and head in turns on {where}, {_range(passes)} passes; slower and faster are "
            f"confirmed in fresh processes (odds of a false alarm in all cases together ≤ "
            f"{format_percent(method['alpha'])})"
        )
        parts.append(f"alarm beyond {format_percent(method['margin'])}")
    else:
        parts.append(str(method["estimator"]))
    if (floor := method.get("floor")) is not None:
        parts.append(f"base against itself: within {format_percent(floor)}")
    detectable = sorted(case.detectable for case in comparison.cases if case.detectable)
    if detectable:
        middle = detectable[len(detectable) // 2]
        parts.append(f"a change of {format_percent(middle)} would have shown in half of the cases")
    if comparison.timing:
        parts.append(format_duration(sum(comparison.timing.values())))
    return "; ".join(parts)


def describe_gaps(comparison: Comparison) -> list[str]:
    """What was not compared, and what both sides share: a line for each."""
    lines = []
    if comparison.unchanged and comparison.cases:
        lines.append(f"skipped, as the code did not change: {_list(comparison.unchanged)}")
    elif same := comparison.conditions.get("same_code"):
        measured = {case.head.conv_type for case in comparison.cases}
        shared = [name for name in same if name in measured]
        is_all = set(shared) == measured
        if shared and not comparison.base.settings and not comparison.head.settings:
            what = "any conv type here" if is_all else _list(shared)
            lines.append(f"the code of {what} is the same on both sides (--changed skips it)")
    reasons: dict[str, int] = {}
    for each in comparison.left_out:
        reasons[each.reason] = reasons.get(each.reason, 0) + 1
    lines += [f"left out: {_count(count, 'case')}: {reason}" for reason, count in reasons.items()]
    return lines


def describe_acknowledgement(word: Acknowledgement) -> str:
    """Who said that a change is meant, when, and why."""
    since = " (in an earlier comparison with this base)" if word.carried_from else ""
    return f"{word.author}, {word.at[:10]}{since}: {word.reason}"


def ordered(cases: Sequence[Compared]) -> list[Compared]:
    """What has to be acted upon first; of each outcome, what is furthest beyond its noise."""
    return sorted(cases, key=lambda case: (BY_WEIGHT.index(case.outcome), -clearness(case)))


def clearness(case: Compared) -> float:
    """The change in half widths of its interval; 0 where there is none."""
    if case.ratio is None or case.low is None or case.high is None:
        return 0.0
    half_width = (case.high - case.low) / 2
    return abs(case.ratio - 1) / half_width if half_width > 0 else 0.0


def form_of(case: Compared) -> str:
    """The conv type with its options; both, where the sides differ in it."""
    name = form_text(case.head)
    if case.base.conv_type != case.head.conv_type:
        return f"{case.base.conv_type.replace('_', ' ')} → {name}"
    return name


def outcome_text(case: Compared) -> str:
    """The outcome with what it does not say by itself: details, changed metrics, the reason."""
    said = "; ".join(filter(None, [format_details(case), *changed_metrics(case)]))
    if case.outcome not in (Outcome.SAME, Outcome.SLOWER, Outcome.FASTER):
        said = "; ".join(filter(None, [said, headline(case.reason)]))
    word = outcome_word(case)
    return f"{word}: {said}" if said else word


def outcome_word(case: Compared) -> str:
    """The outcome, and whether somebody has acknowledged it."""
    word = WORDS[case.outcome]
    return word if case.acknowledged is None else f"{word}, as acknowledged"


def changed_metrics(case: Compared) -> list[str]:
    """The metrics that a detail speaks of: "macs 1.2 M → 2.4 M"."""
    if not case.details or case.base.identity != case.head.identity:
        return []
    return [
        f"{name.replace('_', ' ')} {format_metric(name, base)} → {format_metric(name, head)}"
        for name, (base, head) in case.metrics.items()
        if name != FAULTS and base is not None and head is not None and base != head
    ]


def format_metric(name: str, value: float) -> str:
    """A count, or a size in bytes."""
    return METRIC_FORMATS.get(name, format_count)(value)


def describe_environment(comparison: Comparison) -> str:
    """What both sides ran in: one text if it was the same."""
    base, head = comparison.base.environment, comparison.head.environment
    if base is None or head is None:
        return "environment unknown"
    return base.label if base.key == head.key else f"base {base.label}, head {head.label}"


def reproducing_command(comparison: Comparison, case: Compared) -> str:
    """What to type to compare that case alone once more."""
    asked = list(map(str, comparison.conditions.get("asked", ())))
    for word, length in (("--budget", 2), ("--changed", 1)):
        while word in asked:
            place = asked.index(word)
            del asked[place : place + length]
    hidden = {*comparison.base.settings, *comparison.head.settings}
    where = spell_selection(case.base, [each.base for each in comparison.cases], hidden)
    if "--where" in asked:  # what it held fixed does not tell the cases apart
        place = asked.index("--where")
        where = f"({asked[place + 1]}) and {where}"
        del asked[place : place + 2]
    return shlex.join(["sepconv", "compare", *asked, "--where", where])


def explaining_command(comparison: Comparison, case: Compared) -> str:
    """What to type to see where the time of that case goes."""
    asked = comparison.conditions.get("asked", ())
    return shlex.join(["sepconv", "compare", *map(str, asked), "--explain", case.head.label])


def format_change(case: Compared) -> str:
    """The ratio as people say it: "5.1 % slower [4.2, 6.0]" of what was decided, else
    "+0.3 % [-0.2, +0.8]"."""
    if case.ratio is None:
        return "–"
    change = 100 * (case.ratio - 1)
    bounds = [100 * (bound - 1) for bound in (case.low, case.high) if bound is not None]
    if case.outcome not in (Outcome.SLOWER, Outcome.FASTER):
        interval = f" [{bounds[0]:+.1f}, {bounds[1]:+.1f}]" if len(bounds) == 2 else ""
        return f"{change:+.1f} %{interval}"
    told = f"{significant(abs(change), 2)} % {case.outcome}"
    if len(bounds) < 2:
        return told
    low, high = sorted(map(abs, bounds))
    return f"{told} [{low:.1f}, {high:.1f}]"


def format_details(case: Compared) -> str:
    """What the outcome does not say by itself."""
    return "; ".join(DETAIL_WORDS[detail] for detail in case.details)


def _counted(comparison: Comparison, *outcomes: Outcome) -> list[str]:
    counts = comparison.counts
    return [f"{counts[outcome]} {WORDS[outcome]}" for outcome in outcomes if counts[outcome]]


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _range(counts: Sequence[int]) -> str:
    if not counts:
        return "0"
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _first_line(text: str | None) -> str:
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[0] if lines else "no reason was given"
