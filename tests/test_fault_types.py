"""The faults that other tests rely on are real ones: each is made in a process of its own."""

import faulthandler
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from sepconv.bench.output import check_output
from sepconv.bench.plugin import classify
from sepconv.case import Case
from sepconv.convs import build_conv
from sepconv.convs.loading import load_conv_types
from sepconv.errors import WrongOutput
from sepconv.record import Status
from tests import fault_types
from tests.convs.registry import forgetting
from tests.fault_types import CONV_TYPES, FAULT_TYPES

WORKED = 42  # the exit code of a child whose calls all returned
PIECE = 256 << 20


@pytest.fixture(autouse=True)
def loaded():
    with forgetting():
        yield load_conv_types(FAULT_TYPES)


def case_of(fault, **options):
    return Case(conv_type=fault, in_channels=2, out_channels=2, height=5, width=5, options=options)


def call(case, times=1):
    module, x = build_conv(case), torch.zeros(case.input_shape)
    for _ in range(times):
        y = module(x)
    return y


def fork(act: Callable[[], object]) -> int:
    """The pid of a child that acts, in silence, and ends with `WORKED`."""
    pid = os.fork()
    if pid == 0:
        _act(act)
    return pid


def _act(act: Callable[[], object]) -> NoReturn:
    faulthandler.disable()
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.setpgid(0, 0)
        torch.set_num_threads(1)
        act()
        os._exit(WORKED)
    finally:
        os._exit(1)


def ended_with(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_every_name_says_that_it_is_a_fault(loaded):
    assert loaded.names == tuple(CONV_TYPES)
    assert all(name.startswith("fault_") for name in loaded.names)
    documented = fault_types.__doc__ or ""
    assert all(f"    {name} " in documented for name in loaded.names)


@pytest.mark.parametrize("fault", ["fault_none", "fault_wait", "fault_allocations", "fault_flood"])
def test_what_only_costs_time_or_memory_works(fault):
    assert ended_with(fork(lambda: check_output(call(case_of(fault), 2), case_of(fault)))) == WORKED


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("fault_segfault", -signal.SIGSEGV),
        ("fault_abort", -signal.SIGABRT),
        ("fault_exit_0", 0),
    ],
)
def test_what_ends_the_process_does_so_at_its_time(fault, code):
    case = case_of(fault, after=3)

    assert ended_with(fork(lambda: call(case, 3))) == WORKED
    assert ended_with(fork(lambda: call(case, 4))) == code


@pytest.mark.parametrize(
    ("fault", "error"), [("fault_forward", ValueError), ("fault_sys_exit", SystemExit)]
)
def test_what_raises_does_so_at_its_time(fault, error):
    case = case_of(fault, after=2)
    call(case, 2)

    with pytest.raises(error):
        call(case)


def test_a_late_fault_comes_after_ten_calls_of_the_case_in_all():
    case = case_of("fault_later")
    call(case, 6)
    call(case, 4)

    with pytest.raises(ValueError, match="has come"):
        call(case)


def test_a_builder_can_fail():
    with pytest.raises(ValueError, match="cannot be built"):
        build_conv(case_of("fault_build"))


def test_a_wrong_shape_is_noticed():
    case = case_of("fault_shape")

    with pytest.raises(WrongOutput, match=r"returned \(1, 2, 4, 4\), expected \(1, 2, 5, 5\)"):
        check_output(call(case), case)


def test_memory_runs_out_under_a_limit():
    def exhaust():
        data = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (data + PIECE, resource.RLIM_INFINITY))
        try:
            call(case_of("fault_memory"))
        except (RuntimeError, MemoryError) as error:
            os._exit(7 if classify(error)[0] is Status.OUT_OF_MEMORY else 8)

    assert ended_with(fork(exhaust)) == 7


def test_what_hangs_is_ended_by_sigterm():
    pid = fork(lambda: call(case_of("fault_hang")))
    while said_of(pid, "State")[0] not in "SZ":
        os.sched_yield()

    os.kill(pid, signal.SIGTERM)

    assert ended_with(pid) == -signal.SIGTERM


def test_an_orphan_is_left_behind(tmp_path):
    note = tmp_path / "pid"
    pid = fork(lambda: call(case_of("fault_orphan", pid_file=str(note))))
    while not note.exists() or not note.read_text():
        os.sched_yield()

    orphan = int(note.read_text())
    assert said_of(orphan, "PPid") == str(pid)
    os.killpg(pid, signal.SIGKILL)
    assert ended_with(pid) == -signal.SIGKILL


def test_what_is_deaf_ignores_sigterm():
    pid = fork(lambda: call(case_of("fault_hang_deaf")))
    while not int(said_of(pid, "SigIgn"), 16) >> (signal.SIGTERM - 1) & 1:
        os.sched_yield()

    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGKILL)

    assert ended_with(pid) == -signal.SIGKILL


def said_of(pid: int, key: str) -> str:
    """What the system says of a process: its state, its parent, its signals."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (word,) = (line.split()[1] for line in lines if line.startswith(f"{key}:"))
    return word
