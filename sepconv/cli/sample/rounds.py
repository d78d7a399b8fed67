"""The rounds of a made-up run: blocks and pairs, judged like measured ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from math import exp
from random import Random

from sepconv.case import Case
from sepconv.cli.sample.run import CPU_SHARE, CRASH, CRASH_SHARE, PASSES, PRECISION
from sepconv.cli.sample.sweep import State, Sweep
from sepconv.judge.measurement import deciding_ratio, judge_case
from sepconv.ratio import LogRatio, Pair
from sepconv.record import (
    ALONE,
    BASE,
    HEAD,
    Block,
    Facts,
    Measurement,
    Round,
    Status,
    Summary,
)

ROUNDS = 8  # of a block
ROUND_S = 0.0005  # about
ROUND_SD = 0.004  # of rounds within a block, in logarithms
TAIL_SHARE = 0.05  # of the rounds: something else had the core for a while
TAIL = 0.08  # how much longer those take, in logarithms
PASSES_PER_SERVER = 2


@dataclass
class Drawn:
    """The blocks and pairs of a run, and what they say."""

    blocks: list[Block] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)


def draw_rounds(sweep: Sweep, state: State, began: datetime, count: int, chance: Random) -> Drawn:
    """A few rounds of the first `count` cases in every pass; a separable one in turns with its
    standard."""
    drawn = Drawn()
    crashed = {i for i in range(count) if chance.random() < CRASH_SHARE}
    blocks: dict[int, dict[int, list[Summary]]] = defaultdict(lambda: defaultdict(list))
    ratios: dict[int, dict[int, LogRatio]] = defaultdict(dict)
    have_partners = set(sweep.partners[:count])
    at = began.isoformat()
    for number in range(1, PASSES + 1):
        for ring, case in enumerate(sweep.cases[:count]):
            partner = sweep.partners[ring]
            if ring in crashed or (partner is None and ring in have_partners):
                continue
            drift = chance.gauss(0, sweep.characters[ring].pass_sd * state.scatter)
            turn = _Turn(number, ring, at, chance)
            if partner is None or partner in crashed:
                head = turn.block(case, ALONE, state.latencies[ring] + drift)
            else:
                centre = state.latencies[partner] + drift
                base = turn.block(sweep.cases[partner], BASE, centre)
                centre += state.settled[ring] - state.settled[partner]
                head = turn.block(case, HEAD, centre)
                pair = Pair.of(base, head)
                drawn.pairs.append(pair)
                drawn.blocks.append(base)
                blocks[partner][number].append(base.summary())
                ratios[ring][number] = deciding_ratio(pair)
            drawn.blocks.append(head)
            blocks[ring][number].append(head.summary())
    for place, case in enumerate(sweep.cases[:count]):
        if not (own := blocks.get(place)):
            measurement = Measurement(case, Status.CRASHED, CRASH, sweep.exact_estimates[place])
        else:
            facts = Facts(sweep.exact[place])
            measurement = judge_case(case, own, ratios.get(place), precision=PRECISION, facts=facts)
        drawn.measurements.append(measurement)
    return drawn


@dataclass(frozen=True)
class _Turn:
    """One pass of one ring."""

    number: int
    ring: int
    at: str
    chance: Random

    def block(self, case: Case, arm: str, centre: float) -> Block:
        """A block around a latency, given in its logarithm."""
        latency_s = exp(centre)
        calls = max(1, round(ROUND_S / latency_s))
        return Block(
            case=case,
            pass_number=self.number,
            calls=calls,
            rounds=tuple(self._round(latency_s * calls) for _ in range(ROUNDS)),
            first_call_s=latency_s * 20,
            warmup_s=latency_s * 60,
            started_at=self.at,
            server=(self.number - 1) // PASSES_PER_SERVER,
            ring=self.ring,
            arm=arm,
        )

    def _round(self, usual_s: float) -> Round:
        chance = self.chance
        cpu_s = usual_s * exp(CPU_SHARE + chance.gauss(0, ROUND_SD))
        is_late = chance.random() < TAIL_SHARE
        wall_s = cpu_s * exp(-CPU_SHARE + TAIL * is_late)
        return Round(wall_s, cpu_s, wall_s - cpu_s if is_late else 0.0, 0, int(is_late))
