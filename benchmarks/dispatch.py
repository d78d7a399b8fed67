"""Why is a depthwise convolution slower than a standard one on small inputs?

    python benchmarks/dispatch.py            a few seconds

Prints the fastest of some calls of a standard, a depthwise and a pointwise convolution of one
image, and the operator that torch chose for each: its own, or oneDNN's.
"""

from __future__ import annotations

import argparse
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.autograd.profiler import profile

SIZES = ((4, 14), (16, 14), (32, 14), (64, 14), (16, 28), (32, 28), (64, 28))  # channels, side
OWN, ONEDNN = "aten::_slow_conv2d_forward", "aten::mkldnn_convolution"
NAMES = {OWN: "own", ONEDNN: "oneDNN"}


def fastest_s(conv: nn.Module, x: Tensor, calls: int) -> float:
    best = float("inf")
    for _ in range(calls):
        start = perf_counter()
        conv(x)
        best = min(best, perf_counter() - start)
    return best


def operator_of(conv: nn.Module, x: Tensor) -> str:
    """The innermost operator that computes: the last one that the profiler names."""
    with profile() as events:
        conv(x)
    names = [event.name for event in events.function_events if "conv" in event.name]
    return NAMES.get(names[-1], names[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=300)
    calls = parser.parse_args().calls

    torch.set_num_threads(1)
    print(
        "| input | elements | standard 3×3 | depthwise 3×3 | pointwise 1×1 |\n|---|---|---|---|---|"
    )
    with torch.inference_mode():
        for channels, side in SIZES:
            x = torch.randn(1, channels, side, side)
            convs = (
                nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
                nn.Conv2d(channels, channels, 1, bias=False),
            )
            told = [
                f"{1e6 * fastest_s(conv, x, calls):.0f} µs ({operator_of(conv, x)})"
                for conv in convs
            ]
            print(f"| {channels} channels, {side}×{side} | {x.numel():,} | {' | '.join(told)} |")


if __name__ == "__main__":
    main()
