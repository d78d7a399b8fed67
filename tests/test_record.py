import pytest

from sepconv.case import Case
from sepconv.metric import METRICS
from sepconv.record import (
    MEASURED,
    QUANTILES,
    TRIED_IN_VAIN,
    Block,
    Estimate,
    Measurement,
    Round,
    Spread,
    Status,
)
from sepconv.run import Environment, Machine, Run
from sepconv.series import Occasion, Point, Series

CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=7, width=7)
MACHINE = Machine("AMD EPYC", "x86_64", 1, 2, 24)
ENVIRONMENT = Environment("3.11", "2.13.0", ("oneDNN 3.7",), "AVX2", "tuned")
RUN = Run("uid", "quick", "2026-01-01T00:00:00Z", MACHINE, ENVIRONMENT)


def block_of(*rounds, calls=10):
    return Block(
        case=CASE,
        pass_number=1,
        calls=calls,
        rounds=rounds,
        first_call_s=0.5,
        warmup_s=0.75,
        started_at="2026-01-01T00:00:00Z",
    )


def test_latencies_are_those_of_one_call():
    block = block_of(Round(wall_s=0.2, cpu_s=0.1), Round(wall_s=0.4, cpu_s=0.3))

    assert block.latencies_s == pytest.approx((0.02, 0.04))
    assert block.cpu_latencies_s == pytest.approx((0.01, 0.03))
    assert block.timed_s == pytest.approx(0.6)


def test_a_summary_keeps_what_the_rounds_said():
    summary = block_of(
        Round(2.0, 1.0, queue_s=0.25, minor_faults=3, involuntary_switches=1),
        Round(4.0, 3.0, queue_s=0.5, minor_faults=5, involuntary_switches=0),
    ).summary()

    assert (summary.count, summary.calls) == (2, 10)
    assert summary.wall.median == pytest.approx(0.3)
    assert summary.cpu.median == pytest.approx(0.2)
    assert (summary.queue_s, summary.minor_faults, summary.involuntary_switches) == (0.75, 8, 1)
    assert summary.faults_per_call == pytest.approx(0.4)
    assert (summary.first_call_s, summary.warmup_s) == (0.5, 0.75)


def test_a_counter_that_the_system_cannot_give_is_not_zero():
    summary = block_of(Round(1.0, 1.0, minor_faults=3), Round(1.0, 1.0)).summary()

    assert summary.minor_faults is None
    assert summary.faults_per_call is None
    assert summary.queue_s is None


def test_quantiles_interpolate_between_neighbours():
    spread = Spread.of([4.0, 1.0, 2.0, 3.0, 5.0])

    assert len(spread.quantiles) == len(QUANTILES)
    assert spread.quantiles == pytest.approx((1.0, 1.2, 1.4, 2.0, 3.0, 4.0, 4.6, 4.8, 5.0))
    assert spread.median == 3.0


def test_a_trimmed_mean_does_not_see_one_descheduled_round():
    spread = Spread.of([1.0, 1.0, 1.0, 1.0, 100.0])

    assert spread.trimmed_mean == 1.0
    assert spread.mean == pytest.approx(20.8)


def test_the_spread_of_one_value_is_that_value():
    spread = Spread.of([2.5])

    assert set(spread.quantiles) == {spread.mean, spread.trimmed_mean} == {2.5}


def test_the_relative_error_is_half_the_interval():
    assert Estimate(2.0, 1.9, 2.1).relative_error == pytest.approx(0.05)
    assert Estimate(2.0).relative_error is None


@pytest.mark.parametrize("status", Status)
def test_a_measurement_is_measured_exactly_if_its_status_has_a_value(status):
    assert Measurement(CASE, status).is_measured == (status in MEASURED)
    assert not (status in MEASURED and status in TRIED_IN_VAIN)


def test_a_series_has_a_gap_where_a_run_got_no_value():
    occasion = Occasion.of_run(RUN)
    points = (Point(occasion, Status.OK, Estimate(0.5)), Point(occasion, Status.CRASHED, None))

    assert Series(CASE, "latency_s", "machine", "environment", points).values == (0.5, None)


@pytest.mark.parametrize(("name", "metric"), METRICS.items())
def test_every_metric_is_registered_under_its_name_and_explained(name, metric):
    assert metric.name == name
    assert metric.meaning
    assert metric.unit in {"s", "1", "B", "1/s", "FLOP/s"}
