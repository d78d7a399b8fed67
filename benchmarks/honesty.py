"""Are the intervals of sepconv, torch.utils.benchmark and pytest-benchmark true?

    python benchmarks/honesty.py                          20 repeats of 5 s per case: 25 minutes
    python benchmarks/honesty.py --repeats 3 --seconds 1  to see that it works: a minute

Each tool measures the same cases again and again, each time in a process of its own, the tools
in random order within each repeat, so that a slow hour meets them all. Every tool gets `--seconds`
per case: for torch as `min_run_time`, for pytest-benchmark as `--benchmark-max-time`, for sepconv
as its whole time budget, with starting, calibrating and storing in it.

An interval is true if it contains what the same tool says in all of its *other* repeats (their
log-mean). Even a perfect 95 % interval contains that in 94 % of the cases only, since the others'
mean has an error too. torch and pytest-benchmark state no interval: theirs is the 95 % t-interval
that their own mean, standard deviation and count imply, and the quotient's by propagation.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, hypot, log, sqrt
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

CASES: dict[str, dict[str, Any]] = {
    "standard 64@28": {"conv_type": "standard", "channels": 64, "resolution": 28},
    "depthwise separable 64@28": {
        "conv_type": "depthwise_separable",
        "channels": 64,
        "resolution": 28,
    },
    "spatially separable 32@56": {
        "conv_type": "spatially_separable",
        "channels": 32,
        "resolution": 56,
    },
    "standard 16@14": {"conv_type": "standard", "channels": 16, "resolution": 14},
}
STANDARD, DEPTHWISE = "standard 64@28", "depthwise separable 64@28"
SPEEDUP = "speed-up of depthwise 64@28"
TOOLS = ("sepconv", "torch", "pytest-benchmark")

TESTS = """\
import pytest
from honesty import CASES, build, inference

@pytest.mark.parametrize("name", CASES)
def test_forward(benchmark, name):
    with inference():
        benchmark(build(name))
"""


@dataclass(frozen=True)
class Answer:
    """What one process of a tool says of one case, or of the speed-up: value and interval; the
    bounds are None where a tool had too little time for one."""

    tool: str
    repeat: int
    name: str
    value: float  # seconds per call, or a ratio
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """As a fraction of the value."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2 / self.value

    def contains(self, truth: float) -> bool:
        return self.low is not None and self.high is not None and self.low <= truth <= self.high


def build(name: str) -> Any:
    """A call of the case without arguments, on one thread, as users of each tool write it."""
    import torch

    from sepconv import build_conv

    torch.set_num_threads(1)
    torch.manual_seed(0)
    case = case_of(name)
    conv, x = build_conv(case), torch.randn(case.input_shape)
    return lambda: conv(x)


def inference() -> Any:
    """Gradients off, as sepconv has them off."""
    import torch

    return torch.inference_mode()


def case_of(name: str) -> Any:
    from sepconv import Case

    fields = CASES[name]
    channels, resolution = fields["channels"], fields["resolution"]
    return Case(
        conv_type=fields["conv_type"],
        in_channels=channels,
        out_channels=channels,
        height=resolution,
        width=resolution,
    )


def ask_sepconv(folder: Path, seconds: float, repeat: int) -> list[Answer]:
    """A run of a suite of these cases, read back from its store."""
    suite, url = folder / "honesty.toml", f"sqlite:///{folder / 'honesty.db'}"
    includes = (
        "\n[[include]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in case.items())
        for case in CASES.values()
    )
    suite.write_text('name = "honesty"\nprecision = "1%"\n' + "\n".join(includes) + "\n")
    command = ["run", str(suite), "--store", url, "--format", "json", "--wait"]
    run_python("-m", "sepconv", *command, "--time-budget", f"{seconds * len(CASES):g}s")

    from sepconv import Store

    with Store(url, read_only=True) as store:
        run = store.find_run("latest")
        found = {m.case.identity: m.values for m in store.measurements(run.id or 0)}
    wanted = {name: (case_of(name).identity, "latency_s") for name in CASES}
    wanted[SPEEDUP] = (case_of(DEPTHWISE).identity, "realised_speedup")
    answers = []
    for name, (identity, metric) in wanted.items():
        estimate = found[identity].get(metric)
        if estimate is None:
            print(f"sepconv had no time for {name} in repeat {repeat + 1}", file=sys.stderr)
        else:
            interval = (estimate.value, estimate.low, estimate.high)
            answers.append(Answer("sepconv", repeat, name, *interval))
    return answers


def ask_torch(folder: Path, seconds: float, repeat: int) -> list[Answer]:
    """A process that runs `Timer.blocked_autorange` over the cases."""
    path = folder / "torch.json"
    run_python(__file__, "--time-with-torch", str(path), "--seconds", f"{seconds:g}")
    return with_quotient(
        {
            name: t_interval("torch", repeat, name, **found)
            for name, found in json.loads(path.read_text()).items()
        }
    )


def time_with_torch(path: Path, seconds: float) -> None:
    """What that process does."""
    from torch.utils.benchmark import Timer

    found = {}
    with inference():
        for name in CASES:
            timer = Timer("call()", globals={"call": build(name)}, num_threads=1)
            times = timer.blocked_autorange(min_run_time=seconds).times
            found[name] = {"mean": fmean(times), "sd": stdev(times), "count": len(times)}
    path.write_text(json.dumps(found))


def ask_pytest_benchmark(folder: Path, seconds: float, repeat: int) -> list[Answer]:
    """A process of pytest that calls `benchmark(fn)` with the default options."""
    path = folder / "pytest.json"
    tests = folder / "test_honesty.py"
    tests.write_text(TESTS)
    options = ["--benchmark-max-time", f"{seconds:g}", "--benchmark-json", str(path)]
    run_python("-m", "pytest", str(tests), "--rootdir", str(folder), "-q", *options)
    answers = {}
    for found in json.loads(path.read_text())["benchmarks"]:
        stats, name = found["stats"], found["params"]["name"]
        answers[name] = t_interval(
            "pytest-benchmark", repeat, name, stats["mean"], stats["stddev"], stats["rounds"]
        )
    return with_quotient(answers)


ASK = dict(zip(TOOLS, (ask_sepconv, ask_torch, ask_pytest_benchmark), strict=True))


def t_interval(tool: str, repeat: int, name: str, mean: float, sd: float, count: int) -> Answer:
    """What a mean, a standard deviation and a count imply, if samples are independent."""
    from scipy.special import stdtrit

    half = float(stdtrit(count - 1, 0.975)) * sd / sqrt(count)
    return Answer(tool, repeat, name, mean, mean - half, mean + half)


def with_quotient(answers: Mapping[str, Answer]) -> list[Answer]:
    """The answers and the speed-up from two of them, their relative errors in quadrature."""
    standard, other = answers[STANDARD], answers[DEPTHWISE]
    ratio = standard.value / other.value
    half = ratio * hypot(standard.half_width or 0.0, other.half_width or 0.0)
    quotient = Answer(other.tool, other.repeat, SPEEDUP, ratio, ratio - half, ratio + half)
    return [*answers.values(), quotient]


def run_python(*arguments: str) -> None:
    """A process of its own; what it prints is shown only if it fails.

    Code 3 is sepconv's for a run in which a case could not be measured, which is told elsewhere.
    """
    here = Path(__file__).parent
    search_path = [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]
    process = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, search_path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode not in (0, 3):
        sys.exit(f"{' '.join(arguments)} failed:\n{process.stdout}\n{process.stderr}")


def ask_all(folder: Path, repeats: int, seconds: float, seed: int) -> Iterator[Answer]:
    """Every tool once per repeat, in random order."""
    shuffle = random.Random(seed)
    for repeat in range(repeats):
        for tool in shuffle.sample(TOOLS, len(TOOLS)):
            yield from ASK[tool](folder, seconds, repeat)
        print(f"repeat {repeat + 1} of {repeats}", file=sys.stderr)


def covered(answers: Sequence[Answer]) -> tuple[int, int]:
    """How many intervals contain the log-mean of the other repeats, of how many."""
    if len(answers) < 2:
        return 0, 0
    logs = [log(answer.value) for answer in answers]
    total = sum(logs)
    others = [exp((total - own) / (len(logs) - 1)) for own in logs]
    told = [(a, truth) for a, truth in zip(answers, others, strict=True) if a.half_width]
    return sum(a.contains(truth) for a, truth in told), len(told)


def exact_bounds(successes: int, trials: int) -> tuple[float, float]:
    """95 % bounds of a share (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934)."""
    from scipy.special import betaincinv

    low, high = 0.0, 1.0
    if successes > 0:
        low = float(betaincinv(successes, trials - successes + 1, 0.025))
    if successes < trials:
        high = float(betaincinv(successes + 1, trials - successes, 0.975))
    return low, high


def print_table(answers: Sequence[Answer]) -> None:
    print("| what | tool | CV between processes | max ÷ min | half width it states | true |")
    print("|---|---|---|---|---|---|")
    for name in [*CASES, SPEEDUP]:
        for tool in TOOLS:
            own = [a for a in answers if (a.name, a.tool) == (name, tool)]
            print(f"| {name} | {tool} | {describe(own)} |")
    for tool in TOOLS:
        groups = [
            covered([a for a in answers if (a.name, a.tool) == (name, tool)]) for name in CASES
        ]
        print(f"| all latencies | {tool} | | | | {share(*map(sum, zip(*groups, strict=True)))} |")


def describe(own: Sequence[Answer]) -> str:
    values = [a.value for a in own]
    if len(values) < 2:
        return f" | | | {len(values)} measured"
    widths = [a.half_width for a in own if a.half_width]
    width = f"±{percent(median(widths))}" if widths else "none"
    spread = f"{percent(stdev(values) / fmean(values))} | {max(values) / min(values):.3g}"
    return f"{spread} | {width} | {share(*covered(own))}"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.{1 if fraction < 0.1 else 0}f} %"


def share(successes: int, trials: int) -> str:
    if not trials:
        return "none stated"
    low, high = exact_bounds(successes, trials)
    return f"{100 * successes / trials:.0f} % [{100 * low:.0f}, {100 * high:.0f}] of {trials}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=20, help="processes of each tool")
    parser.add_argument("--seconds", type=float, default=5.0, help="per case and process")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the tools")
    parser.add_argument("--out", type=Path, help="write every answer as JSON")
    parser.add_argument("--read", type=Path, help="measure nothing, read what --out wrote")
    parser.add_argument("--time-with-torch", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    if arguments.time_with_torch:
        time_with_torch(arguments.time_with_torch, arguments.seconds)
        return
    if arguments.repeats < 3:
        parser.error("--repeats: expected at least 3: each is judged by the others")
    if arguments.read:
        answers = [Answer(**plain) for plain in json.loads(arguments.read.read_text())]
    else:
        with tempfile.TemporaryDirectory() as folder:
            repeats, seconds, seed = arguments.repeats, arguments.seconds, arguments.seed
            answers = []
            for answer in ask_all(Path(folder), repeats, seconds, seed):
                answers.append(answer)
                if arguments.out:  # after each, since what took an hour is worth keeping
                    arguments.out.write_text(json.dumps([asdict(a) for a in answers]) + "\n")
    print_table(answers)


if __name__ == "__main__":
    main()
