import os

from sepconv.bench.machine import capture_conditions, capture_machine, usable_cores


def test_a_machine_is_the_same_whenever_it_is_asked():
    assert capture_machine() == capture_machine()
    assert capture_machine().key == capture_machine().key


def test_an_accelerator_makes_another_machine():
    assert capture_machine(["Some GPU"]).key != capture_machine().key


def test_cores_that_the_process_may_not_use_do_not_count():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})

        assert usable_cores() == 1
        assert capture_machine().logical_cores == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_what_changes_from_minute_to_minute_is_not_in_the_machine():
    volatile = capture_conditions()

    assert {"load_1min", "memory_available_bytes", "kernel"} <= volatile.keys()
    assert not volatile.keys() & vars(capture_machine()).keys()
