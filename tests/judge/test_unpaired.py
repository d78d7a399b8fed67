"""Latencies that took no turns, one by the other."""

from math import isfinite

import pytest

from sepconv.comparison import Outcome
from sepconv.judge.unpaired import divide_latencies, level_of
from sepconv.record import Estimate


@pytest.mark.parametrize(
    "wide",
    [Estimate(1e-3, 1e-6, 1.1), Estimate(1e-3, 1e-300, 1e300), Estimate(1e-3, 0.0, 1.0)],
    ids=str,
)
def test_an_interval_of_two_passes_that_leads_anywhere_decides_nothing(wide):
    found = divide_latencies(Estimate(1e-3, 0.9e-3, 1.1e-3), wide, level_of(10_000))

    assert found.outcome is Outcome.UNDECIDED
    assert isfinite(found.high)
    assert isfinite(found.detectable)
    assert found.low > 0


def test_a_large_change_is_decided_and_the_drift_of_the_machine_is_not():
    before = Estimate(1e-3, 0.99e-3, 1.01e-3)

    slower = divide_latencies(before, Estimate(2e-3, 1.98e-3, 2.02e-3), level_of(100))
    drifted = divide_latencies(before, Estimate(1.1e-3, 1.09e-3, 1.11e-3), level_of(100))

    assert slower.outcome is Outcome.SLOWER
    assert drifted.outcome is Outcome.UNDECIDED
