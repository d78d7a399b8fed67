from __future__ import annotations

import os
from pathlib import Path

import pytest

from sepconv.bench import condition
from sepconv.bench.cgroup import check_cpu_quota, check_memory_limit, cpu_quota, memory_limit
from sepconv.bench.condition import CHECKS, check_conditions
from sepconv.bench.host import Host

CPU = "sys/devices/system/cpu"
V2 = {"proc/self/cgroup": "0::/pod/work\n"}
V1 = {"proc/self/cgroup": "4:memory:/pod\n3:cpu,cpuacct:/pod\n"}


@pytest.fixture
def host(tmp_path: Path):
    """A machine that is made of the given files and variables, and of nothing else."""

    def make(files: dict[str, str] | None = None, **facts) -> Host:
        for path, text in (files or {}).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return Host(**{"root": tmp_path, "variables": {}, "cores": (0, 1), "libc": "glibc"} | facts)

    return make


def test_a_machine_that_tells_nothing_is_unknown_and_raises_nothing(host):
    found = {each.name: each.verdict for each in check_conditions(host())}

    for name in ("governor", "turbo", "SMT siblings", "load", "steal", "swap", "huge pages"):
        assert found[name] == "unknown"
    assert found["CPU quota"] == found["memory limit"] == "good"


def test_what_is_bad_comes_first_and_only_that_comes_with_advice(host):
    found = check_conditions(host({"proc/loadavg": "7.0 5.0 4.0 9/99 1"}))

    verdicts = [each.verdict for each in found]
    assert verdicts == sorted(verdicts, key=("bad", "unknown", "good").index)
    assert "load" in [each.name for each in found if each.verdict == "bad"]
    assert all(bool(each.advice) == (each.verdict == "bad") for each in found)
    assert all(each.meaning for each in found)
    assert len({each.name for each in found}) == len(CHECKS)


def test_this_machine_can_be_asked():
    assert len(check_conditions()) == len(CHECKS)


@pytest.mark.parametrize(
    ("check", "path", "text", "verdict", "found"),
    [
        ("governor", f"{CPU}/cpu1/cpufreq/scaling_governor", "powersave", "bad", "powersave"),
        (
            "governor",
            f"{CPU}/cpu1/cpufreq/scaling_governor",
            "performance\n",
            "good",
            "performance",
        ),
        ("turbo", f"{CPU}/intel_pstate/no_turbo", "0\n", "bad", "on"),
        ("turbo", f"{CPU}/intel_pstate/no_turbo", "1\n", "good", "off"),
        ("turbo", f"{CPU}/cpufreq/boost", "1\n", "bad", "on"),
        ("turbo", f"{CPU}/cpufreq/boost", "0\n", "good", "off"),
        ("siblings", f"{CPU}/cpu1/topology/thread_siblings_list", "0-1\n", "bad", "cores 0-1"),
        ("siblings", f"{CPU}/cpu1/topology/thread_siblings_list", "1\n", "good", "core 1 is alone"),
        ("load", "proc/loadavg", "0.52 0.3 0.1 1/100 1", "good", "0.52 on 2 cores"),
        ("load", "proc/loadavg", "1.52 0.3 0.1 1/100 1", "bad", "1.52 on 2 cores"),
        ("guest", "proc/cpuinfo", "flags\t\t: fpu avx2 hypervisor\n", "bad", "virtual machine"),
        ("guest", "proc/cpuinfo", "flags\t\t: fpu avx2\n", "good", "bare metal"),
        ("swap", "proc/meminfo", "SwapTotal: 0 kB\nSwapFree: 0 kB\n", "good", "none"),
        (
            *("swap", "proc/meminfo", "SwapTotal: 2097152 kB\nSwapFree: 1048576 kB\n"),
            *("bad", "1.00 GiB in use"),
        ),
        ("swap", "proc/meminfo", "MemTotal: 12 kB\nSwapTotal:\nSwapFree:", "unknown", "not told"),
        (
            *("huge_pages", "sys/kernel/mm/transparent_hugepage/enabled"),
            *("[always] madvise never", "bad", "always"),
        ),
        (
            *("huge_pages", "sys/kernel/mm/transparent_hugepage/enabled"),
            *("always [madvise] never", "good", "madvise"),
        ),
    ],
)
def test_a_file_of_the_system_is_read_for_what_it_says(host, check, path, text, verdict, found):
    answer = getattr(condition, f"check_{check}")(host({path: text}))

    assert answer.verdict == verdict
    assert found in answer.found


def test_the_advice_names_the_file_that_was_read(host):
    intel = condition.check_turbo(host({f"{CPU}/intel_pstate/no_turbo": "0"}))

    assert intel.advice == f"echo 1 | sudo tee /{CPU}/intel_pstate/no_turbo"


def test_a_container_is_told_from_its_mark(host):
    answer = condition.check_guest(host({"proc/cpuinfo": "flags: fpu", ".dockerenv": ""}))

    assert (answer.found, answer.verdict) == ("container", "good")


def test_one_core_is_too_few(host):
    assert condition.check_cores(host(cores=(3,))).verdict == "bad"
    assert condition.check_cores(host(cores=(2, 3))).verdict == "good"


def test_the_question_whether_it_may_pin_leaves_the_process_where_it_was(host):
    before = os.sched_getaffinity(0)

    assert condition.check_affinity(host()).verdict == "good"
    assert os.sched_getaffinity(0) == before


def test_steal_is_what_was_stolen_meanwhile_not_since_the_boot(host):
    machine = host({"proc/stat": "cpu 100 0 0 800 0 0 0 900 5 5\ncpu0 1 2 3"})

    def meanwhile(_seconds: float) -> None:
        (machine.root / "proc/stat").write_text("cpu 140 0 0 850 0 0 0 910 9 9\n")

    answer = condition.check_steal(machine, wait=meanwhile)

    assert (answer.verdict, answer.found) == ("bad", "10.0% of 0.5 s")
    assert condition.check_steal(machine, wait=lambda _: None).verdict == "good"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        (V2 | {"sys/fs/cgroup/pod/work/cpu.max": "max 100000\n"}, None),
        (V2 | {"sys/fs/cgroup/pod/work/cpu.max": "150000 100000\n"}, 1.5),
        (V2 | {"sys/fs/cgroup/pod/cpu.max": "50000 100000\n"}, 0.5),
        (
            V2
            | {
                "sys/fs/cgroup/pod/work/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/pod/cpu.max": "50000 100000\n",
            },
            0.5,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2.0),
        (
            V1
            | {
                "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us": "25000\n",
                "sys/fs/cgroup/cpu/pod/cpu.cfs_period_us": "100000\n",
            },
            0.25,
        ),
        (V2 | {"sys/fs/cgroup/pod/cpu.max": "nonsense\n"}, None),
    ],
)
def test_the_tightest_quota_of_all_groups_counts(host, files, cores):
    machine = host(files)

    assert cpu_quota(machine.root) == cores
    assert check_cpu_quota(machine).verdict == ("good" if cores in (None, 2.0) else "bad")


@pytest.mark.parametrize(
    ("files", "limit", "verdict"),
    [
        (V2 | {"sys/fs/cgroup/pod/work/memory.max": "max\n"}, None, "good"),
        (V2 | {"sys/fs/cgroup/pod/work/memory.max": f"{8 << 30}\n"}, 8 << 30, "good"),
        (V2 | {"sys/fs/cgroup/pod/memory.max": f"{1 << 30}\n"}, 1 << 30, "bad"),
        (V1 | {"sys/fs/cgroup/memory/pod/memory.limit_in_bytes": f"{2**63 - 4096}"}, None, "good"),
        (V1 | {"sys/fs/cgroup/memory/pod/memory.limit_in_bytes": f"{1 << 29}"}, 1 << 29, "bad"),
    ],
)
def test_a_memory_limit_is_one_only_if_memory_could_reach_it(host, files, limit, verdict):
    machine = host(files)

    assert memory_limit(machine.root) == limit
    assert check_memory_limit(machine).verdict == verdict


@pytest.mark.parametrize(
    ("facts", "found", "advice"),
    [
        ({"libc": ""}, "not glibc", "glibc"),
        ({"variables": {"LD_PRELOAD": "/usr/lib/libjemalloc.so.2"}}, "LD_PRELOAD", "unset LD_PRE"),
        ({"variables": {"MALLOC_ARENA_MAX": "1"}}, "MALLOC_ARENA_MAX", "unset MALLOC_ARENA_MAX"),
        (
            {"variables": {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}},
            *("GLIBC_TUNABLES", "unset GLIBC_TUNABLES"),
        ),
    ],
)
def test_an_allocator_that_is_not_ours_to_set_is_bad(host, facts, found, advice):
    answer = condition.check_allocator(host(**facts))

    assert answer.verdict == "bad"
    assert found in answer.found
    assert advice in answer.advice


def test_glibc_by_itself_is_good_and_so_is_a_preload_that_allocates_nothing(host):
    assert condition.check_allocator(host(variables={"LD_PRELOAD": "libc6.so"})).verdict == "good"


def test_variables_that_steer_threads_are_bad_but_not_their_number(host):
    counts = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "4"}
    steered = condition.check_threads(host(variables=counts | {"OMP_WAIT_POLICY": "active"}))

    assert condition.check_threads(host(variables=counts)).verdict == "good"
    assert (steered.verdict, steered.found) == ("bad", "OMP_WAIT_POLICY")
    assert steered.advice == "unset OMP_WAIT_POLICY"
