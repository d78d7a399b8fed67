import subprocess
import sys
from itertools import repeat

import pytest
import torch
from torch import nn

from sepconv.bench.memory import METRICS, facts_of, look_at_memory
from sepconv.bench.workload import build_workload
from sepconv.case import Case


def steady_call(**axes):
    """A call of a case that has been made before; training is forward and backward."""
    case = Case(conv_type="standard", in_channels=8, out_channels=8, height=16, width=16, **axes)
    module, x = build_workload(case, seed=0)

    def train():
        module(x).sum().backward()
        module.zero_grad()

    def infer():
        with torch.inference_mode():
            return module(x)

    call = train if case.direction == "training" else infer
    for _ in range(3):
        call()
    return call


def values(call):
    return look_at_memory(call, "cpu").values


@pytest.mark.parametrize("direction", ["inference", "training"])
@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
def test_two_looks_agree_exactly(direction, memory_format):
    call = steady_call(direction=direction, memory_format=memory_format)

    assert values(call) == values(call)
    assert set(values(call)) == set(METRICS)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_convolution_allocates_its_output_at_least(dtype):
    call = steady_call(dtype=dtype)
    size = call().nbytes

    assert values(call)["allocated_bytes"] >= size
    assert values(call)["peak_memory_bytes"] >= size


def test_the_matrix_of_im2col_is_seen():
    call = steady_call(dtype="float64")  # which oneDNN does not do

    assert values(call)["allocated_bytes"] >= 9 * call().nbytes


def test_what_a_module_allocates_more_is_seen_to_the_byte():
    class Wasteful(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, x):
            for _ in repeat(None, 100):
                torch.empty(1024, dtype=torch.uint8)
            return self.module(x)

    frugal, x = nn.Conv2d(8, 8, 3).requires_grad_(False), torch.zeros(1, 8, 16, 16)
    wasteful = Wasteful(frugal)

    less, more = values(lambda: frugal(x)), values(lambda: wasteful(x))

    assert more["allocations"] == less["allocations"] + 100
    assert more["allocated_bytes"] == less["allocated_bytes"] + 102_400
    assert more["peak_memory_bytes"] == max(less["peak_memory_bytes"], 1024)


def test_training_takes_more_than_inference():
    inference, training = (
        values(steady_call(direction=direction)) for direction in ("inference", "training")
    )

    assert all(training[metric] > inference[metric] for metric in METRICS)


def test_a_call_that_allocates_nothing_has_zeros():
    assert values(lambda: None) == dict.fromkeys(METRICS, 0)


@pytest.mark.parametrize(
    ("changes", "peak"),
    [([3, -3, 2, -2], 3), ([3, 2, -3, 4], 6), ([-5, 3], 0), ([], 0)],
)
def test_the_peak_is_the_most_held_at_once_above_what_was_held_before(changes, peak):
    assert facts_of(changes).values["peak_memory_bytes"] == peak


def test_a_look_leaves_no_profiler_running_and_passes_errors_on():
    def fail():
        raise ValueError("of the call")

    with pytest.raises(ValueError, match="of the call"):
        look_at_memory(fail, "cpu")

    assert not torch.autograd._profiler_enabled()


def test_a_look_prints_nothing_and_warns_of_nothing():
    script = "import torch; from sepconv.bench.memory import look_at_memory as look;"
    script += "look(lambda: torch.empty(9), 'cpu'); look(lambda: torch.empty(9), 'cpu')"

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("", "")


def test_a_device_without_statistics_says_so_for_every_metric():
    if hasattr(torch.mps, "memory_stats"):
        pytest.skip("this torch counts there too")

    facts = look_at_memory(lambda: pytest.fail("called in vain"), "mps")

    assert not facts.values
    assert set(facts.unsupported) == set(METRICS)
    assert "mps" in facts.unsupported["allocations"]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_allocations_are_counted():
    facts = look_at_memory(lambda: torch.empty(1 << 20, device="cuda"), "cuda")

    assert facts.values["allocations"] == 1
    assert facts.values["peak_memory_bytes"] >= 4 << 20
