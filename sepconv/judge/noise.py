"""What benchmark noise looks like: the shapes that the hidden levels of a history are sought under.

Every shape is a density of one run's distance from its level, in units of the history's own inner
scale. Which of them a history has is not known; all compete, and its evidence chooses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

QUARTILE = 0.6745  # of the standard normal distribution
ROOT_TAU = 2.5066  # √(2π), which makes a Gaussian's area one
STUDENT_AREA = 2.7207  # the same for Student's t with 3 degrees of freedom: π √3 ÷ 2
STRAY = 0.03  # share of runs that something else disturbed, whatever the shape
STRAY_SCALE = 3.0  # how far those are off, in scales: the half width of a Cauchy distribution


@dataclass(frozen=True)
class NoiseShape:
    """One kind of noise around a level, which may belong to a machine with two states.

    In the second state runs are slower by `gap`, or scatter `spread` times as much. With the
    chance `restlessness` a run draws its state afresh, else it keeps that of the run before.
    """

    scale: float
    form: Literal["gauss", "student", "skewed"] = "gauss"
    skewness: float = 0.0  # σ of the logarithm, of the skewed form
    gap: float = 0.0
    spread: float = 1.0
    second_share: float = 0.5  # of the runs, in the long run
    restlessness: float = 0.5
    memory: float = 0.0  # autocorrelation of neighbours
    wander: float = 0.01  # chance that the level creeps by a grid step, up and down each
    belief: float = 1.0  # beforehand, beside the others'

    def density(self, distance: Array, widening: float = 1.0) -> Array:
        """Of both states, for runs that are `distance` off their level; scales grow by
        `widening`, the gap of the states does not."""
        first = self._density(distance, self.scale * widening)
        if not self.gap and self.spread == 1:
            return np.stack([first, first])
        wide = self.scale * self.spread * widening
        return np.stack([first, self._density(distance - self.gap, wide)])

    @property
    def given_the_last(self) -> NoiseShape:
        """Of what is left of a run's distance when the memory of the run before is taken off."""
        return replace(self, scale=self.scale * (1 - self.memory**2) ** 0.5, memory=0.0)

    def _density(self, distance: Array, scale: float) -> Array:
        own = FORMS[self.form](distance / scale, self.skewness) / scale
        stray = STRAY_SCALE / np.pi / scale / (STRAY_SCALE**2 + (distance / scale) ** 2)
        return np.asarray((1 - STRAY) * own + STRAY * stray)


def _gauss(distance: Array, _skewness: float) -> Array:
    return np.asarray(np.exp(-0.5 * distance**2) / ROOT_TAU)


def _student(distance: Array, _skewness: float) -> Array:
    """With 3 degrees of freedom."""
    return (1 + distance**2 / 3) ** -2 / STUDENT_AREA


def _skewed(distance: Array, skewness: float) -> Array:
    """A log-normal distribution moved to median 0 and stretched to the quartiles of a Gaussian."""
    width = 2 * QUARTILE / (np.exp(QUARTILE * skewness) - np.exp(-QUARTILE * skewness))
    above = np.maximum(1 + distance / width, 1e-9)
    body = _gauss(np.log(above) / skewness, 0.0) / (above * skewness * width)
    return np.asarray(0.9 * body + 0.1 * _gauss(distance, 0.0))  # a soft edge


FORMS = {"gauss": _gauss, "student": _student, "skewed": _skewed}

SHAPES: tuple[NoiseShape, ...] = (
    # Neighbours tell the scale of independent runs within a third; a mixture tells it less well.
    *(NoiseShape(scale) for scale in (0.6, 0.8, 1.0, 1.25, 1.6)),
    *(NoiseShape(scale, "student") for scale in (0.7, 1.0, 1.35)),
    *(NoiseShape(s, "skewed", skewness=k) for s, k in product((0.75, 1.0, 1.3), (0.5, 0.8))),
    # Neighbours that are alike understate the scale: by √(1 − memory).
    *(NoiseShape(s, memory=0.3) for s in (0.9, 1.2, 1.5)),
    *(NoiseShape(s, memory=0.6) for s in (1.2, 1.6, 2.1)),
    # Spells of about 40 runs that scatter more.
    *(NoiseShape(s, spread=2.5, restlessness=0.05) for s in (0.5, 0.7, 1.0)),
    # A standard deviation of creep, all in all, within 100 runs.
    *(NoiseShape(s, wander=0.08) for s in (0.7, 0.9, 1.2)),
    # Two states that last for a few runs; what neighbours tell is a mixture of scale and gap.
    *(
        NoiseShape(scale, gap=ratio * scale, second_share=0.3, restlessness=0.6)
        for scale, ratio in product((0.35, 0.5, 0.7, 1.0), (4.0, 6.0, 8.5, 12.0))
    ),
    # These last two can look like levels. They take much evidence, or few steps would be seen.
    *(NoiseShape(s, memory=0.8, belief=0.3) for s in (1.6, 2.2)),
    *(
        NoiseShape(s, gap=gap, second_share=0.4, restlessness=0.2, belief=0.1)
        for s, gap in ((0.7, 2.1), (1.0, 2.5))
    ),
)
