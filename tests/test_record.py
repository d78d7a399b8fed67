from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.case import Case
from sepconv.metric import METRICS
from sepconv.record import (
    MEASURED,
    QUANTILES,
    TRIED_IN_VAIN,
    Block,
    Environment,
    Estimate,
    LogRatio,
    Machine,
    Measurement,
    Revision,
    Round,
    Run,
    Spread,
    Status,
)
from sepconv.series import Point, Series

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


@pytest.mark.parametrize(
    "changed",
    [{"cpu_model": "Intel Xeon"}, {"physical_cores": 2}, {"accelerators": ("H200",)}],
    ids=str,
)
def test_another_machine_has_another_key(changed):
    assert replace(MACHINE, **changed).key != MACHINE.key
    assert replace(MACHINE).key == MACHINE.key


@pytest.mark.parametrize(
    "changed",
    [{"torch": "2.12.0"}, {"allocator": "default"}, {"method_version": 99}],
    ids=str,
)
def test_another_environment_has_another_key(changed):
    assert replace(ENVIRONMENT, **changed).key != ENVIRONMENT.key
    assert replace(ENVIRONMENT).key == ENVIRONMENT.key


def test_labels_say_what_people_look_for():
    assert MACHINE.label == "AMD EPYC, 2 cores, 24 GiB"
    assert replace(MACHINE, logical_cores=1).label == "AMD EPYC, 1 core, 24 GiB"
    assert ENVIRONMENT.label == "torch 2.13.0, Python 3.11, tuned allocator"
    assert replace(ENVIRONMENT, cuda="12.8").label.startswith("torch 2.13.0, CUDA 12.8")


def test_a_run_outside_of_git_has_no_commit():
    revision = Revision("c0ffee", (), "2026-01-01", "2026-01-01", "Begin")

    assert RUN.commit is None
    assert replace(RUN, revision=revision).commit == "c0ffee"


def test_a_series_has_a_gap_where_a_run_got_no_value():
    points = (Point(RUN, Status.OK, Estimate(0.5)), Point(RUN, Status.CRASHED, None))

    assert Series(CASE, "latency_s", "machine", "environment", points).values == (0.5, None)


@pytest.mark.parametrize(("name", "metric"), METRICS.items())
def test_every_metric_is_registered_under_its_name_and_explained(name, metric):
    assert metric.name == name
    assert metric.meaning
    assert metric.unit in {"s", "1", "B", "1/s", "FLOP/s"}


def test_a_pair_of_rounds_in_which_a_clock_did_not_move_is_left_out_of_the_ratio():
    base, head = (1.0, 1.0, 0.0, 1.0), (2.0, 2.0, 2.0, 0.0)

    assert LogRatio.of(base, head) == LogRatio.of(base[:2], head[:2])


def test_a_quad_in_which_a_clock_did_not_move_lends_its_other_pair_to_no_neighbour():
    base = (1.0, 0.0, 1.0, 1.0)
    head = (4.0, 9.0, 1.0, 1.0)

    assert LogRatio.of(base, head).mean == pytest.approx(log(4.0) / 2)


def test_the_quiet_mean_is_that_of_the_quads_that_were_least_disturbed():
    quiet = [((1.0, 1.0), (2.0, 2.0))] * 2
    disturbed = [((1.5, 1.4), (4.0, 4.5)), ((1.1, 1.2), (9.0, 9.0))] * 3
    base, head = ([x for quad in (*quiet, *disturbed) for x in quad[arm]] for arm in (0, 1))

    found = LogRatio.of(base, head)

    assert found.quiet_mean == pytest.approx(log(2.0))
    assert found.trimmed_mean > log(2.2)


@given(st.lists(st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)), min_size=1, max_size=24))
def test_exchanging_the_arms_negates_every_mean_of_their_ratio(pairs):
    base, head = zip(*pairs, strict=True)

    there, back = LogRatio.of(base, head), LogRatio.of(head, base)

    for name in ("trimmed_mean", "mean", "quiet_mean"):
        assert getattr(there, name) == pytest.approx(-getattr(back, name), abs=1e-12)


def test_clocks_that_never_move_have_no_ratio():
    with pytest.raises(ValueError, match="clocks that move"):
        LogRatio.of((0.0, 0.0), (1.0, 1.0))
