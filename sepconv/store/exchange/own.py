"""What sepconv adds to a file that it writes, so that nothing is lost when the file is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sepconv.record import MEASURED, Estimate, Measurement, Status
from sepconv.run import Environment, Machine, Run
from sepconv.store.exchange.document import Part
from sepconv.store.exchange.format import Entry
from sepconv.store.exchange.sample import Sample, check_calls, read_rounds
from sepconv.store.read import StoredBlock

KEPT_OF_RUN = ("uid", "suite", "started_at", "finished_at", "harness_version", "precision")
ENVIRONMENT_TEXTS = ("python", "torch", "cpu_capability", "allocator")
PLACE_OF_BLOCK = ("pass_number", "server", "ring")


def run_plain(run: Run) -> dict[str, Any]:
    """The facts of a run that no other tool has a place for."""
    return {
        "run": {name: getattr(run, name) for name in KEPT_OF_RUN},
        "machine": asdict(run.machine),
        "environment": asdict(run.environment),
    }


def measurement_plain(measurement: Measurement, blocks: Sequence[StoredBlock]) -> dict[str, Any]:
    """Everything of a measurement but its case; `blocks` say how to divide the rounds."""
    return {
        "status": str(measurement.status),
        "error": measurement.error,
        "passes": measurement.passes,
        "values": {name: asdict(estimate) for name, estimate in measurement.values.items()},
        "unsupported": dict(measurement.unsupported),
        "blocks": [_block_plain(block) for block in blocks],
    }


def read_run(part: Part, run: Run) -> Run:
    """`run` with the facts that `run_plain` wrote."""
    plain = part.part("run")
    finished_at = plain.maybe("finished_at")
    return replace(
        run,
        suite=plain.part("suite").text(),
        started_at=plain.part("started_at").time(),
        finished_at=finished_at.time() if finished_at else None,
        machine=_read_machine(part.part("machine")),
        environment=_read_environment(part.part("environment")),
        harness_version=plain.part("harness_version").text(),
        precision=plain.part("precision").number(),
    )


def read_entry(part: Part, rounds: Part | None, entry: Entry) -> Entry:
    """`entry` with what `measurement_plain` wrote."""
    status, error, why = part.part("status"), part.maybe("error"), part.maybe("unsupported")
    if status.text() not in MEASURED:
        raise status.expected(f"one of {', '.join(sorted(MEASURED))}")
    values = part.part("values")
    values.part("latency_s").part("value").seconds()
    return replace(
        entry,
        status=Status(status.text()),
        error=error.text() if error else None,
        passes=part.part("passes").count(),
        values={name: _read_estimate(value) for name, value in values.items()},
        unsupported={name: reason.text() for name, reason in why.items()} if why else {},
        samples=_read_samples(part.part("blocks"), rounds) if rounds else (),
        is_own=True,
    )


def _read_machine(part: Part) -> Machine:
    return Machine(
        cpu_model=part.part("cpu_model").text(),
        architecture=part.part("architecture").text(),
        physical_cores=part.part("physical_cores").count(),
        logical_cores=part.part("logical_cores").count(),
        memory_gib=part.part("memory_gib").count(),
        accelerators=_texts(part.part("accelerators")),
    )


def _read_environment(part: Part) -> Environment:
    cuda = part.maybe("cuda")
    return Environment(
        **{name: part.part(name).text() for name in ENVIRONMENT_TEXTS},
        backends=_texts(part.part("backends")),
        omp_settings=_texts(part.part("omp_settings")),
        flush_denormals=part.part("flush_denormals").flag(),
        cuda=cuda.text() if cuda else None,
        method_version=part.part("method_version").count(),
    )


def _read_estimate(part: Part) -> Estimate:
    value = part.part("value").number()
    low, high = part.maybe("low"), part.maybe("high")
    if low is None or high is None:
        return Estimate(value)
    if not low.number() <= value <= high.number():
        raise part.expected("low <= value <= high")
    return Estimate(value, low.number(), high.number())


def _read_samples(blocks: Part, rounds: Part) -> tuple[Sample, ...]:
    """The rounds, divided into the blocks that they were measured in."""
    latencies_s = read_rounds(rounds)
    samples: list[Sample] = []
    begin = 0
    for block in blocks.parts():
        end = begin + block.part("count").count(least=1)
        if end > len(latencies_s):
            there = len(latencies_s) - begin
            raise block.part("count").expected(f"at most the {there} rounds that are left")
        samples.append(_read_sample(block, latencies_s[begin:end]))
        begin = end
    return tuple(samples)


def _read_sample(block: Part, latencies_s: tuple[float, ...]) -> Sample:
    calls = block.part("calls").count(least=1)
    check_calls(block, latencies_s, calls)
    return Sample(
        latencies_s,
        calls,
        started_at=block.part("started_at").time(),
        arm=block.part("arm").text(),
        **{name: block.part(name).count() for name in PLACE_OF_BLOCK},
    )


def _block_plain(block: StoredBlock) -> dict[str, Any]:
    place: dict[str, Any] = {name: getattr(block, name) for name in (*PLACE_OF_BLOCK, "arm")}
    summary = block.summary
    return place | {
        "started_at": block.started_at,
        "calls": summary.calls,
        "count": summary.count,
    }


def _texts(part: Part) -> tuple[str, ...]:
    return tuple(each.text() for each in part.parts())
