from dataclasses import replace
from math import exp, log, sqrt

import pytest

from sepconv.judge.allocator import allocator_cost, allocator_ratios, divide, policies
from sepconv.record import Estimate, Measurement, Status
from tests.report.sample import ENVIRONMENT, make_case, make_run, measurement

NAMES = ("standard", "depthwise_separable")


def measured(latency_s, faults=0.0, **case):
    return measurement(make_case(**case), latency_s=latency_s, minor_faults_per_call=faults)


def under(allocator, uid, **changes):
    environment = replace(ENVIRONMENT, allocator=allocator)
    return make_run(uid=uid, environment=environment, **changes)


def test_the_cost_is_the_median_ratio_and_its_extremes_by_conv_type():
    sizes = (28, 56, 112)
    tuned = [measured(1e-3, conv_type=name, resolution=hw) for name in NAMES for hw in sizes]
    default = [
        measured(ratio * 1e-3, 1000.0 * ratio, conv_type=name, resolution=hw)
        for name, ratios in zip(NAMES, [(1.0, 1.25, 1.5), (1.0, 2.0, 4.0)], strict=True)
        for hw, ratio in zip(sizes, ratios, strict=True)
    ]

    standard, depthwise = allocator_cost(tuned, default)

    assert (standard.name, depthwise.name) == ("standard", "depthwise separable")
    assert (standard.ratio, standard.low, standard.high, standard.count) == (1.25, 1.0, 1.5, 3)
    assert (depthwise.ratio, depthwise.low, depthwise.high) == (2.0, 1.0, 4.0)
    assert (depthwise.tuned_faults, depthwise.default_faults) == (0.0, 2000.0)


def test_only_cases_that_both_runs_measured_are_divided():
    small, large = make_case(resolution=28), make_case(resolution=56)
    tuned = [measurement(small, latency_s=1e-3), measurement(large, latency_s=2e-3)]
    failed = Measurement(small, Status.TIMED_OUT, "no round within 60 s", tuned[0].values)

    (ratio,) = allocator_ratios(tuned, [failed, measurement(large, latency_s=3e-3)])

    assert (ratio.case, ratio.ratio.value) == (large, 1.5)
    assert allocator_cost(tuned, []) == []


def test_a_case_that_only_faults_still_counts():
    faulting = replace(measured(2e-3, 1500.0), status=Status.FAULTING)

    (ratio,) = allocator_ratios([measured(1e-3)], [faulting])

    assert ratio.default_faults == 1500.0


def test_ratios_come_in_the_order_of_the_outputs_size():
    cases = [measured(1e-3, resolution=56), measured(1e-3, resolution=28, batch_size=2)]

    ratios = allocator_ratios(cases, cases)

    assert [ratio.output_bytes for ratio in ratios] == [2 * 64 * 28**2 * 4, 64 * 56**2 * 4]


def test_half_the_element_is_half_the_output():
    single, half = (measured(1e-3, dtype=dtype) for dtype in ("float32", "bfloat16"))

    (first,), (second,) = allocator_ratios([single], [single]), allocator_ratios([half], [half])

    assert first.output_bytes == 2 * second.output_bytes


def test_a_quotient_has_the_errors_of_both():
    first = Estimate(2.0, 2.0 / 1.1, 2.0 * 1.1)
    second = Estimate(1.0, 1 / 1.1, 1.1)

    quotient = divide(first, second)

    assert quotient.value == 2.0
    assert quotient.high == pytest.approx(2.0 * exp(sqrt(2) * log(1.1)))
    assert quotient.low == pytest.approx(2.0 * exp(-sqrt(2) * log(1.1)))


def test_a_quotient_without_both_intervals_has_none():
    assert divide(Estimate(2.0, 1.9, 2.1), Estimate(1.0)) == Estimate(2.0)


@pytest.mark.parametrize("first_link", ["a", None])
def test_linked_runs_are_found_from_either_of_them(first_link):
    tuned = under("tuned", "a", linked_uid=first_link)
    default = under("default", "b", linked_uid="a")
    stranger = under("default", "c", linked_uid="c")
    runs = [stranger, tuned, default]

    assert policies(tuned, runs) == policies(default, runs) == (tuned, default)
    assert policies(stranger, runs) is None


def test_an_allocator_that_could_not_be_tuned_has_no_cost():
    other = under("not glibc", "a", linked_uid="a")

    assert policies(other, [other, under("default", "b", linked_uid="a")]) is None
