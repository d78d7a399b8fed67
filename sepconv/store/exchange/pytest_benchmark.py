"""pytest-benchmark's JSON: written by `--benchmark-json`, read by `pytest-benchmark compare`.

What sepconv itself wrote has more under `sepconv` and `extra_info.sepconv`: the run, its machine
and environment, and every value with its interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sepconv.record import Estimate, Measurement
from sepconv.run import Environment, Machine, Revision, Run
from sepconv.store.exchange import own, statistic
from sepconv.store.exchange.document import Part, parse_json, write_json
from sepconv.store.exchange.format import Entry, Format, Reading, Writing
from sepconv.store.exchange.sample import Sample, check_calls, read_rounds
from sepconv.store.read import StoredBlock

NAME = "pytest-benchmark"
VERSION = "5.1.0"  # whose keys these are
UNKNOWN = "unknown"
NO_COMMIT = ("unversioned", "unknown")
NO_BRANCH = ("(unknown)", "(detached head)")
COMMIT = re.compile(r"[0-9a-f]{7,64}")
CPU_CLOCK = re.compile(r"(process|thread)_time")
DECORATION = re.compile(r"\((R|TM)\)|\bCPU\b|\bProcessor\b|@.*$")  # differs between boots
NOT_OURS = 0  # the version of the method of whatever sepconv did not measure
SECONDS = ("latency_s", "cpu_latency_s", "first_call_s")


def read(content: bytes, source: str) -> Reading:
    """The run that the file describes.

    Raises:
        InvalidExchange: Something is missing, has the wrong type, or a value that no clock gives.
    """
    root = parse_json(content, source)
    run, uid = _read_run(root), None
    if (added := root.maybe("sepconv")) is not None:
        run, uid = own.read_run(added, run), added.part("run").part("uid").text()
    parts = root.part("benchmarks").parts()
    return Reading(run, tuple(_read_entry(part, run.started_at) for part in parts), uid)


def write(writing: Writing) -> bytes:
    """The run as pytest-benchmark would have written it, and what only sepconv knows of it."""
    run = writing.run
    named = zip(writing.names, writing.measurements, strict=True)
    return write_json(
        {
            "machine_info": _machine_plain(run),
            "commit_info": _commit_plain(run),
            "benchmarks": [_benchmark_plain(name, each, writing) for name, each in named],
            "datetime": run.finished_at or run.started_at,
            "version": VERSION,
            "sepconv": own.run_plain(run),
        }
    )


PYTEST_BENCHMARK = Format(
    name=NAME,
    tool="pytest-benchmark compare",
    read=read,
    write=write,
    metrics=SECONDS,
    wants_blocks=True,
)


def _read_run(root: Part) -> Run:
    """A run of somebody else's harness: what the file does not say is called unknown, or 0."""
    machine, version = root.maybe("machine_info"), root.maybe("version")
    python = _text_of(machine, "python_version")
    revision, branch, dirty = _read_commit(root.maybe("commit_info"))
    return Run(
        uid="",
        suite=NAME,
        started_at=root.part("datetime").time(),
        machine=_read_machine(machine),
        environment=Environment(
            python=".".join((python or UNKNOWN).split(".")[:2]),
            torch=_text_of(machine, "torch") or UNKNOWN,
            backends=(),
            cpu_capability=UNKNOWN,
            allocator=UNKNOWN,
            flush_denormals=False,  # as torch has it, if nobody changes it
            method_version=NOT_OURS,
        ),
        revision=revision,
        branch=branch,
        dirty=dirty,
        harness_version=f"{NAME} {version.text() if version else UNKNOWN}",
        conditions={"python": python, "kernel": _text_of(machine, "release")},
        state="done",
    )


def _read_machine(part: Part | None) -> Machine:
    cpu = part.maybe("cpu") if part else None
    brand = _text_of(cpu, "brand_raw") or _text_of(cpu, "brand") or _text_of(part, "processor")
    count = cpu.maybe("count") if cpu else None
    return Machine(
        cpu_model=" ".join(DECORATION.sub(" ", brand or UNKNOWN).split()),
        architecture=_text_of(part, "machine") or UNKNOWN,
        physical_cores=0,
        logical_cores=count.count() if count else 0,
        memory_gib=0,
    )


def _read_commit(part: Part | None) -> tuple[Revision | None, str | None, bool | None]:
    """The commit, whose parents the file does not know; its branch; whether the tree was dirty."""
    if part is None:
        return None, None, None
    branch = _text_of(part, "branch")
    commit = part.maybe("id")
    if commit is None or commit.text() in NO_COMMIT:
        return None, None, None
    if not COMMIT.fullmatch(commit.text()):
        raise commit.expected("the hash of a commit")
    dirty = part.maybe("dirty")
    time, author_time = part.maybe("time"), part.maybe("author_time")
    revision = Revision(
        commit=commit.text(),
        parents=(),
        committed_at=time.time() if time else "",
        authored_at=author_time.time() if author_time else "",
        subject="",
    )
    known_branch = None if branch in NO_BRANCH else branch
    return revision, known_branch, dirty.flag() if dirty else None


def _read_entry(part: Part, started_at: str) -> Entry:
    name, stats = part.part("name").text(), part.part("stats")
    extra = part.maybe("extra_info")
    case = extra.maybe("case") if extra else None  # what our suites say under plain pytest
    params = case or part.maybe("params")
    facts = _read_facts(extra) if extra and case else {}
    entry = Entry(
        place=part.place,
        name=name,
        conv_type=name.partition("[")[0] or name,
        params=dict(_read_params(params)) if params else {},
        values={"latency_s": Estimate(stats.part("median").seconds()), **facts},
        refused_because=_refusal(part),
    )
    if extra and (added := extra.maybe("sepconv")) is not None:
        return own.read_entry(added, stats.maybe("data"), entry)
    return replace(entry, samples=_read_samples(stats, started_at))


def _refusal(part: Part) -> str | None:
    """Why a benchmark is no latency, whatever its case is."""
    timer = _text_of(part.maybe("options"), "timer") or ""
    if CPU_CLOCK.search(timer) is None:
        return None
    return f"its timer {timer} counts CPU time, and a latency is wall time"


def _read_params(part: Part, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each parameter with its value; of an object each value by `name.key`, nothing deeper."""
    for name, value in part.items():
        if value.is_scalar:
            yield f"{prefix}{name}", value.scalar()
        elif isinstance(value.plain, list):
            if all(each.is_scalar for each in value.parts()):
                yield f"{prefix}{name}", [each.scalar() for each in value.parts()]
        elif not prefix:
            yield from _read_params(value, f"{name}.")


def _read_facts(extra: Part) -> dict[str, Estimate]:
    found = {name: extra.maybe(name) for name in ("first_call_s", "cpu_latency_s")}
    return {name: Estimate(part.seconds()) for name, part in found.items() if part is not None}


def _read_samples(stats: Part, started_at: str) -> tuple[Sample, ...]:
    """The rounds, where the file has them: those of one process."""
    rounds = stats.maybe("data")
    if rounds is None or not rounds.plain:
        return ()
    calls, latencies_s = stats.part("iterations").count(least=1), read_rounds(rounds)
    check_calls(rounds, latencies_s, calls)
    return (Sample(latencies_s, calls, started_at),)


def _text_of(part: Part | None, name: str) -> str | None:
    """The text of a key; None without one, or if it is empty."""
    found = part.maybe(name) if part else None
    return found.text() or None if found else None


def _machine_plain(run: Run) -> dict[str, Any]:
    """What pytest-benchmark says of a machine, as far as it is known."""
    return {
        "machine": run.machine.architecture,
        "python_version": run.conditions.get("python") or run.environment.python,
        "release": run.conditions.get("kernel"),
        "cpu": {
            "arch": run.machine.architecture,
            "brand_raw": run.machine.cpu_model,
            "count": run.machine.logical_cores,
        },
        "torch": run.environment.torch,
    }


def _commit_plain(run: Run) -> dict[str, Any]:
    revision = run.revision
    return {
        "id": revision.commit if revision else NO_COMMIT[0],
        "time": revision.committed_at or None if revision else None,
        "author_time": revision.authored_at or None if revision else None,
        "dirty": run.dirty,
        "project": None,
        "branch": run.branch or NO_BRANCH[0],
    }


def _benchmark_plain(name: str, measurement: Measurement, writing: Writing) -> dict[str, Any]:
    case, values = measurement.case, measurement.values
    clock = "cpu" if writing.metric == "cpu_latency_s" else "wall"
    blocks = _telling(writing, measurement, clock)
    has_rounds = bool(blocks) and all(block.rounds for block in blocks)
    stats, source = _statistics(values[writing.metric], blocks, clock, has_rounds=has_rounds)
    exact = {name: values[name].value for name in ("params", "macs", "flops") if name in values}
    divided = blocks if has_rounds and clock == "wall" else []
    return {
        "group": case.conv_type,
        "name": name,
        "fullname": name,
        "params": case.to_dict(),
        "param": name,
        "extra_info": {
            **exact,
            "status": str(measurement.status),
            "metric": writing.metric,
            **asdict(values[writing.metric]),
            "stats_from": source,
            "sepconv": own.measurement_plain(measurement, divided),
        },
        "options": {},
        "stats": stats,
    }


def _telling(writing: Writing, measurement: Measurement, clock: str) -> list[StoredBlock]:
    """The blocks whose rounds are those of the metric; none where that clock was not read."""
    if writing.metric not in ("latency_s", "cpu_latency_s"):
        return []
    blocks = writing.blocks.get(measurement.case.identity, ())
    return [block for block in blocks if getattr(block.summary, clock).mean > 0]


def _statistics(
    estimate: Estimate, blocks: Sequence[StoredBlock], clock: str, *, has_rounds: bool
) -> tuple[Mapping[str, Any], str]:
    """pytest-benchmark's statistics, and what they were computed from."""
    if not blocks:
        return statistic.from_value(estimate.value), "value"
    calls = blocks[0].summary.calls
    if has_rounds:
        latencies_s = [
            getattr(each, f"{clock}_s") / block.summary.calls
            for block in blocks
            for each in block.rounds or ()
        ]
        return statistic.from_rounds(latencies_s, calls), "rounds"
    spreads = [getattr(block.summary, clock) for block in blocks]
    counts = [block.summary.count for block in blocks]
    return statistic.from_spreads(spreads, counts, calls), "summaries"
