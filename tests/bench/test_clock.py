import pytest
import torch

from sepconv.bench.clock import Counters, wall_clock_for


def test_the_cpu_clock_never_runs_backwards():
    clock = wall_clock_for("cpu")

    readings = [clock() for _ in range(100)]

    assert readings == sorted(readings)


def test_cpu_time_grows_while_computing_and_page_faults_are_counted():
    counters = Counters(threads=1)
    before = counters.read_before()
    blocks = [bytearray(1 << 22) for _ in range(8)]
    torch.randn(200_000).sum()

    after = counters.read_after()

    assert len(blocks) == 8
    assert after.cpu_s > before.cpu_s
    assert after.minor_faults - before.minor_faults > 100
    assert after.involuntary_switches >= before.involuntary_switches


def test_a_counter_that_the_kernel_does_not_give_is_none_not_zero():
    counters = Counters(threads=1)
    counters.close()

    assert counters.read_before().queue_s is None


def test_with_several_threads_cpu_time_is_that_of_the_process():
    counters = Counters(threads=2)

    assert counters.read_before().queue_s is None  # a thread's queueing says nothing of the others


def test_a_device_that_is_not_there_has_no_clock():
    if torch.cuda.is_available():
        pytest.skip("there is one here")

    with pytest.raises((RuntimeError, AssertionError)):
        wall_clock_for("cuda")()
