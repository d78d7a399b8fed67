from dataclasses import replace

import pytest

from sepconv.run import Environment, Machine, Revision, Run

MACHINE = Machine("AMD EPYC", "x86_64", 1, 2, 24)
ENVIRONMENT = Environment("3.11", "2.13.0", ("oneDNN 3.7",), "AVX2", "tuned")
RUN = Run("uid", "quick", "2026-01-01T00:00:00Z", MACHINE, ENVIRONMENT)


@pytest.mark.parametrize(
    "changed",
    [{"cpu_model": "Intel Xeon"}, {"physical_cores": 2}, {"accelerators": ("H200",)}],
    ids=str,
)
def test_another_machine_has_another_key(changed):
    assert replace(MACHINE, **changed).key != MACHINE.key
    assert replace(MACHINE).key == MACHINE.key


@pytest.mark.parametrize(
    "changed",
    [{"torch": "2.12.0"}, {"allocator": "default"}, {"method_version": 99}],
    ids=str,
)
def test_another_environment_has_another_key(changed):
    assert replace(ENVIRONMENT, **changed).key != ENVIRONMENT.key
    assert replace(ENVIRONMENT).key == ENVIRONMENT.key


def test_labels_say_what_people_look_for():
    assert MACHINE.label == "AMD EPYC, 2 cores, 24 GiB"
    assert replace(MACHINE, logical_cores=1).label == "AMD EPYC, 1 core, 24 GiB"
    assert ENVIRONMENT.label == "torch 2.13.0, Python 3.11, tuned allocator"
    assert replace(ENVIRONMENT, cuda="12.8").label.startswith("torch 2.13.0, CUDA 12.8")


def test_a_run_outside_of_git_has_no_commit():
    revision = Revision("c0ffee", (), "2026-01-01", "2026-01-01", "Begin")

    assert RUN.commit is None
    assert replace(RUN, revision=revision).commit == "c0ffee"
