"""Whether head is slower than base, from rounds that took turns: the rule of the gate.

The difference of a pair is ln(head ÷ base), so that percentages of fast and slow cases are one
thing. Two pairs in a row are a quad, in which a drift cancels; the quads of a pass give their
20 %-trimmed mean; and the interval is over passes, since processes differ more than rounds do.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, isfinite, log1p
from typing import Literal

from sepconv.errors import InvalidRounds
from sepconv.judge.interval import Interval
from sepconv.ratio import LogRatio

Outcome = Literal["slower", "faster", "same", "undecided"]

LEAST_UNITS = 4  # with fewer, an interval says more of its own width than of the arms
BATCHES = (8, 16)  # at least, where there are as many quads, and at most
BATCH_QUADS = 5  # of more than the least number of batches: so many can be trimmed
SAME_ALPHA = 0.05  # per case: nobody is woken up by a "same" that was none


@dataclass(frozen=True)
class Verdict:
    """What the rounds of two arms say: the outcome, with its evidence.

    `slower` and `faster` are beyond the alarm margin with the whole interval; `same` is within
    ± the other margin with the whole 95 % interval; all else is `undecided`.
    """

    outcome: Outcome
    ratio: float  # head ÷ base: 1.05 is 5 % slower
    low: float | None  # of the interval at 1 − alpha; None with one unit
    high: float | None
    detectable: float | None  # smallest change that would have read as slower: 0.03 is 3 %
    method: str
    units: int  # passes, or batches where the passes are not told


def compare_rounds(
    base: Sequence[float],
    head: Sequence[float],
    *,
    passes: Sequence[Hashable] | None = None,
    margin: float = 0.01,
    same_margin: float = 0.02,
    alpha: float = 0.01,
) -> Verdict:
    """Judge `head` by `base`; `base[i]` and `head[i]` are the paired seconds of pair i.

    `passes[i]` names the pass of pair i. Without it contiguous batches of quads stand in for
    passes: an interval over the rounds of one process cannot know how much processes differ,
    so it is narrower than it should be, and `method` says so.

    The margins are fractions of the ratio, and the bounds are mirrored, so that swapping the
    arms mirrors the verdict: slower is low > 1 + margin, faster is high < 1 ÷ (1 + margin).

    Raises:
        InvalidRounds: The arms differ in length, are empty, or hold what is no positive
            finite time; or a margin or `alpha` is out of range.
    """
    base, head = _checked(base, head, passes)
    _check_fraction("margin", margin, least=0.0)
    _check_fraction("same_margin", same_margin)
    _check_fraction("alpha", alpha)
    units = list(_passes(base, head, passes) if passes is not None else _batches(base, head))
    if len(units) == 1:
        ratio = _ratio(units[0])
        return Verdict("undecided", ratio, None, None, None, _method(passes, 1, alpha), 1)
    interval = Interval.of(units)
    centre = interval.centre
    half, half_same = interval.half(1 - alpha), interval.half(1 - SAME_ALPHA)
    is_enough = len(units) >= LEAST_UNITS
    return Verdict(
        outcome=_decide(centre, half, half_same, margin, same_margin) if is_enough else "undecided",
        ratio=_ratio(centre),
        low=_ratio(centre - half),
        high=_ratio(centre + half),
        detectable=_ratio(log1p(margin) + half) - 1 if is_enough else None,
        method=_method(passes, len(units), alpha),
        units=len(units),
    )


def _ratio(log_ratio: float) -> float:
    """The ratio that a logarithm stands for; infinity where an interval knows no bound."""
    try:
        return exp(log_ratio)
    except OverflowError:
        return inf


def _decide(
    centre: float, half: float, half_same: float, margin: float, same_margin: float
) -> Outcome:
    """The outcome of an interval of logarithms: alarm first, then sameness."""
    if centre - half > log1p(margin):
        return "slower"
    if centre + half < -log1p(margin):
        return "faster"
    return "same" if abs(centre) + half_same < log1p(same_margin) else "undecided"


def _passes(
    base: Sequence[float], head: Sequence[float], passes: Sequence[Hashable]
) -> Iterator[float]:
    """The log-ratio of each pass, in the order in which the passes first appear."""
    members: dict[Hashable, list[int]] = {}
    for place, name in enumerate(passes):
        members.setdefault(name, []).append(place)
    for places in members.values():
        yield LogRatio.of([base[i] for i in places], [head[i] for i in places]).trimmed_mean


def _batches(base: Sequence[float], head: Sequence[float]) -> Iterator[float]:
    """The log-ratio of each of some contiguous batches of whole quads, equal but for one quad.

    Batch means are honest where neighbours resemble each other, unlike single quads.
    """
    quads = (len(base) + 1) // 2
    least, most = BATCHES
    count = min(quads, max(least, min(quads // BATCH_QUADS, most)))
    bounds = [2 * (quads * n // count) for n in range(count + 1)]
    for start, end in pairwise(bounds):
        yield LogRatio.of(base[start:end], head[start:end]).trimmed_mean


def _method(passes: Sequence[Hashable] | None, units: int, alpha: float) -> str:
    kind = "passes" if passes is not None else "contiguous batches of one process"
    blind = "" if passes is not None else "; how much processes differ is not in it"
    return (
        f"20 %-trimmed mean of ln(head ÷ base) over quads, {1 - alpha:.4g} t-interval over "
        f"{units} {kind}{blind}"
    )


def _checked(
    base: Sequence[float], head: Sequence[float], passes: Sequence[Hashable] | None
) -> tuple[list[float], list[float]]:
    """Both arms as plain numbers, if they can be paired."""
    if len(base) != len(head):
        raise InvalidRounds(
            f"base and head must have as many rounds as each other, found {len(base)} and "
            f"{len(head)}: base[i] and head[i] are one pair"
        )
    if passes is not None and len(passes) != len(base):
        raise InvalidRounds(
            f"passes must name the pass of each of the {len(base)} pairs, found {len(passes)}"
        )
    if len(base) == 0:
        raise InvalidRounds("a comparison needs at least one pair of rounds, found none")
    arms = _seconds("base", base), _seconds("head", head)
    for place, (before, after) in enumerate(zip(*arms, strict=True)):
        if after / before == 0 or not isfinite(after / before):
            raise InvalidRounds(
                f"head[{place}] ÷ base[{place}] must be a number, found {after!r} and {before!r}"
            )
    return arms


def _seconds(arm: str, rounds: Sequence[float]) -> list[float]:
    values = []
    for place, found in enumerate(rounds):
        try:
            value = float(found)
        except (TypeError, ValueError):
            value = 0.0
        if not (value > 0 and isfinite(value)):
            raise InvalidRounds(
                f"{arm}[{place}] must be positive finite seconds, found {found!r}; "
                "leave out both rounds of a pair that was not measured"
            )
        values.append(value)
    return values


def _check_fraction(name: str, value: float, *, least: float | None = None) -> None:
    """Refuse what is not between 0 and 1; 0 itself only if `least` allows it."""
    if not (0 < value < 1 or value == least):
        raise InvalidRounds(f"{name} must be a fraction between 0 and 1, found {value!r}")
