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
        Metric("first_call_s", "s", "lower", False, "wall time of the first call in a process"),
        Metric(
            "realised_speedup",
            "1",
            "higher",
            False,
            "latency of standard ÷ latency, of the same shape, paired by pass",
        ),
        Metric("ideal_speedup", "1", "higher", True, "macs of standard ÷ macs, of the same shape"),
        Metric(
            "minor_faults_per_call",
            "1",
            "lower",
            False,
            "minor page faults of one call, in the median round",
        ),
        Metric("interference", "1", "lower", False, "wall time ÷ CPU time of the timed rounds"),
        Metric("params", "1", "lower", True, "learnable parameters"),
        Metric("macs", "1", "lower", True, "multiply-adds of the convolutions, without bias"),
        Metric("flops", "1", "lower", True, "2 × macs"),
    )
}
