"""2,000 gates on a recorded clock: a simulation, whose noise is stated and whose answers repeat.

    python benchmarks/gate_simulation.py                     2,000 gates of 24 cases: 10 minutes
    python benchmarks/gate_simulation.py --gates 100         a quick look

Nothing is measured. Rounds of both arms come from a clock that was made up: an autocorrelated
slowness of the machine that both arms share, noise of each round's own, spikes, and a shift that
lasts for a whole pass, since processes differ. They go the whole way: blocks, quads, pairs, the
gate. Half of the gates have no change; in the others a third of the cases is slower.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from dataclasses import dataclass
from math import exp, log1p, sqrt

from sepconv.case import Case
from sepconv.comparison import Outcome, Stage
from sepconv.judge.gate import Gate
from sepconv.judge.rate import highest_rate
from sepconv.ratio import Pair
from sepconv.record import BASE, HEAD, Block, Round

CASES, NULLS = 24, 4
ROUNDS = 40  # of each arm in a pass
CALL_S = 5e-4
CORRELATION = 0.9  # of the machine's slowness, from quad to quad
SLOWNESS_SD = 0.10
ROUND_SD = 0.03
SPIKE_RATE, SPIKE = 0.02, (1.2, 3.0)
SHARES = (0.02, 0.03, 0.05, 0.10)
CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)


@dataclass
class RecordedClock:
    """Gives the seconds of rounds whose noise is known."""

    draw: random.Random
    pass_sd: float  # how much the two processes of a pass differ for no reason

    def pair(self, ring: int, number: int, change: float) -> Pair:
        """One pass of a ring, whose head takes exp(change) times as long."""
        lasting = self.draw.gauss(0, self.pass_sd)
        rounds: tuple[list[Round], list[Round]] = ([], [])
        slowness = self.draw.gauss(0, SLOWNESS_SD)
        for place in range(ROUNDS):
            if place % 2 == 0:
                step = self.draw.gauss(0, SLOWNESS_SD * sqrt(1 - CORRELATION**2))
                slowness = CORRELATION * slowness + step
            for own, shift in zip(rounds, (0.0, change + lasting), strict=True):
                own.append(self._round(slowness + shift))
        base, head = (
            Block(CASE, number, 1, tuple(own), 0.0, 0.0, "", ring=ring, arm=arm)
            for own, arm in zip(rounds, (BASE, HEAD), strict=True)
        )
        return Pair.of(base, head)

    def _round(self, shift: float) -> Round:
        cpu_s = CALL_S * exp(shift + self.draw.gauss(0, ROUND_SD))
        if self.draw.random() < SPIKE_RATE:
            cpu_s *= self.draw.uniform(*SPIKE)
        wall_s = cpu_s * (1 + abs(self.draw.gauss(0, 0.01)))
        return Round(wall_s, cpu_s)


def run_gate(clock: RecordedClock, changes: dict[int, float]) -> tuple[Gate, int]:
    """One comparison from screen to verdict, and the passes of rings that it took."""
    nulls = range(CASES + 1, CASES + NULLS + 1)
    gate = Gate(range(1, CASES + 1), nulls)
    number = taken = 0
    while (wanted := gate.next_pass()) is not None:
        stage, rings = wanted
        number += 1
        for ring in rings:
            own = Stage.NULL if ring in nulls else stage
            gate.keep(own, clock.pair(ring, number, changes.get(ring, 0.0)))
            taken += ring not in nulls
    return gate, taken


def simulate(gates: int, pass_sd: float, seed: int) -> None:
    """Print what became of so many gates."""
    red = taken = whole = 0
    outcomes: Counter[Outcome] = Counter()
    found: Counter[float] = Counter()
    tried: Counter[float] = Counter()
    for number in range(gates):
        draw = random.Random(f"{seed} {pass_sd} {number}")
        share = SHARES[number // 2 % len(SHARES)] if number % 2 else 0.0
        changes = {ring: log1p(share) for ring in range(1, CASES // 3 + 1)} if share else {}
        gate, passes = run_gate(RecordedClock(draw, pass_sd), changes)
        judged = gate.judge()
        taken += passes
        for ring, one in judged.items():
            if ring in changes:
                tried[share] += 1
                found[share] += one.outcome is Outcome.SLOWER
            else:
                outcomes[one.outcome] += 1
        if not share:
            whole += 1
            red += any(one.outcome is Outcome.SLOWER for one in judged.values())
    total = sum(outcomes.values())
    slower, faster = outcomes[Outcome.SLOWER], outcomes[Outcome.FASTER]
    power = ", ".join(
        f"+{share:.0%} {found[share] / tried[share]:.1%}" for share in SHARES if tried[share]
    )
    print(
        f"{pass_sd:.1%} | {red} of {whole} ({highest_rate(red, whole):.2%}) | "
        f"{slower} + {faster} of {total} | {outcomes[Outcome.SAME] / total:.1%} | "
        f"{power} | {taken / gates / CASES:.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gates", type=int, default=2000, help="in all, over the spreads")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    spreads = (0.006, 0.010, 0.016, 0.025)
    print("sd of a pass | red without a change (at most) | false slower + faster | same", end=" | ")
    print("found | passes per case")
    print("---|---|---|---|---|---")
    for pass_sd in spreads:
        simulate(asked.gates // len(spreads), pass_sd, asked.seed)


if __name__ == "__main__":
    main()
