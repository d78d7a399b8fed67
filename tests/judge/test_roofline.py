import pytest

from sepconv.judge.roofline import find_roofs
from sepconv.run import Peak


def peak(name: str, value: float, dtype: str = "float32", threads: int = 1, **more: str) -> Peak:
    place = {"device": "cpu", "measured_at": "2026-03-01T09:00:00+00:00"} | more
    return Peak(name, dtype=dtype, threads=threads, value=value, **place)


MEMORY = peak("memory_bytes_per_s", 10e9)
CACHE = peak("cache_bytes_per_s", 80e9)
MATMUL = peak("matmul_flop_per_s", 100e9)


def test_the_ridge_is_where_memory_stops_being_the_limit():
    (roof,) = find_roofs([MATMUL, MEMORY, CACHE])

    assert roof.ridge == 10
    assert roof.cache_bytes_per_s == 80e9


def test_every_data_type_has_a_roof_over_the_same_memory():
    half = peak("matmul_flop_per_s", 200e9, "bfloat16")

    roofs = find_roofs([MATMUL, half, MEMORY])

    assert [(roof.dtype, roof.ridge) for roof in roofs] == [("bfloat16", 20), ("float32", 10)]


def test_more_threads_are_another_roof():
    both = [
        peak("matmul_flop_per_s", 190e9, threads=2),
        peak("memory_bytes_per_s", 15e9, threads=2),
    ]

    roofs = find_roofs([*both, MATMUL, MEMORY])

    assert [(roof.threads, roof.memory_bytes_per_s) for roof in roofs] == [(1, 10e9), (2, 15e9)]


@pytest.mark.parametrize(
    "peaks",
    [
        [],
        [MATMUL],
        [MEMORY, CACHE],
        [MATMUL, peak("memory_bytes_per_s", 15e9, threads=2)],
        [MATMUL, peak("memory_bytes_per_s", 3e12, device="cuda")],
    ],
)
def test_a_roof_needs_both_of_its_sides(peaks):
    assert find_roofs(peaks) == []


def test_a_roof_without_a_cache_is_still_one():
    (roof,) = find_roofs([MATMUL, MEMORY])

    assert roof.cache_bytes_per_s is None


def test_a_roof_is_as_old_as_the_oldest_of_its_peaks():
    newer = peak("matmul_flop_per_s", 1e11, measured_at="2026-04-01T09:00:00+00:00")

    (roof,) = find_roofs([newer, MEMORY])

    assert roof.measured_at == MEMORY.measured_at
