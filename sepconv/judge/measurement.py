"""From the blocks of a case to what the run says of it: values, intervals, status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, inf, log
from statistics import fmean, median
from typing import Literal

from sepconv.case import Case
from sepconv.conv_type import ConvType
from sepconv.cost import cost_of, ideal_speedup
from sepconv.errors import UnknownConvType
from sepconv.judge.estimate import estimate_latency, estimate_speedup, throughput
from sepconv.ratio import LogRatio, Pair
from sepconv.record import Estimate, Facts, Measurement, Status, Summary

Clock = Literal["cpu", "wall"]

Passes = Mapping[int, Sequence[Summary]]
"""The blocks of a case in each pass, by its number: standard has one for each partner."""

LEAST_S = 1e-12  # what a clock that did not move within a whole block is read as
FAULTS_PER_CALL = 8  # more is an allocator that returns pages on every call, not a stray fault
THROTTLED_SHARE = 0.5  # of the passes, from which on a value is that of a slower device

JUDGED = frozenset(
    {
        "latency_s",
        "cpu_latency_s",
        "throughput_per_s",
        "first_call_s",
        "interference",
        "minor_faults_per_call",
        "realised_speedup",
    }
)
"""The metrics that are estimated from passes; the others are known from one look."""


def judge_case(
    case: Case,
    blocks: Passes,
    pairs: Mapping[int, LogRatio] | None = None,
    *,
    precision: float,
    facts: Facts | None = None,
    throttled: Mapping[int, str] | None = None,
) -> Measurement:
    """What the passes of a case say.

    `pairs` are those of its ring with the standard conv of its shape, by the deciding clock;
    `throttled` says of passes how the device was held back meanwhile: of an accelerator they are
    left out, where there are others. Noisy is what has no interval, or one wider than ±
    `precision`.
    """
    facts, throttled = facts or Facts(), throttled or {}
    is_throttled = bool(throttled) and len(throttled) >= THROTTLED_SHARE * len(blocks)
    if case.device != "cpu" and not is_throttled:
        blocks = {number: own for number, own in blocks.items() if number not in throttled}
        pairs = {n: pair for n, pair in (pairs or {}).items() if n not in throttled}
    latency = _estimate(blocks, lambda block: block.wall.median)
    values = {name: Estimate(value) for name, value in facts.values.items()}
    values["latency_s"] = latency
    values["cpu_latency_s"] = _estimate(blocks, lambda block: block.cpu.median)
    values["throughput_per_s"] = throughput(latency, case.batch_size)
    values["first_call_s"] = _first_call(blocks)
    values["interference"] = _estimate(
        blocks, lambda block: block.wall.mean / max(block.cpu.mean, LEAST_S)
    )
    if (faults := _faults_per_call(blocks)) is not None:
        values["minor_faults_per_call"] = Estimate(faults)
    if pairs:
        ratios = [ratio.quiet_mean for ratio in pairs.values()]
        values["realised_speedup"] = estimate_speedup(ratios)

    status, error = _status(values, precision), None
    if is_throttled:
        status, error = Status.THROTTLED, "; ".join(sorted(set(throttled.values())))
    return Measurement(case, status, error, values, len(blocks), facts.unsupported)


def deciding_clock(*cases: Case) -> Clock:
    """CPU time where that is all the work of these cases; else wall time.

    CPU time leaves out what other programs took from the core; with several threads it would
    leave out lost parallelism too, and on an accelerator it sees only the host.
    """
    is_all = all(case.threads == 1 and case.device == "cpu" for case in cases)
    return "cpu" if is_all else "wall"


def deciding_ratio(pair: Pair) -> LogRatio:
    """The ratio by the clock that decides for both of its cases."""
    return pair.cpu if deciding_clock(pair.base, pair.head) == "cpu" else pair.wall


def exact_values(case: Case) -> dict[str, float]:
    """What the arithmetic alone says; nothing for a conv type without a closed form."""
    try:
        cost = cost_of(case)
    except UnknownConvType:
        return {}
    values: dict[str, float] = {"params": cost.params, "macs": cost.macs, "flops": cost.flops}
    if case.conv_type != ConvType.STANDARD:
        values["ideal_speedup"] = ideal_speedup(case)
    return values


def with_promise(case: Case, values: Mapping[str, float]) -> dict[str, float]:
    """`values` with the ideal speed-up that follows where macs had to be counted."""
    known = dict(values)
    if case.conv_type != ConvType.STANDARD and known.get("macs") and "ideal_speedup" not in known:
        known["ideal_speedup"] = cost_of(case.shape).macs / known["macs"]
    return known


def doubt(measurement: Measurement, precision: float) -> tuple[float, float]:
    """What sorts measurements by how much they want more passes; (0, 0) wants none.

    First by the half width of the speed-up's interval where there is one, as people decide by
    it; then by that of the latency, which on a shared machine is mostly the machine's. What is
    as narrow as `precision` counts as 0, what has no interval as infinite.
    """
    latency = measurement.values.get("latency_s")
    decisive = measurement.values.get("realised_speedup", latency)
    return _excess(decisive, precision), _excess(latency, precision)


def _excess(estimate: Estimate | None, precision: float) -> float:
    if estimate is None:
        return 0.0
    error = inf if estimate.relative_error is None else estimate.relative_error
    return error if error > precision else 0.0


def _estimate(blocks: Passes, value_of: Callable[[Summary], float]) -> Estimate:
    """Over passes, each of which gives the geometric mean of its blocks."""
    return estimate_latency(
        [exp(fmean(log(max(value_of(block), LEAST_S)) for block in own)) for own in blocks.values()]
    )


def _first_call(blocks: Passes) -> Estimate:
    """Over passes, each of which has one first call: in the other rings of a pass, the case was
    met before, and takes less."""
    return estimate_latency(
        [max(LEAST_S, *(block.first_call_s for block in own)) for own in blocks.values()]
    )


def _faults_per_call(blocks: Passes) -> float | None:
    """The median over all blocks; None where the system cannot count them."""
    counts = [block.faults_per_call for own in blocks.values() for block in own]
    counted = [count for count in counts if count is not None]
    return median(counted) if counted else None


def _status(values: Mapping[str, Estimate], precision: float) -> Status:
    faults = values.get("minor_faults_per_call")
    if faults is not None and faults.value > FAULTS_PER_CALL:
        return Status.FAULTING
    error = values["latency_s"].relative_error
    return Status.OK if error is not None and error <= precision else Status.NOISY
