"""The figures, one per file: how each looks, as a frame that the page's script fills in."""

from __future__ import annotations

from sepconv.figures.allocator import ALLOCATOR
from sepconv.figures.compare import COMPARE
from sepconv.figures.frame import Figure
from sepconv.figures.graph import GRAPH
from sepconv.figures.history import HISTORY
from sepconv.figures.noise import NOISE
from sepconv.figures.promise import PROMISE
from sepconv.figures.roofline import ROOFLINE
from sepconv.figures.rounds import ROUNDS
from sepconv.figures.speedup import SPEEDUP
from sepconv.figures.surface import SURFACE

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        SPEEDUP,
        PROMISE,
        ALLOCATOR,
        HISTORY,
        GRAPH,
        ROUNDS,
        ROOFLINE,
        SURFACE,
        NOISE,
        COMPARE,
    )
}
"""Every figure of the dashboard, by its name."""
