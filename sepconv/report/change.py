"""By how much something changed, as people say it: percentages with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from statistics import fmean

from sepconv.event import Changed, Event


def pooled_interval(members: Sequence[Changed]) -> tuple[float, float] | None:
    """The interval of the mean ratio; None unless every member has one.

    Its ends are the geometric means of the members' ends: as wide as if all of them erred
    together. Their nights are the same ones, and so is the code that their commits share, so how
    far they err independently is not known; of a mean, this is the widest that it can be, up to
    √n times as wide as if they did.
    """
    ends = [(m.low, m.high) for m in members if m.low is not None and m.high is not None]
    if len(ends) < len(members) or any(low <= 0 for low, _ in ends):
        return None
    low, high = (exp(fmean(map(log, bounds))) for bounds in zip(*ends, strict=True))
    return low, high


def format_pooled(event: Event) -> str:
    """The mean change without its sign, with its interval: "5.2 % [4.1, 6.3 %]"."""
    way = -1 if event.mean_ratio < 1 else 1
    change = _percent(way * (event.mean_ratio - 1))
    interval = pooled_interval(event.members)
    if interval is None:
        return f"{change} %"
    low, high = sorted(way * (end - 1) for end in interval)
    return f"{change} % [{_percent(low)}, {_percent(high)} %]"


def format_signed(ratio: float) -> str:
    """A ratio as a change: 1.052 → "+5.2 %", 0.995 → "−0.5 %"."""
    return f"{_signed(ratio)} %"


def format_ratio_change(ratio: float, low: float | None, high: float | None) -> str:
    """A ratio as a change with its interval: "+5.2 % [+4.1, +6.3 %]"."""
    if low is None or high is None:
        return format_signed(ratio)
    return f"{format_signed(ratio)} [{_signed(low)}, {_signed(high)} %]"


def _signed(ratio: float) -> str:
    text = _percent(ratio - 1)
    return text if text.startswith("−") or not float(text) else f"+{text}"


def _percent(change: float) -> str:
    """A change in percent with one decimal, or none where it is so large that it says nothing."""
    percent = 100 * change
    text = f"{percent:.0f}" if abs(percent) >= 99.95 else f"{percent:.1f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")
