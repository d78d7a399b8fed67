"""What each run of a history says of its level, under several shapes of noise: densities.

A level is one of a grid. Densities are tabulated once on a finer grid, so that those of a run at
all levels are a slice of a table, and cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sepconv.judge.noise import Array, NoiseShape

Numbers = NDArray[np.float32]
Integers = NDArray[np.int_]

STEP = 0.25  # of the grid, in scales: finer grids change no answer
MOST_LEVELS = 220  # the grid is coarser where the levels span more than 55 scales
MARGIN = 2.5  # scales that the grid goes on beyond the outermost running medians
FAR = 12.0  # scales beyond the grid where further off is no more unlikely
PHASES = 4  # densities are tabulated that much finer than the grid
WIDER = 1.25  # from one tabulated width to the next
WIDENING = (0.5, 16.0)  # least and most: a claimed error of nothing is no certainty
ECHO = 4.0  # scales off the running median beyond which a run is a spike that leaves no echo


@dataclass(frozen=True)
class Grid:
    """Equidistant levels, in scales."""

    low: float
    step: float
    count: int

    @classmethod
    def over(cls, points: Array) -> Grid:
        """Wide enough for every level that lasts for four runs; spikes do not widen it."""
        medians = running_median(points)
        low, high = float(medians.min()) - MARGIN, float(medians.max()) + MARGIN
        step = max(STEP, (high - low) / MOST_LEVELS)
        return cls(low, step, int(np.ceil((high - low) / step)) + 1)

    def clip(self, points: Array) -> Array:
        return np.clip(points, self.low - FAR, self.low + self.step * self.count + FAR)

    def times(self, factor: float) -> Grid:
        return Grid(self.low * factor, self.step * factor, self.count)


@dataclass(frozen=True)
class History:
    """Runs that have a value, as points in scales around their middle, with the levels they may
    have; and how wide the noise of each is, in powers of `WIDER`."""

    points: Array
    widths: Integers
    grid: Grid

    @classmethod
    def of(cls, points: Array, widening: Array) -> History:
        widths = np.rint(np.log(np.clip(widening, *WIDENING)) / np.log(WIDER)).astype(int)
        return cls(points, widths, Grid.over(points))

    def newest(self, runs: int) -> History:
        return History(self.points[-runs:], self.widths[-runs:], self.grid)


class Densities:
    """Of runs at all levels of a grid."""

    def __init__(
        self, points: Array, widths: Integers, grid: Grid, shapes: Sequence[NoiseShape]
    ) -> None:
        places = np.rint((points - grid.low) * PHASES / grid.step).astype(int)
        cells, phases = np.divmod(places, PHASES)
        highest, lowest = int(cells.max()), int(cells.min())
        below = highest - np.arange(highest - lowest + grid.count)
        distance = (below * PHASES + np.arange(PHASES)[:, None]) * (grid.step / PHASES)
        tables: dict[tuple[int, int], Numbers] = {}
        for width in np.unique(widths).tolist():
            table = np.stack([shape.density(distance, WIDER**width) for shape in shapes])
            by_phase = np.ascontiguousarray(table.transpose(2, 0, 1, 3), dtype=np.float32)
            tables |= {(width, phase): by_phase[phase] for phase in range(PHASES)}
        keys = zip(widths.tolist(), phases.tolist(), strict=True)
        self._tables = [tables[key] for key in keys]
        self._starts: list[int] = (highest - cells).tolist()
        self._count = grid.count

    def __getitem__(self, run: int) -> Numbers:
        """Shape × state × level."""
        start = self._starts[run]
        return self._tables[run][..., start : start + self._count]


@dataclass(frozen=True)
class Emission:
    """Densities of all runs, under those shapes, of several, that have the same memory."""

    part: slice  # of the several shapes
    fresh: Densities  # where the level is new
    kept: Densities  # where it is that of the run before

    @classmethod
    def of(cls, history: History, shapes: Sequence[NoiseShape], start: int) -> Emission:
        """What a run has in common with the one before is taken off both point and level."""
        part = slice(start, start + len(shapes))
        grid, memory = history.grid, shapes[0].memory
        points = grid.clip(history.points)
        fresh = Densities(points, history.widths, grid, shapes)
        if not memory:
            return cls(part, fresh, fresh)
        middle = running_median(history.points)
        points[1:] -= memory * np.clip(history.points, middle - ECHO, middle + ECHO)[:-1]
        inner = [shape.given_the_last for shape in shapes]
        return cls(part, fresh, Densities(points, history.widths, grid.times(1 - memory), inner))

    @property
    def is_plain(self) -> bool:
        """Whether it makes no difference if the level is new."""
        return self.kept is self.fresh


def running_median(points: Array, half: int = 3) -> Array:
    """Over seven runs; mirrored at both ends."""
    mirrored = np.concatenate([points[:half][::-1], points, points[-half:][::-1]])
    return np.asarray(np.median(sliding_window_view(mirrored, 2 * half + 1), axis=1))
