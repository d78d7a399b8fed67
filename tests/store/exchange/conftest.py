"""Files of real pytest-benchmark, and runs to write as such files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sepconv.case import Case
from sepconv.record import Block, Estimate, Measurement, Round, Status
from sepconv.run import Run
from sepconv.store import Store
from sepconv.store.exchange.format import Writing

SUITE = """
import pytest

@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [16, 64])
def test_depthwise(benchmark, channels, stride):
    benchmark(sorted, list(range(channels * stride, 0, -1)))

@pytest.mark.parametrize(("cin", "cout", "hw"), [(3, 8, 32)])
def test_pointwise(benchmark, cin, cout, hw):
    benchmark(sorted, list(range(cin)))
"""
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
QUICK = ("--benchmark-max-time=0.005", "--benchmark-min-rounds=5", "--benchmark-warmup=off")


@pytest.fixture(scope="session")
def real_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pytest --benchmark-json` wrote, in a git repository with one commit."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_suite.py").write_text(SUITE)
    git = ["git", "-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "First"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    subprocess.run(
        [*PYTEST, *QUICK, "--benchmark-json=mine.json", "test_suite.py"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "mine.json"


@pytest.fixture(scope="session")
def real_plain(real_file: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(real_file.read_text())
    return plain


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[object], Path]:
    """Write JSON, or bytes as they are."""

    def write(plain: object, name: str = "mine.json") -> Path:
        path = tmp_path / name
        path.write_bytes(plain if isinstance(plain, bytes) else json.dumps(plain).encode())
        return path

    return write


@pytest.fixture
def benchmark_plain() -> Callable[..., dict[str, Any]]:
    """One benchmark as pytest-benchmark writes it."""

    def plain(name: str = "test_mine[16]", **changes: Any) -> dict[str, Any]:
        stats = {"median": 0.002, "min": 0.001, "data": [0.001, 0.002, 0.003], "iterations": 4}
        return {
            "name": name,
            "params": {"channels": 16, "resolution": 28},
            "extra_info": {},
            "options": {"timer": "perf_counter"},
            "stats": stats,
        } | changes

    return plain


@pytest.fixture
def file_plain(benchmark_plain: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A file of such benchmarks; without any, of one."""

    def plain(*benchmarks: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return {
            "machine_info": {"machine": "x86_64", "python_version": "3.11.4"},
            "commit_info": {"id": "unversioned", "dirty": False, "branch": "(unknown)"},
            "benchmarks": list(benchmarks) or [benchmark_plain()],
            "datetime": "2026-03-01T10:00:00+00:00",
            "version": "5.1.0",
        } | changes

    return plain


@pytest.fixture
def separated(measured: Measurement) -> Measurement:
    """A separable case without an interval, but with a speed-up that has one."""
    values = {
        "latency_s": Estimate(0.0005),
        "realised_speedup": Estimate(4.0, 3.8, 4.2),
        "throughput_per_s": Estimate(2000.0),
    }
    case = replace(measured.case, conv_type="depthwise_separable", kernel_size=(3, 1))
    return Measurement(
        case,
        Status.NOISY,
        values=values,
        passes=1,
        unsupported={"allocations": "no counter"},
        error="a neighbour",
    )


@pytest.fixture
def writing(run: Run, measured: Measurement, separated: Measurement) -> Writing:
    return Writing(replace(run, id=1), [measured, separated])


@pytest.fixture
def blocks_of() -> Callable[[Case], list[Block]]:
    """Two passes of a case, as measured: 5 rounds of 10 calls, then 4 of 20."""

    def blocks(case: Case) -> list[Block]:
        made = []
        for number, (calls, rounds) in enumerate([(10, 5), (20, 4)], 1):
            made.append(
                Block(
                    case=case,
                    pass_number=number,
                    calls=calls,
                    rounds=tuple(
                        Round(calls * (0.002 + number * each / 1e5), calls * 0.0019)
                        for each in range(1, rounds + 1)
                    ),
                    first_call_s=0.25,
                    warmup_s=0.5,
                    started_at=f"2026-03-01T10:00:0{number}+00:00",
                    server=1,
                    ring=3,
                    arm="base",
                )
            )
        return made

    return blocks


@pytest.fixture
def memory() -> Iterator[Store]:
    """A store that is gone with the test."""
    with Store() as store:
        yield store


@pytest.fixture
def stored_writing(
    memory: Store, run: Run, measured: Measurement, blocks_of: Callable[[Case], list[Block]]
) -> Writing:
    """A stored run with two passes of rounds, as `sepconv export` reads it."""
    number = memory.begin_run(replace(run, state="done"))
    memory.put_measurements(number, [measured])
    for block in blocks_of(measured.case):
        memory.add_block(number, block)
    blocks = {measured.case.identity: memory.blocks(number)}
    return Writing(memory.find_run("latest"), memory.measurements(number), "latency_s", blocks)
