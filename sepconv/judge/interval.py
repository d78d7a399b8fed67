"""The logarithm of a ratio over passes, and how sure it is: Student's t, both ways round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from sepconv.judge.estimate import student_quantile


@dataclass(frozen=True)
class Interval:
    """Logarithms of a ratio: their centre and how sure it is."""

    centre: float
    error: float  # standard error of the centre
    count: int  # passes

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Of at least two passes."""
        return cls(fmean(values), stdev(values) / sqrt(len(values)), len(values))

    @property
    def sd(self) -> float:
        """From pass to pass."""
        return self.error * sqrt(self.count)

    def half(self, confidence: float) -> float:
        """Half the width of the two-sided t-interval."""
        return student_quantile(self.count - 1, confidence) * self.error

    def exceeds(self, margin: float, confidence: float) -> bool:
        """Whether the whole interval is beyond ± `margin`, on either side."""
        return abs(self.centre) - self.half(confidence) > margin

    def lies_within(self, margin: float, confidence: float) -> bool:
        """Whether the whole interval is within ± `margin`."""
        return abs(self.centre) + self.half(confidence) < margin

    def p_value(self, margin: float) -> float:
        """Two-sided: how likely so large a centre is, if the truth is at `margin`."""
        from scipy.special import stdtr

        if self.error == 0:
            return 0.0 if abs(self.centre) > margin else 1.0
        return float(min(1.0, 2 * stdtr(self.count - 1, -(abs(self.centre) - margin) / self.error)))
