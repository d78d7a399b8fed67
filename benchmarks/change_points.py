"""How well are changes of level found in made-up histories whose changes are known?

    python benchmarks/change_points.py --seeds 1 2 3              ours beside the rules of others
    python benchmarks/change_points.py --seeds 1 --only sepconv --online

Every seed is 288 histories of 20 to 1,000 runs: twelve families of noise, three lengths, a third
without any change, some with missing runs; steps of 2 to 20 %, and at least 1.5 times the scatter.
A change counts as found within 3 runs, each at most once. Printed are F1, precision and recall
over all histories, false alarms per 1,000 runs of those without a change, CPU seconds per 1,000
runs, and F1 by family and length. `--online` adds what happens while a history grows run by run.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import process_time
from typing import NamedTuple

import numpy as np
from change_point_peers import PEERS, Detector
from numpy.typing import NDArray

from sepconv.judge import change_points

Array = NDArray[np.float64]
Draw = np.random.Generator

REACH = 3  # runs that a found change may be off
HISTORIES = 288  # per seed: eight of each family and length
LENGTHS = {"short": (20, 40, 7), "middle": (60, 160, 10), "long": (200, 1000, 15)}
"""Fewest and most runs, and the fewest between two changes."""
SD = (0.003, 0.03)  # of a run around its level, relative
STEP = (0.02, 0.20)  # relative
LEAST_STEP = 1.5  # in robust standard deviations of the noise: smaller ones nobody could see
FARTHEST = 0.6  # ln of level ÷ first level: a step beyond goes back instead
UNCHANGED = 0.35  # share of histories
SPARSE = 0.2  # share of histories with missing runs, and how many these miss
MISSING = (0.02, 0.15)


@dataclass(frozen=True)
class History:
    """Seconds per run, NaN where a run has none; and the first run of each new level."""

    values: Array
    changes: tuple[int, ...]
    family: str
    length: str


def log_uniform(draw: Draw, low: float, high: float) -> float:
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def gaussian(draw: Draw, runs: int, sd: float) -> Array:
    return draw.normal(0, sd, runs)


def lognormal(draw: Draw, runs: int, sd: float) -> Array:
    """A sharp lower edge and a long upper tail; the quartiles are those of a Gaussian."""
    skewness = draw.uniform(0.5, 0.9)
    width = 2 * 0.6745 / (np.exp(0.6745 * skewness) - np.exp(-0.6745 * skewness))
    return np.asarray(np.expm1(draw.normal(0, skewness, runs)) * width * sd)


def student(draw: Draw, runs: int, sd: float) -> Array:
    return draw.standard_t(3, runs) * 0.85 * sd


def bimodal(draw: Draw, runs: int, sd: float) -> Array:
    """A machine with a slow state that lasts for one to a few runs."""
    share, gap, dwell = draw.uniform(0.15, 0.5), draw.uniform(2.5, 6), draw.uniform(1, 3)
    is_slow = np.empty(runs, bool)
    state = draw.random() < share
    for run in range(runs):
        if draw.random() < 1 / dwell:
            state = draw.random() < share
        is_slow[run] = state
    return draw.normal(0, sd / 2, runs) + gap * sd * is_slow


def spiky(draw: Draw, runs: int, sd: float) -> Array:
    """One run in 15 to 50 is slower by 10 to 100 %; a fifth of these spells lasts for two runs."""
    is_hit = draw.random(runs) < draw.uniform(0.02, 0.06)
    noise = draw.normal(0, sd, runs)
    noise[is_hit] += np.log1p(draw.uniform(0.1, 1.0, is_hit.sum()))
    again = np.flatnonzero(is_hit & (draw.random(runs) < 0.2)) + 1
    again = again[again < runs]
    noise[again] += np.log1p(draw.uniform(0.1, 0.6, again.size))
    return noise


def autocorrelated(draw: Draw, runs: int, sd: float) -> Array:
    memory = draw.uniform(0.25, 0.65)
    fresh = draw.normal(0, sd * np.sqrt(1 - memory**2), runs)
    noise = np.empty(runs)
    noise[0] = draw.normal(0, sd)
    for run in range(1, runs):
        noise[run] = memory * noise[run - 1] + fresh[run]
    return noise


def drifting(draw: Draw, runs: int, sd: float) -> Array:
    """A slow creep, along a line or part of a wave, which is no step."""
    size = draw.uniform(0.5, 2.5) * sd * (1 if runs < 100 else 1.5) * draw.choice([-1, 1])
    time = np.linspace(0, 1, runs)
    turns = draw.uniform(0.3, 1.0) * time + draw.random()
    creep = time if draw.random() < 0.5 else np.sin(2 * np.pi * turns) / 2
    return np.asarray(draw.normal(0, sd, runs) + size * creep)


def periodic(draw: Draw, runs: int, sd: float) -> Array:
    period, size = draw.choice([5, 7, 12, 24]), draw.uniform(0.7, 1.6) * sd
    turns = (np.arange(runs) + draw.integers(period)) / period
    return np.asarray(draw.normal(0, sd, runs) + size * np.sin(2 * np.pi * turns))


def heteroscedastic(draw: Draw, runs: int, sd: float) -> Array:
    """The scatter changes about every 40 runs."""
    spells = max(2, runs // 40)
    scatter = np.exp(draw.uniform(-0.9, 0.9, spells))
    noise = draw.normal(0, sd, runs)
    return np.asarray(noise * np.repeat(scatter, -(-runs // spells))[:runs])


def mixed(draw: Draw, runs: int, sd: float) -> Array:
    body = [lognormal, student, autocorrelated][draw.integers(3)]
    extra = [periodic, drifting, bimodal][draw.integers(3)]
    return body(draw, runs, 0.8 * sd) + spiky(draw, runs, 0.4 * sd) + extra(draw, runs, 0.4 * sd)


FAMILIES: dict[str, Callable[[Draw, int, float], Array]] = {
    "Gaussian": gaussian,
    "log-normal": lognormal,
    "Student": student,
    "bimodal": bimodal,
    "spikes": spiky,
    "autocorrelated": autocorrelated,
    "drift": drifting,
    "periodic": periodic,
    "heteroscedastic": heteroscedastic,
    "quantised": gaussian,  # and rounded, see `make_history`
    "mixed": mixed,
    "new machine": gaussian,  # whose scatter changes with the first step
}


def make_history(draw: Draw, family: str, length: str, changes: int | None = None) -> History:
    """A history whose changes are known; how many there are is drawn unless it is said."""
    fewest, most, apart = LENGTHS[length]
    runs = int(draw.integers(fewest, most + 1))
    sd = log_uniform(draw, *SD)
    count = draw_count(draw, family, length, runs) if changes is None else changes
    places = draw_places(draw, runs, count, apart)
    noise = FAMILIES[family](draw, runs, sd)
    scatter = 1.4826 * float(np.median(np.abs(noise - np.median(noise))))
    level = np.zeros(runs)
    now = 0.0
    for number, place in enumerate(places):
        size = max(np.log1p(log_uniform(draw, *STEP)), LEAST_STEP * max(sd, scatter))
        size *= draw.choice([-1, 1])
        now += size if abs(now + size) <= FARTHEST else -size
        level[place:] = now
        if family == "new machine" and number == 0:
            noise[place:] *= np.exp(draw.uniform(-0.9, 0.9))
    base = log_uniform(draw, 1e-5, 5.0)
    values = base * np.exp(level + noise)
    if family == "quantised":
        tick = base * sd * draw.uniform(0.5, 2.0)
        values = np.round(values / tick) * tick
    if draw.random() < SPARSE:
        values[draw.random(runs) < draw.uniform(*MISSING)] = np.nan
    return History(values, tuple(places), family, length)


def draw_count(draw: Draw, family: str, length: str, runs: int) -> int:
    if family == "new machine":
        return 1 if length == "short" else int(draw.integers(1, 3))
    if draw.random() < UNCHANGED:
        return 0
    if length == "short":
        return 1 if draw.random() < 0.8 else 2
    return int(draw.integers(1, 4 if length == "middle" else 2 + runs // 120))


def draw_places(draw: Draw, runs: int, count: int, apart: int) -> list[int]:
    """Ascending, at least `apart` from each other and from both ends; fewer if they don't fit."""
    places: list[int] = []
    for _ in range(200):
        if len(places) == count:
            break
        place = int(draw.integers(apart, runs - apart + 1))
        if all(abs(place - other) >= apart for other in places):
            places.append(place)
    return sorted(places)


def make_histories(seed: int) -> list[History]:
    draw = np.random.default_rng(seed)
    kinds = [(family, length) for length in LENGTHS for family in FAMILIES]
    return [make_history(draw, *kinds[number % len(kinds)]) for number in range(HISTORIES)]


class Score(NamedTuple):
    """How many changes were found, made up and missed."""

    found: int = 0
    false: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false) if self.found + self.false else 1.0

    @property
    def recall(self) -> float:
        return self.found / (self.found + self.missed) if self.found + self.missed else 1.0

    @property
    def f1(self) -> float:
        both = 2 * self.found + self.false + self.missed
        return 2 * self.found / both if both else 1.0

    def plus(self, other: Score) -> Score:
        return Score(*(one + two for one, two in zip(self, other, strict=True)))


def compare(true: Sequence[int], told: Sequence[int]) -> Score:
    """One to one, nearest pairs first."""
    pairs = sorted((abs(t - f), t, f) for t in true for f in told if abs(t - f) <= REACH)
    known: set[int] = set()
    used: set[int] = set()
    for _, one, other in pairs:
        if one not in known and other not in used:
            known.add(one)
            used.add(other)
    return Score(len(known), len(told) - len(used), len(true) - len(known))


@dataclass(frozen=True)
class Result:
    """Of one detector on one set of histories."""

    total: Score
    parts: dict[str, Score]  # by family and by length
    false_per_1000: float  # of the histories without a change
    seconds_per_1000: float  # of CPU time


def ours(values: Array) -> list[int]:
    return change_points(values.tolist())


def told_by(detector: Detector, values: Array) -> list[int]:
    return sorted({int(place) for place in detector(values) if 0 < place < len(values)})


def evaluate(detector: Detector, histories: Iterable[History]) -> Result:
    parts: dict[str, Score] = defaultdict(Score)
    total = Score()
    false = quiet_runs = runs = 0
    start = process_time()
    for history in histories:
        told = told_by(detector, history.values)
        score = compare(history.changes, told)
        total = total.plus(score)
        for part in (history.family, history.length):
            parts[part] = parts[part].plus(score)
        runs += len(history.values)
        if not history.changes:
            false += len(told)
            quiet_runs += len(history.values)
    seconds = process_time() - start
    return Result(total, parts, 1000 * false / max(1, quiet_runs), 1000 * seconds / max(1, runs))


class Online(NamedTuple):
    """What happens while histories grow run by run."""

    median_delay: float  # runs of the new level, its first included, until it is told
    missed: int  # steps that were not told within `AHEAD` runs
    steps: int
    false_per_1000: float  # distinct places per 1,000 new runs without a change


AHEAD = 30
LEARNING = 20  # runs before the first question


def follow(detector: Detector, seed: int, histories: int = 44) -> Online:
    draw = np.random.default_rng(seed)
    families = [family for family in FAMILIES if family != "new machine"]
    chosen = [families[number % len(families)] for number in range(histories)]
    delays = [delay_of(detector, draw, family) for family in chosen]
    told = [delay for delay in delays if delay is not None]
    alarms = runs = 0
    for family in chosen:
        values = make_history(draw, family, "middle", 0).values
        alarms += count_alarms(detector, values)
        runs += len(values) - LEARNING
    median = float(np.median(told)) if told else np.nan
    return Online(median, len(delays) - len(told), len(delays), 1000 * alarms / runs)


def delay_of(detector: Detector, draw: Draw, family: str) -> int | None:
    while True:
        history = make_history(draw, family, "middle", 1)
        (change,) = history.changes
        if 25 <= change <= len(history.values) - AHEAD:
            break
    for delay in range(1, AHEAD + 1):
        told = told_by(detector, history.values[: change + delay])
        if any(abs(place - change) <= REACH for place in told):
            return delay
    return None


def count_alarms(detector: Detector, values: Array) -> int:
    seen: list[int] = []
    for runs in range(LEARNING + 1, len(values) + 1):
        for place in told_by(detector, values[:runs]):
            if all(abs(place - other) > REACH for other in seen):
                seen.append(place)
    return len(seen)


def print_result(name: str, seed: int, result: Result) -> None:
    total = result.total
    parts = "; ".join(f"{part} {score.f1:.3f}" for part, score in result.parts.items())
    print(
        f"| {name} | {seed} | {total.f1:.3f} | {total.precision:.3f} | {total.recall:.3f} "
        f"| {result.false_per_1000:.2f} | {result.seconds_per_1000:.3f} | {parts} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--only", nargs="+", default=[""], help="parts of detectors' names")
    parser.add_argument("--online", action="store_true", help="run by run too: some minutes")
    arguments = parser.parse_args()

    detectors = {"sepconv": ours, **PEERS}
    chosen = {
        name: detector
        for name, detector in detectors.items()
        if any(part.lower() in name.lower() for part in arguments.only)
    }
    print("| detector | seed | F1 | precision | recall | false/1000 | s/1000 | F1 of parts |")
    print("|---|---|---|---|---|---|---|---|")
    for seed in arguments.seeds:
        histories = make_histories(seed)
        for name, detector in chosen.items():
            print_result(name, seed, evaluate(detector, histories))
    if arguments.online:
        print("\n| detector | seed | median delay | missed | false/1000 new runs |")
        print("|---|---|---|---|---|")
        for seed in arguments.seeds:
            for name, detector in chosen.items():
                delay, missed, steps, false = follow(detector, seed)
                print(f"| {name} | {seed} | {delay:.1f} | {missed} of {steps} | {false:.1f} |")


if __name__ == "__main__":
    main()
