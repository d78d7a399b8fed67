from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepconv.case import Case
from sepconv.errors import InvalidExchange
from sepconv.record import MEASURED, Block, Estimate, Measurement, Status
from sepconv.run import Environment, Machine, Revision, Run
from sepconv.store import Store
from sepconv.store.exchange.format import Writing
from sepconv.store.exchange.pytest_benchmark import read, write
from sepconv.store.exchange.translation import Translation, translate

Plain = Callable[..., dict[str, Any]]

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | finite | text
sizes = st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))
cases = st.builds(
    Case,
    conv_type=text.filter(str.strip).map("mine ".__add__) | st.just("standard"),
    in_channels=st.integers(1, 2**31 - 1),
    out_channels=st.integers(1, 2**31 - 1),
    height=st.integers(9, 512),
    width=st.integers(9, 512),
    kernel_size=sizes,
    stride=sizes,
    padding=st.sampled_from(["auto", "valid", 1, (1, 0)]),
    dilation=sizes,
    bias=st.booleans(),
    block=st.sampled_from(["conv", "conv_bn_relu"]),
    options=st.dictionaries(text, scalars, max_size=3),
    batch_size=st.integers(1, 4096),
    direction=st.sampled_from(["inference", "training"]),
    device=st.sampled_from(["cpu", "cuda", "cuda:1", "mps"]),
    dtype=st.sampled_from(["float32", "bfloat16"]),
    memory_format=st.sampled_from(["contiguous", "channels_last"]),
    threads=st.integers(1, 64),
    compiled=st.booleans(),
    cache=st.sampled_from(["warm", "cold"]),
)
positive = st.floats(1e-12, 1e8)
intervals = st.tuples(positive, positive, positive).map(sorted)
estimates = positive.map(Estimate) | intervals.map(lambda each: Estimate(each[1], each[0], each[2]))
measurements = st.builds(
    Measurement,
    case=cases,
    status=st.sampled_from(sorted(MEASURED)),
    error=st.none() | text.filter(bool),
    values=st.builds(
        lambda latency, others: {**others, "latency_s": latency},
        estimates,
        st.dictionaries(text, estimates, max_size=3),
    ),
    passes=st.integers(0, 99),
    unsupported=st.dictionaries(text, text, max_size=2),
)
RUN = Run(
    uid="a1b2c3d4" * 4,
    suite="quick",
    started_at="2026-03-01T10:00:00+00:00",
    machine=Machine("Some CPU", "x86_64", 2, 4, 16, ("Some GPU",)),
    environment=Environment("3.11", "2.13.0", ("oneDNN 3.7",), "AVX2", "tuned", ("A=1",)),
)


@settings(max_examples=60)
@given(
    st.lists(measurements, min_size=1, max_size=4, unique_by=lambda each: each.case.identity),
    st.booleans(),
)
def test_what_was_exported_comes_back_with_the_same_cases_and_values(
    measured: list[Measurement], has_set: bool
) -> None:
    """Nor does it matter what people say of other files: the file says everything itself."""
    settings = {"height": 7, "batch_size": 3, "options.extra": 1} if has_set else {}

    reading = read(write(Writing(RUN, measured)), "mine.json")

    found = translate(reading.entries, Translation(settings=settings), "mine.json")
    assert list(found.measurements) == measured
    assert [each.case.identity for each in found.measurements] == [
        each.case.identity for each in measured
    ]
    assert not found.unused


@pytest.mark.parametrize("finished_at", [None, "2026-03-01T10:05:00+00:00"])
def test_the_facts_of_an_exported_run_come_back(writing: Writing, finished_at: str | None) -> None:
    conditions = {"python": "3.11.4", "kernel": "6.1"}
    run = replace(writing.run, finished_at=finished_at, conditions=conditions)

    found = read(write(replace(writing, run=run)), "mine.json").run

    for name in ("suite", "started_at", "finished_at", "machine", "environment", "branch"):
        assert getattr(found, name) == getattr(run, name), name
    assert found.conditions == conditions
    assert found.revision is not None
    assert run.revision is not None
    assert found.commit == run.commit
    assert found.revision.committed_at == run.revision.committed_at
    assert (found.state, found.dirty) == ("done", False)


def test_a_run_without_a_commit_comes_back_without(writing: Writing) -> None:
    bare = replace(writing.run, revision=None, branch=None, dirty=None)

    found = read(write(replace(writing, run=bare)), "mine.json").run

    assert (found.revision, found.branch, found.dirty) == (None, None, None)


def test_stored_rounds_are_written_and_come_back_in_their_blocks(
    stored_writing: Writing, blocks_of: Callable[[Case], list[Block]]
) -> None:
    [measurement] = stored_writing.measurements
    measured = blocks_of(measurement.case)

    written = write(stored_writing)

    [plain] = json.loads(written)["benchmarks"]
    everything = [each for block in measured for each in block.latencies_s]
    assert plain["stats"]["data"] == pytest.approx(everything)
    assert plain["stats"]["rounds"] == 9
    assert plain["extra_info"]["stats_from"] == "rounds"
    [entry] = read(written, "mine.json").entries
    found = [sample.block(measurement.case) for sample in entry.samples]
    for mine, theirs in zip(found, measured, strict=True):
        assert mine.latencies_s == pytest.approx(theirs.latencies_s)
        for name in ("calls", "pass_number", "server", "ring", "arm", "started_at"):
            assert getattr(mine, name) == getattr(theirs, name), name


def test_without_rounds_the_statistics_come_from_summaries(
    memory: Store, stored_writing: Writing
) -> None:
    memory.thin(keep_runs=0)
    [measurement] = stored_writing.measurements
    blocks = {measurement.case.identity: memory.blocks(stored_writing.run.id or 0)}

    [plain] = json.loads(write(replace(stored_writing, blocks=blocks)))["benchmarks"]

    assert plain["extra_info"]["stats_from"] == "summaries"
    assert plain["stats"]["rounds"] == 9
    assert plain["stats"]["min"] == pytest.approx(0.00201)
    assert "data" not in plain["stats"]


def test_cpu_time_is_written_where_it_is_asked_for(stored_writing: Writing) -> None:
    [measurement] = stored_writing.measurements
    values = {**measurement.values, "cpu_latency_s": Estimate(0.0019)}
    told = replace(measurement, values=values)

    written = write(replace(stored_writing, measurements=[told], metric="cpu_latency_s"))

    [plain] = json.loads(written)["benchmarks"]
    assert plain["stats"]["median"] == pytest.approx(0.0019)
    assert plain["extra_info"]["value"] == 0.0019
    [entry] = read(written, "mine.json").entries
    assert entry.samples == ()
    assert entry.values == values


def test_the_first_call_is_one_observation(stored_writing: Writing) -> None:
    [measurement] = stored_writing.measurements
    told = replace(measurement, values={**measurement.values, "first_call_s": Estimate(0.25)})

    written = write(replace(stored_writing, measurements=[told], metric="first_call_s"))

    [plain] = json.loads(written)["benchmarks"]
    assert (plain["stats"]["median"], plain["stats"]["rounds"]) == (0.25, 1)
    assert plain["extra_info"]["stats_from"] == "value"


def test_an_exported_benchmark_says_what_people_look_for(writing: Writing) -> None:
    measured = writing.measurements[0]

    plain = json.loads(write(writing))["benchmarks"][0]

    assert plain["group"] == "standard"
    assert plain["name"] == plain["fullname"] == measured.case.label
    assert plain["params"] == measured.case.to_dict()
    extra = plain["extra_info"]
    assert (extra["params"], extra["macs"], extra["status"]) == (1152, 2**40, "ok")
    assert (extra["value"], extra["low"], extra["high"]) == (0.002, 0.0019, 0.0021)


def test_a_file_of_real_pytest_benchmark_is_read(real_plain: dict[str, Any]) -> None:
    reading = read(json.dumps(real_plain).encode(), "mine.json")

    run = reading.run
    assert reading.exported_uid is None
    assert run.suite == "pytest-benchmark"
    assert run.harness_version == f"pytest-benchmark {real_plain['version']}"
    assert run.commit == real_plain["commit_info"]["id"]
    assert run.revision is not None
    assert run.revision.parents == ()
    assert run.branch == real_plain["commit_info"]["branch"]
    assert run.machine.logical_cores == real_plain["machine_info"]["cpu"]["count"]
    assert run.machine.cpu_model.split()[0] in real_plain["machine_info"]["cpu"]["brand_raw"]
    assert (run.machine.physical_cores, run.machine.memory_gib) == (0, 0)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert (run.environment.python, run.environment.torch) == (version, "unknown")
    assert run.environment.method_version == 0


def test_the_benchmarks_of_a_real_file_become_measurements_without_intervals(
    real_plain: dict[str, Any],
) -> None:
    reading = read(json.dumps(real_plain).encode(), "mine.json")

    found = translate(reading.entries, Translation(settings={"resolution": 56}), "mine.json")

    assert [measurement.case for measurement in found.measurements] == [
        Case(
            conv_type="test_depthwise",
            in_channels=channels,
            out_channels=channels,
            height=56,
            width=56,
            stride=stride,
        )
        for channels in (16, 64)
        for stride in (1, 2)
    ]
    for measurement, plain in zip(found.measurements, real_plain["benchmarks"][:4], strict=True):
        assert measurement.values == {"latency_s": Estimate(plain["stats"]["median"])}
        assert (measurement.status, measurement.passes) == (Status.NOISY, 1)
    [skipped] = found.skipped
    assert skipped.entry.name == "test_pointwise[3-8-32]"
    assert skipped.unused == ("cin", "cout", "hw")


def test_the_rounds_of_a_real_file_become_a_block(real_plain: dict[str, Any]) -> None:
    stats = real_plain["benchmarks"][0]["stats"]

    entry = read(json.dumps(real_plain).encode(), "mine.json").entries[0]

    [sample] = entry.samples
    assert list(sample.latencies_s) == stats["data"]
    assert sample.calls == stats["iterations"]
    case = Case(conv_type="mine", in_channels=1, out_channels=1, height=1, width=1)
    summary = sample.block(case).summary()
    assert summary.wall.median == pytest.approx(stats["median"])
    assert (summary.cpu.mean, summary.first_call_s) == (0.0, 0.0)  # nobody measured them


def test_a_real_pytest_benchmark_compares_what_was_exported(
    stored_writing: Writing, real_file: Path, tmp_path: Path
) -> None:
    exported = tmp_path / "exported.json"
    exported.write_bytes(write(stored_writing))

    script = Path(sys.executable).with_name("pytest-benchmark")

    answer = call(
        tmp_path, script, "compare", exported, real_file, "--group-by=group", "--csv=table.csv"
    )

    assert answer.returncode == 0, answer.stderr
    assert "Failed to load" not in answer.stderr
    label = stored_writing.measurements[0].case.label
    assert label in answer.stdout
    assert "test_depthwise[16-1]" in answer.stdout
    assert f"{label}," in (tmp_path / "table.csv").read_text()


@pytest.mark.parametrize("kept", ["rounds", "summaries", "value"])
def test_a_real_pytest_benchmark_shows_statistics_of_every_origin(
    kept: str, memory: Store, stored_writing: Writing, tmp_path: Path
) -> None:
    [measurement] = stored_writing.measurements
    blocks = stored_writing.blocks
    if kept == "summaries":
        memory.thin(keep_runs=0)
        blocks = {measurement.case.identity: memory.blocks(stored_writing.run.id or 0)}
    elif kept == "value":
        blocks = {}
    exported = tmp_path / "exported.json"
    exported.write_bytes(write(replace(stored_writing, blocks=blocks)))

    columns = "min,max,mean,stddev,median,iqr,outliers,ops,rounds,iterations"

    answer = call(
        tmp_path,
        *(sys.executable, "-m", "pytest_benchmark"),
        "compare",
        exported,
        f"--columns={columns}",
    )

    assert answer.returncode == 0, answer.stderr
    assert measurement.case.label in answer.stdout


def test_pytest_itself_compares_a_suite_with_what_was_exported(
    stored_writing: Writing, real_file: Path, tmp_path: Path
) -> None:
    exported = tmp_path / "exported.json"
    exported.write_bytes(write(stored_writing))
    shutil.copy(real_file.parent / "test_suite.py", tmp_path)

    pytest = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "16-1")

    answer = call(
        tmp_path, *pytest, f"--benchmark-compare={exported}", "--benchmark-max-time=0.005", "."
    )

    assert answer.returncode == 0, answer.stdout
    assert "Comparing against benchmarks from" in answer.stderr
    assert "Can't compare" not in answer.stderr


def test_what_our_own_suites_say_under_plain_pytest_is_read(
    file_plain: Plain, benchmark_plain: Plain, separated: Measurement
) -> None:
    own = benchmark_plain(
        params={"case": "UNSERIALIZABLE[Case()]", "visit": "UNSERIALIZABLE[Visit()]"},
        extra_info={"case": separated.case.to_dict(), "first_call_s": 0.5, "cpu_latency_s": 0.001},
    )

    reading = read(json.dumps(file_plain(own)).encode(), "mine.json")

    found = translate(reading.entries, Translation(), "mine.json")
    [measurement] = found.measurements
    assert measurement.case == separated.case
    assert {name: each.value for name, each in measurement.values.items()} == {
        "latency_s": 0.002,
        "first_call_s": 0.5,
        "cpu_latency_s": 0.001,
    }
    assert not found.unused


def test_cpu_clocks_give_no_latency(file_plain: Plain, benchmark_plain: Plain) -> None:
    timed = benchmark_plain(options={"timer": "process_time"})

    [entry] = read(json.dumps(file_plain(timed)).encode(), "mine.json").entries

    assert (
        entry.refused_because
        == "its timer process_time counts CPU time, and a latency is wall time"
    )


def test_parameters_are_read_as_far_as_they_are_plain(
    file_plain: Plain, benchmark_plain: Plain
) -> None:
    params = {
        "size": [3, 1],
        "shape": {"cin": 3, "deeper": {"no": 1}, "pair": [1, 2]},
        "nested": [[1], [2]],
        "nothing": None,
    }

    [entry] = read(json.dumps(file_plain(benchmark_plain(params=params))).encode(), "x").entries

    assert entry.params == {
        "size": [3, 1],
        "shape.cin": 3,
        "shape.pair": [1, 2],
        "nothing": None,
    }


def test_an_old_file_without_rounds_options_or_machine_is_read(benchmark_plain: Plain) -> None:
    old = benchmark_plain(stats={"median": 0.5})
    for name in ("params", "options", "extra_info"):
        del old[name]
    plain = {"benchmarks": [old], "datetime": "2016-10-03T12:27:12.234567"}

    reading = read(json.dumps(plain).encode(), "mine.json")

    assert reading.run.started_at == "2016-10-03T12:27:12.234567+00:00"
    assert reading.run.machine == Machine("unknown", "unknown", 0, 0, 0)
    assert reading.run.harness_version == "pytest-benchmark unknown"
    assert (reading.run.revision, reading.run.dirty) == (None, None)
    assert reading.entries[0].samples == ()
    assert reading.entries[0].params == {}


@pytest.mark.parametrize("commit", [{"id": "unversioned"}, {"id": None}, {"id": "unknown"}])
def test_no_commit_is_no_revision(commit: dict[str, Any], file_plain: Plain) -> None:
    plain = file_plain(commit_info={**commit, "dirty": False, "branch": "(unknown)"})

    run = read(json.dumps(plain).encode(), "mine.json").run

    assert (run.revision, run.branch, run.dirty) == (None, None, None)


def test_a_commit_is_kept_with_its_times_in_utc(file_plain: Plain) -> None:
    commit: dict[str, Any] = {
        "id": "c0ffee" + "0" * 34,
        "time": "2026-03-01T10:00:00+02:00",
        "dirty": True,
    }
    plain = file_plain(commit_info={**commit, "branch": "(detached head)"})

    run = read(json.dumps(plain).encode(), "mine.json").run

    assert run.revision == Revision(commit["id"], (), "2026-03-01T08:00:00+00:00", "", "")
    assert (run.branch, run.dirty) == (None, True)


BAD = [
    (["benchmarks", 0, "stats", "median"], "fast", 'expected seconds > 0, found "fast"'),
    (["benchmarks", 0, "stats", "median"], 0, "expected seconds > 0, found 0"),
    (["benchmarks", 0, "stats", "median"], -1.5, "expected seconds > 0, found -1.5"),
    (["benchmarks", 0, "stats", "median"], True, "expected seconds > 0, found true"),
    (["benchmarks", 0, "stats", "median"], float("nan"), "expected seconds > 0, found NaN"),
    (["benchmarks", 0, "stats", "median"], float("inf"), "expected seconds > 0, found Infinity"),
    (["benchmarks", 0, "stats", "median"], 10**400, "expected seconds > 0, found 1000"),
    (["benchmarks", 0, "stats", "median"], 1e12, "at most 1e+09, found 1000000000000.0"),
    (["benchmarks", 0, "stats", "median"], [1], "expected seconds > 0, found a list"),
    (["benchmarks", 0, "stats", "median"], None, "expected a value, found nothing"),
    (["benchmarks", 0, "stats", "data", 1], -0.1, "expected seconds >= 0, found -0.1"),
    (["benchmarks", 0, "stats", "data", 2], "x" * 99, 'found "xxxxx'),
    (["benchmarks", 0, "stats", "data"], {"a": 1}, "expected a list of seconds, found an object"),
    (["benchmarks", 0, "stats", "data"], [9e8, 9e8], "rounds of at most 9e+09 s, all 20 calls"),
    (["benchmarks", 0, "stats", "iterations"], 0, "a whole number from 1 to 2147483647, found 0"),
    (["benchmarks", 0, "stats", "iterations"], 2.5, "a whole number of at least 1, found 2.5"),
    (["benchmarks", 0, "stats"], [], "expected an object, found a list with nothing in it"),
    (["benchmarks", 0, "name"], 3, "expected a text without NUL and lone surrogates, found 3"),
    (["benchmarks", 0, "name"], "a\0b", 'found "a\\u0000b"'),
    (["benchmarks", 0, "name"], "\ud800", 'found "\\ud800"'),
    (["benchmarks", 0, "params", "channels"], float("nan"), "expected a finite number, found NaN"),
    (["benchmarks", 0, "params"], {"a\0": 1}, "expected keys without NUL and lone surrogates"),
    (["benchmarks", 0, "params"], 7, "expected an object, found 7"),
    (["benchmarks", 0], None, "expected an object, found null"),
    (["benchmarks"], {}, "expected a list, found an object with nothing in it"),
    (["datetime"], "yesterday", 'expected a time in ISO 8601, found "yesterday"'),
    (["datetime"], "0001-01-01T00:00:00+14:00", "expected a time in ISO 8601"),
    (["machine_info"], "big", 'expected an object, found "big"'),
    (["machine_info", "cpu", "count"], -2, "a whole number from 0 to 2147483647, found -2"),
    (["commit_info", "id"], "v1.0", 'expected the hash of a commit, found "v1.0"'),
    (["commit_info", "dirty"], "no", 'expected true or false, found "no"'),
]


@pytest.mark.parametrize(("path", "value", "reason"), BAD)
def test_what_is_wrong_is_told_with_its_place(
    path: list[str | int],
    value: object,
    reason: str,
    file_plain: Plain,
    benchmark_plain: Plain,
) -> None:
    stats = {"median": 0.002, "data": [0.001, 0.002, 0.003], "iterations": 20}
    plain = file_plain(
        benchmark_plain(stats=stats),
        machine_info={"cpu": {"count": 2}},
        commit_info={"id": "c0ffee0", "dirty": False},
    )
    _put(plain, path, value)

    with pytest.raises(InvalidExchange) as told:
        read(json.dumps(plain).encode(), "mine.json")

    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    if "all 20 calls" in reason or "keys without" in reason:
        assert str(told.value).startswith("mine.json: benchmarks[0].")
    else:
        assert str(told.value).startswith(f"mine.json: {place.removeprefix('.')}: ")
    assert reason in str(told.value)
    assert len(str(told.value)) < 300
    assert told.value.source == "mine.json"


BAD_OWN = [
    (["sepconv", "run", "uid"], None, "expected a value, found nothing"),
    (["sepconv", "machine", "accelerators"], "gpu", 'expected a list, found "gpu"'),
    (["sepconv", "environment", "flush_denormals"], 1, "expected true or false, found 1"),
    (["benchmarks", 0, "extra_info", "sepconv", "status"], "failed", "expected one of faulting"),
    (["benchmarks", 0, "extra_info", "sepconv", "values", "latency_s"], None, "found nothing"),
    (
        ["benchmarks", 0, "extra_info", "sepconv", "values", "latency_s", "low"],
        1.0,
        "expected low <= value <= high",
    ),
    (
        ["benchmarks", 0, "extra_info", "sepconv", "values", "params", "value"],
        float("inf"),
        "expected a finite number, found Infinity",
    ),
    (
        ["benchmarks", 0, "extra_info", "sepconv", "blocks", 1, "count"],
        5,
        "expected at most the 4 rounds that are left, found 5",
    ),
    (
        ["benchmarks", 0, "extra_info", "sepconv", "blocks", 0, "calls"],
        0,
        "expected a whole number from 1",
    ),
]


@pytest.mark.parametrize(("path", "value", "reason"), BAD_OWN)
def test_our_own_files_are_trusted_no_more_than_others(
    path: list[str | int], value: object, reason: str, stored_writing: Writing
) -> None:
    plain = json.loads(write(stored_writing))
    _put(plain, path, value)

    with pytest.raises(InvalidExchange) as told:
        read(json.dumps(plain).encode(), "mine.json")

    assert reason in str(told.value)


def test_too_many_rounds_are_refused(
    file_plain: Plain, benchmark_plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepconv.store.exchange.sample.ROUND_LIMIT", 2)

    with pytest.raises(InvalidExchange, match=r"stats\.data: expected at most 2 rounds"):
        read(json.dumps(file_plain(benchmark_plain())).encode(), "mine.json")


def call(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _put(plain: Any, path: list[str | int], value: object) -> None:
    *steps, last = path
    for step in steps:
        plain = plain[step]
    plain[last] = value
