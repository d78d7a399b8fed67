"""What cases and machines do to a sweep, done to it for real: processes that hang, die, eat
memory, and kills at any moment."""

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from sepconv import Store
from sepconv.record import Status

FAULTS = Path(__file__).with_name("fault_types.py")

STATUS_OF = {
    "fault_hang": Status.TIMED_OUT,
    "fault_hang_deaf": Status.TIMED_OUT,
    "fault_segfault": Status.CRASHED,
    "fault_abort": Status.CRASHED,
    "fault_exit_0": Status.CRASHED,
    "fault_memory": Status.OUT_OF_MEMORY,
    "fault_forward": Status.FAILED,
}
LATE = {  # that the calibration does not see
    "fault_hang": Status.TIMED_OUT,
    "fault_segfault": Status.CRASHED,
    "fault_exit_0": Status.CRASHED,
}

GOOD = """
name = "faults"
time_budget = "{budget}"
[axes]
conv_type = ["standard", "depthwise_separable"]
channels = [{channels}]
resolution = [7]
"""
FAULTY = """
[[include]]
conv_type = "{conv_type}"
channels = {channels}
resolution = 7
"""
LATER = "options.after = 12\n"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sepconv", *arguments]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def write_suite(folder: Path, faults: list[tuple[str, bool]], good: int, budget: str) -> None:
    """`good` cases that work, and one for each fault, early or late."""
    channels = ", ".join(str(n) for n in range(1, good // 2 + 1))
    parts = [GOOD.format(channels=channels, budget=budget)]
    for number, (conv_type, late) in enumerate(faults, good // 2 + 1):
        parts.append(FAULTY.format(conv_type=conv_type, channels=number) + LATER * late)
    (folder / "faults.toml").write_text("".join(parts))


def sweep_arguments(store: str) -> list[str]:
    return [
        *("run", "faults.toml", "--store", store, "--conv-types", str(FAULTS)),
        *("--case-timeout", "2s", "--memory-limit", "600MiB"),
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_tenth_case_misbehaves_and_all_others_are_measured(tmp_path):
    early = [(conv_type, False) for conv_type in [*STATUS_OF] * 3][:17]
    faults = [*early, *((conv_type, True) for conv_type in LATE)]
    write_suite(tmp_path, faults, good=180, budget="2min")

    answer = run(tmp_path, *sweep_arguments("s.db"))

    assert answer.returncode == 3, answer.stderr
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        measurements = store.measurements(1)
    found = Counter((m.case.conv_type, m.status) for m in measurements if not m.is_measured)
    wanted = Counter((conv_type, (STATUS_OF | LATE)[conv_type]) for conv_type, _ in faults)
    assert found == wanted
    assert sum(m.is_measured for m in measurements) == 180
    crashed = [m for m in measurements if m.case.conv_type == "fault_segfault"]
    assert all("SIGSEGV" in (m.error or "") for m in crashed)
    assert not [p for p in psutil.process_iter(["cmdline"]) if _is_ours(p, tmp_path)]


def _is_ours(process: psutil.Process, folder: Path) -> bool:
    return any(str(folder) in part for part in process.info["cmdline"] or [])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_child_that_a_hanging_case_leaves_behind_is_ended_with_it(tmp_path):
    pid_file = tmp_path / "child.pid"
    write_suite(tmp_path, [], good=2, budget="8s")
    with (tmp_path / "faults.toml").open("a") as suite:
        suite.write(FAULTY.format(conv_type="fault_orphan", channels=9))
        suite.write(f'options.pid_file = "{pid_file}"\n')

    answer = run(tmp_path, *sweep_arguments("s.db"))

    assert answer.returncode == 3, answer.stderr
    assert not works(int(pid_file.read_text()))


def works(pid):
    """Whether the process does anything: an ended orphan is there until init looks for it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


SMALL = """
name = "small"
time_budget = "10s"
[axes]
conv_type = ["standard", "depthwise_separable", "spatially_separable"]
channels = [4, 8]
resolution = [14]
"""


def blocks_of(path: Path) -> dict[tuple[object, ...], str]:
    """When each block began, by its key."""
    query = "SELECT run_id, case_id, pass_number, ring, arm, started_at FROM block"
    with sqlite3.connect(path) as connection:
        rows = connection.execute(query).fetchall()
    connection.close()
    return {row[:-1]: row[-1] for row in rows}


def wait_for_blocks(path: Path, count: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            if len(blocks_of(path)) >= count:
                return
        except sqlite3.Error:  # no store, or no table yet
            pass
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_run_that_is_killed_again_and_again_is_completed_by_resuming_it(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    path, coin = tmp_path / "s.db", random.Random(5)
    arguments = ["run", "small.toml", "--store", "s.db"]
    known: dict[tuple[object, ...], str] = {}

    for count in (0, 1, 17):
        process = subprocess.Popen(
            command(*arguments), cwd=tmp_path, stderr=subprocess.DEVNULL, text=True
        )
        wait_for_blocks(path, count, process)
        time.sleep(coin.random() * 0.3)
        process.kill()
        process.wait()
        if path.exists():
            assert known.items() <= blocks_of(path).items()
            known = blocks_of(path)
        if known:
            arguments = ["run", "--resume", "--store", "s.db"]

    answer = run(tmp_path, *arguments)

    assert answer.returncode == 0, answer.stderr
    assert known.items() <= blocks_of(path).items()
    with Store(f"sqlite:///{path}") as store:
        finished = store.find_run("latest")
        slots, blocks = store.plan(finished.id), blocks_of(path)
        measurements = store.measurements(finished.id)
    of_run = [key for key in blocks if key[0] == finished.id]
    assert finished.state == "done"
    assert Counter(key[3] for key in of_run) == Counter(
        slot.ring for slot in slots for _ in range(finished.passes)
    )
    assert {m.passes for m in measurements} == {finished.passes}
    assert all(m.is_measured for m in measurements)
