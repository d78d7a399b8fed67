"""How often does the gate cry wolf, and what does it find? Whole pull requests, one after another.

    python benchmarks/gate.py --hours 3                      measures on from where it stopped
    python benchmarks/gate.py --hours 1 --condition disturbed   beside three hungry programs
    python benchmarks/gate.py --hours 1 --condition threads     every case with two threads
    python benchmarks/gate.py --report                       the tables of all that was measured

Every trial is what `sepconv compare` does with the suite `pull-request`, A/A floor and
confirmation included; only the commits are made up. Half of the trials change nothing that
matters (identical code, an unused import, renamed variables, reordered functions, a buffer that
nothing reads). The others slow one conv type down, by arithmetic, memory traffic, an extra
allocation, a layout copy, dispatch, Python itself, or in every eighth call only, by about 3, 5 or
10 %. How much slower a case really is, is said by 12 passes of its ring after each trial, which no
verdict sees, over all trials of its kind. Trials are stored as they end, so that the study can be
stopped and goes on; it should be run from a checkout that nobody edits meanwhile.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import expm1
from pathlib import Path
from shutil import copytree
from statistics import fmean, median
from tempfile import TemporaryDirectory
from time import perf_counter

from sepconv.bench.duel import TIMED_S, VISITS
from sepconv.bench.lock import DeviceLock
from sepconv.bench.message import Side
from sepconv.bench.plan import calibration_slots, fastest_call_s, plan_ring
from sepconv.bench.supervisor import Sides, Supervisor
from sepconv.case import Case
from sepconv.cli.comparison import Terms, compare_sides
from sepconv.cli.contender import Ready
from sepconv.cli.suite_file import find_suite
from sepconv.comparison import Comparison, Contender
from sepconv.ratio import Pair
from sepconv.record import Block, Facts, Status
from sepconv.store import Store
from sepconv.suite import Suite

SUITES = Path(__file__).parent
CONVS = Path(__file__).parents[1] / "sepconv" / "convs"
CONV_TYPES = ("standard", "depthwise_separable", "spatially_separable")
PLACEBOS = ("identical", "import", "renamed", "reordered", "buffer")
UNITS_S = {  # a first guess at what one unit of each kind costs
    "arithmetic": 3e-9,
    "memory": 8e-10,
    "allocation": 4e-10,
    "layout": 2e-9,
    "dispatch": 1.2e-6,
    "interpreter": 2e-8,
    "tail": 3e-9,
}
SHARES = (0.03, 0.05, 0.10)
PLACEBO_TRIALS, SLOW_TRIALS = 20, 2  # of each kind; of each kind, share and conv type
PROBE_SHARES = (0.08, 0.03)  # first by a guess, then by what that said
PROBE_PASSES = 3
TRUTH_PASSES = 12  # after a trial, of the cases that it slowed down, by which nobody judges
CONDITIONS = ("quiet", "disturbed", "threads")
DISTURBER = """\
import os
parent, store = os.getppid(), bytearray(64 << 20)
while os.getppid() == parent:  # ends with whoever started it
    store = bytearray(store)
"""
SLOW = '''\
"""Written by a study: a module that does a little more than it should."""

import torch
from torch import nn

KIND, AMOUNTS, EVERY = {kind!r}, {amounts!r}, 8
SOURCE = torch.linspace(-1.0, 1.0, 1 << 23)
TARGET = torch.zeros(1 << 23)
CHUNK = SOURCE[: 1 << 13].clone()


class Slow(nn.Module):
    def __init__(self, conv, amount):
        super().__init__()
        self.conv, self.amount = conv, amount
        self.calls = [0]  # an attribute of a module is dear to set

    def forward(self, x):
        y = self.conv(x)
        if self.amount:
            self.calls[0] += 1
            extra(self.amount, self.calls[0], y)
        return y


def tanh(amount):
    while amount > 0:
        CHUNK[: min(amount, 1 << 13)].tanh_()
        amount -= 1 << 13


def extra(amount, calls, y):
    if KIND == "arithmetic":
        tanh(amount)
    elif KIND == "memory":
        while amount > 0:
            part = min(amount, 1 << 20)
            place = (calls * part) % ((1 << 23) - part)
            TARGET[place : place + part].copy_(SOURCE[place : place + part])
            amount -= part
    elif KIND == "allocation":
        torch.empty(amount).fill_(0.0)
    elif KIND == "layout":
        SOURCE[: amount // 16 * 16].view(16, -1).t().contiguous()
    elif KIND == "dispatch":
        for _ in range(amount):
            y = y.view_as(y)
    elif KIND == "interpreter":
        for _ in range(amount):
            pass
    elif KIND == "tail" and calls % EVERY == 0:
        tanh(EVERY * amount)


def slow(conv, case):
    return Slow(conv, AMOUNTS.get(case.identity, 0))
'''

Amounts = dict[str, int]
"""Units of extra work, by the identity of the case."""

Cost = tuple[float, float]
"""Shares of a call: to begin with, and for each unit."""

Costs = dict[str, dict[str, Cost]]
"""By kind, and by the identity of the case."""


@dataclass(frozen=True)
class Trial:
    """One pull request: what its head changes, in which conv type, by how much."""

    kind: str
    conv_type: str = ""
    share: float = 0.0

    @property
    def settings(self) -> dict[str, str]:
        return {"kind": self.kind, "conv_type": self.conv_type, "share": f"{self.share:g}"}


TRIALS = {Trial(kind): PLACEBO_TRIALS for kind in PLACEBOS} | {
    Trial(kind, conv_type, share): SLOW_TRIALS
    for share in SHARES
    for kind in UNITS_S
    for conv_type in CONV_TYPES
}
"""How often each should be tried."""


@dataclass
class Collector:
    """Keeps what rings and cases alone say."""

    alone: dict[str, Block]
    pairs: dict[str, list[Pair]]

    def keep_visit(self, case: Case) -> None: ...

    def keep_facts(self, case: Case, facts: Facts) -> None: ...

    def keep_blocks(self, *blocks: Block) -> None:
        if len(blocks) == 1:
            self.alone[blocks[0].case.identity] = blocks[0]
        else:
            self.pairs[blocks[0].case.identity].append(Pair.of(*blocks))

    def keep_failure(self, case: Case, status: Status, error: str, arm: str) -> None:
        raise SystemExit(f"{case.label}: {status}: {error}")


def write_variant(folder: Path, kind: str, amounts: Amounts | None = None) -> Path:
    """A tree whose layers are changed in that way; with amounts, they are slowed down."""
    convs = folder / "sepconv" / "convs"
    copytree(CONVS, convs, ignore=lambda *_: {"__pycache__"})
    if kind in UNITS_S:
        (convs / "slow.py").write_text(SLOW.format(kind=kind, amounts=amounts or {}))
        place = convs / "__init__.py"
        text = place.read_text()
        changed = text.replace(
            "in_block(_build_bare(case), case)", "slow(in_block(_build_bare(case), case), case)"
        )
        assert changed != text
        place.write_text(
            changed.replace(
                "import torch\n", "import torch\nfrom sepconv.convs.slow import slow\n", 1
            )
        )
        return folder
    edit = {"import": add_import, "renamed": rename, "reordered": reorder, "buffer": add_buffer}
    if kind in edit:
        for path in convs.glob("*.py"):
            path.write_text(edit[kind](path.read_text()))
    return folder


def add_import(text: str) -> str:
    """A module that nothing uses."""
    return re.sub(
        r"^(from __future__ import annotations\n)", r"\1\nimport fractions\n", text, flags=re.M
    )


def rename(text: str) -> str:
    """Every variable `case` gets another name."""
    lines = text.splitlines(keepends=True)
    return "".join(
        line
        if line.startswith(("from ", "import "))
        else re.sub(r"(?<![\w.'\"`])case\b", "point", line)
        for line in lines
    )


def reorder(text: str) -> str:
    """The functions of a module the other way round, behind everything else."""
    tree = ast.parse(text)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    rest = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    if any(isinstance(node, ast.FunctionDef) and node.decorator_list for node in tree.body):
        return text
    uses = {name.id for node in rest for name in ast.walk(node) if isinstance(name, ast.Name)}
    if uses & {node.name for node in functions}:
        return text
    tree.body = [*rest, *reversed(functions)]
    return ast.unparse(tree) + "\n"


def add_buffer(text: str) -> str:
    """A kilobyte in every module that nothing reads: what comes after it lies elsewhere."""
    return text.replace(
        "    return conv.train(",
        '    conv.register_buffer("unused", torch.zeros(300))\n    return conv.train(',
    )


def suite_of(condition: str) -> Suite:
    suite = find_suite("pull-request")
    if condition == "threads":
        return replace(suite, axes={**suite.axes, "threads": [2]})
    return suite


def calibrate(cases: Sequence[Case], folder: Path, kinds: Sequence[str] = tuple(UNITS_S)) -> Costs:
    """What each kind costs in each case: to begin with, and for each unit; learnt in rings.

    The first elements after a convolution cost more than the rest, so that one probe would
    promise 3 % and give 10.
    """
    base = Side(source=str(write_variant(folder / "base", "arithmetic")))
    found: Costs = {}
    with Supervisor(SUITES, side=base) as supervisor:
        kept = Collector({}, defaultdict(list))
        supervisor.run_pass(0, calibration_slots(cases), kept, seed=0)
        call_s = {case.identity: fastest_call_s(kept.alone[case.identity]) for case in cases}
        for kind in kinds:
            unit_s = UNITS_S[kind]
            guess = {name: (0.0, unit_s / took) for name, took in call_s.items()}
            large = {name: units_for(PROBE_SHARES[0], cost) for name, cost in guess.items()}
            added = probe(
                supervisor, base, write_variant(folder / f"{kind}-1", kind, large), call_s, cases
            )
            rough = {name: (0.0, max(added[name], 0.01) / large[name]) for name in large}
            small = {name: units_for(PROBE_SHARES[1], cost) for name, cost in rough.items()}
            less = probe(
                supervisor, base, write_variant(folder / f"{kind}-2", kind, small), call_s, cases
            )
            found[kind] = {
                name: line_through((small[name], less[name]), (large[name], added[name]))
                for name in call_s
            }
            begin, unit = (median(each) for each in zip(*found[kind].values(), strict=True))
            print(f"calibrated {kind}: {begin:.1%} + {unit:.2g} per unit in the median", flush=True)
    return found


def probe(
    supervisor: Supervisor,
    base: Side,
    head: Path,
    call_s: Mapping[str, float],
    cases: Sequence[Case],
) -> dict[str, float]:
    """How much slower each case is in the tree `head`, in a few passes."""
    kept = Collector({}, defaultdict(list))
    rings = [
        plan_ring(
            case, case, *[call_s[case.identity]] * 2, number=place, block_s=TIMED_S, visits=VISITS
        )
        for place, case in enumerate(cases, 1)
    ]
    slots = [slot for ring in rings for slot in ring]
    for number in range(1, PROBE_PASSES + 1):
        sides = base, Side(source=str(head))
        supervisor.run_pass(number, slots, kept, seed=0, sides=sides)
    # by the plain mean: of a tail the trimmed one sees nothing
    return {name: expm1(fmean(pair.cpu.mean for pair in own)) for name, own in kept.pairs.items()}


def line_through(small: tuple[int, float], large: tuple[int, float]) -> Cost:
    """What it costs to begin, and what each unit costs, from two amounts."""
    if large[0] == small[0]:
        return 0.0, max(large[1], 0.005) / large[0]
    unit = max(large[1] - small[1], 0.005) / (large[0] - small[0])
    return max(0.0, large[1] - unit * large[0]), unit


def units_for(share: float, cost: Cost) -> int:
    """So many units as make a case slower by that share; one at least."""
    begin, unit = cost
    return max(1, round((share - begin) / unit))


def amounts_of(trial: Trial, cases: Sequence[Case], costs: Mapping[str, Cost]) -> Amounts:
    """So many units that the cases of that conv type are slower by the share."""
    return {
        case.identity: units_for(trial.share, costs[case.identity])
        for case in cases
        if case.conv_type == trial.conv_type
    }


@contextmanager
def disturbed(condition: str) -> Iterator[None]:
    """Three programs that want memory, if the condition is so."""
    count = 3 if condition == "disturbed" else 0
    programs = [subprocess.Popen([sys.executable, "-c", DISTURBER]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def measure(
    store_url: str, condition: str, hours: float, seed: int, shares: Sequence[float]
) -> None:
    """Trial after trial, the one that is most behind first."""
    end = perf_counter() + 3600 * hours
    suite = suite_of(condition)
    cases = suite.expand()
    notes = notes_of(store_url)
    with TemporaryDirectory(prefix="sepconv-gate-") as place:
        folder = Path(place)
        costs = known_costs(notes.with_suffix(f".{condition}.json"), cases, folder / "calibration")
        coin = random.Random(seed)
        number = 0
        while perf_counter() < end:
            number += 1
            trial = next_trial(store_url, condition, coin, shares)
            kind = trial.kind if trial.share else "identical"
            base = write_variant(folder / f"{number}-base", kind)
            amounts = amounts_of(trial, cases, costs[trial.kind]) if trial.share else None
            head = write_variant(folder / f"{number}-head", trial.kind, amounts)
            sides = Side(source=str(base)), Side(source=str(head))
            settings = trial.settings | {"condition": condition}
            start = perf_counter()
            with disturbed(condition):
                done = compare_sides(
                    suite,
                    Ready(Contender("base"), sides[0]),
                    Ready(Contender(trial.kind, settings=settings), sides[1]),
                    Terms(seed=number),
                    store_url=store_url,
                    wait=True,
                )
            counts = ", ".join(f"{count} {name}" for name, count in done.counts.items() if count)
            took_s = perf_counter() - start
            name = f"{trial.kind} {trial.conv_type} {trial.share:.0%}"
            print(f"{name}: {counts}; {took_s:.0f} s", flush=True)
            if done.state == "interrupted":
                return
            if amounts:
                slowed = [case for case in cases if case.identity in amounts]
                keep_truth(notes, trial, condition, measure_truth(slowed, sides, number))


def notes_of(store_url: str) -> Path:
    """Where the truth about the slowdowns stands: beside the store."""
    return Path(store_url.removeprefix("sqlite:///")).with_suffix(".truth.jsonl")


def known_costs(path: Path, cases: Sequence[Case], folder: Path) -> Costs:
    """What each kind costs: learnt once, so that who goes on injects the same."""
    if path.exists():
        plain = json.loads(path.read_text())
        return {
            kind: {name: tuple(cost) for name, cost in own.items()} for kind, own in plain.items()
        }
    with DeviceLock(["cpu"], wait=True):
        costs = calibrate(cases, folder)
    path.write_text(json.dumps(costs))
    return costs


def measure_truth(cases: Sequence[Case], sides: Sides, seed: int) -> dict[str, list[Pair]]:
    """Further passes over these cases, in a server of their own."""
    kept = Collector({}, defaultdict(list))
    with DeviceLock(["cpu"], wait=True), Supervisor(SUITES, side=sides[0]) as supervisor:
        supervisor.run_pass(0, calibration_slots(cases), kept, seed=seed)
        rings = [
            plan_ring(
                case,
                case,
                *[fastest_call_s(kept.alone[case.identity])] * 2,
                number=place,
                block_s=TIMED_S,
                visits=VISITS,
            )
            for place, case in enumerate(cases, 1)
        ]
        slots = [slot for ring in rings for slot in ring]
        for number in range(1, TRUTH_PASSES + 1):
            supervisor.run_pass(number, slots, kept, seed=seed, sides=sides)
    return kept.pairs


def keep_truth(path: Path, trial: Trial, condition: str, pairs: Mapping[str, list[Pair]]) -> None:
    """A line for each case: the ratios of its passes, trimmed and plain, by CPU and wall time."""
    with path.open("a") as file:
        for identity, own in pairs.items():
            row = trial.settings | {"condition": condition, "identity": identity}
            row["passes"] = [
                [pair.cpu.trimmed_mean, pair.cpu.mean, pair.wall.trimmed_mean, pair.wall.mean]
                for pair in own
            ]
            file.write(json.dumps(row) + "\n")


def next_trial(
    store_url: str, condition: str, coin: random.Random, shares: Sequence[float]
) -> Trial:
    """The one that was tried least, for how often it should be."""
    with Store(store_url) as store:
        done = Counter(
            trial_of(each)
            for each in store.comparisons()
            if condition_of(each) == condition and each.state == "done"
        )
    wanted = [trial for trial in TRIALS if trial.share in shares]
    return min(wanted, key=lambda trial: ((done[trial] + 0.5) / TRIALS[trial], coin.random()))


def trial_of(comparison: Comparison) -> Trial:
    settings = comparison.head.settings
    return Trial(settings["kind"], settings["conv_type"], float(settings["share"]))


def condition_of(comparison: Comparison) -> str:
    return comparison.head.settings["condition"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--store",
        nargs="+",
        default=["sqlite:///results/gate.db"],
        help="what is measured goes into the first; all of them are reported",
    )
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--condition", choices=CONDITIONS, default="quiet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--shares", type=float, nargs="+", default=(0.0, *SHARES), help="only these; 0: no change"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing")
    asked = parser.parse_args()
    if not asked.report:
        measure(asked.store[0], asked.condition, asked.hours, asked.seed, asked.shares)
    from gate_report import report

    report([(url, notes_of(url)) for url in asked.store])


if __name__ == "__main__":
    main()
