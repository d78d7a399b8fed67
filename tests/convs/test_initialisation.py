"""Fresh weights: a chain of convolutions keeps the gain of the one that it replaces."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sepconv.case import Case
from sepconv.convs import build_conv

CASE = Case(
    conv_type="standard", in_channels=64, out_channels=64, height=24, width=24, padding="valid"
)
FORMS = {
    "depthwise separable": {"conv_type": "depthwise_separable"},
    "multiplied": {"conv_type": "depthwise_separable", "options": {"depth_multiplier": 3}},
    "full": {"conv_type": "spatially_separable"},
    "narrow": {"conv_type": "spatially_separable", "options": {"mid_channels": 16}},
    "two sweeps": {"conv_type": "spatially_separable", "options": {"mode": "depthwise_pointwise"}},
    "depthwise": {"conv_type": "spatially_separable", "options": {"mode": "depthwise"}},
}


def gain_of(case, draws=40):
    """The variance of the output for an input of variance 1, over many draws of the weights."""
    found = []
    for seed in range(draws):
        torch.manual_seed(seed)
        conv = build_conv(case).requires_grad_(False)
        found.append(conv(torch.randn(case.input_shape)).var())
    return float(torch.stack(found).mean())


@pytest.mark.parametrize("form", FORMS)
def test_a_separable_form_has_the_gain_of_the_standard_convolution(form):
    standard, separable = gain_of(CASE), gain_of(replace(CASE, **FORMS[form]))

    assert standard == pytest.approx(1 / 3, rel=0.03)
    assert separable == pytest.approx(standard, rel=0.12)


@pytest.mark.parametrize("form", ["depthwise separable", "full"])
def test_a_relu_in_between_costs_no_gain(form):
    case = replace(CASE, **FORMS[form])
    rectified = replace(case, options=dict(case.options) | {"mid_activation": "relu"})

    # the second moment is what the last convolution is given; half of it is a mean
    assert gain_of(rectified) == pytest.approx(1 / 3, rel=0.35)
    assert gain_of(rectified) > 0.2


def test_drawn_as_torch_draws_them_the_links_of_a_chain_would_shrink_what_passes():
    torch.manual_seed(0)
    chain = nn.Sequential(
        nn.Conv2d(64, 64, (3, 1), bias=False), nn.Conv2d(64, 64, (1, 3), bias=False)
    ).requires_grad_(False)

    assert float(chain(torch.randn(CASE.input_shape)).var()) == pytest.approx(1 / 9, rel=0.1)


def test_the_last_convolution_is_drawn_as_torch_draws_it():
    conv = build_conv(replace(CASE, conv_type="depthwise_separable", bias=True))
    conv.requires_grad_(False)

    bound = (1 / 64) ** 0.5
    assert 0.9 * bound < float(conv.pointwise.weight.abs().max()) <= bound
    assert 0 < float(conv.pointwise.bias.abs().max()) <= bound
    assert float(conv.depthwise.weight.abs().max()) <= (3 / 9) ** 0.5
