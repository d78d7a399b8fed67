"""Where a depthwise separable convolution spends its time, and what other layouts would take.

    python benchmarks/layout.py

For a few shapes, in µs per call, the least of many calls of each part by itself:

depthwise, pointwise   the two convolutions, on contiguous (NCHW) and channels_last (NHWC) tensors
as a product           the pointwise convolution as a matrix product over NHWC, which needs no copy
prepacked              both with weights that oneDNN has reordered beforehand, input and output
                       converted from and to plain tensors, and without these conversions
converted              NCHW in and out, NHWC in between

The least of many is no verdict: for that, `sepconv compare --base memory_format=contiguous
--head memory_format=channels_last` compares whole cases in turns.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import mkldnn

from sepconv import Case, build_conv
from sepconv.bench.allocator import tune_allocator

SHAPES = ((16, 14, 1), (24, 28, 1), (64, 56, 1), (96, 28, 1), (96, 28, 8))  # channels, H = W, batch
CALLS, WARM_UP = 200, 20
NHWC = torch.channels_last


def least_us(function: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """The least wall time of a call, in µs."""
    for _ in range(WARM_UP):
        function(x)
    least = float("inf")
    for _ in range(CALLS):
        start = perf_counter()
        function(x)
        least = min(least, perf_counter() - start)
    return 1e6 * least


def measure(channels: int, size: int, batch: int) -> dict[str, float]:
    """The least times of the parts at one shape."""
    case = Case(
        conv_type="depthwise_separable",
        in_channels=channels,
        out_channels=channels,
        height=size,
        width=size,
        batch_size=batch,
    )
    torch.manual_seed(0)
    plain = build_conv(case).requires_grad_(False)
    last = build_conv(case).requires_grad_(False).to(memory_format=NHWC)
    last.load_state_dict(plain.state_dict())
    packed = mkldnn.to_mkldnn(build_conv(case).requires_grad_(False))
    weight = plain.pointwise.weight.flatten(1).contiguous()

    def product(y: Tensor) -> Tensor:
        return F.linear(y.permute(0, 2, 3, 1), weight).permute(0, 3, 1, 2)

    x = torch.randn(case.input_shape)
    x_last, x_packed = x.contiguous(memory_format=NHWC), x.to_mkldnn()
    y, y_last = plain.depthwise(x), last.depthwise(x_last)
    torch.testing.assert_close(product(y_last), plain(x), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(last(x_last), plain(x), rtol=1e-4, atol=1e-4)
    return {
        "NCHW": least_us(plain, x),
        "depthwise": least_us(plain.depthwise, x),
        "pointwise": least_us(plain.pointwise, y),
        "NHWC": least_us(last, x_last),
        "depthwise, NHWC": least_us(last.depthwise, x_last),
        "pointwise, NHWC": least_us(last.pointwise, y_last),
        "as a product": least_us(product, y_last),
        "prepacked": least_us(lambda x: packed(x.to_mkldnn()).to_dense(), x),
        "without conversion": least_us(packed, x_packed),
        "converted": least_us(lambda x: last(x.contiguous(memory_format=NHWC)).contiguous(), x),
    }


def main() -> None:
    warnings.simplefilter("ignore")
    tune_allocator()  # else a large output costs page faults, by whatever convolution
    torch.set_num_threads(1)
    with torch.inference_mode():
        rows = [(shape, measure(*shape)) for shape in SHAPES]
    print(" | ".join(["channels, H = W, batch", *rows[0][1]]))
    print("|".join(["---"] * (len(rows[0][1]) + 1)))
    for (channels, size, batch), times in rows:
        cells = [f"{channels}, {size}, {batch}", *(f"{value:.0f}" for value in times.values())]
        print(" | ".join(cells))


if __name__ == "__main__":
    main()
