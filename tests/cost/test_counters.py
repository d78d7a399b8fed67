"""Who counts what: the tools of the field beside the closed form, with the differences explained.

Needs the extra `counters`; each tool that is not installed skips its own tests.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import nn

from sepconv import Case, Cost, build_conv, cost_of

pytestmark = [pytest.mark.counters, pytest.mark.filterwarnings("ignore")]

CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)
MIDDLE = {"mid_norm": "batch_norm", "mid_activation": "relu"}
CASES = [
    replace(CASE, conv_type=conv_type, block=block, bias=bias, kernel_size=kernel, stride=stride)
    for conv_type in ("standard", "depthwise_separable", "spatially_separable")
    for block in ("conv", "conv_bn_relu", "conv_bn_relu_folded")
    for bias in (False, True)
    for kernel, stride in ((3, 1), ((5, 3), 2))
] + [
    replace(CASE, conv_type="spatially_separable", block="conv_bn_relu", options=MIDDLE),
    replace(CASE, conv_type="spatially_separable", options={"mode": "depthwise_pointwise"}),
    replace(CASE, conv_type="depthwise_separable", options={"depth_multiplier": 3}),
]


def tool(name: str) -> Any:
    """A tool's module; where it is missing its tests are skipped, but not in CI."""
    return import_module(name) if os.environ.get("CI") else pytest.importorskip(name)


Counter = Callable[[nn.Module, torch.Tensor], float]


def by_ptflops(module: nn.Module, x: torch.Tensor) -> float:
    count: float = tool("ptflops").get_model_complexity_info(
        module,
        tuple(x.shape[1:]),
        as_strings=False,
        print_per_layer_stat=False,
        verbose=False,
    )[0]
    return count


def by_fvcore(module: nn.Module, x: torch.Tensor) -> float:
    analysis = tool("fvcore.nn").FlopCountAnalysis(module, x)
    analysis.unsupported_ops_warnings(False)
    return float(analysis.total())


def by_thop(module: nn.Module, x: torch.Tensor) -> float:
    return float(tool("thop").profile(module, inputs=(x,), verbose=False)[0])


def by_torchprofile(module: nn.Module, x: torch.Tensor) -> float:
    return float(tool("torchprofile").profile_macs(module, x))


def by_torchinfo(module: nn.Module, x: torch.Tensor) -> float:
    summary: Any = tool("torchinfo").summary(module, input_data=x, verbose=0)
    return float(summary.total_mult_adds)


def torchinfo_counts(cost: Cost) -> int:
    """Multiply-adds, 1 per bias element, and of a BN its parameters, however large the map."""
    return sum(
        layer.macs + layer.bias * layer.out_elements + 2 * layer.norm * layer.out_channels
        for layer in cost.layers
    )


COUNTERS: dict[str, tuple[Counter, Callable[[Cost], int]]] = {
    "ptflops": (by_ptflops, lambda cost: cost.ptflops),
    "fvcore": (by_fvcore, lambda cost: cost.fvcore),
    "thop": (by_thop, lambda cost: cost.thop),
    "torchprofile": (by_torchprofile, lambda cost: cost.torchprofile),
    "torchinfo": (by_torchinfo, torchinfo_counts),
}


def counted(counter: Counter, case: Case) -> float:
    with redirect_stdout(io.StringIO()):
        return counter(build_conv(case), torch.randn(case.input_shape))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.label}-{case.block}-{case.bias}")
@pytest.mark.parametrize("name", COUNTERS)
def test_a_tool_counts_what_the_convention_of_its_name_says(name: str, case: Case) -> None:
    counter, convention = COUNTERS[name]

    assert counted(counter, case) == convention(cost_of(case))


@pytest.mark.parametrize("name", ["torchprofile", "fvcore"])
def test_two_tools_count_nothing_for_a_padding_that_is_a_word(name: str) -> None:
    case = replace(CASE, padding="same")

    assert counted(COUNTERS[name][0], case) == 0
    assert cost_of(case).macs > 0
