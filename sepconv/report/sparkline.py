"""A history in one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from statistics import median

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
LEAST_SPAN = 0.05  # from the lowest bar to the highest: less is the noise of most histories
ROOM = 0.3  # of the span, beyond the lowest and the highest level


def sparkline(values: Sequence[float | None], levels: Sequence[float], width: int) -> str:
    """One bar for each value, on a logarithmic scale, and a dot where there is none; of more
    values than the width, each bar is the median of several.

    The scale goes by the levels, so that a single disturbed night does not flatten all others;
    what lies beyond is drawn at its end.
    """
    shown = _binned(values, width)
    known = [value for value in shown if value is not None]
    if not known:
        return GAP * len(shown)
    if min(known) <= 0:
        return _plain(shown, known)
    ends = [log(level) for level in levels if level > 0] or [log(median(known))]
    span = max(max(ends) - min(ends), LEAST_SPAN)
    middle = (max(ends) + min(ends)) / 2
    low = middle - span * (0.5 + ROOM)
    return "".join(
        GAP if value is None else _bar((log(value) - low) / (span * (1 + 2 * ROOM)))
        for value in shown
    )


def _binned(values: Sequence[float | None], width: int) -> list[float | None]:
    per_bar = -(-len(values) // width) if values else 1
    found: list[float | None] = []
    for start in range(0, len(values), per_bar):
        own = [value for value in values[start : start + per_bar] if value is not None]
        found.append(median(own) if own else None)
    return found


def _plain(values: Sequence[float | None], known: Sequence[float]) -> str:
    """On a linear scale, for what may be 0."""
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(GAP if value is None else _bar((value - low) / span) for value in values)


def _bar(share: float) -> str:
    return BARS[min(len(BARS) - 1, max(0, int(share * len(BARS))))]
