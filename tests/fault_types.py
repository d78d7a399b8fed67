"""Conv types that misbehave, for tests of what survives them: `load_conv_types(FAULT_TYPES)`.

Each is a standard convolution that works until its fault comes, from the first forward call on,
or, with `options.after = N`, after N calls of the case that worked in this process: so it
survives a calibration that makes fewer. (The module of `fault_build` is never made, and
`fault_none`, `fault_shape`, `fault_wait` and `fault_allocations` do the same in every call.)

    fault_none         works
    fault_build        the builder raises
    fault_forward      forward raises
    fault_later        the same, after 10 calls unless `options.after` says otherwise
    fault_shape        returns one row and one column too few
    fault_hang         blocks in a system call for ever; SIGTERM ends it
    fault_hang_deaf    the same, and ignores SIGTERM
    fault_orphan       starts a child process that outlives it for up to ten minutes, then hangs;
                       `options.pid_file` names a file for the child's pid
    fault_hang_build   the builder does not end
    fault_segfault     reads address 0
    fault_heir         starts a child process that lives on and holds its pipes, then aborts
    fault_kill         sends itself SIGKILL
    fault_abort        calls abort()
    fault_exit_0       ends the process at once with exit code 0
    fault_sys_exit     raises SystemExit(0)
    fault_interrupt    raises KeyboardInterrupt, which ends pytest
    fault_memory       allocates and writes memory until that fails; at 2 GiB it gives up with a
                       RuntimeError, so it needs a limit below that, and harms no machine
    fault_memory_kept  the same, keeps what it got and raises a RuntimeError without a word of it
    fault_flood        writes 64 MiB to stderr, once in the process, then works
    fault_profiled     raises where torch's profiler looks on
    fault_talk         writes a line to stderr in each call
    fault_wait         sleeps 5 ms in each call
    fault_allocations  allocates 100 small tensors in each call
"""

import ctypes
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor, nn

FAULT_TYPES = Path(__file__)

LATER = 10  # calls
MOST_BYTES = 2 << 30
PIECE_BYTES, LEAST_BYTES = 64 << 20, 4 << 10
FLOOD_BYTES = 64 << 20
ORPHAN_S = 600
HEIR_S = 20  # longer than any test waits for it
WAIT_S = 0.005
SMALL_TENSORS = 100

calls = Counter()  # forward calls in this process, by the identity of the case
kept = []  # memory
flooded = []  # has an element once stderr was flooded


class Faulty(nn.Module):
    """A standard convolution that does `fault(options)` before each call beyond the first few."""

    def __init__(self, case, fault, after=0):
        super().__init__()
        top, _, left, _ = case.padding_tblr
        self.conv = nn.Conv2d(
            case.in_channels,
            case.out_channels,
            case.kernel_size,
            stride=case.stride,
            padding=(top, left),
            dilation=case.dilation,
            bias=case.bias,
        )
        self._identity = case.identity
        self._options = case.options
        self._fault = fault
        self._after = int(case.options.get("after", after))

    def forward(self, x: Tensor) -> Tensor:
        calls[self._identity] += 1
        if calls[self._identity] > self._after:
            self._fault(self._options)
        return self.conv(x)


class TooSmall(Faulty):
    """Returns an output without its last row and column."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, :, :-1, :-1]


def build_failing(case):
    raise ValueError("fault_build cannot be built")


def fail(options):
    raise ValueError("the fault of this conv type has come")


def hang(options):
    reader, _ = os.pipe()  # nobody writes, and nobody closes
    os.read(reader, 1)


def hang_deaf(options):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(options)


def leave_orphan(options):
    pid = os.fork()
    if pid == 0:
        time.sleep(ORPHAN_S)
        os._exit(0)
    if "pid_file" in options:
        Path(options["pid_file"]).write_text(str(pid))
    hang(options)


def interrupt(options):
    raise KeyboardInterrupt


def build_for_ever(case):
    hang(case.options)


def leave_heir(options):
    if os.fork() == 0:
        os.setpgid(0, 0)  # out of reach of who ends its parent's group
        time.sleep(HEIR_S)
        os._exit(0)
    os.abort()


def exhaust_memory(options, held=None):
    """Takes all there is, to the last kilobyte."""
    held = [] if held is None else held
    size, taken = PIECE_BYTES, 0
    while taken < MOST_BYTES:
        try:
            held.append(torch.ones(size, dtype=torch.uint8))
        except (RuntimeError, MemoryError):
            if size < LEAST_BYTES:
                raise
            size //= 2
        else:
            taken += size
    raise RuntimeError(f"nothing stopped this process at {MOST_BYTES >> 30} GiB")


def keep_all_memory(options):
    try:
        exhaust_memory(options, kept)
    except (RuntimeError, MemoryError) as error:
        raise RuntimeError("could not create a primitive") from error  # what oneDNN says then


def flood(options):
    if flooded:
        return
    flooded.append(True)
    line = b"flood\n" * (1 << 14)
    for _ in range(FLOOD_BYTES // len(line) + 1):
        os.write(2, line)


def talk(options):
    os.write(2, b"fault_talk was called\n")


def allocate(options):
    for _ in range(SMALL_TENSORS):
        torch.empty(16)


def faulty(fault, after=0):
    return lambda case: Faulty(case, fault, after)


def fail_if_profiled(options):
    if torch._C._autograd._profiler_enabled():
        fail(options)


CONV_TYPES = {
    "fault_none": faulty(lambda options: None),
    "fault_build": build_failing,
    "fault_forward": faulty(fail),
    "fault_later": faulty(fail, LATER),
    "fault_shape": lambda case: TooSmall(case, lambda options: None),
    "fault_hang": faulty(hang),
    "fault_hang_deaf": faulty(hang_deaf),
    "fault_orphan": faulty(leave_orphan),
    "fault_hang_build": build_for_ever,
    "fault_heir": faulty(leave_heir),
    "fault_kill": faulty(lambda options: os.kill(os.getpid(), signal.SIGKILL)),
    "fault_segfault": faulty(lambda options: ctypes.string_at(0)),
    "fault_abort": faulty(lambda options: os.abort()),
    "fault_exit_0": faulty(lambda options: os._exit(0)),
    "fault_sys_exit": faulty(lambda options: sys.exit(0)),
    "fault_interrupt": faulty(interrupt),
    "fault_memory": faulty(exhaust_memory),
    "fault_memory_kept": faulty(keep_all_memory),
    "fault_flood": faulty(flood),
    "fault_profiled": faulty(fail_if_profiled),
    "fault_talk": faulty(talk),
    "fault_wait": faulty(lambda options: time.sleep(WAIT_S)),
    "fault_allocations": faulty(allocate),
}
