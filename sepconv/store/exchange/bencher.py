"""Bencher Metric Format: what `bencher run --adapter json --file` takes."""

from __future__ import annotations

from collections.abc import Callable

from sepconv.record import Estimate
from sepconv.store.exchange.document import write_json
from sepconv.store.exchange.format import Format, Writing

NAME_LENGTH = 1024  # of a benchmark, at most
BUILT_IN = {"latency_s": "latency", "throughput_per_s": "throughput"}
"""Bencher's own measures, in nanoseconds and per second; any other is made when first met."""

SPEEDUP = "realised_speedup"
NS = 1e9


def write(writing: Writing) -> bytes:
    """An object of benchmarks, each with the measure that was asked for and its speed-up."""
    metrics = dict.fromkeys((writing.metric, SPEEDUP))
    named = zip(writing.names, writing.measurements, strict=True)
    return write_json(
        {
            _bounded(name, each.case.identity): {
                measure_of(metric): _metric_plain(each.values[metric], metric)
                for metric in metrics
                if metric in each.values
            }
            for name, each in named
        }
    )


def measure_of(metric: str) -> str:
    """What Bencher calls a metric: "realised-speedup"."""
    return BUILT_IN.get(metric, metric.replace("_", "-"))


def _metric_plain(estimate: Estimate, metric: str) -> dict[str, float]:
    scale: Callable[[float], float] = _ns if metric == "latency_s" else float
    plain = {"value": scale(estimate.value)}
    if estimate.low is not None and estimate.high is not None:
        plain |= {"lower_value": scale(estimate.low), "upper_value": scale(estimate.high)}
    return plain


def _ns(seconds: float) -> float:
    return seconds * NS


def _bounded(name: str, identity: str) -> str:
    if len(name) <= NAME_LENGTH:
        return name
    return f"{name[: NAME_LENGTH - len(identity) - 1]}-{identity}"


BENCHER = Format(name="bencher", tool="bencher run --adapter json", write=write)
