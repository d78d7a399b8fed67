"""Do servers differ from each other by more than their passes explain?

    python benchmarks/servers.py                    6 servers, 8 passes each: about 3 minutes
    python benchmarks/servers.py --inherit          with the layout that workers inherit

All workers of a server inherit its addresses and the holes in its heap. If that mattered, the
interval over the passes of one server would be too narrow by whatever servers differ. Here several
servers measure the same rings of standard and another conv type in turns, pass by pass, in random
order. Printed are, for each ring, the sd of the speed-up between servers and between the passes of
one, and F, the ratio of both variances as one-way analysis of variance estimates them: on average
(n − s) ÷ (n − s − 2) by chance, for n passes of s servers.
"""

from __future__ import annotations

import argparse
import random
import sys
from contextlib import ExitStack
from math import exp, sqrt
from pathlib import Path
from statistics import fmean, variance

from rings import Keeper, calibrate

from sepconv import Case
from sepconv.bench.lock import DeviceLock
from sepconv.bench.plan import Ring, plan_ring
from sepconv.bench.supervisor import Supervisor
from sepconv.ratio import Pair

SUITES = Path(__file__).parent
SHAPES = ((32, 28), (64, 28), (64, 56))  # channels, resolution
CONV_TYPES = ("depthwise_separable", "spatially_separable")


def plan(supervisor: Supervisor, block_s: float) -> list[Ring]:
    """A ring of standard and each other conv type, for each shape."""
    cases = [
        Case(conv_type=kind, in_channels=c, out_channels=c, height=size, width=size)
        for c, size in SHAPES
        for kind in ("standard", *CONV_TYPES)
    ]
    call_s = calibrate(supervisor, cases)
    pairs = [(case.shape, case) for case in cases if case != case.shape]
    return [
        plan_ring(base, head, call_s[base], call_s[head], number=number, block_s=block_s, visits=4)
        for number, (base, head) in enumerate(pairs, 1)
    ]


def measure(
    servers: list[Supervisor], rings: list[Ring], passes: int
) -> dict[int, list[list[float]]]:
    """ln(head ÷ base) by ring, of each server, in each pass."""
    found = {ring[0].ring: [[] for _ in servers] for ring in rings}
    coin = random.Random(0)
    slots = [slot for ring in rings for slot in ring]
    for number in range(1, passes + 1):
        for place in coin.sample(range(len(servers)), len(servers)):
            keeper = Keeper()
            servers[place].run_pass(number, slots, keeper, seed=0)
            for blocks in keeper.blocks:
                found[blocks[0].ring][place].append(Pair.of(*blocks).cpu.trimmed_mean)
        print(f"pass {number} of {passes}", file=sys.stderr)
    return found


def print_table(rings: list[Ring], found: dict[int, list[list[float]]]) -> None:
    print("| ring | speed-up | sd between servers | sd between passes of one | F |")
    print("|---|---|---|---|---|")
    ratios = []
    for ring in rings:
        own = found[ring[0].ring]
        passes = min(map(len, own))
        within = fmean(map(variance, own))
        between = passes * variance(map(fmean, own))
        ratios.append(between / within)
        speedup = exp(-fmean(value for values in own for value in values))
        excess = sqrt(max(0.0, (between - within) / passes))
        cells = [ring[1].case.label, f"{speedup:.2f}×", f"{excess:.2%}", f"{sqrt(within):.2%}"]
        print(f"| {' | '.join(cells)} | {ratios[-1]:.2f} |")
    freedom = sum(map(len, own)) - len(own)
    print(f"\nmean F {fmean(ratios):.2f}; by chance {freedom / (freedom - 2):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--servers", type=int, default=6)
    parser.add_argument("--passes", type=int, default=8)
    parser.add_argument("--block-seconds", type=float, default=0.06, help="per arm and pass")
    parser.add_argument("--inherit", action="store_true", help="no layout of its own for a worker")
    arguments = parser.parse_args()

    with ExitStack() as stack:
        stack.enter_context(DeviceLock(["cpu"], wait=True))
        servers = [
            stack.enter_context(Supervisor(SUITES, shuffles_layout=not arguments.inherit))
            for _ in range(arguments.servers)
        ]
        rings = plan(servers[0], arguments.block_seconds)
        found = measure(servers, rings, arguments.passes)
    print_table(rings, found)


if __name__ == "__main__":
    main()
