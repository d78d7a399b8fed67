"""Files that a child loads in this process' stead, and that kill, hang or flood it."""

import os
import sys
from pathlib import Path

import pytest

from sepconv.bench.loading import find_conv_types_in_child
from sepconv.errors import InvalidConvTypes
from tests.fault_types import CONV_TYPES, FAULT_TYPES

WORKS = "CONV_TYPES = {'mine': print}\n"


def write(folder, source):
    path = folder / "mine.py"
    path.write_text(source, encoding="utf-8")
    return path


def refusal(path, **limits):
    with pytest.raises(InvalidConvTypes) as caught:
        find_conv_types_in_child(path, **limits)
    assert caught.value.path == str(path)
    return caught.value.reason


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_names_and_the_digest_come_back_and_nothing_else():
    before = [*sys.path], {*sys.modules}

    names, digest = find_conv_types_in_child(FAULT_TYPES)

    assert names == tuple(CONV_TYPES)
    assert len(digest) == 16
    assert ([*sys.path], {*sys.modules}) == before


def test_the_reason_of_a_wrong_file_comes_back(tmp_path):
    assert (
        refusal(write(tmp_path, "\n1 / 0"))
        == "mine.py, line 2: ZeroDivisionError: division by zero"
    )


@pytest.mark.parametrize(
    ("source", "fate"),
    [
        ("import ctypes, faulthandler as f\nf.disable()\nctypes.string_at(0)", "SIGSEGV"),
        ("import os, faulthandler as f\nf.disable()\nos.abort()", "SIGABRT"),
        ("import os\nos._exit(0)", "exit code 0"),
        ("raise KeyboardInterrupt", "exit code 1"),
        # a process that it leaves behind holds the pipe, so that this never closes
        ("import os, time\nif os.fork() == 0:\n    time.sleep(600)\nos._exit(3)", "exit code 3"),
    ],
    ids=["segfault", "abort", "exit 0", "interrupt", "orphan"],
)
def test_a_file_that_ends_its_process_is_refused(tmp_path, source, fate):
    reason = refusal(write(tmp_path, source))

    assert reason == f"loading it ended the process with {fate}"


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.read(os.pipe()[0], 1)",
        "import os, signal\nsignal.signal(15, signal.SIG_IGN)\nos.read(os.pipe()[0], 1)",
        "import os\nos.closerange(3, 100)\nos.read(os.pipe()[0], 1)",
    ],
    ids=["blocks", "ignores SIGTERM", "closes the pipe"],
)
def test_a_file_that_hangs_is_refused(tmp_path, source):
    assert refusal(write(tmp_path, source), timeout_s=0.5) == "loading it does not end"


def test_a_file_that_floods_its_output_is_loaded(tmp_path):
    flood = "import os\nfor _ in range(256):\n    os.write(2, b'flood\\n' * 40000)\n"

    names, _ = find_conv_types_in_child(write(tmp_path, flood + WORKS))

    assert names == ("mine",)


def test_a_flood_of_names_is_refused(tmp_path):
    source = "CONV_TYPES = {str(n) + 'x' * 1000: print for n in range(2000)}"

    assert "no readable answer of at most" in refusal(write(tmp_path, source))


def test_no_process_that_the_file_has_started_is_left(tmp_path):
    note = tmp_path / "pid"
    source = (
        "import os, pathlib, time\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    time.sleep(600)\n"
        "    os._exit(0)\n"
        f"pathlib.Path({str(note)!r}).write_text(str(pid))\n"
    )

    find_conv_types_in_child(write(tmp_path, source + WORKS))

    left = int(note.read_text())
    while is_alive(left):  # the kernel takes a moment; it would live for ten minutes
        os.sched_yield()
