"""Where the time of a call goes: operator by operator, and what its memory costs."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Callable, Iterable
from time import perf_counter, thread_time
from typing import Any

import torch
from torch.autograd.profiler import profile  # torch.profiler takes 2 s to import

from sepconv.bench.code import load_code
from sepconv.bench.core import pin
from sepconv.bench.memory import SILENT, look_at_memory
from sepconv.bench.message import OperatorTime, Profile, ProfileOrder
from sepconv.bench.workload import build_workload, check_supported
from sepconv.case import Case
from sepconv.errors import SepconvError

CALLS = (10, 200)  # profiled: at least, at most …
PROFILED_S = 0.2  # … or about so long
WARMUP_CALLS = 10
BATCHES = 5  # of unprofiled calls; the fastest says what a call takes


def profile_case(order: ProfileOrder) -> Profile:
    """A look at one call of `order.case`, as that side does it; errors are part of the answer."""
    try:
        check_supported(order.case)
        load_code(order.side)
        return _profile(order)
    except (SepconvError, RuntimeError, TypeError) as error:
        return Profile(error=f"{type(error).__name__}: {error}")


def _profile(order: ProfileOrder) -> Profile:
    os.environ.setdefault("KINETO_LOG_LEVEL", SILENT)
    case = order.case
    pin(case.threads, order.cores)
    torch.set_num_threads(case.threads)
    torch.set_flush_denormal(True)
    gc.disable()
    call = _call_of(case, order.seed)
    start = perf_counter()
    call()
    first_call_s = perf_counter() - start
    for _ in range(WARMUP_CALLS):
        call()
    start = perf_counter()
    call()
    calls = int(min(max(PROFILED_S / max(perf_counter() - start, 1e-7), CALLS[0]), CALLS[1]))
    call_s, faults = _time(call, calls)
    return Profile(
        operators=_operators(call, calls),
        first_call_s=first_call_s,
        call_s=call_s,
        faults_per_call=faults,
        facts=look_at_memory(call, case.device),
    )


def _call_of(case: Case, seed: int) -> Callable[[], object]:
    """A call as the suites make it."""
    module, x = build_workload(case, seed)
    if case.direction == "inference":

        def infer() -> object:
            with torch.inference_mode():
                return module(x)

        return infer
    gradient = torch.ones(case.output_shape, dtype=x.dtype, device=x.device)

    def train() -> object:
        module.zero_grad(set_to_none=True)
        y = module(x)
        y.backward(gradient)
        return y

    return train


def _time(call: Callable[[], object], calls: int) -> tuple[float, float]:
    """CPU seconds per call in the fastest batch, and page faults per call in all of them."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    took = []
    for _ in range(BATCHES):
        start = thread_time()
        for _ in range(calls):
            call()
        took.append((thread_time() - start) / calls)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return min(took), faults / (BATCHES * calls)


def _operators(call: Callable[[], object], calls: int) -> tuple[OperatorTime, ...]:
    """The operators of torch that a call runs, the longest first."""
    with profile() as profiler:
        for _ in range(calls):
            call()
    averages: Iterable[Any] = profiler.key_averages()
    found = [
        OperatorTime(each.key, each.count / calls, each.self_cpu_time_total * 1e-6 / calls)
        for each in averages
        if each.self_cpu_time_total > 0 and not each.key.startswith(("ProfilerStep", "cudaDevice"))
    ]
    return tuple(sorted(found, key=lambda each: -each.self_s))
