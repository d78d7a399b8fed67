"""What a measurement can say of a case: name, unit, which way is better, exact or noisy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A quantity that every measurement of a case may have a value for.

    An exact metric is the same on every machine and in every run, so any change of it is a
    change of the work; a noisy one has an interval.
    """

    name: str
    unit: str  # SI: "s", "1", "B", "1/s", "FLOP/s"
    better: Literal["lower", "higher", "neither"]
    exact: bool
    meaning: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("latency_s", "s", "lower", False, "wall time of one call"),
        Metric("cpu_latency_s", "s", "lower", False, "CPU time of one call"),
        Metric("throughput_per_s", "1/s", "higher", False, "images per second of wall time"),
        Metric("first_call_s", "s", "lower", False, "wall time of the first call in a process"),
        Metric(
            "realised_speedup",
            "1",
            "higher",
            False,
            "latency of standard ÷ latency, of the same shape, measured in turns on one core",
        ),
        Metric("ideal_speedup", "1", "higher", True, "macs of standard ÷ macs, of the same shape"),
        Metric(
            "minor_faults_per_call",
            "1",
            "lower",
            False,
            "minor page faults of one call, in the median round",
        ),
        Metric("allocations", "1", "lower", False, "blocks of memory that one call allocates"),
        Metric("allocated_bytes", "B", "lower", False, "memory that one call allocates in all"),
        Metric(
            "peak_memory_bytes",
            "B",
            "lower",
            False,
            "most memory that one call holds at once, beside weights and input",
        ),
        Metric(
            "host_bound_share",
            "1",
            "lower",
            False,
            "rounds in which the host launched more slowly than the device worked",
        ),
        Metric(
            "ratio_to_reference",
            "1",
            "lower",
            False,
            "latency ÷ that of the pinned reference revision, measured in turns on one core",
        ),
        Metric("interference", "1", "lower", False, "wall time ÷ CPU time of the timed rounds"),
        Metric("params", "1", "lower", True, "learnable parameters"),
        Metric("macs", "1", "lower", True, "multiply-adds of the convolutions, without bias"),
        Metric("flops", "1", "lower", True, "2 × macs"),
        Metric(
            "macs_are_counted",
            "1",
            "neither",
            True,
            "1 where torch counted macs and flops, for want of a closed form",
        ),
    )
}
