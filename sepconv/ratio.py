"""What a ring says: the ratio of its arms, from rounds that took turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt
from operator import itemgetter
from statistics import fmean, stdev
from typing import NamedTuple

from sepconv.case import Case
from sepconv.record import TRIMMED_SHARE, Block

QUIET_SHARE = 0.25  # of the quads of a pass: what was least disturbed is most alike in all runs


@dataclass(frozen=True)
class LogRatio:
    """ln(head ÷ base), in seconds per call, over the quads of one pass of one ring.

    A quad is two rounds of each arm, taken in the order base, head, head, base or its mirror
    image, so that a drift within it cancels.
    """

    trimmed_mean: float  # 20 % cut off at each end
    standard_error: float | None  # of the trimmed mean
    mean: float  # untrimmed: a change in the tail alone is only here
    quiet_mean: float  # of the quarter of the quads that took both arms together least

    @classmethod
    def of(cls, base: Sequence[float], head: Sequence[float]) -> LogRatio:
        """The ratio of rounds that were taken in turns.

        A pair in which a clock did not move is left out: some systems count CPU time in ticks.

        Raises:
            ValueError: No pair is left.
        """
        pairs = list(zip(base, head, strict=True))
        quads = [
            [(log(h / b), log(h * b)) for b, h in pairs[i : i + 2] if b > 0 and h > 0]
            for i in range(0, len(pairs), 2)
        ]
        ratios = [fmean(ratio for ratio, _ in quad) for quad in quads if quad]
        if not ratios:
            raise ValueError("expected clocks that move within a round, found none that did")
        together = [fmean(product for _, product in quad) for quad in quads if quad]
        by_time = sorted(zip(together, ratios, strict=True), key=itemgetter(0))
        quiet = [ratio for _, ratio in by_time[: ceil(QUIET_SHARE * len(ratios))]]
        trimmed = trim(ratios)
        return cls(trimmed.mean, trimmed.standard_error, fmean(ratios), fmean(quiet))


class Trimmed(NamedTuple):
    """The mean of values without the outer 20 % at each end, and how sure it is."""

    mean: float
    standard_error: float | None  # None of fewer than two values
    degrees_of_freedom: int


def trim(values: Sequence[float]) -> Trimmed:
    """The 20 %-trimmed mean, its error from the winsorised spread; of four values or fewer, the
    plain ones.

    References:
        K. K. Yuen, "The two-sample trimmed t for unequal population variances",
        Biometrika 61, 1974.
    """
    ordered = sorted(values)
    count = len(ordered)
    cut = int(TRIMMED_SHARE * count)
    kept = ordered[cut : count - cut]
    error = None
    if len(kept) > 1:
        winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
        error = stdev(winsorised) * sqrt((count - 1) / (len(kept) * (len(kept) - 1)))
    return Trimmed(fmean(kept), error, len(kept) - 1)


@dataclass(frozen=True)
class Pair:
    """What one pass of one ring says: head against base, by both clocks."""

    ring: int
    pass_number: int
    base: Case
    head: Case
    count: int  # rounds of each arm
    cpu: LogRatio
    wall: LogRatio
    server: int = 0

    @classmethod
    def of(cls, base: Block, head: Block) -> Pair:
        """The pair of two blocks whose rounds took turns.

        Raises:
            ValueError: A clock did not move in any pair of rounds.
        """
        return cls(
            ring=base.ring,
            pass_number=base.pass_number,
            base=base.case,
            head=head.case,
            count=len(base.rounds),
            cpu=LogRatio.of(base.cpu_latencies_s, head.cpu_latencies_s),
            wall=LogRatio.of(base.latencies_s, head.latencies_s),
            server=base.server,
        )
