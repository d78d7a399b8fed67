from __future__ import annotations

from statistics import pstdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats

from sepconv.record import Spread
from sepconv.store.exchange.statistic import from_rounds, from_spreads, from_value

latencies = st.integers(1, 10**12).map(lambda ns: ns / 1e9)


def reference(values: list[float]) -> dict[str, object]:
    stats: Any = Stats()  # type: ignore[no-untyped-call]
    for value in values:
        stats.update(value)
    return dict(stats.as_dict())


@given(st.lists(latencies, min_size=1, max_size=40))
def test_rounds_are_told_as_pytest_benchmark_tells_them(values: list[float]) -> None:
    expected = reference(values)

    found = from_rounds(values, calls=7)

    counts = ("rounds", "iqr_outliers", "stddev_outliers", "outliers")
    for name in set(expected) - set(counts):
        scale = max(values)
        assert found[name] == pytest.approx(expected[name], rel=1e-9, abs=1e-9 * scale), name
    assert found["rounds"] == expected["rounds"]
    assert found["data"] == values
    assert found["iterations"] == 7
    assert set(found) == {*expected, "data", "iterations"}


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0, 4.0, 50.0], [1.0] * 9 + [90.0]])
def test_outliers_are_counted_as_pytest_benchmark_counts_them(values: list[float]) -> None:
    assert from_rounds(values, 1)["outliers"] == reference(values)["outliers"]


def test_summaries_keep_what_is_exact_and_come_near_the_rest() -> None:
    first = [1e-3 * (1 + each / 100) for each in range(100)]
    second = [2e-3 * (1 + each / 100) for each in range(300)]
    exact = from_rounds(first + second, 1)

    found = from_spreads([Spread.of(first), Spread.of(second)], [100, 300], 5)

    for name in ("min", "max", "mean", "rounds", "ops", "total"):
        assert found[name] == pytest.approx(exact[name]), name
    assert found["stddev"] == pytest.approx(pstdev(first + second), rel=0.02)
    assert found["median"] == pytest.approx(
        (100 * Spread.of(first).median + 300 * Spread.of(second).median) / 400
    )
    assert found["iqr"] == pytest.approx(found["q3"] - found["q1"])
    assert found["iterations"] == 5


def test_summaries_say_nothing_of_single_rounds() -> None:
    found = from_spreads([Spread.of([1.0, 2.0])], [2], 1)

    assert found["outliers"] == "?;?"
    assert not {"data", "iqr_outliers", "stddev_outliers", "ld15iqr", "hd15iqr"} & found.keys()


def test_a_value_alone_is_one_observation_without_spread() -> None:
    found = from_value(0.25)

    assert found["min"] == found["max"] == found["median"] == 0.25
    assert found["rounds"] == 1
    assert found["stddev"] == 0.0
    assert "data" not in found
