"""When the history of a benchmark took a new level: in which run, for the first time.

Values become logarithms in units of their own scatter; `sepconv.judge.level` says for every run
how probable a new level is; here these chances become a list of runs, or an empty one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log1p

import numpy as np
from numpy.typing import NDArray

from sepconv.errors import InvalidRounds
from sepconv.judge.level import change_chances
from sepconv.judge.noise import Array

CONFIDENCE = 0.5  # that there is a change within `REACH` of the named run: more likely than not
REACH = 3  # runs: where exactly a small change happened, noise can hide
LEAST_STAY = 4  # runs on both sides; three disturbed ones in a row are not rare
LEAST_CHANGE = 0.01  # relative: what is smaller nobody acts upon
LEAST_SCALE = LEAST_CHANGE / 10  # of scatter: finer differences need not be told apart
WINDOW = 60  # runs on each side by which a change is measured: beyond, levels drift
QUARTILE_OF_DIFFERENCES = 0.6745 * 2**0.5  # of |x − y|, for standard normal x and y: its median


def change_points(
    values: Sequence[float | None], *, standard_errors: Sequence[float | None] | None = None
) -> list[int]:
    """The indices of the first run of each new level, oldest first.

    `values` are one per run, oldest first: seconds, or ratios, or anything else that is positive;
    None or NaN where a run has none. `standard_errors` are in the same unit. A run with a larger
    error than the others counts less; and where the errors are larger than the runs scatter, a
    change has to be larger than what the errors explain. A run without one is taken to have the
    median error.

    Raises:
        InvalidRounds: A value is infinite or not positive, an error is infinite or negative, or
            there are not as many errors as values.
    """
    numbers = _numbers("values", values)
    runs = np.flatnonzero(~np.isnan(numbers))
    _check("values", numbers, "> 0", numbers <= 0)
    errors = _relative_errors(numbers, standard_errors)[runs]
    if len(runs) < 2 * LEAST_STAY:
        return []
    logs = np.log(numbers[runs])
    typical = float(np.median(errors))
    scale = max(inner_scale(logs), typical, LEAST_SCALE)
    widening = np.sqrt(scale**2 - typical**2 + errors**2) / scale
    chances = change_chances((logs - np.median(logs)) / scale, widening)
    return [int(runs[place]) for place in _large_enough(logs, pick_changes(chances))]


def inner_scale(logs: Array) -> float:
    """The standard deviation of a run around its level, as neighbours tell it: few of them have
    a change between them. If most are equal, the mean distance of the nearest nine tenths."""
    distances = np.sort(np.abs(np.diff(logs)))
    median = float(np.median(distances)) / QUARTILE_OF_DIFFERENCES
    return median or float(distances[: len(distances) * 9 // 10].mean())


def pick_changes(chances: Array) -> list[int]:
    """The places around which a change is likely enough, ascending.

    Greedily, the most certain first. The named place is the median of the chances around it, so
    that it is off by as little as can be said.
    """
    left = np.array(chances, float)
    left[:LEAST_STAY] = left[len(left) - LEAST_STAY + 1 :] = 0.0
    found: list[int] = []
    while True:
        around = np.convolve(left, np.ones(2 * REACH + 1), "same")
        if around.max() < CONFIDENCE:
            return sorted(found)
        ties = np.flatnonzero(around > 0.999 * around.max())
        centre = int(ties[left[ties].argmax()])
        start = max(0, centre - REACH)
        below = left[start : centre + REACH + 1].cumsum()
        place = start + int(np.searchsorted(below, below[-1] / 2))
        found.append(place)
        left[max(0, place - REACH) : place + REACH + 1] = 0.0


def _large_enough(logs: Array, places: Sequence[int]) -> list[int]:
    """Without those that change too little; what remains is measured again, smallest first out."""
    kept = list(places)
    while kept:
        levels = np.split(logs, kept)
        changes = [
            abs(np.median(after[:WINDOW]) - np.median(before[-WINDOW:]))
            for before, after in pairwise(levels)
        ]
        smallest = int(np.argmin(changes))
        if changes[smallest] >= log1p(LEAST_CHANGE):
            break
        del kept[smallest]
    return kept


def _relative_errors(
    numbers: Array, standard_errors: Sequence[float | None] | None
) -> NDArray[np.float64]:
    if standard_errors is None:
        return np.zeros(len(numbers))
    errors = _numbers("standard_errors", standard_errors)
    if len(errors) != len(numbers):
        raise InvalidRounds(
            f"expected one standard error per value, found {len(errors)} for {len(numbers)} values"
        )
    _check("standard_errors", errors, ">= 0", errors < 0)
    relative = errors / numbers
    is_known = ~np.isnan(relative)
    typical = np.median(relative[is_known]) if is_known.any() else 0.0
    return np.where(is_known, relative, typical)


def _numbers(name: str, values: Sequence[float | None]) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if value is None else float(value) for value in values])
    except (TypeError, ValueError) as error:
        raise InvalidRounds(f"{name} must be numbers, None or NaN: {error}") from error


def _check(name: str, found: Array, expected: str, is_wrong: NDArray[np.bool_]) -> None:
    wrong = np.flatnonzero(is_wrong | np.isinf(found))
    if wrong.size:
        raise InvalidRounds(
            f"{name}[{wrong[0]}] must be finite and {expected}, found {found[wrong[0]]!s}; "
            "a run without a value is None or NaN"
        )
