"""The forward pass in inference mode: what serving a network costs."""

import pytest
import torch

from sepconv.bench.output import check_output

pytestmark = pytest.mark.direction("inference")


def test_forward(benchmark, case, stopwatch):
    conv, x = stopwatch.build()

    with torch.inference_mode():  # outside the rounds: entering it costs 1–5 µs
        y = stopwatch.measure(benchmark, lambda: conv(x))

    check_output(y, case)
