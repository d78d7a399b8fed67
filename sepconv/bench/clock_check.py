"""Whether the clock of a device tells the truth, by questions whose answer is known.

`python -m sepconv.bench.clock_check DEVICE` asks in a process of its own, since a device's
context survives no fork, and prints JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import sepconv
from sepconv.errors import MeasuringFailed

BATCH_S = 20e-3  # of work: the host's share of it is small
REPETITIONS = 7  # the fastest counts: what disturbs only adds
TOLERANCE = 0.05
MOST_EMPTY_S = 100e-6  # a round without work: launching two events takes 10 µs
MATRIX_ROWS = 2048
TIMEOUT_S = 240.0  # importing torch, and making a context

Clock = Callable[[], float]


@dataclass(frozen=True)
class ClockTest:
    """One question to the clock: what it should say, and what it said."""

    question: str
    expected: str
    found: str
    passed: bool


def check_clock(
    clock: Clock,
    work: Callable[[int], None],
    drain: Callable[[], None],
    host_clock: Clock = perf_counter,
) -> list[ClockTest]:
    """Ask `clock`, whose readings in turn begin and end a round, about `work(calls)`.

    `drain` waits until all work is done: between two such waits the host's own clock is right
    about a long batch, however asynchronous the device.
    """
    calls = 1
    while (one_s := _by_host(work, drain, host_clock, calls)) < BATCH_S:
        calls = max(calls + 1, min(4 * calls, round(calls * 1.2 * BATCH_S / one_s)))
    once = _fastest(lambda: _by_clock(clock, work, calls))
    twice = _fastest(lambda: _by_clock(clock, work, 2 * calls))
    host_s = _fastest(lambda: _by_host(work, drain, host_clock, calls))
    empty_s = _fastest(lambda: _by_clock(clock, work, 0))
    return [
        _near("a round with twice the work, ÷ one with it once", 2.0, twice / once),
        _near("a long round, ÷ the same between two waits by the host", 1.0, once / host_s),
        ClockTest(
            "a round without work",
            f"at most {MOST_EMPTY_S * 1e6:.0f} µs",
            f"{empty_s * 1e6:.1f} µs",
            0 <= empty_s <= MOST_EMPTY_S,
        ),
    ]


def run_clock_check(device: str) -> list[ClockTest]:
    """The same, with matrix products on `device`, in a child.

    Raises:
        MeasuringFailed: The child could not ask; the message is its last words.
    """
    package_parent = str(Path(sepconv.__file__).resolve().parents[1])
    search_path = [package_parent, os.environ.get("PYTHONPATH", "")]
    try:
        answer = subprocess.run(
            [sys.executable, "-P", "-m", "sepconv.bench.clock_check", device],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, search_path))},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MeasuringFailed(f"the clock of {device} gave no answer in {TIMEOUT_S:.0f} s") from (
            error
        )
    if answer.returncode != 0:
        raise MeasuringFailed(
            f"the clock of {device} could not be checked: {answer.stderr.strip()[-2000:]}"
        )
    return [ClockTest(**test) for test in json.loads(answer.stdout)]


def _by_clock(clock: Clock, work: Callable[[int], None], calls: int) -> float:
    start = clock()
    work(calls)
    return clock() - start


def _by_host(
    work: Callable[[int], None], drain: Callable[[], None], host_clock: Clock, calls: int
) -> float:
    drain()
    start = host_clock()
    work(calls)
    drain()
    return host_clock() - start


def _fastest(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(REPETITIONS))


def _near(question: str, expected: float, found: float) -> ClockTest:
    passed = abs(found / expected - 1) <= TOLERANCE
    return ClockTest(question, f"{expected:g} ± {TOLERANCE:.0%}", f"{found:.3f}", passed)


def main(device: str) -> None:
    """Ask the clock of `device` and print what it said."""
    import torch

    from sepconv.bench.clock import wall_clock_for

    accelerator = torch.device(device)
    left, right = (torch.randn(MATRIX_ROWS, MATRIX_ROWS, device=accelerator) for _ in range(2))
    product = torch.empty_like(left)

    def work(calls: int) -> None:
        for _ in range(calls):
            torch.mm(left, right, out=product)

    def drain() -> None:
        if accelerator.type != "cpu":
            torch.get_device_module(accelerator).synchronize(accelerator)

    with torch.inference_mode():
        work(3)
        tests = check_clock(wall_clock_for(device), work, drain)
    print(json.dumps([asdict(test) for test in tests]))


if __name__ == "__main__":
    main(sys.argv[1])
