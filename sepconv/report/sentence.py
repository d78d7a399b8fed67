"""A finding in plain English: never more than was measured, and its doubt with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from sepconv.judge.axis import AXES, Value
from sepconv.judge.finding import TARGET, Contender, Crossover, Finding, Headline
from sepconv.record import MEASURED, TRIED_IN_VAIN, Estimate, Status
from sepconv.run import Run
from sepconv.units import format_ratio, format_seconds, format_speedup, significant

NOTHING = (
    "Nothing was measured in this run, so it says nothing about which form is faster. "
    "Its failures and their reasons are listed with the cases."
)
MOST_CLAUSES = 2  # per conv type; more than that is a table, not a sentence
STATUS_WORDS = {
    Status.OUT_OF_MEMORY: "out of memory",
    Status.TIMED_OUT: "timed out",
    Status.MISSING: "not reached",
}


def describe(finding: Finding) -> str:
    """The finding as a few sentences of plain text."""
    if not finding.headlines:
        return NOTHING
    several = len(finding.headlines) > 1
    sentences = [_describe_headline(headline, several) for headline in finding.headlines]
    return " ".join([*sentences, *_describe_crossovers(finding)])


def trust(finding: Finding, run: Run) -> str:
    """How far the numbers can be believed, in one line: passes, intervals, noise, gaps."""
    if finding.passes is None:
        return _join_counts(finding, run) or "no case was planned"
    fewest, most = finding.passes
    passes = f"{fewest} to {most} passes" if fewest != most else f"{most} passes"
    if finding.relative_error is None:
        intervals = "no interval (one pass cannot show its own noise)"
    else:
        half_width = significant(100 * finding.relative_error, 2)
        intervals = f"latencies of this hour ±{half_width} % in the median"
    parts = ["1 pass" if most == 1 else passes, intervals]
    if counts := _join_counts(finding, run):
        parts.append(counts)
    if undecided := finding.compared["undecided"]:
        total = finding.compared.total()
        parts.append(f"{undecided} of {total} speed-ups undecided")
    if finding.interference is not None:
        parts.append(f"wall is {significant(finding.interference, 3)} × CPU time")
    if reason := run.conditions.get("no_lock_because"):
        parts.append(f"nothing kept other sweeps away ({reason})")
    for device in run.conditions.get("unverified_devices", ()):
        check = f"sepconv doctor --selfcheck --device {device}"
        parts.append(f"the clock of {device} is unverified here (`{check}` checks it)")
    return ", ".join(parts)


def format_interval(estimate: Estimate) -> str:
    """A speed-up with its interval: "4.2× [4.0, 4.4]"."""
    return format_speedup(estimate.value, estimate.low, estimate.high)


def describe_shape(headline: Headline) -> str:
    """ "64 channels, 56×56", and whatever else is not as in most networks."""
    case = headline.shape
    named = [AXES[name].spell(AXES[name].value(case)) for name in ("channels", "resolution")]
    for name, axis in AXES.items():
        if name not in ("channels", "resolution", "device"):
            value = axis.value(case)
            if value != axis.value(TARGET):
                named.append(axis.spell(value))
    return ", ".join(named)


def join_words(words: Sequence[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _describe_headline(headline: Headline, several_devices: bool) -> str:
    where = f"At {describe_shape(headline)}"
    if several_devices:
        where = f"On {headline.shape.device}, at {describe_shape(headline)}"
    elif headline.shape.device != TARGET.device:
        where += f", on {headline.shape.device}"
    rivals = [c for c in headline.contenders if not c.is_standard]
    standard = [c for c in headline.contenders if c.is_standard]
    clauses = [_describe_contender(c) for c in rivals]
    if not any(c.speedup for c in rivals):
        clauses = [_describe_latency(c) for c in (*standard, *rivals)]
        return f"{where}: {'; '.join(clauses)}. No speed-up over standard was measured."
    return f"{where}: {'; '.join(clauses)}. {_describe_leaders(headline)}".rstrip()


def _describe_contender(contender: Contender) -> str:
    if contender.speedup is None:
        return _describe_latency(contender)
    ideal = f" of an ideal {format_ratio(contender.ideal)}" if contender.ideal else ""
    return f"{contender.name} {format_interval(contender.speedup)}{ideal}"


def _describe_latency(contender: Contender) -> str:
    if contender.latency is None:
        return f"{contender.name} {_status_word(contender.measurement.status)}"
    return f"{contender.name} takes {format_seconds(contender.latency.value)}"


def _describe_leaders(headline: Headline) -> str:
    leaders = [c.name for c in headline.leaders]
    if not leaders:
        return ""
    if len(leaders) == 1:
        return f"{_capitalised(leaders[0])} is the fastest there."
    if any(c.latency and c.latency.low is None for c in headline.contenders):
        return "Without intervals it is undecided which is the fastest."
    return f"Whether {join_words(leaders, 'or')} is the fastest there is undecided."


def _describe_crossovers(finding: Finding) -> list[str]:
    """Per conv type, where it is slower than standard beyond the noise."""
    groups: dict[str, list[Crossover]] = {}
    for crossover in finding.crossovers:
        groups.setdefault(crossover.name, []).append(crossover)
    sentences = []
    for name, group in groups.items():
        if any(crossover.slower for crossover in group):
            sentences.append(f"{_capitalised(name)} is slower than standard {_where(group)}.")
    return sentences


def _where(group: Sequence[Crossover]) -> str:
    """Where the crossovers of one conv type are slower, in as few words as are true."""
    by_channels: dict[str, list[Mapping[str, Value]]] = {}
    for crossover in group:
        if crossover.slower:
            phrase = _channel_phrase(crossover)
            by_channels.setdefault(phrase, []).append(crossover.setting)
    everywhere = [crossover.setting for crossover in group]
    clauses: list[str] = []
    for phrase, settings in by_channels.items():
        place = _setting_phrase(settings, everywhere)
        if place is None:
            clauses.clear()
            break
        clauses.append(f"{phrase}{place}")
    if not clauses or len(clauses) > MOST_CLAUSES:
        return _count_slower(group)
    return ", and ".join(clauses)


def _count_slower(group: Sequence[Crossover]) -> str:
    """How often it is slower, and the one value of an axis where it always is, if there is one."""
    compared = [
        (crossover.setting | {"channels": channels}, channels in crossover.slower)
        for crossover in group
        for channels in crossover.channels
    ]
    slower = sum(is_slower for _, is_slower in compared)
    always: list[tuple[int, str]] = []
    for name in AXES:
        values = _distinct(setting[name] for setting, _ in compared)
        for value in values if len(values) > 1 else ():
            outcomes = [is_slower for setting, is_slower in compared if setting[name] == value]
            if all(outcomes) and len(outcomes) > 1:
                always.append((len(outcomes), AXES[name].spell(value)))
    among = ""
    if always:
        count, place = max(always, key=lambda entry: entry[0])
        among = f", among them all {count} at {place}"
    return f"in {slower} of the {len(compared)} shapes that were compared{among}"


def _channel_phrase(crossover: Crossover) -> str:
    """ "at 16 channels and fewer" only if more than one such number was measured."""
    channels, slower = crossover.channels, crossover.slower
    if len(channels) == 1 or len(slower) == 1:
        return f"at {slower[0]} channels"
    if slower == channels:
        return f"at all of {channels[0]} to {channels[-1]} channels"
    if slower == channels[: len(slower)]:
        return f"at {slower[-1]} channels and fewer"
    if slower == channels[-len(slower) :]:
        return f"at {slower[0]} channels and more"
    return f"at {join_words([str(value) for value in slower])} channels"


def _setting_phrase(
    settings: Sequence[Mapping[str, Value]], everywhere: Sequence[Mapping[str, Value]]
) -> str | None:
    """Which settings these are of all that were compared; None if no short phrase is true."""
    subsets = {name: _distinct(s[name] for s in settings) for name in everywhere[0]}
    alls = {name: _distinct(s[name] for s in everywhere) for name in everywhere[0]}
    covered = [s for s in everywhere if all(s[name] in subsets[name] for name in subsets)]
    if len(covered) != len(settings):
        return None
    named = [
        join_words([AXES[name].spell(value) for value in values])
        for name, values in subsets.items()
        if len(values) < len(alls[name])
    ]
    if prod(len(values) for values in subsets.values()) > len(settings):
        return None  # a product that was not measured whole would claim too much
    return f" at {', '.join(named)}" if named else ""


def _distinct(values: Iterable[Value]) -> list[Value]:
    return list(dict.fromkeys(values))


def _join_counts(finding: Finding, run: Run) -> str:
    """ "3 of 72 cases noisy, 1 failed": every status but ok, those with a value first."""
    total = finding.case_count
    parts: list[str] = []
    doubtful = [status for status in Status if status in MEASURED and status is not Status.OK]
    rest = [status for status in Status if status not in MEASURED]
    for status in (*doubtful, *sorted(rest, key=lambda s: s not in TRIED_IN_VAIN)):
        if count := finding.counts.get(status, 0):
            word = _status_word(status)
            parts.append(f"{count} {word}" if parts else f"{count} of {total} cases {word}")
    if run.state in ("interrupted", "failed"):
        parts.append(f"the run was {run.state}" if run.state == "interrupted" else "the run failed")
    return ", ".join(parts)


def _status_word(status: Status) -> str:
    return STATUS_WORDS.get(status, status.value)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
