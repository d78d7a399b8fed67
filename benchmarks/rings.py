"""How well do rings of two see that nothing has changed, by the length of a call?

    python benchmarks/rings.py                                   12 passes: about 15 minutes
    python benchmarks/rings.py --disturb --out disturbed.json    the same beside other programs
    python benchmarks/rings.py --quick                           to see that it works: a minute

Both arms of every ring hold the same case, so each ratio of theirs should be 1. Printed are, for
calls of each length, number of threads and direction: the sd of the log ratio from pass to pass,
its mean (the bias), the standard error that the quads within a pass claim for it, what share of
the wall time is inside timed rounds, and the latency in a ring ÷ the latency of blocks alone.
Rings with and without a priming call at the start of each turn, and blocks alone, are measured
in the same passes, in random order. CPU time decides with one thread, wall time with more.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import exp, log, sqrt
from pathlib import Path
from statistics import fmean, median, stdev, variance
from time import perf_counter

from sepconv import Case
from sepconv.bench.lock import DeviceLock
from sepconv.bench.plan import calibration_slots, fastest_call_s, plan_alone, plan_ring
from sepconv.bench.supervisor import Supervisor
from sepconv.ratio import Pair
from sepconv.record import Block, Facts, Slot, Status

SUITES = Path(__file__).parent
STRATA = {"< 0.5 ms": 0.0, "0.5–5 ms": 0.5e-3, "> 5 ms": 5e-3}  # from seconds per call on
SHAPES = (  # conv type, channels, resolution: two of each stratum and more on a core of 50 GFLOP/s
    ("standard", 16, 14),
    ("standard", 32, 28),
    ("depthwise_separable", 64, 28),
    ("standard", 64, 56),
    ("spatially_separable", 64, 56),
    ("standard", 256, 56),
    ("depthwise_separable", 256, 112),
)
PRIMED, UNPRIMED, ALONE = "ring, primed", "ring, not primed", "alone"
ARRANGEMENTS = (PRIMED, UNPRIMED, ALONE)
QUICK_BLOCK_S = 0.02
QUICK_SHAPES = 5
DISTURBERS = 3
DISTURBER = """\
import os
parent, store = os.getppid(), bytearray(64 << 20)
while os.getppid() == parent:  # ends with whoever started it
    store = bytearray(store)
"""


@dataclass(frozen=True)
class Observation:
    """One pass of one case in one arrangement."""

    arrangement: str
    case: str
    pass_number: int
    stratum: str
    threads: int
    direction: str
    disturbed: bool
    latency_s: float  # median round, geometric mean of both arms
    timed_s: float
    wall_s: float | None  # None for the first of a pass: a worker's start is in it
    ratio: float | None = None  # ln(head ÷ base), by the clock that decides
    claimed: float | None = None  # its standard error within the pass


@dataclass
class Keeper:
    """What a supervisor tells of its passes, with the wall seconds between its tellings."""

    blocks: list[tuple[Block, ...]] = field(default_factory=list)
    wall_s: dict[str, float | None] = field(default_factory=dict)  # by identity
    failed: set[str] = field(default_factory=set)
    last_s: float | None = None

    def keep_visit(self, case: Case) -> None:
        self.note_time(case)

    def keep_blocks(self, *blocks: Block) -> None:
        self.note_time(blocks[0].case)
        self.blocks.append(blocks)

    def note_time(self, case: Case) -> None:
        """The seconds since the last telling went to this case; before the first, to a start."""
        now_s = perf_counter()
        if self.last_s is None:
            self.wall_s[case.identity] = None
        elif (so_far := self.wall_s.get(case.identity, 0.0)) is not None:
            self.wall_s[case.identity] = so_far + now_s - self.last_s
        self.last_s = now_s

    def keep_facts(self, case: Case, facts: Facts) -> None:
        """What calls allocate is no matter here."""

    def keep_failure(self, case: Case, status: Status, error: str, arm: str) -> None:
        self.failed.add(case.identity)
        print(f"{case.label}: {status}: {error}", file=sys.stderr)


def all_cases(threads: Sequence[int], directions: Sequence[str], shapes: int) -> list[Case]:
    return [
        Case(
            conv_type=conv_type,
            in_channels=channels,
            out_channels=channels,
            height=resolution,
            width=resolution,
            threads=count,
            direction=direction,
        )
        for conv_type, channels, resolution in SHAPES[:shapes]
        for count in threads
        for direction in directions
    ]


def calibrate(supervisor: Supervisor, cases: Sequence[Case]) -> dict[Case, float]:
    """Seconds per call of the cases that can be measured."""
    keeper = Keeper()
    supervisor.run_pass(0, calibration_slots(cases), keeper, seed=0)
    found = {block.case: fastest_call_s(block) for (block,) in keeper.blocks}
    return {case: call_s for case, call_s in found.items() if case.identity not in keeper.failed}


def plan(
    call_s: dict[Case, float], arrangement: str, block_s: float, visits: int
) -> list[tuple[Slot, ...]]:
    """Every case against itself, or by itself."""
    rings: list[tuple[Slot, ...]] = []
    for number, (case, seconds) in enumerate(call_s.items(), 1):
        if arrangement == ALONE:
            rings.append((replace(plan_alone(case, seconds, block_s), ring=number),))
        else:
            again = (case, case, seconds, seconds)
            rings.append(plan_ring(*again, number=number, block_s=block_s, visits=visits))
    return rings


def observe(
    supervisors: dict[str, Supervisor],
    call_s: dict[Case, float],
    *,
    passes: int,
    block_s: float,
    visits: int,
    disturbed: bool,
) -> Iterator[Observation]:
    """Every arrangement once per pass, cases and arrangements in random order."""
    shuffle = random.Random(0)
    for number in range(1, passes + 1):
        for arrangement in shuffle.sample(ARRANGEMENTS, len(ARRANGEMENTS)):
            rings = plan(call_s, arrangement, block_s, visits)
            shuffle.shuffle(rings)
            keeper = Keeper()
            slots = [slot for ring in rings for slot in ring]
            supervisors[arrangement].run_pass(number, slots, keeper, seed=0)
            for blocks in keeper.blocks:
                wall_s = keeper.wall_s[blocks[0].case.identity]
                seconds = call_s[blocks[0].case]
                yield look_at(blocks, arrangement, seconds, wall_s, disturbed)
        print(f"pass {number} of {passes}", file=sys.stderr)


def look_at(
    blocks: Sequence[Block],
    arrangement: str,
    call_s: float,
    wall_s: float | None,
    disturbed: bool,
) -> Observation:
    case = blocks[0].case
    ratio = claimed = None
    if len(blocks) == 2:
        pair = Pair.of(*blocks)
        deciding = pair.cpu if case.threads == 1 else pair.wall
        ratio, claimed = deciding.trimmed_mean, deciding.standard_error
    return Observation(
        arrangement=arrangement,
        case=case.label,
        pass_number=blocks[0].pass_number,
        stratum=max((name for name in STRATA if STRATA[name] <= call_s), key=STRATA.__getitem__),
        threads=case.threads,
        direction=case.direction,
        disturbed=disturbed,
        latency_s=exp(fmean(log(median(block.latencies_s)) for block in blocks)),
        timed_s=sum(block.timed_s for block in blocks),
        wall_s=wall_s,
        ratio=ratio,
        claimed=claimed,
    )


@contextmanager
def disturbers(count: int) -> Iterator[None]:
    """Programs that copy 64 MiB again and again, on whatever cores there are."""
    processes = [subprocess.Popen([sys.executable, "-c", DISTURBER]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def print_table(observations: Sequence[Observation]) -> None:
    print(
        "| call | threads | direction | arrangement | cases × passes | sd of no change | bias | "
        "claimed within | timed | latency ÷ alone | sd of latency |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    groups: dict[tuple[str, int, str, str], list[Observation]] = defaultdict(list)
    for each in observations:
        groups[each.stratum, each.threads, each.direction, each.arrangement].append(each)
    order = [*STRATA, *ARRANGEMENTS]
    for key in sorted(groups, key=lambda k: (order.index(k[0]), k[1], k[2], order.index(k[3]))):
        alone = groups.get((*key[:3], ALONE), [])
        print(f"| {' | '.join([*map(str, key), *describe(groups[key], alone)])} |")


def describe(own: Sequence[Observation], alone: Sequence[Observation]) -> list[str]:
    """The columns of one group, each pooled over its cases."""
    ratios = [each.ratio for each in own if each.ratio is not None]
    claims = [each.claimed for each in own if each.claimed is not None]
    walls = [each for each in own if each.wall_s is not None]
    cases = {each.case for each in own}
    to_alone = [level(own, case) - level(alone, case) for case in cases if has(alone, case)]
    wall_s = sum(each.wall_s or 0.0 for each in walls)
    return [
        f"{len(cases)} × {len({each.pass_number for each in own})}",
        spell(pooled_sd(own, lambda each: each.ratio)),
        f"{100 * fmean(ratios):+.2f} % ± {bias_error(ratios)}" if ratios else "",
        spell(sqrt(fmean(claim**2 for claim in claims)) if claims else None),
        f"{sum(each.timed_s for each in walls) / wall_s:.0%}" if wall_s else "",
        f"{exp(fmean(to_alone)):.3f}" if to_alone else "",
        spell(pooled_sd(own, lambda each: log(each.latency_s))),
    ]


def pooled_sd(
    own: Sequence[Observation], value_of: Callable[[Observation], float | None]
) -> float | None:
    """From pass to pass, the variances of the cases averaged."""
    by_case: dict[str, list[float]] = defaultdict(list)
    for each in own:
        value = value_of(each)
        if value is not None:
            by_case[each.case].append(value)
    variances = [variance(values) for values in by_case.values() if len(values) > 1]
    return sqrt(fmean(variances)) if variances else None


def bias_error(ratios: Sequence[float]) -> str:
    """The standard error of their mean."""
    return f"{100 * stdev(ratios) / sqrt(len(ratios)):.2f} %" if len(ratios) > 1 else "?"


def level(own: Sequence[Observation], case: str) -> float:
    """The log-mean latency of a case over its passes."""
    return fmean(log(each.latency_s) for each in own if each.case == case)


def has(own: Sequence[Observation], case: str) -> bool:
    return any(each.case == case for each in own)


def spell(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.2f} %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passes", type=int, default=12)
    parser.add_argument("--block-seconds", type=float, default=0.125, help="per arm and pass")
    parser.add_argument("--visits", type=int, default=4, help="of a ring in each pass")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--directions", nargs="+", default=["inference", "training"])
    parser.add_argument("--disturb", action="store_true", help="beside memory-hungry programs")
    parser.add_argument(
        "--quick", action="store_true", help="3 short passes over the smaller cases"
    )
    parser.add_argument("--out", type=Path, help="write every observation as JSON")
    parser.add_argument("--read", type=Path, help="measure nothing, read what --out wrote")
    arguments = parser.parse_args()

    if arguments.read:
        print_table([Observation(**plain) for plain in json.loads(arguments.read.read_text())])
        return
    passes, block_s, shapes = arguments.passes, arguments.block_seconds, len(SHAPES)
    if arguments.quick:
        passes, block_s, shapes = 3, QUICK_BLOCK_S, QUICK_SHAPES
    with ExitStack() as stack:
        stack.enter_context(DeviceLock(["cpu"], wait=True))
        primed = stack.enter_context(Supervisor(SUITES, primes=True))
        unprimed = stack.enter_context(Supervisor(SUITES, primes=False))
        cases = all_cases(arguments.threads, arguments.directions, shapes)
        call_s = calibrate(primed, cases)
        if arguments.disturb:
            stack.enter_context(disturbers(DISTURBERS))
        observations = list(
            observe(
                {PRIMED: primed, UNPRIMED: unprimed, ALONE: primed},
                call_s,
                passes=passes,
                block_s=block_s,
                visits=arguments.visits,
                disturbed=arguments.disturb,
            )
        )
    if arguments.out:
        arguments.out.write_text(json.dumps([asdict(each) for each in observations]) + "\n")
    print_table(observations)


if __name__ == "__main__":
    main()
