"""Made-up runs that look like real ones: drawn from a seed, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import exp
from random import Random

from sepconv.case import Case
from sepconv.conv_type import ConvType
from sepconv.record import Estimate, Measurement, Status
from sepconv.run import Environment, Machine, Revision, Run

MACHINE = Machine("Example CPU 9000", "x86_64", 2, 2, 8)
ENVIRONMENT = Environment("3.11", "2.13.0", ("oneDNN 3.7",), "AVX2", "tuned")
OVERHEAD_S = {"standard": 5e-6, "depthwise_separable": 62e-6, "spatially_separable": 12e-6}
MACS_PER_S = {"standard": 55e9, "depthwise_separable": 34e9, "spatially_separable": 47e9}
HOSTILE = '</script><img src=x onerror="window.pwned=1"><b>&amp;\'`${1}\u2028%{x}'

History = list[tuple[Run, list[Measurement]]]


def history(runs: int = 3, *, seed: int = 1) -> History:
    """Several runs of a sweep with some failures, the last ones in another environment too."""
    random = Random(seed)
    made = []
    for number in range(runs):
        run = make_run(number)
        if runs > 3 and number == runs - 2:
            run = replace(run, environment=replace(ENVIRONMENT, torch="2.14.0"))
        made.append((run, measure(sweep(), random, drift=1 + 0.01 * number)))
    return made


def both_allocators(*, seed: int = 1) -> History:
    """Two linked runs of one suite: large outputs take longer with the default allocator."""
    cases = sweep((16, 64), (28, 112), strides=(1,), batches=(1, 8))
    tuned = measure(cases, Random(seed))
    default = [under_default(m) if m.is_measured else m for m in measure(cases, Random(seed + 1))]
    environment = replace(ENVIRONMENT, allocator="default")
    return [
        (make_run(0, linked_uid="run-0"), tuned),
        (make_run(1, linked_uid="run-0", environment=environment), default),
    ]


def under_default(measurement: Measurement) -> Measurement:
    """The measurement as it might be if outputs of more than 1 MiB faulted in on every call."""
    case = measurement.case
    pages = case.batch_size * case.out_channels * case.out_hw[0] * case.out_hw[1] * 4 // 4096
    if pages < 256:
        return measurement
    estimate = measurement.values["latency_s"]
    assert estimate.low is not None
    assert estimate.high is not None
    cost_s = pages * 0.5e-6
    slower = Estimate(estimate.value + cost_s, estimate.low + cost_s, estimate.high + cost_s)
    changed = {"latency_s": slower, "minor_faults_per_call": Estimate(pages)}
    return replace(measurement, status=Status.FAULTING, values=measurement.values | changed)


def make_run(number: int = 0, **changes: object) -> Run:
    commit = f"{number + 0x4F2A91C:07x}" + "0" * 33
    revision = Revision(commit, (), "2026-03-01T09:00:00+00:00", "", f"Change number {number}")
    run = Run(
        uid=f"run-{number}",
        suite="quick",
        started_at=f"2026-03-{number + 1:02d}T22:10:00+00:00",
        machine=MACHINE,
        environment=ENVIRONMENT,
        revision=revision,
        branch="main",
        dirty=False,
        harness_version="0.1.0",
        time_budget_s=60.0,
        conditions={"load_1min": 0.42, "kernel": "Linux 6.1", "governor": None},
        state="done",
        finished_at=f"2026-03-{number + 1:02d}T22:11:04+00:00",
        timing={"starting_s": 4.1, "warmup_s": 7.3, "timed_s": 41.4, "between_s": 5.4},
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def sweep(
    channels: Sequence[int] = (16, 32, 64, 128),
    resolutions: Sequence[int] = (14, 28, 56),
    strides: Sequence[int] = (1, 2),
    batches: Sequence[int] = (1,),
) -> list[Case]:
    return [
        make_case(conv_type, c, hw, stride=s, batch_size=b)
        for c, hw, s, b, conv_type in product(channels, resolutions, strides, batches, ConvType)
    ]


def make_case(
    conv_type: str = "standard", channels: int = 64, resolution: int = 56, **more: object
) -> Case:
    arguments = {"in_channels": channels, "out_channels": channels} | more
    return Case(conv_type=conv_type, height=resolution, width=resolution, **arguments)  # type: ignore[arg-type]


def measure(
    cases: Iterable[Case],
    random: Random,
    *,
    drift: float = 1.0,
    with_intervals: bool = True,
    with_failures: bool = True,
) -> list[Measurement]:
    """A plausible measurement of each case, every twentieth of them gone wrong."""
    return [
        fail(case, number)
        if with_failures and number % 20 == 17
        else succeed(case, random, drift, with_intervals=with_intervals)
        for number, case in enumerate(cases)
    ]


def succeed(
    case: Case, random: Random, drift: float = 1.0, *, with_intervals: bool = True
) -> Measurement:
    macs, params = work(case)
    latency = true_latency(case) * drift * exp(random.gauss(0, 0.01))
    width = abs(random.gauss(0.02, 0.008)) + 0.004
    values = {
        "latency_s": interval(latency, width, with_intervals),
        "cpu_latency_s": interval(latency * 0.97, width, with_intervals),
        "first_call_s": Estimate(latency * 3),
        "interference": Estimate(1.03 + 0.02 * random.random()),
        "minor_faults_per_call": Estimate(0.1),
        "params": Estimate(params),
        "macs": Estimate(macs),
        "flops": Estimate(2 * macs),
    }
    if case.conv_type != ConvType.STANDARD:
        ratio = true_latency(case.shape) * exp(random.gauss(0, 0.01)) / true_latency(case)
        values["ideal_speedup"] = Estimate(work(case.shape)[0] / macs)
        values["realised_speedup"] = interval(ratio, width, with_intervals)
    status = Status.OK if width < 0.03 and with_intervals else Status.NOISY
    return Measurement(case, status, values=values, passes=8 if with_intervals else 1)


def fail(case: Case, number: int) -> Measurement:
    reasons = [
        (Status.FAILED, "RuntimeError: could not create a primitive"),
        (Status.SKIPPED, "the time budget of 1 min left it out"),
        (Status.UNSUPPORTED, "this machine has no CUDA device"),
        (Status.TIMED_OUT, "no round within 60 s"),
    ]
    status, error = reasons[number // 20 % len(reasons)]
    return Measurement(case, status, error)


def measurement(case: Case, **values: float | tuple[float, float, float]) -> Measurement:
    """A measurement with these values; three numbers are a value and its interval."""
    estimates: Mapping[str, Estimate] = {
        name: Estimate(*value) if isinstance(value, tuple) else Estimate(value)
        for name, value in values.items()
    }
    return Measurement(case, Status.OK, values=estimates, passes=8)


def trio(
    channels: int = 64,
    resolution: int = 56,
    *,
    depthwise: tuple[float, float, float] = (4.2, 4.0, 4.4),
    spatial: tuple[float, float, float] = (1.3, 1.2, 1.4),
    **more: object,
) -> list[Measurement]:
    """Standard at 2.1 ms, and both separable forms at these speed-ups."""
    standard = make_case("standard", channels, resolution, **more)
    made = [measurement(standard, latency_s=(2.1e-3, 2.0e-3, 2.2e-3), interference=1.04)]
    for conv_type, speedup, ideal in (
        (ConvType.DEPTHWISE_SEPARABLE, depthwise, 7.9),
        (ConvType.SPATIALLY_SEPARABLE, spatial, 1.5),
    ):
        latency = (2.1e-3 / speedup[0], 2.1e-3 / speedup[2], 2.1e-3 / speedup[1])
        case = make_case(conv_type, channels, resolution, **more)
        made.append(
            measurement(case, latency_s=latency, realised_speedup=speedup, ideal_speedup=ideal)
        )
    return made


def interval(value: float, width: float, is_known: bool = True) -> Estimate:
    return (
        Estimate(value, value * (1 - width), value * (1 + width)) if is_known else Estimate(value)
    )


def true_latency(case: Case) -> float:
    name = str(case.conv_type)
    rate = MACS_PER_S.get(name, 40e9)
    return OVERHEAD_S.get(name, 2e-5) + work(case)[0] / rate


def work(case: Case) -> tuple[int, int]:
    """Multiply-adds and parameters, for square kernels and auto padding."""
    (out_h, out_w), (k, _) = case.out_hw, case.kernel_hw
    c_in, c_out = case.in_channels, case.out_channels
    positions = case.batch_size * out_h * out_w
    if case.conv_type == ConvType.DEPTHWISE_SEPARABLE:
        params = c_in * k * k + c_in * c_out
        return positions * params, params
    if case.conv_type == ConvType.SPATIALLY_SEPARABLE:
        first, second = c_in * c_out * k, c_out * c_out * k
        return case.batch_size * out_h * (case.width * first + out_w * second), first + second
    params = c_in * c_out * k * k
    return positions * params, params
