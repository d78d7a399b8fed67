"""What the measurements of one run mean: who is fastest, what is left of the promise, and where
fewer multiplications are not faster.

Nothing is claimed beyond the noise without an interval that says so: a speed-up counts as
faster when its whole 95 % interval is above 1, as slower when it is below, and else as undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log
from statistics import median
from typing import Literal

from sepconv.case import Case
from sepconv.conv_type import ConvType
from sepconv.judge.axis import AXES, Value, name_of, ranks_of, shape_of
from sepconv.record import Estimate, Measurement, Status

Outcome = Literal["slower", "faster", "undecided"]

TARGET = Case(conv_type=ConvType.STANDARD, in_channels=64, out_channels=64, height=56, width=56)
"""The shape that a run is summed up by, or what is nearest to it: the middle of many networks."""

STRANGER = 10.0  # a training step is further from the target than any size of an inference
WORD_AXES = ("direction", "dtype", "memory_format", "block", "bias", "compiled", "cache")
CONV_ORDER: tuple[str, ...] = tuple(ConvType)


@dataclass(frozen=True)
class Contender:
    """One conv type at the headline shape, against its own promise."""

    measurement: Measurement

    @property
    def name(self) -> str:
        return name_of(self.measurement.case)

    @property
    def is_standard(self) -> bool:
        return is_standard(self.measurement.case)

    @property
    def latency(self) -> Estimate | None:
        return self.measurement.values.get("latency_s")

    @property
    def speedup(self) -> Estimate | None:
        """Over standard; of standard itself exactly 1."""
        if self.is_standard:
            return Estimate(1.0, 1.0, 1.0) if self.latency else None
        return self.measurement.values.get("realised_speedup")

    @property
    def ideal(self) -> float | None:
        """The ratio of multiply-adds."""
        found = self.measurement.values.get("ideal_speedup")
        return found.value if found else None

    @property
    def share(self) -> Estimate | None:
        """How much of the ideal speed-up is real: 0.5 is half of what was promised."""
        if self.is_standard or self.speedup is None or not self.ideal:
            return None
        found = self.speedup
        low, high = (bound and bound / self.ideal for bound in (found.low, found.high))
        return Estimate(found.value / self.ideal, low, high)


@dataclass(frozen=True)
class Headline:
    """The conv types at one shape of one device, standard first."""

    shape: Case
    contenders: tuple[Contender, ...]

    @property
    def leaders(self) -> tuple[Contender, ...]:
        """The fastest one and all that its interval does not beat; one only if it is decided, and
        none where nothing else was measured, or only standard's absence makes it the fastest."""
        return _leaders([c for c in self.contenders if c.latency])


@dataclass(frozen=True)
class Crossover:
    """One conv type against standard in one setting of the other axes: the channels where it is
    slower, faster, or undecided, each in ascending order."""

    name: str
    setting: dict[str, Value]  # every axis but channels
    slower: tuple[Value, ...]
    faster: tuple[Value, ...]
    undecided: tuple[Value, ...]
    channels: tuple[Value, ...]  # all that were compared


@dataclass(frozen=True)
class Finding:
    """What one run says."""

    headlines: tuple[Headline, ...]  # one per device that measured anything
    crossovers: tuple[Crossover, ...]
    counts: Mapping[Status, int]
    axes: Mapping[str, tuple[Value, ...]]  # the values of every axis, ascending
    passes: tuple[int, int] | None  # fewest and most of a measured case
    relative_error: float | None  # median half width of the latencies' intervals
    interference: float | None  # median of wall time ÷ CPU time

    @property
    def case_count(self) -> int:
        return sum(self.counts.values())

    @property
    def compared(self) -> Counter[Outcome]:
        """How many separable cases are slower, faster or undecided against standard."""
        total: Counter[Outcome] = Counter()
        for crossover in self.crossovers:
            total["slower"] += len(crossover.slower)
            total["faster"] += len(crossover.faster)
            total["undecided"] += len(crossover.undecided)
        return total


def find(measurements: Sequence[Measurement]) -> Finding:
    """What the measurements of one run mean."""
    measured = [m for m in measurements if m.is_measured and "latency_s" in m.values]
    errors = [e for m in measured if (e := m.values["latency_s"].relative_error) is not None]
    disturbances = [m.values["interference"].value for m in measured if "interference" in m.values]
    passes = [m.passes for m in measured]
    return Finding(
        headlines=_find_headlines(measurements, measured),
        crossovers=tuple(_find_crossovers(measured)),
        counts=Counter(m.status for m in measurements),
        axes=axis_values(m.case for m in measurements),
        passes=(min(passes), max(passes)) if passes else None,
        relative_error=median(errors) if errors else None,
        interference=median(disturbances) if disturbances else None,
    )


def judge_speedup(speedup: Estimate) -> Outcome:
    """Which side of 1 the whole interval is on; without an interval nothing is decided."""
    if speedup.low is not None and speedup.low > 1:
        return "faster"
    if speedup.high is not None and speedup.high < 1:
        return "slower"
    return "undecided"


def is_standard(case: Case) -> bool:
    """Whether it is the plain standard convolution that the others are divided by."""
    return case.conv_type == ConvType.STANDARD and case.groups == 1


def axis_values(cases: Iterable[Case]) -> dict[str, tuple[Value, ...]]:
    """The values that the cases have on every axis, ascending."""
    known = list(cases)
    ranks = zip(*(ranks_of(case).values() for case in known), strict=True)
    values = zip(*map(shape_of, known), strict=True)
    found = [dict(zip(*each, strict=True)) for each in zip(ranks, values, strict=True)]
    return {
        name: tuple(own[rank] for rank in sorted(own))
        for name, own in zip(AXES, found or [{}] * len(AXES), strict=True)
    }


def distance(shape: Case, target: Case = TARGET) -> float:
    """How far a shape is from the target: sizes in logarithms, words by a large constant."""
    sizes = [
        (shape.in_channels, target.in_channels),
        (shape.out_channels, target.out_channels),
        (shape.height, target.height),
        (shape.width, target.width),
        *zip(shape.kernel_hw, target.kernel_hw, strict=True),
        *zip(shape.stride_hw, target.stride_hw, strict=True),
        *zip(shape.dilation_hw, target.dilation_hw, strict=True),
        (shape.batch_size, target.batch_size),
        (shape.threads, target.threads),
    ]
    words: int = sum(getattr(shape, name) != getattr(target, name) for name in WORD_AXES)
    return sum(abs(log(size / wanted)) for size, wanted in sizes) + STRANGER * words


def _find_headlines(
    measurements: Sequence[Measurement], measured: Sequence[Measurement]
) -> tuple[Headline, ...]:
    """Per device, the shape nearest to the target among those where most could be compared."""
    shapes: dict[tuple[Value, ...], list[Measurement]] = {}
    for measurement in measurements:
        shapes.setdefault(shape_of(measurement.case), []).append(measurement)
    latencies = Counter(shape_of(m.case) for m in measured)
    ratios = Counter(shape_of(m.case) for m in measured if "realised_speedup" in m.values)

    best: dict[str, tuple[tuple[float, ...], str, list[Measurement]]] = {}
    for key, group in shapes.items():
        if not latencies[key]:
            continue
        shape = group[0].case
        rank = (-float(ratios[key] > 0), -float(latencies[key] > 1), distance(shape))
        entry = (rank, str(key), group)
        if shape.device not in best or entry[:2] < best[shape.device][:2]:
            best[shape.device] = entry
    return tuple(
        Headline(group[0].case.shape, tuple(map(Contender, sorted(group, key=_conv_order))))
        for _, (_, _, group) in sorted(best.items())
    )


def _conv_order(measurement: Measurement) -> tuple[int, str]:
    return conv_order(measurement.case)


def conv_order(case: Case) -> tuple[int, str]:
    """Standard first, then the built-in separable forms, then anybody's own by name."""
    known = case.conv_type in CONV_ORDER
    return (CONV_ORDER.index(case.conv_type) if known else len(CONV_ORDER), name_of(case))


def _leaders(contenders: Sequence[Contender]) -> tuple[Contender, ...]:
    """In paired speed-ups if all have one (for standard it is 1), else in inverse latencies."""
    scores: list[tuple[Estimate, Contender]] = []
    paired = all(c.speedup for c in contenders)
    for contender in contenders:
        score = contender.speedup if paired else _inverse(contender.latency)
        if score:
            scores.append((score, contender))
    if len(scores) < 2:
        return ()  # nobody to be faster than
    best, leader = max(scores, key=lambda entry: entry[0].value)
    if paired and best.value < 1 and not any(c.is_standard for _, c in scores):
        return ()  # standard, which is not among them, is faster
    rivals = [c for score, c in scores if c is not leader and not _is_above(best, score)]
    return (leader, *rivals)


def _inverse(latency: Estimate | None) -> Estimate | None:
    if latency is None:
        return None
    low, high = (bound and 1 / bound for bound in (latency.high, latency.low))
    return Estimate(1 / latency.value, low, high)


def _is_above(first: Estimate, second: Estimate) -> bool:
    """Whether the whole interval is above the other one."""
    return first.low is not None and second.high is not None and first.low > second.high


def _find_crossovers(measured: Sequence[Measurement]) -> list[Crossover]:
    compared = [m for m in measured if "realised_speedup" in m.values and not is_standard(m.case)]
    settings = [name for name in AXES if name != "channels"]

    def key(m: Measurement) -> tuple[object, ...]:
        ranks = ranks_of(m.case)
        return (conv_order(m.case), *(ranks[name] for name in settings))

    crossovers = []
    for _, members in groupby(sorted(compared, key=key), key=key):
        group = sorted(members, key=lambda m: ranks_of(m.case)["channels"])
        of_outcome: dict[Outcome, list[Value]] = {"slower": [], "faster": [], "undecided": []}
        for member in group:
            outcome = judge_speedup(member.values["realised_speedup"])
            of_outcome[outcome].append(AXES["channels"].value(member.case))
        crossovers.append(
            Crossover(
                name=name_of(group[0].case),
                setting={name: AXES[name].value(group[0].case) for name in settings},
                slower=tuple(of_outcome["slower"]),
                faster=tuple(of_outcome["faster"]),
                undecided=tuple(of_outcome["undecided"]),
                channels=tuple(AXES["channels"].value(m.case) for m in group),
            )
        )
    return crossovers
