import os

import pytest

from sepconv.bench.core import BINDING, PLACES, aside, bind_threads, pin, usable_cores

needs_two_cores = pytest.mark.skipif(len(usable_cores()) < 2, reason="needs two cores")


@pytest.fixture(autouse=True)
def _keep_affinity():
    cores = usable_cores()
    yield
    os.sched_setaffinity(0, cores)


def test_one_thread_is_pinned_to_the_last_core():
    cores = usable_cores()

    pin(1, cores)

    assert usable_cores() == cores[-1:]


@needs_two_cores
def test_threads_that_nobody_binds_share_as_many_cores(monkeypatch):
    monkeypatch.delenv(PLACES, raising=False)
    cores = usable_cores()

    pin(2, cores)

    assert usable_cores() == cores[-2:]


@needs_two_cores
def test_the_supervisor_steps_aside_and_comes_back():
    cores = usable_cores()

    with aside(cores):
        assert usable_cores() == cores[:-1]

    assert usable_cores() == cores


def test_where_nothing_can_be_pinned_nothing_is():
    cores = usable_cores()

    pin(4, ())
    with aside(()):
        assert usable_cores() == cores


def test_threads_are_bound_from_the_last_core_down_and_wait_passively():
    environment: dict[str, str] = {}

    assert bind_threads(environment) == (PLACES,)

    assert environment.items() >= BINDING.items()
    assert environment[PLACES].startswith(f"{{{usable_cores()[-1]}}}")


def test_a_binding_that_the_user_chose_is_left_alone():
    environment = {"OMP_PROC_BIND": "spread"}

    assert bind_threads(environment) == ()

    assert environment == {"OMP_PROC_BIND": "spread"}
