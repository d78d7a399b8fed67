"""Locks are between processes: every other holder here is one."""

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sepconv.bench import lock
from sepconv.bench.lock import DeviceLock
from sepconv.errors import DeviceBusy

HOLDER = """
import signal, subprocess, sys
from sepconv.bench.lock import DeviceLock

devices, wait = sys.argv[1].split(","), "--wait" in sys.argv
signal.signal(signal.SIGINT, lambda *_: None)  # as a supervisor, which only notes the first
with DeviceLock(devices, wait=wait):
    print("held", flush=True)
    if "--child" in sys.argv:
        program = "import time; print(flush=True); time.sleep(600)"
        child = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, close_fds=False
        )
        child.stdout.readline()
        print(child.pid, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEPCONV_LOCK_DIR", str(tmp_path / "locks"))
    return tmp_path / "locks"


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that takes a lock, says "held", and keeps it until it is told otherwise."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as holder:
        try:
            yield holder
        finally:
            holder.kill()


@contextmanager
def held_by_another(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with process(*arguments) as holder:
        assert line_of(holder.stdout) == "held\n"
        yield holder


def line_of(stream: object) -> str:
    return stream.readline()  # type: ignore[attr-defined]


def test_a_second_sweep_on_a_device_is_refused_and_told_who_holds_it():
    url = "postgresql://me:secret@host/db"
    with (
        held_by_another("cpu", "--store", url, f"--store={url}") as holder,
        pytest.raises(DeviceBusy, match="--wait") as refused,
        DeviceLock(["cpu"]),
    ):
        pass

    assert refused.value.device == "cpu"
    assert f"process {holder.pid} since 20" in refused.value.holder
    assert "--store postgresql://… --store=postgresql://…" in refused.value.holder
    assert "secret" not in str(refused.value)


def test_other_devices_stay_free():
    with held_by_another("cuda:1"), DeviceLock(["cpu", "cuda"]) as free:
        assert free.missing_because is None


def test_a_device_with_two_names_has_one_lock():
    with held_by_another("cuda"), pytest.raises(DeviceBusy), DeviceLock(["cuda:0"]):
        pass


def test_a_refusal_keeps_nothing():
    with held_by_another("cuda:0"):
        with pytest.raises(DeviceBusy), DeviceLock(["cpu", "cuda:0"]):
            pass
        with DeviceLock(["cpu"]):
            pass


def test_leaving_the_context_gives_the_lock_back():
    with DeviceLock(["cpu"]):
        pass
    with DeviceLock(["cpu"]):
        pass


def test_who_waits_gets_the_lock_when_its_holder_is_killed():
    with held_by_another("cpu") as holder, process("cpu", "--wait") as waiting:
        told = line_of(waiting.stderr)
        holder.kill()

        assert line_of(waiting.stdout) == "held\n"
    assert told.startswith(f"waiting for cpu, held by process {holder.pid} since ")


def test_a_lock_knows_how_long_it_was_waited_for():
    with held_by_another("cpu") as holder:
        threading.Timer(0.5, holder.kill).start()
        with DeviceLock(["cpu"], wait=True) as late:
            assert late.waited_s >= 0.5
    with DeviceLock(["cpu"], wait=True) as at_once:
        assert at_once.waited_s < late.waited_s


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_a_wait(number):
    with held_by_another("cpu"), process("cpu", "--wait") as waiting:
        assert line_of(waiting.stderr).startswith("waiting for cpu")

        waiting.send_signal(number)
        _, error = waiting.communicate(timeout=60)

    assert "KeyboardInterrupt" in error


def test_a_child_that_outlives_the_holder_does_not_keep_the_lock():
    with held_by_another("cpu", "--child") as holder:
        child = int(line_of(holder.stdout))
        try:
            holder.kill()
            holder.wait()

            with DeviceLock(["cpu"]):
                os.kill(child, 0)  # it lives
        finally:
            os.kill(child, signal.SIGKILL)


def test_two_sweeps_on_two_devices_cannot_wait_for_each_other():
    with (
        held_by_another("cuda:1,cuda:0") as first,
        process("cuda:0,cuda:1", "--wait") as second,
    ):
        assert "waiting for cuda:0" in line_of(second.stderr)
        first.kill()

        assert line_of(second.stdout) == "held\n"


def test_the_files_are_for_every_user_whatever_the_umask(folder):
    before = os.umask(0o077)
    try:
        with DeviceLock(["cuda:0"]):
            pass
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    assert stat.S_IMODE((folder / "cuda-0.lock").stat().st_mode) == 0o666


def test_a_link_in_place_of_a_lock_is_not_followed(folder, tmp_path):
    folder.mkdir()
    (tmp_path / "precious").write_text("kept")
    (folder / "cpu.lock").symlink_to(tmp_path / "precious")

    with DeviceLock(["cpu"]) as without:
        assert without.missing_because is not None
        assert "cpu.lock" in without.missing_because

    assert (tmp_path / "precious").read_text() == "kept"


def test_what_a_lock_file_says_cannot_move_a_terminals_cursor(folder):
    with held_by_another("cpu"):
        (folder / "cpu.lock").write_bytes(b"\x1b[2Jme\xff" + b"x" * 10_000)
        with pytest.raises(DeviceBusy) as refused, DeviceLock(["cpu"]):
            pass
        (folder / "cpu.lock").write_bytes(b"")
        with pytest.raises(DeviceBusy, match="not told its name"), DeviceLock(["cpu"]):
            pass

    assert "\x1b" not in refused.value.holder
    assert len(refused.value.holder) <= lock.HOLDER_BYTES


def test_a_system_without_locks_says_so_and_goes_on(monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)

    with DeviceLock(["cpu"]) as without:
        assert without.missing_because == "this system has no file locks"


def test_the_folder_is_below_that_for_temporary_files_unless_named(monkeypatch, tmp_path):
    monkeypatch.delenv("SEPCONV_LOCK_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert lock.lock_folder() == tmp_path / "sepconv-locks"
