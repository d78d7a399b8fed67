"""What a made-up machine does to latencies beside what the code does.

Of a case: how much its processes differ, how much it wanders from night to night, how far it
follows the state of the machine, whether it has two levels. Of a night: the state of the machine,
which all cases share and which changes slowly; and whether it was a bad one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random
from typing import NamedTuple

from sepconv.case import Case
from sepconv.conv_type import ConvType
from sepconv.cost import cost_of

MACS_PER_S = {  # what a core gets done where nothing else matters
    str(ConvType.STANDARD): 4.2e10,
    str(ConvType.DEPTHWISE_SEPARABLE): 1.5e10,
    str(ConvType.SPATIALLY_SEPARABLE): 2.4e10,
}
OVERHEAD_S = {  # of a call
    str(ConvType.STANDARD): 9e-6,
    str(ConvType.DEPTHWISE_SEPARABLE): 17e-6,
    str(ConvType.SPATIALLY_SEPARABLE): 18e-6,
}
BYTES_PER_S = 1.1e10
STATE_SD = 0.012  # of the machine's state, in logarithms
PERSISTENCE = 0.8  # of that state, from one night to the next
BAD_SHARE = 0.02  # of the nights: somebody else used the machine
BAD_FACTOR = 2.5  # by which everything scatters more in them
BIMODAL_SHARE = 0.08  # of the cases
STAY = 0.85  # chance that such a case stays at its level for another night
UPPER_SHARE = 0.3  # of the processes of such a case that run at the upper level
PASS_SD = 0.013  # of a typical case, from process to process
LEAST_PASS_SD, MOST_PASS_SD = 0.006, 0.04
CHIS = 1024  # spreads that are drawn beforehand


@dataclass(frozen=True)
class Character:
    """How the latency of one case behaves; all but the first in logarithms."""

    latency_s: float  # on the first machine, with the first torch and the first commit
    pass_sd: float  # from process to process
    wander: float  # from night to night
    gain: float  # how much of the machine's state reaches it
    upper: float  # how far the upper of its two levels is; 0 of the cases that have one
    second_machine: float  # the second machine ÷ the first


def make_character(case: Case, chance: Random) -> Character:
    """A case as there could be one."""
    pass_sd = min(max(PASS_SD * exp(chance.gauss(0, 0.35)), LEAST_PASS_SD), MOST_PASS_SD)
    is_bimodal = chance.random() < BIMODAL_SHARE
    return Character(
        latency_s=typical_latency_s(case) * exp(chance.gauss(0, 0.08)),
        pass_sd=pass_sd,
        wander=chance.uniform(0.003, 0.010),
        gain=chance.uniform(0.6, 1.4),
        upper=chance.uniform(0.015, 0.05) if is_bimodal else 0.0,
        second_machine=log(0.82) + chance.gauss(0, 0.03),
    )


def typical_latency_s(case: Case) -> float:
    """Overhead, arithmetic and memory, one after another: small calls do not get faster."""
    cost = cost_of(case)
    pixels = case.batch_size * case.height * case.width
    moved_bytes = 4 * (pixels * case.in_channels + cost.params)
    times = 1.0 if case.direction == "inference" else 2.5
    arithmetic = cost.macs / MACS_PER_S[case.conv_type] / sqrt(case.threads)
    return times * OVERHEAD_S[case.conv_type] + arithmetic + moved_bytes / BYTES_PER_S


class Weather:
    """The states of a machine and of its cases, night by night."""

    def __init__(self, characters: Sequence[Character], seed: str) -> None:
        self._chance = Random(f"{seed} weather")
        self._characters = characters
        self._bimodal = [i for i, one in enumerate(characters) if one.upper]
        self._upper = {i: self._chance.random() < UPPER_SHARE for i in self._bimodal}
        self._state = self._chance.gauss(0, STATE_SD)
        self.scatter = 1.0

    def next_night(self) -> list[float]:
        """ln(latency ÷ usual latency) of every case, but for what the code and chance do."""
        chance = self._chance
        self._state = PERSISTENCE * self._state + chance.gauss(
            0, STATE_SD * sqrt(1 - PERSISTENCE**2)
        )
        is_bad = chance.random() < BAD_SHARE
        self.scatter = BAD_FACTOR if is_bad else 1.0
        shared = self._state + (chance.uniform(0.04, 0.2) if is_bad else 0.0)
        found = [shared * one.gain + chance.gauss(0, one.wander) for one in self._characters]
        for i in self._bimodal:
            if chance.random() > STAY:
                self._upper[i] = chance.random() < UPPER_SHARE
            found[i] += self._characters[i].upper * self._upper[i]
        return found


def draw_chis(freedom: int, chance: Random) -> list[float]:
    """What the spread of so many values is, over the true one."""
    return [sqrt(chance.gammavariate(freedom / 2, 2) / freedom) for _ in range(CHIS)]


class Modes(NamedTuple):
    """What two levels do to the mean ratio of so many passes."""

    off: float  # what they put it off by, in logarithms
    error: float  # by how much they do so in general: standard error


def modes_between(upper: float, passes: int, chance: Random) -> Modes:
    """Of a case with two levels, whose arms do not choose alike."""
    first, second = (sum(chance.random() < UPPER_SHARE for _ in range(passes)) for _ in range(2))
    error = upper * sqrt(2 * UPPER_SHARE * (1 - UPPER_SHARE) / passes)
    return Modes(upper * (first - second) / passes, error)
