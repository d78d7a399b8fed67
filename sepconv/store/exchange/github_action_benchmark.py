"""github-action-benchmark's own JSON: `customSmallerIsBetter`, or `customBiggerIsBetter`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sepconv.metric import METRICS
from sepconv.record import Measurement
from sepconv.run import Run
from sepconv.store.exchange.document import write_json
from sepconv.store.exchange.format import Format, Writing
from sepconv.units import format_count, format_ratio, format_seconds

NS = 1e9
NS_PER_CALL = "ns/iter"  # what the action calls the results of cargo bench
DIGITS = 6  # of a value: the action prints all of them


def write(writing: Writing) -> bytes:
    """A list of entries, each with its interval as `range`, and what else is known as `extra`."""
    named = zip(writing.names, writing.measurements, strict=True)
    return write_json([_entry_plain(name, each, writing) for name, each in named])


def advise(metric: str) -> str | None:
    """Which tool the action must be told, where it is not the usual one."""
    known = METRICS.get(metric)
    if known is None or known.better == "lower":
        return None
    if known.better == "higher":
        return f"more of {metric} is better: tell the action `tool: customBiggerIsBetter`"
    return f"neither more nor less of {metric} is better: the action's alerts mean nothing"


def _entry_plain(name: str, measurement: Measurement, writing: Writing) -> dict[str, Any]:
    estimate = measurement.values[writing.metric]
    scale, unit = _unit(writing.metric)
    plain: dict[str, Any] = {"name": name, "unit": unit, "value": _rounded(estimate.value * scale)}
    if estimate.low is not None and estimate.high is not None:
        half = _rounded((estimate.high - estimate.low) / 2 * scale)
        plain["range"] = f"± {half:.{DIGITS}g}"
    return plain | {"extra": "\n".join(_lines(measurement, writing.run))}


def _unit(metric: str) -> tuple[float, str]:
    """By what a value is multiplied, and what it then is."""
    unit = METRICS[metric].unit if metric in METRICS else "1"
    return (NS, NS_PER_CALL) if unit == "s" else (1.0, {"1": metric}.get(unit, unit))


def _lines(measurement: Measurement, run: Run) -> Iterator[str]:
    values = measurement.values
    yield f"status: {measurement.status}"
    yield f"passes: {measurement.passes}"
    if (
        (latency := values.get("latency_s"))
        and latency.low is not None
        and latency.high is not None
    ):
        low, high = format_seconds(latency.low), format_seconds(latency.high)
        yield f"latency: {low} to {high} (95 %)"
    if speedup := values.get("realised_speedup"):
        yield f"speed-up over standard: {format_ratio(speedup.value)}"
    if flops := values.get("flops"):
        yield f"FLOPs: {format_count(flops.value)}"
    yield f"machine: {run.machine.label}"
    yield f"environment: {run.environment.label}"


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


GITHUB_ACTION_BENCHMARK = Format(
    name="github-action-benchmark",
    tool="github-action-benchmark, customSmallerIsBetter",
    write=write,
    advice=advise,
)
