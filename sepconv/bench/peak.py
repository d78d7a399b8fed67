"""What this machine can do at best, measured: the roofs of the roofline.

`python -m sepconv.bench.peak DEVICE THREADS POLICY` measures in a process of its own, with the
allocator's policy set before torch is imported, and prints JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import sepconv
from sepconv.bench.allocator import TUNED, tune_allocator
from sepconv.errors import MeasuringFailed
from sepconv.run import Peak

if TYPE_CHECKING:
    import torch

MATMUL = "matmul_flop_per_s"
CACHE = "cache_bytes_per_s"
MEMORY = "memory_bytes_per_s"
DTYPES = ("float32", "bfloat16", "float16", "float64")

BATCH_S = 50e-3  # of calls between two readings of the clock
BATCHES = 5  # the best counts: a roof is what is possible, not what is usual
LEAST_SIZE, MOST_SIZE = 128, 16384  # rows of the square matrices
SLOW_CALL_S = 0.2  # a data type that is emulated: one batch of it says enough
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
ASSUMED_CACHES = (1 << 20, 32 << 20)  # L2 and last level, where the system does not tell
MOST_BUFFER_BYTES = 1 << 30  # some hosts show a guest the cache of a whole socket
START_TIMEOUT_S = 180.0  # importing torch from a cold disk


def run_peaks(device: str, threads: int, allocator: str = TUNED) -> list[Peak]:
    """The peaks of `device`, measured in a child with that allocator policy.

    Raises:
        MeasuringFailed: The child could not measure them; the message is its last words.
    """
    package_parent = str(Path(sepconv.__file__).resolve().parents[1])
    search_path = [package_parent, os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-P", "-m", "sepconv.bench.peak", device, str(threads), allocator]
    try:
        answer = subprocess.run(
            command,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(filter(None, search_path)),
                "OMP_NUM_THREADS": str(threads),
            },
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MeasuringFailed(f"no peaks of {device} after {START_TIMEOUT_S:.0f} s") from error
    if answer.returncode != 0:
        raise MeasuringFailed(
            f"the peaks of {device} could not be measured (exit code {answer.returncode}): "
            f"{answer.stderr.strip()[-2000:]}"
        )
    return [Peak(**peak) for peak in json.loads(answer.stdout)]


def measure_peaks(device: str, threads: int) -> list[Peak]:
    """FLOP/s of matrix products by data type, and bytes/s in the cache and from memory.

    A product of n × n matrices is 2n³ FLOPs. Bytes are those that the program reads and
    writes; a line that the cache fetches only to overwrite it is not counted.
    """
    import torch

    from sepconv.bench.clock import wall_clock_for

    torch.set_num_threads(threads)
    kind, clock = torch.device(device), wall_clock_for(device)
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")

    def peak(name: str, dtype: str, value: float) -> Peak:
        return Peak(name, device, dtype, threads, value, measured_at)

    with torch.inference_mode():
        found = [
            peak(MATMUL, dtype, value)
            for dtype in DTYPES
            if (value := _matmul_flop_per_s(kind, dtype, clock)) is not None
        ]
        level_2, last_level = cache_sizes(kind)
        if device == "cpu":
            level_2 *= threads  # each core has its own
        free = psutil.virtual_memory().available // 4
        for name, size in (
            (CACHE, level_2 // 2),
            (MEMORY, min(4 * last_level, MOST_BUFFER_BYTES, free)),
        ):
            found.append(peak(name, "float32", _bytes_per_s(kind, size, clock)))
    return found


def cache_sizes(device: torch.device, folder: Path = CACHES) -> tuple[int, int]:
    """Bytes of the second and of the last level of cache; an accelerator's L2 is both."""
    if device.type == "cuda":
        import torch

        size = int(getattr(torch.cuda.get_device_properties(device), "L2_cache_size", 0))
        return (size, size) if size else ASSUMED_CACHES
    sizes: dict[int, int] = {}
    for index in sorted(folder.glob("index*")):
        try:
            level, kind, text = (
                (index / name).read_text().strip() for name in ("level", "type", "size")
            )
        except OSError:
            continue
        if kind != "Instruction" and re.fullmatch(r"\d+K", text) and level.isdecimal():
            sizes[int(level)] = int(text[:-1]) << 10
    if 2 not in sizes:
        return ASSUMED_CACHES
    return sizes[2], sizes[max(sizes)]


def _matmul_flop_per_s(
    device: torch.device, dtype_name: str, clock: Callable[[], float]
) -> float | None:
    """The best rate at the smallest size that keeps the device busy; None if it cannot."""
    import torch

    dtype = getattr(torch, dtype_name)
    size, taken_s = LEAST_SIZE, 0.0
    try:
        while True:
            left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
            product = torch.empty_like(left)

            def multiply() -> None:
                torch.mm(left, right, out=product)  # noqa: B023 - called before they change

            multiply()
            start = clock()
            multiply()
            taken_s = clock() - start
            if 8 * taken_s > BATCH_S or size >= MOST_SIZE:
                break
            size *= 2
        best_s = taken_s if taken_s > SLOW_CALL_S else _best_call_s(multiply, clock)
    except (RuntimeError, TypeError):  # no kernel for this data type, or not enough memory
        return None
    return 2 * size**3 / best_s


def _bytes_per_s(device: torch.device, total_bytes: int, clock: Callable[[], float]) -> float:
    """The best rate of copying and of adding, with buffers of `total_bytes` together."""
    import torch

    length = max(1, total_bytes // 3 // 4)
    one, other, result = (torch.ones(length, device=device) for _ in range(3))
    half = max(1, total_bytes // 2 // 4)
    source, target = (torch.ones(half, device=device) for _ in range(2))
    return max(
        3 * 4 * length / _best_call_s(lambda: torch.add(one, other, out=result), clock),
        2 * 4 * half / _best_call_s(lambda: target.copy_(source), clock),
    )


def _best_call_s(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds per call in the best of some batches."""
    calls, took_s = 1, 0.0
    while True:  # the first batches warm up, and find how many calls fill one
        start = clock()
        for _ in range(calls):
            call()
        took_s = clock() - start
        if took_s >= BATCH_S / 2:
            break
        calls = max(2 * calls, min(round(calls * BATCH_S / took_s), 100 * calls))
    best_s = took_s
    for _ in range(BATCHES - 1):
        start = clock()
        for _ in range(calls):
            call()
        best_s = min(best_s, clock() - start)
    return best_s / calls


def main(device: str, threads: str, allocator: str) -> None:
    """Measure and print; the allocator first, since torch takes large blocks when it loads."""
    if allocator == TUNED:
        tune_allocator()
    print(json.dumps([asdict(peak) for peak in measure_peaks(device, int(threads))]))


if __name__ == "__main__":
    main(*sys.argv[1:])
