import os
from pathlib import Path

import pytest

from sepconv.bench.throttle import ThrottleWatch

OPEN_FILES = Path("/proc/self/fd")


class System:
    """A made-up tree of the kernel's files."""

    def __init__(self, root):
        self.root = root

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def groups(self, text):
        self.write("proc/self/cgroup", text)

    def quota(self, group, count, time, word="throttled_usec"):
        text = f"usage_usec 9\nnr_periods 9\nnr_throttled {count}\n{word} {time}\n"
        self.write(f"sys/fs/cgroup/{group}/cpu.stat", text)

    def heat(self, core, count):
        path = f"sys/devices/system/cpu/cpu{core}/thermal_throttle/core_throttle_count"
        self.write(path, f"{count}\n")


@pytest.fixture
def system(tmp_path):
    return System(tmp_path)


@pytest.fixture
def watch_of():
    watches = []

    def make(system):
        watches.append(ThrottleWatch("cpu", root=system.root))
        watches[-1].begin()
        return watches[-1]

    yield make
    for watch in watches:
        watch.close()


def test_an_undisturbed_time_says_nothing(system, watch_of):
    system.groups("0::/job\n")
    system.quota("job", 3, 5000)
    system.heat(0, 7)

    assert watch_of(system).end() is None


def test_a_quota_that_was_used_up_is_told_with_its_time(system, watch_of):
    system.groups("0::/job\n")
    system.quota("job", 3, 5000)
    watch = watch_of(system)

    system.quota("job", 5, 45000)

    assert watch.end() == "the CPU quota held the process back 2 times, 0.04 s"


def test_the_quota_of_a_group_around_ours_counts(system, watch_of):
    system.groups("0::/outer/inner\n")
    system.quota("outer", 0, 0)
    system.quota("outer/inner", 0, 0)
    watch = watch_of(system)

    system.quota("outer", 1, 2000)

    assert "1 times, 0.002 s" in watch.end()


@pytest.mark.parametrize("path", ["/docker/of-the-host", "/../../elsewhere"])
def test_in_a_container_the_root_is_read(system, watch_of, path):
    system.groups(f"0::{path}\n")
    system.quota(".", 0, 0)
    watch = watch_of(system)

    system.quota(".", 4, 1000)

    assert "4 times" in watch.end()


def test_version_1_says_it_in_nanoseconds(system, watch_of):
    system.groups("9:name=systemd:/\n4:cpu,cpuacct:/job\n0::/\n")
    system.quota("cpu,cpuacct/job", 0, 0, word="throttled_time")
    watch = watch_of(system)

    system.quota("cpu,cpuacct/job", 2, 30_000_000, word="throttled_time")

    assert watch.end() == "the CPU quota held the process back 2 times, 0.03 s"


def test_heat_on_a_core_that_we_may_use_is_told(system, watch_of):
    mine = min(os.sched_getaffinity(0))
    system.heat(mine, 10)
    system.heat(4095, 10)  # a core of others
    watch = watch_of(system)

    system.heat(4095, 99)
    assert watch.end() is None

    system.heat(mine, 12)
    assert watch.end() == "heat lowered the clock of the CPU 2 times"


def test_each_beginning_starts_anew(system, watch_of):
    system.groups("0::/job\n")
    system.quota("job", 1, 1000)
    watch = watch_of(system)
    system.quota("job", 2, 2000)

    watch.begin()

    assert watch.end() is None


def test_a_system_that_counts_nothing_held_nothing_back(system, watch_of):
    assert watch_of(system).end() is None


def test_this_machine_can_be_watched():
    watch = ThrottleWatch("cpu")
    watch.begin()
    said = watch.end()
    watch.close()

    assert said is None or "held" in said or "heat" in said


def test_a_watch_keeps_no_file_open_after_closing(system):
    system.groups("0::/job\n")
    system.quota("job", 1, 1000)
    before = len(list(OPEN_FILES.iterdir()))
    watch = ThrottleWatch("cpu", root=system.root)

    watch.close()
    watch.close()

    assert len(list(OPEN_FILES.iterdir())) == before
