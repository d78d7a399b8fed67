"""A made-up device: its work is done one second per thousand calls after it was queued."""

from __future__ import annotations

import pytest

from sepconv.bench.clock_check import check_clock, run_clock_check
from sepconv.errors import MeasuringFailed

CALL_S = 1e-3
LAUNCH_S = 1e-6


class Device:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.busy_until_s = 0.0

    def work(self, calls: int) -> None:
        for _ in range(calls):
            self.now_s += LAUNCH_S
            self.busy_until_s = max(self.busy_until_s, self.now_s) + CALL_S

    def drain(self) -> None:
        self.now_s = max(self.now_s, self.busy_until_s)

    def host_clock(self) -> float:
        return self.now_s

    def drained_clock(self) -> float:
        self.drain()
        return self.now_s


def verdicts(clock_of):
    device = Device()
    tests = check_clock(clock_of(device), device.work, device.drain, device.host_clock)
    return [test.passed for test in tests]


def test_a_clock_that_waits_for_the_device_is_right():
    assert verdicts(lambda device: device.drained_clock) == [True, True, True]


def test_a_clock_that_times_the_queueing_is_found_out():
    assert verdicts(lambda device: device.host_clock)[1] is False


def test_a_clock_that_takes_its_time_is_found_out():
    def slow_clock(device):
        def clock():
            device.now_s += 1e-3
            return device.drained_clock()

        return clock

    assert verdicts(slow_clock)[2] is False


def test_a_clock_that_counts_in_another_unit_is_found_out():
    assert verdicts(lambda device: lambda: 1.5 * device.drained_clock())[:2] == [True, False]


def test_a_device_that_is_not_there_cannot_be_asked():
    with pytest.raises(MeasuringFailed, match="clock of cuda:99 could not be checked"):
        run_clock_check("cuda:99")
