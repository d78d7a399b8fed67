"""From the blocks of a case to what the run says of it: values, intervals, status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

from sepconv.case import Case
from sepconv.conv_type import ConvType
from sepconv.cost import cost_of, ideal_speedup
from sepconv.errors import UnknownConvType
from sepconv.judge.estimate import estimate_latency, estimate_speedup
from sepconv.record import Estimate, Measurement, Status, Summary

Passes = Mapping[int, Summary]
"""The summary of each pass' block, by the number of the pass."""

FAULTS_PER_CALL = 8  # more is an allocator that returns pages on every call, not a stray fault


def judge_case(
    case: Case, passes: Passes, standard: Passes | None = None, *, precision: float
) -> Measurement:
    """What the blocks of `case` say, `standard` being those of the standard conv of its shape.

    Noisy is what has no interval, or one wider than ± `precision`.
    """
    values = exact_values(case)
    values["latency_s"] = _estimate(passes, lambda block: block.wall.median)
    values["cpu_latency_s"] = _estimate(passes, lambda block: block.cpu.median)
    values["first_call_s"] = _estimate(passes, lambda block: block.first_call_s)
    values["interference"] = _estimate(passes, lambda block: block.wall.mean / block.cpu.mean)
    faults = [block.faults_per_call for block in passes.values()]
    counted = [count for count in faults if count is not None]
    if counted:
        values["minor_faults_per_call"] = Estimate(median(counted))
    if standard:
        clock = speedup_clock(case)
        speedup = estimate_speedup(
            {number: clock(block) for number, block in standard.items()},
            {number: clock(block) for number, block in passes.items()},
        )
        if speedup is not None:
            values["realised_speedup"] = speedup
    return Measurement(case, _status(values, precision), values=values, passes=len(passes))


def speedup_clock(case: Case) -> Callable[[Summary], float]:
    """Seconds per call by the clock that decides: CPU time, where that is all the work.

    The trimmed mean of the rounds, as shared cores make them bimodal (the neighbour works, or
    it does not), and a median jumps from mode to mode. CPU time leaves out what other programs
    took from the core; with several threads it would leave out lost parallelism too, and on an
    accelerator it sees only the host.
    """
    if case.threads == 1 and case.device == "cpu":
        return lambda block: block.cpu.trimmed_mean
    return lambda block: block.wall.trimmed_mean


def exact_values(case: Case) -> dict[str, Estimate]:
    """What the arithmetic alone says; nothing for a conv type without a closed form."""
    try:
        cost = cost_of(case)
    except UnknownConvType:
        return {}
    values = {
        "params": Estimate(cost.params),
        "macs": Estimate(cost.macs),
        "flops": Estimate(cost.flops),
    }
    if case.conv_type != ConvType.STANDARD:
        values["ideal_speedup"] = Estimate(ideal_speedup(case))
    return values


def is_settled(measurement: Measurement, precision: float) -> bool:
    """Whether every interval that people decide by is as narrow as was asked for."""
    decisive = [measurement.values.get(name) for name in ("latency_s", "realised_speedup")]
    return all(
        estimate is None
        or (estimate.relative_error is not None and estimate.relative_error <= precision)
        for estimate in decisive
    )


def _estimate(passes: Passes, value_of: Callable[[Summary], float]) -> Estimate:
    return estimate_latency([value_of(block) for block in passes.values()])


def _status(values: Mapping[str, Estimate], precision: float) -> Status:
    faults = values.get("minor_faults_per_call")
    if faults is not None and faults.value > FAULTS_PER_CALL:
        return Status.FAULTING
    error = values["latency_s"].relative_error
    return Status.OK if error is not None and error <= precision else Status.NOISY
