"""The figures, one per file: what each shows as data, and how it looks as a frame."""

from __future__ import annotations

from sepconv.figures.allocator import ALLOCATOR
from sepconv.figures.frame import Figure
from sepconv.figures.history import HISTORY
from sepconv.figures.latency import LATENCY
from sepconv.figures.promise import PROMISE
from sepconv.figures.speedup import SPEEDUP

FIGURES: dict[str, Figure] = {
    figure.name: figure for figure in (SPEEDUP, LATENCY, PROMISE, ALLOCATOR, HISTORY)
}
"""Every figure of the page, in its order."""
