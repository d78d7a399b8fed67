"""So many passes of every ring, and no verdict: what they say is one point of a history.

A night that was confirmed and corrected by itself would be measured for longer the more it
differs from the reference, every night anew. So a survey measures all rings alike, and whether
something has changed is decided over the nights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sepconv.comparison import Outcome, Stage
from sepconv.judge.gate import LEAST_PASSES, SAME_ALPHA, Gate, Judged

PASSES = 8  # fewer cover less than they claim
NOT_JUDGED = "a point of a history: what changed is decided over its nights"


class Survey(Gate):
    """Asks for `passes` of every ring, those of base against base included.

    Raises:
        ValueError: Fewer passes than an interval needs.
    """

    def __init__(
        self, rings: Iterable[int], nulls: Collection[int] = (), *, passes: int = PASSES
    ) -> None:
        if passes < LEAST_PASSES:
            raise ValueError(f"expected at least {LEAST_PASSES} passes, found {passes}")
        super().__init__(rings, nulls)
        self.passes = passes

    def next_pass(self, time_left: bool = True) -> tuple[Stage, list[int]] | None:
        if not time_left:
            return None
        wanted = self._fewer(Stage.SCREEN, self.passes)
        return (Stage.SCREEN, wanted + self._unmeasured_nulls()) if wanted else None

    def judge(self) -> dict[int, Judged]:
        """`same` where the arms are alike, else undecided: one night claims no more."""
        return {number: self._estimate(number) for number in self._rings}

    def _unmeasured_nulls(self) -> list[int]:
        nulls = self._nulls.items()
        return [number for number, ring in nulls if ring.count(Stage.NULL) < self.passes]

    def _estimate(self, number: int) -> Judged:
        ring = self._rings[number]
        interval = ring.interval(Stage.SCREEN)
        if interval is None:
            passes = ring.count(Stage.SCREEN)
            return Judged(Outcome.UNDECIDED, passes=passes, reason=f"only {passes} passes")
        if self._is_same(ring, Stage.SCREEN):
            return self._told(Outcome.SAME, interval, 1 - SAME_ALPHA)
        return self._told(Outcome.UNDECIDED, interval, 1 - SAME_ALPHA, reason=NOT_JUDGED)
