"""Packed columns, read again as the page's script reads them."""

import gzip
import struct
from array import array
from base64 import b64decode
from math import inf, isnan, nan
from random import Random

import pytest

from sepconv.panel import Column
from sepconv.record import Estimate
from sepconv.report.dashboard.pack import (
    NO_INTERVAL,
    SPARK,
    divide,
    estimate_columns,
    pack,
    short_floats,
    spark,
)


def column_of(*estimates):
    column = Column()
    for estimate in estimates:
        column.append(estimate)
    return column


def read_again(column):
    """The estimates as the script decodes them."""
    found = []
    for value, low, high in zip(*estimate_columns(column, range(len(column.value))), strict=True):
        ends = (
            None if low == NO_INTERVAL else value * (1 - low / 60_000),
            None if high == NO_INTERVAL else value / (1 - high / 60_000),
        )
        found.append(None if isnan(value) else Estimate(value, *ends))
    return found


def test_columns_follow_one_another_in_little_endian_gzip():
    packed = pack([array("H", [1, 258]), array("B", [7]), array("f", [0.5])])

    assert gzip.decompress(b64decode(packed)) == struct.pack("<HHBf", 1, 258, 7, 0.5)


def test_the_same_columns_give_the_same_bytes():
    random = Random(1)
    column = array("f", [random.random() for _ in range(100)])

    assert pack([column]) == pack([array("f", column)])


@pytest.mark.parametrize(
    "estimate",
    [
        Estimate(2.1e-3, 2.0e-3, 2.2e-3),
        Estimate(1.0, 0.9999, 1.0001),
        Estimate(47.11),
        None,
    ],
    ids=str,
)
def test_an_estimate_survives_with_four_digits(estimate):
    (found,) = read_again(column_of(estimate))

    if estimate is None:
        assert found is None
    else:
        assert found.value == pytest.approx(estimate.value, rel=1e-5)
        assert (found.low, found.high) == (
            estimate.low and pytest.approx(estimate.low, rel=1e-4),
            estimate.high and pytest.approx(estimate.high, rel=1e-4),
        )


def test_an_interval_that_leads_anywhere_keeps_its_size():
    (found,) = read_again(column_of(Estimate(3e-6, 1e-7, 4e-3)))  # of two passes

    assert found.low == pytest.approx(1e-7, rel=0.01)
    assert found.high == pytest.approx(4e-3, rel=0.03)


def test_an_interval_never_becomes_so_wide_that_it_has_no_end():
    (found,) = read_again(column_of(Estimate(1.0, 1e-300, 1e300)))

    assert 0 < found.low < 1e-4
    assert found.high == pytest.approx(60_000)


def test_a_value_outside_of_its_interval_ends_it():
    (found,) = read_again(column_of(Estimate(1.0, 1.1, 0.9)))  # as other tools may say

    assert (found.low, found.high) == (1.0, 1.0)


def test_short_floats_lose_no_digit_that_is_seen():
    random = Random(1)
    values = [random.uniform(1e-6, 1e-2) for _ in range(1000)]

    assert list(short_floats(values)) == pytest.approx(values, rel=2e-6)
    assert isnan(short_floats([nan])[0])
    assert short_floats([inf])[0] == inf


def test_a_sparkline_reaches_from_its_least_to_its_greatest_point():
    assert list(spark([2.0, 1.0, nan, 3.0]))[-4:] == [128, 1, 0, 255]


def test_noise_of_a_sparkline_stays_about_its_middle():
    heights = list(spark([1.0, 1.01, 1.0]))[-3:]

    assert heights == [103, 153, 103]


def test_a_short_history_has_gaps_in_front():
    assert list(spark([1.0])) == [0] * (SPARK - 1) + [128]
    assert list(spark([])) == [0] * SPARK


def test_a_long_history_shows_its_newest_points():
    assert list(spark([99.0] + [1.0] * SPARK)) == [128] * SPARK


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], []),
        ([3], [(0, 1)]),
        ([3, 3, 3], [(0, 2), (2, 3)]),
        ([9, 1, 9], [(0, 1), (1, 2), (2, 3)]),
        ([6, 1, 1], [(0, 1), (1, 3)]),
    ],
    ids=str,
)
def test_neighbours_are_together_as_long_as_there_is_room(counts, expected):
    assert divide(counts, 6) == expected
