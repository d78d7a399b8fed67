import os
import subprocess
import sys

import pytest
import torch

from sepconv.bench.workload import (
    MEMORY_FORMATS,
    build_workload,
    check_supported,
    size_bytes,
    why_incapable,
    why_no_compiler,
)
from sepconv.case import DIRECTIONS, DTYPES, Case
from sepconv.errors import UnsupportedCase


def case_of(**axes):
    return Case(conv_type="standard", in_channels=4, out_channels=4, height=8, width=8, **axes)


@pytest.mark.parametrize("memory_format", MEMORY_FORMATS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_the_probe_allows_can_be_built_and_called(dtype, direction, memory_format):
    case = case_of(dtype=dtype, direction=direction, memory_format=memory_format)
    try:
        check_supported(case)
    except UnsupportedCase as reason:
        pytest.skip(str(reason))

    module, x = build_workload(case, seed=0)
    y = module(x)
    if direction == "training":
        y.sum().backward()

    assert y.shape == case.output_shape
    assert y.dtype == getattr(torch, dtype)


def test_single_precision_works_everywhere():
    assert why_incapable("cpu", "float32", "inference", "contiguous") is None
    assert why_incapable("cpu", "float32", "training", "channels_last") is None


def test_what_torch_refuses_is_a_reason_of_one_line():
    reason = why_incapable("cpu", "float8_e4m3fn", "inference", "contiguous")

    assert reason.startswith("inference in float8_e4m3fn in contiguous memory format does not work")
    assert "\n" not in reason


def test_a_combination_is_tried_once_per_process():
    combination = ("cpu", "float64", "inference", "channels_last")
    why_incapable(*combination)
    hits = why_incapable.cache_info().hits

    why_incapable(*combination)

    assert why_incapable.cache_info().hits == hits + 1


def test_a_probe_leaves_random_numbers_and_gradients_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()

    why_incapable.__wrapped__("cpu", "float32", "training", "contiguous")

    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("axes", "reason"),
    [
        ({"device": "meta"}, "computes nothing"),
        ({"block": "conv_bn_relu_folded", "direction": "training"}, "cannot be trained"),
    ],
)
def test_what_means_nothing_is_refused(axes, reason):
    with pytest.raises(UnsupportedCase, match=reason):
        check_supported(case_of(**axes))


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "xpu", "mps"])
def test_a_device_that_is_not_there_is_refused(device):
    if torch.get_device_module(device.partition(":")[0]).is_available():
        pytest.skip("there is one here")

    with pytest.raises(UnsupportedCase, match=device.partition(":")[0]):
        check_supported(case_of(device=device))


def test_cold_caches_are_supported_on_a_cpu():
    check_supported(case_of(cache="cold"))


def test_without_a_compiler_a_compiled_case_says_what_to_install(tmp_path):
    """In a process whose PATH has none, as the answer is kept for a process."""
    script = """
from sepconv.bench.workload import check_supported
from sepconv.case import Case
from sepconv.errors import UnsupportedCase
case = Case(conv_type="standard", in_channels=4, out_channels=4, height=8, width=8, compiled=True)
try:
    check_supported(case)
except UnsupportedCase as reason:
    print(reason)
"""
    environment = {**os.environ, "PATH": str(tmp_path), "CXX": "no-such-compiler"}

    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == (
        "torch.compile cannot work here without a C++ compiler: "
        "install no-such-compiler, or name another one in CXX\n"
    )


def test_an_accelerator_compiles_with_triton():
    reason = why_no_compiler("cuda")

    assert reason is None or "install the package triton" in reason


def test_the_size_of_a_workload_is_that_of_its_weights_and_input():
    workload = build_workload(case_of(), seed=0)

    assert size_bytes(workload) == 4 * (4 * 4 * 9 + 4 * 8 * 8)
