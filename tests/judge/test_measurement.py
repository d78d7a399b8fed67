import pytest

from sepconv.case import Case
from sepconv.judge.measurement import exact_values, is_settled, judge_case, speedup_clock
from sepconv.record import Block, Estimate, Measurement, Round, Status, Summary

SHAPE = {"in_channels": 16, "out_channels": 16, "height": 14, "width": 14}
STANDARD = Case(conv_type="standard", **SHAPE)
SEPARABLE = Case(conv_type="depthwise_separable", **SHAPE)


def summary(
    wall_s: float, cpu_s: float | None = None, *, faults: int | None = 0, case: Case = STANDARD
) -> Summary:
    """A block of three equal rounds of two calls."""
    rounds = (Round(2 * wall_s, 2 * (cpu_s or wall_s), minor_faults=faults),) * 3
    return Block(case, 1, 2, rounds, 3 * wall_s, 9 * wall_s, "2026-01-01T00:00:00").summary()


def test_values_are_per_call_and_an_interval_is_over_passes():
    found = judge_case(STANDARD, {1: summary(1e-3), 2: summary(1.02e-3)}, precision=0.5)

    assert found.values["latency_s"].value == pytest.approx(1.01e-3, rel=1e-3)
    assert found.values["latency_s"].low < 1.0e-3
    assert found.values["first_call_s"].value == pytest.approx(3.03e-3, rel=1e-3)
    assert found.passes == 2


def test_the_speed_up_is_paired_by_pass_on_cpu_time():
    standard = {1: summary(4e-3, 2e-3), 2: summary(8e-3, 3e-3)}
    separable = {1: summary(4e-3, 1e-3), 2: summary(8e-3, 1.5e-3)}

    found = judge_case(SEPARABLE, separable, standard, precision=0.02)

    assert found.values["realised_speedup"].value == pytest.approx(2.0)
    assert found.values["realised_speedup"].low == pytest.approx(2.0)
    assert found.values["interference"].value == pytest.approx((4 * 16 / 3) ** 0.5, rel=1e-6)


def test_with_several_threads_or_on_an_accelerator_wall_time_decides():
    block = summary(4e-3, 1e-3)
    threads = Case(conv_type="standard", threads=2, **SHAPE)
    cuda = Case(conv_type="standard", device="cuda", **SHAPE)

    assert speedup_clock(STANDARD)(block) == pytest.approx(1e-3)
    assert speedup_clock(threads)(block) == pytest.approx(4e-3)
    assert speedup_clock(cuda)(block) == pytest.approx(4e-3)


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
    passes = {n: summary(wall, faults=faults) for n, wall in enumerate(walls, 1)}

    assert judge_case(STANDARD, passes, precision=0.02).status is status


def test_exact_values_are_there_without_any_measuring():
    found = exact_values(SEPARABLE)

    assert found["params"].value == 16 * 9 + 16 * 16
    assert found["flops"].value == 2 * found["macs"].value
    assert found["ideal_speedup"].value == pytest.approx(1 / (1 / 16 + 1 / 9))
    assert "ideal_speedup" not in exact_values(STANDARD)


def test_a_conv_type_without_a_closed_form_has_no_exact_values():
    assert exact_values(Case(conv_type="somebodys_own", **SHAPE)) == {}


def test_a_case_is_settled_only_when_its_speed_up_is_too():
    narrow, wide = Estimate(1.0, 0.99, 1.01), Estimate(2.0, 1.5, 2.5)

    def settled(**values: Estimate) -> bool:
        return is_settled(Measurement(SEPARABLE, Status.OK, values=values), 0.02)

    assert settled(latency_s=narrow)
    assert not settled(latency_s=wide)
    assert not settled(latency_s=narrow, realised_speedup=wide)
    assert not settled(latency_s=Estimate(1.0))
