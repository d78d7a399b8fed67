import random
from math import exp, hypot, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.judge.estimate import (
    RUN_SD,
    estimate_latency,
    estimate_speedup,
    student_quantile,
    throughput,
)
from sepconv.record import Estimate

LATENCIES = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=12)


def test_a_latency_is_the_geometric_mean_with_a_t_interval():
    """By hand: logs 0 and log 4, mean log 2, sd log 4/√2, t(1) = 12.7062."""
    found = estimate_latency([1.0, 4.0])

    half_width = 12.7062 * (log(4) / 2**0.5) / 2**0.5
    assert found.value == pytest.approx(2.0)
    assert found.low == pytest.approx(exp(log(2) - half_width), rel=1e-4)
    assert found.high == pytest.approx(exp(log(2) + half_width), rel=1e-4)


def test_one_pass_has_a_value_and_no_interval():
    found = estimate_latency([0.5])

    assert (found.value, found.low, found.high) == (pytest.approx(0.5), None, None)
    assert found.relative_error is None


def test_no_pass_is_an_error_not_a_number():
    with pytest.raises(ValueError, match="at least one pass"):
        estimate_latency([])


@given(LATENCIES, st.sampled_from([1e-6, 1e-3, 1e3]))
def test_an_estimate_does_not_depend_on_the_unit(latencies, scale):
    plain = estimate_latency(latencies)
    scaled = estimate_latency([scale * latency for latency in latencies])

    assert scaled.value == pytest.approx(scale * plain.value)
    assert scaled.relative_error == pytest.approx(plain.relative_error, rel=1e-6, abs=1e-9)


def test_a_speed_up_is_the_inverse_of_the_ratio_with_its_interval():
    """By hand: head takes a half and an eighth; the geometric mean of 2 and 8 is 4."""
    found = estimate_speedup([log(1 / 2), log(1 / 8)])

    half_width = hypot(12.7062 * (log(4) / 2**0.5) / 2**0.5, 1.96 * RUN_SD)
    assert found.value == pytest.approx(4.0)
    assert found.low == pytest.approx(exp(log(4) - half_width), rel=1e-4)
    assert found.high == pytest.approx(exp(log(4) + half_width), rel=1e-4)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=12))
def test_exchanging_base_and_head_inverts_a_speed_up(ratios):
    found, inverse = estimate_speedup(ratios), estimate_speedup([-ratio for ratio in ratios])

    assert found.value == pytest.approx(1 / inverse.value)
    if len(ratios) > 1:
        assert found.low == pytest.approx(1 / inverse.high)


def test_passes_that_a_spell_of_the_machine_has_taken_whole_move_an_estimate_little():
    quiet = [1.00, 1.01, 0.99, 1.00, 1.02, 0.98, 1.00]

    spell = estimate_latency([*quiet, 1.5])

    assert spell.value == pytest.approx(estimate_latency([*quiet, 1.02]).value, rel=0.01)


def test_no_speed_up_is_surer_than_runs_are_alike():
    found = estimate_speedup([0.1] * 12)

    assert found.relative_error == pytest.approx(1.96 * RUN_SD, rel=0.01)


def test_a_throughput_inverts_the_interval_of_its_latency():
    assert throughput(Estimate(0.5, 0.25, 1.0), 32) == Estimate(64, 32, 128)
    assert throughput(Estimate(0.5), 1) == Estimate(2)


def test_the_quantile_is_the_tables():
    assert student_quantile(7) == pytest.approx(2.3646, abs=1e-4)
    assert student_quantile(1_000_000) == pytest.approx(1.96, abs=1e-3)


def test_a_95_percent_interval_of_eight_passes_contains_the_truth_in_95_of_100_cases():
    draw = random.Random(1)
    hits = 0
    for _ in range(2000):
        level = exp(draw.gauss(0, 0.1))
        found = estimate_latency([level * exp(draw.gauss(0, 0.05)) for _ in range(8)])
        hits += found.low <= level <= found.high

    assert 0.935 <= hits / 2000 <= 0.965
