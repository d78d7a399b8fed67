from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sepconv.bench import peak
from sepconv.bench.peak import ASSUMED_CACHES, cache_sizes, run_peaks
from sepconv.errors import MeasuringFailed

CPU = torch.device("cpu")


def cache(folder: Path, index: int, level: str, kind: str, size: str) -> None:
    (folder / f"index{index}").mkdir()
    for name, text in (("level", level), ("type", kind), ("size", size)):
        (folder / f"index{index}" / name).write_text(f"{text}\n")


def test_a_child_measures_every_roof_of_the_cpu():
    peaks = run_peaks("cpu", 1)

    names = {(each.name, each.dtype) for each in peaks}
    assert {
        ("matmul_flop_per_s", "float32"),
        ("matmul_flop_per_s", "float64"),
        ("cache_bytes_per_s", "float32"),
        ("memory_bytes_per_s", "float32"),
    } <= names
    assert all((each.device, each.threads) == ("cpu", 1) for each in peaks)
    assert all(each.value > 1e6 for each in peaks)
    assert all(each.measured_at.endswith("+00:00") for each in peaks)


def test_a_device_that_is_not_there_says_what_torch_said():
    absent = "cuda:99"

    with pytest.raises(MeasuringFailed, match=r"peaks of cuda:99 could not be measured") as failed:
        run_peaks(absent, 1)

    assert "Error" in str(failed.value)


def test_caches_are_read_from_the_system_and_those_of_instructions_do_not_count(tmp_path):
    cache(tmp_path, 0, "1", "Data", "32K")
    cache(tmp_path, 1, "2", "Instruction", "64K")
    cache(tmp_path, 2, "2", "Unified", "1024K")
    cache(tmp_path, 3, "3", "Unified", "32768K")

    assert cache_sizes(CPU, tmp_path) == (1 << 20, 32 << 20)


def test_without_a_third_level_the_second_is_the_last(tmp_path):
    cache(tmp_path, 0, "2", "Unified", "2048K")

    assert cache_sizes(CPU, tmp_path) == (2 << 20, 2 << 20)


@pytest.mark.parametrize("size", [None, "unknown"])
def test_a_system_that_does_not_tell_gets_usual_sizes(tmp_path, size):
    if size:
        cache(tmp_path, 0, "2", "Unified", size)

    assert cache_sizes(CPU, tmp_path / ("" if size else "absent")) == ASSUMED_CACHES


def test_the_best_batch_is_divided_by_its_calls():
    """A clock that one call moves by 10 ms, and by 15 ms while the machine is disturbed."""
    now = [0.0]
    costs = iter([0.010, *[0.010] * 5, *[0.015] * 5, *[0.010] * 5, *[0.015] * 100])

    def call() -> None:
        now[0] += next(costs)

    assert peak._best_call_s(call, lambda: now[0]) == pytest.approx(0.010)
