"""Where the hidden level of a history changed, as probabilities.

A history is read as a hidden Markov model: every run has a level and a machine state, neither of
which is seen. A level is kept, creeps, or jumps anywhere; a state is kept or drawn afresh. Going
through the runs once forwards and once backwards gives the chance that the level jumped just
before each of them, whatever levels and states were.

References:
    L. R. Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77, 1989, § III.
    P. Fearnhead, "Exact and efficient Bayesian inference for multiple changepoint problems",
    Statistics and Computing 16, 2006: chances of changes instead of one best path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from sepconv.judge.emission import Emission, History, Numbers
from sepconv.judge.noise import SHAPES, Array, NoiseShape

HAZARD = 0.005  # how often levels jump: once in 200 runs, before anything is known
CHOSEN = 4  # shapes whose answers are averaged; the evidence of others is small beside theirs
ENOUGH = 250  # newest runs by which shapes are chosen


@dataclass(frozen=True)
class Passage:
    """What one way through the runs leaves."""

    log_scale: Array  # run × shape: ln of what the chances of each run were divided by
    jumping: Array  # run × shape × state: what jumps in front of each run come with


class Transition:
    """From one run to the next, or back: both are alike, since no time has a direction here."""

    def __init__(self, shapes: Sequence[NoiseShape], levels: int) -> None:
        share = np.array([shape.second_share for shape in shapes], np.float32)
        redraw = np.array([shape.restlessness for shape in shapes], np.float32)[:, None]
        wander = np.array([shape.wander for shape in shapes], np.float32)[:, None, None]
        self.prior = np.stack([1 - share, share], axis=1)
        self._same, self._drawn = 1 - redraw, redraw * self.prior
        stay = (1 - HAZARD) * (1 - 2 * wander)
        self._stay_same, self._stay_drawn = (
            stay * self._same[..., None],
            stay * self._drawn[..., None],
        )
        self._creep = wander / (1 - 2 * wander)
        self._hazard = np.float32(HAZARD / levels)
        self._padded = np.zeros((len(shapes), 2, levels + 2), np.float32)
        self._both = np.empty((len(shapes), 1, levels), np.float32)

    def move(self, chances: Numbers) -> None:
        """In place, without jumps; no level beyond the grid is ever reached."""
        middle = self._padded[..., 1:-1]
        np.multiply(chances, self._stay_same, out=middle)
        np.add(chances[:, :1], chances[:, 1:], out=self._both)
        middle += self._stay_drawn * self._both
        np.add(self._padded[..., 2:], self._padded[..., :-2], out=chances)
        chances *= self._creep
        chances += middle

    def jump(self, by_state: Numbers) -> Numbers:
        """What jumps bring to every level, by state, from chances summed over levels."""
        jumping: Numbers = self._same * by_state
        jumping += self._drawn * by_state.sum(axis=1, keepdims=True)
        jumping *= self._hazard
        return jumping


class HiddenLevels:
    """The runs of a history, under several shapes of noise at once."""

    def __init__(self, history: History, shapes: Sequence[NoiseShape]) -> None:
        self.shapes = sorted(shapes, key=_memory)
        self._size = len(history.points), len(self.shapes), 2, history.grid.count
        self._transition = Transition(self.shapes, history.grid.count)
        self._emissions: list[Emission] = []
        for _, group in groupby(self.shapes, key=_memory):
            start = self._emissions[-1].part.stop if self._emissions else 0
            self._emissions.append(Emission.of(history, list(group), start))

    def evidence(self) -> Array:
        """ln of the likelihood of all runs times the belief in the shape, by shape."""
        return self._evidence(self._forward())

    def jump_chances(self) -> tuple[Array, Array]:
        """That the level jumped in front of a run, run × shape; and the evidence."""
        there, back = self._forward(), self._backward()
        evidence = there.log_scale.sum(axis=0)
        before = there.log_scale.cumsum(axis=0) - there.log_scale
        after = back.log_scale.sum(axis=0) - back.log_scale.cumsum(axis=0)
        both = (there.jumping * back.jumping / self._transition.prior).sum(axis=-1)
        return both * np.exp(before + after - evidence), self._evidence(there)

    def _evidence(self, there: Passage) -> Array:
        beliefs = np.log([shape.belief for shape in self.shapes])
        return np.asarray(there.log_scale.sum(axis=0) + beliefs)

    def _forward(self) -> Passage:
        """Chances given all runs so far; their scale is the likelihood of each run."""
        runs, shapes, states, levels = self._size
        chances = np.empty((shapes, states, levels), np.float32)
        chances[:] = self._transition.prior[..., None] / levels
        jumping = np.zeros((runs, shapes, states), np.float32)
        scale = np.ones((runs, shapes))
        for run in range(runs):
            if run:
                jumping[run] = self._transition.jump(chances.sum(axis=-1))
                self._transition.move(chances)
            for each in self._emissions:
                own, new = chances[each.part], jumping[run, each.part, :, None]
                if each.is_plain:
                    own += new
                    own *= each.fresh[run]
                elif run:
                    own *= each.kept[run]
                    own += new * each.fresh[run]
                else:
                    own *= each.fresh[run]
            scale[run] = total = chances.sum(axis=(1, 2))
            chances /= total[:, None, None]
        return Passage(np.log(scale), jumping)

    def _backward(self) -> Passage:
        """Likelihoods of the runs to come times the prior chances of states."""
        runs, shapes, states, levels = self._size
        chances = np.empty((shapes, states, levels), np.float32)
        chances[:] = self._transition.prior[..., None]
        jumping = np.zeros((runs, shapes, states), np.float32)
        scale = np.ones((runs, shapes))
        for run in range(runs - 1, 0, -1):
            for each in self._emissions:
                own = chances[each.part]
                if each.is_plain:
                    own *= each.fresh[run]
                    jumping[run, each.part] = own.sum(axis=-1)
                else:
                    jumping[run, each.part] = (own * each.fresh[run]).sum(axis=-1)
                    own *= each.kept[run]
            self._transition.move(chances)
            chances += self._transition.jump(jumping[run])[..., None]
            scale[run] = total = chances.max(axis=(1, 2))
            chances /= total[:, None, None]
        return Passage(np.log(scale), jumping)


def _memory(shape: NoiseShape) -> float:
    return shape.memory


def choose_shapes(history: History) -> list[NoiseShape]:
    """Those under which the newest runs are most likely, whatever their levels are."""
    model = HiddenLevels(history.newest(ENOUGH), SHAPES)
    best = np.argsort(-model.evidence(), kind="stable")[:CHOSEN]
    return [model.shapes[index] for index in best]


def change_chances(points: Array, widening: Array) -> Array:
    """For each run, the chance that its level is another than that of the run before.

    `points` are logarithms in units of their scatter; `widening` is how many times as wide as
    for a usual run the noise of each is. The shapes of noise that explain the runs best are
    averaged, by their evidence.
    """
    history = History.of(points, widening)
    chances, evidence = HiddenLevels(history, choose_shapes(history)).jump_chances()
    weights = np.exp(evidence - evidence.max())
    return np.asarray(chances @ (weights / weights.sum()))
