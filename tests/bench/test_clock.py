import threading

import pytest
import torch

from sepconv.bench.clock import Counters, cpu_clock_for, wall_clock_for
from sepconv.bench.cuda import EventClock


def test_the_cpu_clock_never_runs_backwards():
    clock = wall_clock_for("cpu")

    readings = [clock() for _ in range(100)]

    assert readings == sorted(readings)


def test_cpu_time_grows_while_computing_and_page_faults_are_counted():
    counters, cpu_clock = Counters(threads=1), cpu_clock_for(threads=1)
    before, start = counters.read(), cpu_clock()
    blocks = [bytearray(1 << 22) for _ in range(8)]
    torch.randn(200_000).sum()

    after, end = counters.read(), cpu_clock()

    assert len(blocks) == 8
    assert end > start
    assert after.minor_faults - before.minor_faults > 100
    assert after.involuntary_switches >= before.involuntary_switches


def test_a_counter_that_the_kernel_does_not_give_is_none_not_zero():
    counters = Counters(threads=1)
    counters.close()

    assert counters.read().queue_s is None


def test_with_several_threads_cpu_time_is_that_of_the_process():
    alone, together = cpu_clock_for(threads=1), cpu_clock_for(threads=2)
    before = alone(), together()
    worker = threading.Thread(target=lambda: sum(range(3_000_000)))
    worker.start()
    worker.join()

    assert together() - before[1] > 2 * (alone() - before[0])
    assert Counters(threads=2).read().queue_s is None  # one thread's queueing is not all of it


def test_a_device_that_is_not_there_has_no_clock():
    if torch.cuda.is_available():
        pytest.skip("there is one here")

    with pytest.raises((RuntimeError, AssertionError)):
        wall_clock_for("cuda")()


def test_a_cuda_device_is_asked_for_its_own_time():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")

    assert isinstance(wall_clock_for("cuda"), EventClock)
