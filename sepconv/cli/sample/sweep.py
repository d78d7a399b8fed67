"""The cases of a made-up history with all that does not change over its nights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from random import Random

from sepconv.case import Case
from sepconv.cli.sample.change import TORCH_RATIOS
from sepconv.cli.sample.noise import Character, make_character
from sepconv.conv_type import ConvType
from sepconv.judge.measurement import exact_values
from sepconv.record import Estimate


@dataclass(frozen=True)
class State:
    """What a call of every case takes in one night, in logarithms of seconds."""

    settled: Sequence[float]  # as code, torch and machine make it
    latencies: Sequence[float]  # as it is in that night
    levels: Sequence[float]  # the part of it that is the code's; 0 of the first commit
    scatter: float  # how much more than usual everything scatters


class Sweep:
    """Cases, how each behaves, and which of them is the standard one of its shape."""

    def __init__(self, cases: Sequence[Case], seed: str) -> None:
        chance = Random(f"{seed} cases")
        self.cases = cases
        self.characters: Sequence[Character] = [make_character(case, chance) for case in cases]
        self._usual = [log(one.latency_s) for one in self.characters]
        self._torch = [log(TORCH_RATIOS[case.conv_type]) for case in cases]

    @cached_property
    def exact(self) -> Sequence[Mapping[str, float]]:
        """What the arithmetic alone says of each case."""
        return [exact_values(case) for case in self.cases]

    @cached_property
    def exact_estimates(self) -> Sequence[Mapping[str, Estimate]]:
        """The same as measurements have it."""
        return [
            {metric: Estimate(value) for metric, value in values.items()} for values in self.exact
        ]

    @cached_property
    def partners(self) -> Sequence[int | None]:
        """The place of the standard case that each separable one is measured in turns with."""
        standard = {
            case.identity: place
            for place, case in enumerate(self.cases)
            if case.conv_type == ConvType.STANDARD
        }
        return [
            None if case.conv_type == ConvType.STANDARD else standard.get(case.shape.identity)
            for case in self.cases
        ]

    def state(
        self,
        levels: Sequence[float],
        disturbance: Sequence[float],
        scatter: float,
        *,
        has_new_torch: bool,
        has_second_machine: bool,
    ) -> State:
        settled = [usual + level for usual, level in zip(self._usual, levels, strict=True)]
        if has_new_torch:
            settled = [a + b for a, b in zip(settled, self._torch, strict=True)]
        if has_second_machine:
            both = zip(settled, self.characters, strict=True)
            settled = [a + one.second_machine for a, one in both]
        latencies = [a + b for a, b in zip(settled, disturbance, strict=True)]
        return State(settled, latencies, levels, scatter)
