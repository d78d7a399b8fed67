from collections import deque

import pytest
import torch

from sepconv.bench.clock import wall_clock_for
from sepconv.bench.cuda import FIRST_DELAY_S, MOST_DELAY_S, EventClock, TorchEvents


class RecordedDevice:
    """Replays what a device and its host took for each round, and notes what it was asked."""

    def __init__(self, device_s, host_s):
        self._events = deque(time for took in device_s for time in (0.0, took))
        self._host = deque(time for took in host_s for time in (5.0, 5.0 + took))
        self.asked = []
        self.delays_s = []
        self.is_drained = False

    def host_clock(self):
        self.asked.append("read the host's clock")
        return self._host.popleft()

    def record(self):
        self.asked.append("record")
        self.is_drained = False
        return self._events.popleft()

    def elapsed_s(self, start, end):
        assert self.is_drained, "an event has no time before the device has passed it"
        return end - start

    def synchronise(self):
        self.asked.append("synchronise")
        self.is_drained = True

    def flush(self):
        self.asked.append("flush")

    def delay(self, seconds):
        self.asked.append("delay")
        self.delays_s.append(seconds)


def recorded(device_s, host_s=None):
    device = RecordedDevice(device_s, host_s or [1e-5] * len(device_s))
    return device, EventClock(device, host_clock=device.host_clock)


def one_round(clock):
    """As `benchmark.pedantic` times it."""
    clock.before_round()
    start = clock()
    end = clock()
    return end - start


def test_a_round_takes_what_the_device_says():
    _, clock = recorded([2e-3, 3e-3, 1e-3])

    assert [one_round(clock) for _ in range(3)] == pytest.approx([2e-3, 3e-3, 1e-3])


def test_the_readings_never_run_backwards():
    _, clock = recorded([2e-3, 3e-3, 1e-3])

    readings = [clock() for _ in range(6)]

    assert readings == sorted(readings)


def test_cache_and_queue_are_emptied_outside_the_events_and_the_delay_comes_first():
    device, clock = recorded([2e-3])

    one_round(clock)

    assert device.asked == [
        *("flush", "synchronise", "delay", "record", "read the host's clock"),
        *("record", "read the host's clock", "synchronise"),
    ]


def test_the_delay_hides_the_enqueueing_as_soon_as_that_is_known():
    device, clock = recorded([1e-3] * 3, host_s=[4e-4, 2e-4, 9e-4])

    for _ in range(3):
        one_round(clock)

    assert device.delays_s[0] == FIRST_DELAY_S
    assert device.delays_s[1] > 4e-4
    assert 2e-4 < device.delays_s[2] < 4e-4


def test_a_delay_has_a_limit():
    device, clock = recorded([1.0, 1.0], host_s=[2.0, 2.0])

    one_round(clock)
    one_round(clock)

    assert device.delays_s[1] == MOST_DELAY_S


def test_rounds_that_the_host_takes_longer_to_enqueue_are_host_bound():
    _, clock = recorded([1e-3] * 4, host_s=[2e-3, 1e-4, 2e-3, 2e-3])

    for _ in range(4):
        one_round(clock)

    assert clock.host_bound == 0.75


def test_a_block_knows_nothing_of_the_one_before():
    device, clock = recorded([1e-3] * 2, host_s=[2e-3, 1e-4])
    one_round(clock)

    clock.begin_block()

    assert clock.host_bound == 0
    one_round(clock)
    assert clock.host_bound == 0
    assert device.delays_s == [FIRST_DELAY_S, FIRST_DELAY_S]


def test_a_round_that_raised_is_forgotten():
    device, clock = recorded([7.0, 1e-3], host_s=[7.0, 1e-5])
    clock()  # and the target raises
    device.record(), device.host_clock()  # of the end that never came

    assert one_round(clock) == pytest.approx(1e-3)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_real_device_takes_at_least_as_long_as_it_sleeps():
    clock, device = wall_clock_for("cuda"), TorchEvents("cuda")
    assert isinstance(clock, EventClock)

    clock.before_round()
    start = clock()
    device.delay(5e-3)
    took_s = clock() - start

    assert 2e-3 < took_s < 50e-3
