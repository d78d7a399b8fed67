from dataclasses import replace
from math import inf, log

import pytest

from sepconv.case import Case
from sepconv.judge.measurement import (
    JUDGED,
    deciding_ratio,
    doubt,
    exact_values,
    judge_case,
    with_promise,
)
from sepconv.metric import METRICS
from sepconv.ratio import LogRatio, Pair
from sepconv.record import Block, Estimate, Facts, Measurement, Round, Status, Summary

SHAPE = {"in_channels": 16, "out_channels": 16, "height": 14, "width": 14}
STANDARD = Case(conv_type="standard", **SHAPE)
SEPARABLE = Case(conv_type="depthwise_separable", **SHAPE)


def summary(
    wall_s: float, cpu_s: float | None = None, *, faults: int | None = 0, case: Case = STANDARD
) -> Summary:
    """A block of three equal rounds of two calls."""
    rounds = (Round(2 * wall_s, 2 * (cpu_s or wall_s), minor_faults=faults),) * 3
    return Block(case, 1, 2, rounds, 3 * wall_s, 9 * wall_s, "2026-01-01T00:00:00").summary()


def alone(*walls: float, faults: int | None = 0) -> dict[int, list[Summary]]:
    """Passes of one block each."""
    return {number: [summary(wall, faults=faults)] for number, wall in enumerate(walls, 1)}


def ratio(speedup: float) -> LogRatio:
    """Of a pass whose quiet quads say that; what else it holds is nonsense."""
    return LogRatio(0.0, None, 0.0, -log(speedup))


def test_values_are_per_call_and_an_interval_is_over_passes():
    found = judge_case(STANDARD, alone(1e-3, 1.02e-3), precision=0.5)

    assert found.values["latency_s"].value == pytest.approx(1.01e-3, rel=1e-3)
    assert found.values["latency_s"].low < 1.0e-3
    assert found.values["first_call_s"].value == pytest.approx(3.03e-3, rel=1e-3)
    assert found.passes == 2


def test_the_first_call_of_a_pass_is_that_of_the_ring_that_met_the_case_first():
    met_first, met_again = summary(4e-3), summary(1e-3)

    found = judge_case(
        STANDARD, {1: [met_again, met_first], 2: [met_first, met_again]}, precision=0.5
    )

    assert found.values["first_call_s"].value == pytest.approx(met_first.first_call_s)


def test_the_blocks_of_one_pass_are_one_value_of_the_interval():
    """Standard has a block in every ring: more blocks are no more passes."""
    blocks = {
        1: [summary(1e-3, 1e-3), summary(4e-3, 4e-3)],
        2: [summary(2e-3, 2e-3), summary(2e-3, 2e-3)],
    }

    found = judge_case(STANDARD, blocks, precision=0.02)

    assert found.values["latency_s"].value == pytest.approx(2e-3)
    assert found.values["latency_s"].low == pytest.approx(2e-3)
    assert found.values["cpu_latency_s"].value == pytest.approx(2e-3)
    assert found.passes == 2
    assert found.status is Status.OK


def test_the_speed_up_is_that_of_the_ring_and_not_the_quotient_of_latencies():
    found = judge_case(SEPARABLE, alone(1e-3, 2e-3), {1: ratio(2), 2: ratio(8)}, precision=0.02)

    assert found.values["realised_speedup"].value == pytest.approx(4.0)
    assert found.values["realised_speedup"].low < 2


@pytest.mark.parametrize("pairs", [None, {}])
def test_a_case_that_took_no_turns_with_standard_has_no_speed_up(pairs):
    found = judge_case(SEPARABLE, alone(1e-3, 1e-3), pairs, precision=0.02)

    assert "realised_speedup" not in found.values


def test_throughput_is_images_per_second_with_the_latencys_interval():
    batch = Case(conv_type="standard", batch_size=8, **SHAPE)

    found = judge_case(batch, alone(1e-3, 1.1e-3), precision=0.02).values

    assert found["throughput_per_s"].value == pytest.approx(8 / found["latency_s"].value)
    assert found["throughput_per_s"].low == pytest.approx(8 / found["latency_s"].high)
    assert found["throughput_per_s"].high == pytest.approx(8 / found["latency_s"].low)


def test_interference_is_wall_over_cpu_time():
    blocks = {1: [summary(4e-3, 1e-3)], 2: [summary(8e-3, 1.5e-3)]}

    found = judge_case(STANDARD, blocks, precision=0.02).values["interference"]

    assert found.value == pytest.approx((4 * 16 / 3) ** 0.5, rel=1e-6)


def test_with_several_threads_or_on_an_accelerator_wall_time_decides():
    def decides(case: Case) -> str:
        pair = Pair(1, 1, case.shape, case, 3, cpu=ratio(2), wall=ratio(4))
        return "cpu" if deciding_ratio(pair) is pair.cpu else "wall"

    assert decides(SEPARABLE) == "cpu"
    assert decides(Case(conv_type="depthwise_separable", threads=2, **SHAPE)) == "wall"
    assert decides(Case(conv_type="depthwise_separable", device="cuda", **SHAPE)) == "wall"


@pytest.mark.parametrize(
    ("walls", "faults", "status"),
    [
        ((1.0, 1.001, 0.999), 0, Status.OK),
        ((1.0, 1.2, 0.8), 0, Status.NOISY),
        ((1.0,), 0, Status.NOISY),  # one pass cannot show that it is not
        ((1.0, 1.001, 0.999), 60, Status.FAULTING),  # 3 × 60 faults in 6 calls
        ((1.0, 1.001, 0.999), None, Status.OK),  # not counted on this system
    ],
)
def test_a_status_says_how_far_a_value_can_be_believed(walls, faults, status):
    found = judge_case(STANDARD, alone(*walls, faults=faults), precision=0.02)

    assert (found.status, found.error) == (status, None)
    assert ("minor_faults_per_call" in found.values) == (faults is not None)


@pytest.mark.parametrize(
    ("throttled", "status", "error"),
    [
        ({}, Status.FAULTING, None),
        ({1: "cpu quota"}, Status.FAULTING, None),  # one pass of four
        ({1: "power", 3: "heat"}, Status.THROTTLED, "heat; power"),
        ({1: "heat", 2: "heat", 4: "heat"}, Status.THROTTLED, "heat"),
    ],
)
def test_a_case_is_throttled_if_half_of_its_passes_were_whatever_else_it_is(
    throttled, status, error
):
    blocks = alone(1.0, 1.0, 1.0, 1.0, faults=60)

    found = judge_case(STANDARD, blocks, precision=0.02, throttled=throttled)

    assert (found.status, found.error) == (status, error)


def test_facts_are_values_without_an_interval_and_reasons():
    facts = Facts({"allocations": 3}, {"peak_memory_bytes": "not on this device"})

    found = judge_case(STANDARD, alone(1.0), precision=0.02, facts=facts)

    assert found.values["allocations"] == Estimate(3)
    assert found.unsupported == {"peak_memory_bytes": "not on this device"}


def test_what_is_judged_is_no_fact():
    pairs = {1: ratio(2)}

    found = judge_case(SEPARABLE, alone(1.0), pairs, precision=0.02)

    assert set(found.values) == JUDGED
    assert METRICS.keys() >= JUDGED


def test_exact_values_are_there_without_any_measuring():
    found = exact_values(SEPARABLE)

    assert found["params"] == 16 * 9 + 16 * 16
    assert found["flops"] == 2 * found["macs"]
    assert found["ideal_speedup"] == pytest.approx(1 / (1 / 16 + 1 / 9))
    assert "ideal_speedup" not in exact_values(STANDARD)


def test_a_conv_type_without_a_closed_form_is_promised_what_was_counted():
    own = Case(conv_type="somebodys_own", **SHAPE)
    standard = exact_values(STANDARD)["macs"]

    assert exact_values(own) == {}
    assert with_promise(own, {}) == {}
    assert with_promise(own, {"macs": standard / 4})["ideal_speedup"] == pytest.approx(4)
    assert with_promise(STANDARD, {"macs": standard}) == {"macs": standard}
    assert with_promise(SEPARABLE, exact_values(SEPARABLE)) == exact_values(SEPARABLE)


def test_a_doubtful_speed_up_wants_more_passes_than_a_doubtful_latency_and_a_sure_one_none():
    narrow, wide = Estimate(1.0, 0.99, 1.01), Estimate(2.0, 1.5, 2.5)

    def doubts(**values: Estimate) -> tuple[float, float]:
        return doubt(Measurement(SEPARABLE, Status.OK, values=values), 0.02)

    assert doubts(latency_s=narrow, realised_speedup=narrow) == (0, 0)
    assert doubts(latency_s=wide, realised_speedup=narrow) == (0, 0.25)
    assert doubts(latency_s=narrow, realised_speedup=wide) == (0.25, 0)
    assert doubts(latency_s=wide) == (0.25, 0.25)
    assert doubts(latency_s=narrow, realised_speedup=Estimate(2.0)) == (inf, 0)
    assert doubts(latency_s=narrow, interference=wide) == (0, 0)


def test_of_an_accelerator_passes_that_were_held_back_are_left_out_where_there_are_others():
    device = replace(SEPARABLE, device="cuda")
    blocks = alone(1e-3, 1e-3, 1e-3, 9e-3)
    pairs = {1: ratio(4.0), 2: ratio(4.0), 3: ratio(4.0), 4: ratio(1.0)}
    low_clock = {4: "the device runs at 300 of 1410 MHz"}

    found = judge_case(device, blocks, pairs, precision=0.02, throttled=low_clock)

    assert found.values["latency_s"].value == pytest.approx(1e-3)
    assert found.values["realised_speedup"].value == pytest.approx(4.0)
    assert (found.status, found.passes) == (Status.OK, 3)
    everywhere = judge_case(
        device, blocks, pairs, precision=0.02, throttled=dict.fromkeys(blocks, "")
    )
    assert (everywhere.status, everywhere.passes) == (Status.THROTTLED, 4)
