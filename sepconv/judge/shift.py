"""The shifts of one series: where its level changed, by how much, and how strong the evidence is.

Change points say where. How strong the evidence is has to be comparable between series of any
length and noise, as it decides which of thousands of them deserve an event: it is the p-value of
the difference of the two levels, at the scatter and the autocorrelation that the series itself
has, times the number of places at which it could have been.

The newest nights are too few for a change point. They are compared with the level before them,
night by night: by a heavy-tailed distribution, as single disturbed nights are not rare, and by
the least odd of them, as several odd ones in a row are rare: the less, the more each night is like
the one before it.

References:
    B. L. Welch, "The generalization of Student's problem when several different population
    variances are involved", Biometrika 34, 1947: degrees of freedom.
    G. V. Bayley and J. M. Hammersley, "The 'effective' number of independent observations in an
    autocorrelated time series", Suppl. J. R. Stat. Soc. 8, 1946.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt

import numpy as np

from sepconv.judge.change_point import (
    LEAST_CHANGE,
    LEAST_STAY,
    REACH,
    WINDOW,
    change_points,
    inner_scale,
)
from sepconv.judge.estimate import student_quantile
from sepconv.judge.noise import Array
from sepconv.judge.survey import PASSES as SURVEY_PASSES
from sepconv.series import Series

TAIL_FREEDOM = 4  # of a single night: one in 150 is off by five times the usual scatter
MOST_CORRELATED = 0.9
LEAST_BEFORE = 6  # nights that a level needs, before a single new one can be called odd
TO_SD = 1.4826  # from a median absolute deviation, of the normal distribution
LEAST_POWER = 1e-12  # of all nights together: what is less is how numbers are rounded
FIFTH = 5  # a fifth is cut off at each end: as everywhere here


@dataclass(frozen=True, eq=False)  # two shifts are the same only if they are one
class Shift:
    """A change of level of one series."""

    series: Series
    start: int  # index of the first point of the new level
    before: int  # index of the last point with a value before that
    change: float  # ln(after ÷ before)
    error: float  # its standard error
    freedom: int  # degrees of freedom of that
    scatter: float  # of single nights around a level, as a logarithm
    p_value: float  # of any such change anywhere in the series
    sightings: int  # nights with a value since then, up to the next shift
    nights_before: int  # with a value, since the shift before this one
    is_new: bool = False  # so new that it is no change point yet

    @property
    def ratio(self) -> float:
        return exp(self.change)

    @property
    def interval(self) -> tuple[float, float]:
        """At 95 %, of the ratio."""
        half = student_quantile(self.freedom) * self.error
        return exp(self.change - half), exp(self.change + half)


def find_shifts(series: Sequence[Series]) -> list[Shift]:
    """Every shift of these noisy series, series by series, oldest first; significant or not.

    The newest nights of a series are judged by what the same nights did to all others.
    """
    levels = [found for one in series if (found := _find_levels(one)) is not None]
    if not levels:
        return []
    nights = Nights(_unrest(levels), np.sort(np.concatenate([one.distances() for one in levels])))
    return [shift for one in levels for shift in one.shifts(nights)]


@dataclass(frozen=True)
class Nights:
    """What single nights are like, over all series."""

    unrest: Mapping[str, float]  # of the newest: by how much more than usual series scatter
    distances: Array  # of all nights from their levels, in scales, either way, ascending

    def chances(self, distances: Array, uids: Sequence[str]) -> Array:
        """How likely nights are so far off on that side: by a heavy tail, and by how many were."""
        from scipy.special import stdtr

        trust = np.array([self.unrest.get(uid, 1.0) for uid in uids])
        tail = stdtr(TAIL_FREEDOM, -np.abs(distances) / trust)
        as_far = len(self.distances) - np.searchsorted(self.distances, np.abs(distances) / trust)
        chances: Array = np.maximum(tail, (as_far + 1) / (len(self.distances) + 1) / 2)
        return chances


def _unrest(levels: Sequence[_Levels]) -> dict[str, float]:
    """By how much more than usual series scattered in the newest nights, by the night's uid.

    Around what they have in common: a change of them all is none.
    """
    distances: dict[str, list[float]] = defaultdict(list)
    for one in levels:
        for uid, distance in one.newest_distances().items():
            distances[uid].append(distance)
    return {uid: max(1.0, TO_SD * _median_distance(own)) for uid, own in distances.items()}


def _median_distance(values: Sequence[float]) -> float:
    array = np.array(values)
    return float(np.median(np.abs(array - np.median(array))))


def _find_levels(series: Series) -> _Levels | None:
    """None of a series that is too short to have one, or has a value without a logarithm."""
    known = [i for i, point in enumerate(series.points) if point.estimate is not None]
    if len(known) < LEAST_BEFORE + 1:
        return None
    values = [series.points[i].estimate.value for i in known]  # type: ignore[union-attr]
    if min(values) <= 0:
        return None
    errors = [_standard_error(series, i) for i in known]
    places = change_points(values, standard_errors=errors)
    logs = np.log(np.array(values))
    return _Levels(series, known, logs, places)


class _Levels:
    """A series in logarithms, cut into its levels."""

    def __init__(self, series: Series, known: list[int], logs: Array, places: list[int]) -> None:
        self._series, self._known, self._logs, self._places = series, known, logs, places
        bounds = [0, *places, len(logs)]
        self._pieces = [logs[a:b] for a, b in pairwise(bounds)]
        rests = [piece - _trimmed(piece) for piece in self._pieces]
        self._freedom = max(1, len(logs) - len(rests))
        self._scale = max(_scatter(np.concatenate(rests)), inner_scale(logs), LEAST_CHANGE / 10)
        self._correlation = _lag_correlation(rests)
        settled = [*self._pieces[:-1], self._pieces[-1][: 1 - LEAST_STAY]]  # but for what is judged
        self._memory = _certain_correlation([p - _trimmed(p) for p in settled if len(p) > 0])

    def newest_distances(self) -> dict[str, float]:
        """How far the newest nights are from the level before them, in scales, by uid."""
        level = self._pieces[-1]
        count = min(LEAST_STAY - 1, len(level) - LEAST_BEFORE)
        if count < 1:
            return {}
        distances = (level[-count:] - _trimmed(level[:-count][-WINDOW:])) / self._scale
        points = (self._series.points[i] for i in self._known[-count:])
        uids = (point.occasion.uid for point in points)
        return dict(zip(uids, map(float, distances), strict=True))

    def distances(self) -> Array:
        """How far every night is from its level, in scales; without the newest, which are judged
        by them."""
        rests = np.concatenate([piece - _trimmed(piece) for piece in self._pieces])
        distances: Array = np.abs(rests[: 1 - LEAST_STAY]) / self._scale
        return distances

    def shifts(self, nights: Nights) -> list[Shift]:
        """Oldest first; the newest nights are judged by what `nights` are like."""
        found = [self._between(number) for number in range(len(self._places))]
        newest = self._newest(nights)
        return [*found, newest] if newest is not None else found

    def _between(self, number: int) -> Shift:
        """The shift between a level and the next."""
        from scipy.special import stdtr

        before = self._pieces[number][-WINDOW:]
        after = self._pieces[number + 1][:WINDOW]
        change = float(_trimmed(after) - _trimmed(before))
        widening = (1 + self._correlation) / (1 - self._correlation)
        place = self._places[number]
        spread = self._scale * sqrt(widening * (1 / len(before) + 1 / len(after)))
        error = sqrt(spread**2 + self._joint(place, len(before), len(after)) ** 2)
        freedom = max(2, int(min(self._freedom, len(before) + len(after) - 2) / widening))
        chance = 2 * float(stdtr(freedom, -abs(change) / error)) * len(self._logs)
        counts = len(self._pieces[number]), len(self._pieces[number + 1])
        return self._shift(place, change, error, freedom, chance, counts)

    def _newest(self, nights: Nights) -> Shift | None:
        """What the last one to three nights say, if nothing was found there yet."""
        level = self._pieces[-1]
        best: Shift | None = None
        for count in range(1, LEAST_STAY):
            before, after = level[:-count][-WINDOW:], level[-count:]
            if len(before) < LEAST_BEFORE:
                break
            found = self._odd(before, after, nights)
            if found is not None and (best is None or found.p_value < best.p_value):
                best = found
        return best

    def _odd(self, before: Array, after: Array, nights: Nights) -> Shift | None:
        """The shift that these newest nights are, if all of them lie on one side."""
        distances = after - _trimmed(before)
        if not (np.all(distances > 0) or np.all(distances < 0)):
            return None
        place = len(self._logs) - len(after)
        uids = [self._series.points[i].occasion.uid for i in self._known[-len(after) :]]
        joint = self._joint(place, len(before), len(after))
        single = sqrt(self._scale**2 * (1 + 1 / len(before)) + joint**2)
        tails = nights.chances(distances / single, uids)
        independent = 1 + (len(after) - 1) * (1 - self._memory)  # what is off stays off a while
        together = float(tails.max()) ** independent
        error = sqrt(self._scale**2 * (1 / len(before) + 1 / len(after)) + joint**2)
        chance = 2 * together * (LEAST_STAY - 1)  # both sides, and as many counts as are tried
        change = float(distances.mean())
        if abs(change) < log(1 + LEAST_CHANGE):
            return None
        counts = len(self._pieces[-1]) - len(after), len(after)
        return self._shift(place, change, error, TAIL_FREEDOM, chance, counts, is_new=True)

    def _joint(self, place: int, before: int, after: int) -> float:
        """The error of what chains so many nights before a place to those after it, where the
        reference moved among them: as far as they lie beyond that. All of it where it moved there,
        or so near that noise can hide which of the two it is."""
        errors = []
        for index, error in self._series.joints.items():
            moved = bisect_left(self._known, index)
            share = min((moved - place + before) / before, (place + after - moved) / after)
            is_there = abs(moved - place) <= REACH
            errors.append(error if is_there else error * max(0.0, share))
        return sqrt(sum(error**2 for error in errors))

    def _shift(
        self,
        place: int,
        change: float,
        error: float,
        freedom: int,
        chance: float,
        counts: tuple[int, int],
        *,
        is_new: bool = False,
    ) -> Shift:
        return Shift(
            series=self._series,
            start=self._known[place],
            before=self._known[place - 1],
            change=change,
            error=error,
            freedom=freedom,
            scatter=self._scale,
            p_value=min(1.0, chance),
            sightings=counts[1],
            nights_before=counts[0],
            is_new=is_new,
        )


def _standard_error(series: Series, index: int) -> float | None:
    """Of a point's value, from its 95 % interval."""
    estimate = series.points[index].estimate
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return max(0.0, estimate.high - estimate.low) / 2 / student_quantile(SURVEY_PASSES - 1)


def _trimmed(piece: Array) -> float:
    """The mean without a fifth at each end."""
    cut = len(piece) // FIFTH
    return float(np.sort(piece)[cut : len(piece) - cut].mean())


def _scatter(rests: Array) -> float:
    """The standard deviation that the trimmed means of so scattered nights have, times √n.

    By the median distance, and by the winsorised variance, if that says more: where a machine has
    a second state that is rare, the median does not see it.
    """
    cut = len(rests) // FIFTH
    ordered = np.sort(rests)
    winsorised = np.clip(ordered, ordered[cut], ordered[len(ordered) - cut - 1])
    return max(TO_SD * float(np.median(np.abs(rests))), float(winsorised.std()) / (1 - 2 / FIFTH))


def _lag_correlation(rests: Sequence[Array]) -> float:
    """Of neighbours within levels; what is negative only helps, and is not counted on."""
    pairs = [(piece[:-1], piece[1:]) for piece in rests if len(piece) > 1]
    power = float(sum((piece**2).sum() for piece in rests))
    if not pairs or power < LEAST_POWER:
        return 0.0
    together = float(sum((a * b).sum() for a, b in pairs))
    return min(MOST_CORRELATED, max(0.0, together / power))


def _certain_correlation(rests: Sequence[Array]) -> float:
    """Of neighbours within levels, less its standard error: few nights resemble by chance."""
    pairs = sum(max(0, len(piece) - 1) for piece in rests)
    return max(0.0, _lag_correlation(rests) - 1 / sqrt(pairs)) if pairs else 0.0
