import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.units import (
    format_bytes,
    format_count,
    format_duration,
    format_ratio,
    format_seconds,
    format_speedup,
    parse_duration,
    parse_percentage,
    parse_size,
    significant,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2108.4, "2110"),
        (9.996, "10.0"),
        (0.012345, "0.0123"),
        (-4.184, "-4.18"),
        (0, "0"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_three_digits_are_significant(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0021084, "2.11 ms"),
        (0.9996, "1.00 s"),
        (61.751, "61.8 s"),
        (32e-6, "32.0 µs"),
        (0.4e-9, "0.400 ns"),
        (0.0, "0 ns"),
    ],
)
def test_seconds_are_written_in_the_unit_that_fits(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(462_422_016, "462 M"), (999_900, "1.00 M"), (999, "999"), (1.5e12, "1.50 T"), (0, "0")],
)
def test_counts_go_by_thousands(count, text):
    assert format_count(count) == text


@pytest.mark.parametrize(
    ("size", "text"), [(25_769_803_776, "24.0 GiB"), (1024, "1.00 KiB"), (1000, "1000 B")]
)
def test_bytes_go_by_1024(size, text):
    assert format_bytes(size) == text


@pytest.mark.parametrize(("ratio", "text"), [(4.18, "4.2×"), (0.456, "0.46×"), (41.1, "41×")])
def test_a_ratio_is_a_factor_of_two_digits(ratio, text):
    assert format_ratio(ratio) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.42 s"),
        (42.3, "42 s"),
        (59.6, "1 min"),
        (100, "1 min 40 s"),
        (3599.7, "1 h"),
        (8000, "2 h 13 min"),
    ],
)
def test_durations_are_for_people_who_wait(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("1.5m", 90), ("45 min", 2700), ("2h", 7200), ("250ms", 0.25), (" 1s ", 1)],
)
def test_a_duration_has_a_number_and_a_unit(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "60", "s", "-1s", "0s", "1e3s", "1 day", "٣s"])
def test_anything_else_is_no_duration(text):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


def test_a_percentage_is_a_fraction():
    assert parse_percentage("2%") == 0.02
    assert parse_percentage(" 0.5 % ") == 0.005


@pytest.mark.parametrize("text", ["2", "0%", "100%", "-1%", "%"])
def test_anything_else_is_no_percentage(text):
    with pytest.raises(ValueError, match="expected a percentage"):
        parse_percentage(text)


@given(st.floats(1e-9, 1e6))
def test_formatted_seconds_are_those_seconds_to_three_digits(seconds):
    number, unit = format_seconds(seconds).split()
    scale = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]

    assert float(number) * scale == pytest.approx(seconds, rel=0.0051)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((4.18, 3.96, 4.41), "4.2× [4.0, 4.4]"),
        ((1.22, 1.19, 1.25), "1.22× [1.19, 1.25]"),  # two digits would say [1.2, 1.2]
        ((1.0, 0.9996, 1.0004), "1.000× [0.9996, 1.000]"),  # four digits are enough for anybody
        ((0.456, None, None), "0.46× (no interval)"),
    ],
)
def test_a_speed_up_shows_as_many_digits_as_tell_its_ends_apart(interval, text):
    assert format_speedup(*interval) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GiB", 4 * 2**30),
        ("512 MiB", 512 * 2**20),
        (" 1.5KiB ", 1536),
        ("2GB", 2_000_000_000),
        ("1TiB", 2**40),
        ("4096B", 4096),
    ],
)
def test_a_size_is_read_in_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["4", "GiB", "-1GiB", "0MiB", "0.1B", "4gib", "4 G", "٤GiB", ""])
def test_what_is_no_size_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="like '4GiB'"):
        parse_size(text)


@given(st.integers(1, 2**40))
def test_a_size_in_bytes_is_read_exactly(size):
    assert parse_size(f"{size}B") == size
