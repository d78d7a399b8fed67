"""One training step without the optimiser: forward, and backward to every weight."""

import pytest
import torch

from sepconv.bench.output import check_output

pytestmark = pytest.mark.direction("training")


def test_training_step(benchmark, case, stopwatch):
    conv, x = stopwatch.build()
    gradient = torch.ones(case.output_shape, dtype=x.dtype, device=x.device)

    def step():
        conv.zero_grad(set_to_none=True)
        y = conv(x)
        y.backward(gradient)
        return y

    y = stopwatch.measure(benchmark, step)

    check_output(y, case)
    assert all(weight.grad is not None for weight in conv.parameters())
