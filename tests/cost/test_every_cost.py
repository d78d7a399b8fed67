from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sepconv.case import BLOCKS, DTYPES, Case
from sepconv.conv_type import ACTIVATIONS, MODES, NORMS, ORDERS
from sepconv.convs import CONVS, build_conv
from sepconv.cost import CONVENTIONS, COSTS, ConvLayer, cost_of, ideal_speedup
from sepconv.errors import InvalidCase, UnknownConvType

CASE = Case(conv_type="standard", in_channels=64, out_channels=128, height=56, width=56)


def sizes(least, most):
    return st.integers(least, most) | st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def cases(draw, conv_types=tuple(COSTS)):
    """Small valid cases of every conv type, with every option and every padding."""
    try:
        return Case(
            conv_type=draw(st.sampled_from(conv_types)),
            in_channels=draw(st.integers(1, 6)),
            out_channels=draw(st.integers(1, 12)),
            height=draw(st.integers(1, 16)),
            width=draw(st.integers(1, 16)),
            kernel_size=draw(sizes(1, 5)),
            stride=draw(sizes(1, 3)),
            padding=draw(st.sampled_from(["auto", "same", "valid"]) | sizes(0, 3)),
            dilation=draw(sizes(1, 3)),
            groups=draw(st.integers(1, 3)),
            bias=draw(st.booleans()),
            block=draw(st.sampled_from(BLOCKS)),
            options=draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "mode": st.sampled_from(MODES),
                        "order": st.sampled_from(ORDERS),
                        "mid_channels": st.integers(1, 6),
                        "mid_norm": st.sampled_from([None, *NORMS]),
                        "mid_activation": st.sampled_from([None, *ACTIVATIONS]),
                        "depth_multiplier": st.integers(1, 3),
                    },
                )
            ),
            batch_size=draw(st.integers(1, 2)),
        )
    except InvalidCase:
        assume(False)


every_cost = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@every_cost
@given(case=cases())
def test_the_closed_form_is_what_torch_counts_and_what_the_layer_is(case):
    conv = build_conv(case)
    x = torch.zeros(case.input_shape)

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        y = conv(x)

    cost = cost_of(case)
    assert cost.flops == counter.get_total_flops()
    assert cost.params == sum(p.numel() for p in conv.parameters())
    assert y.shape == case.output_shape


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@every_cost
@given(case=cases())
def test_bytes_are_those_of_the_tensors_that_every_convolution_touches(case):
    conv, touched = build_conv(case), []
    for module in conv.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _m, x, y: touched.append((x[0], y)))
    convs = [m for m in conv.modules() if isinstance(m, nn.Conv2d)]

    with torch.no_grad():
        y = conv(torch.zeros(case.input_shape))

    cost = cost_of(case)
    assert cost.activation_bytes == sum(t.nbytes for tensors in touched for t in tensors)
    assert cost.weight_bytes == sum(p.nbytes for conv in convs for p in conv.parameters())
    assert cost.bytes_unfused == cost.activation_bytes + cost.weight_bytes
    assert cost.bytes_fused == touched[0][0].nbytes + y.nbytes + cost.weight_bytes


@every_cost
@given(case=cases(), direction=st.sampled_from(["inference", "training"]))
def test_the_whole_costs_what_its_layers_cost(case, direction):
    cost = cost_of(replace(case, direction=direction))

    for name in CONVENTIONS:
        if not name.startswith("intensity") and name != "bytes_fused":
            assert getattr(cost, name) == sum(getattr(part, name) for part in cost.per_layer)


@every_cost
@given(case=cases())
def test_training_is_three_forwards_but_two_of_the_first_convolution(case):
    forward, training = cost_of(case), cost_of(replace(case, direction="training"))

    assert training.macs == 3 * forward.macs - forward.per_layer[0].macs
    assert replace(training, input_gradient=True).macs == 3 * forward.macs
    assert training.params == forward.params
    assert training.ptflops == forward.ptflops


@every_cost
@given(case=cases(), batch_size=st.integers(1, 9))
def test_counts_are_of_the_whole_batch_but_parameters_are_not(case, batch_size):
    one, batch = replace(case, batch_size=1), replace(case, batch_size=batch_size)

    for name in ("macs", "flops", "ptflops", "fvcore", "thop", "torchprofile"):
        assert getattr(cost_of(batch), name) == batch_size * getattr(cost_of(one), name)
    assert cost_of(batch).activation_bytes == batch_size * cost_of(one).activation_bytes
    assert cost_of(batch).params == cost_of(one).params
    assert cost_of(batch).weight_bytes == cost_of(one).weight_bytes


@pytest.mark.parametrize("conv_type", COSTS)
def test_every_conv_type_has_a_layer_and_every_layer_a_cost(conv_type):
    case = replace(CASE, conv_type=conv_type)

    assert COSTS.keys() == CONVS.keys()
    assert all(isinstance(layer, ConvLayer) for layer in cost_of(case).layers)
    assert cost_of(case).to_dict().keys() == CONVENTIONS.keys()


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_follow_the_element_size(dtype):
    cost = cost_of(replace(CASE, dtype=dtype))

    assert cost.element_bytes == getattr(torch, dtype).itemsize
    assert cost.weight_bytes == 64 * 128 * 9 * cost.element_bytes


def test_the_golden_example_is_what_was_computed_by_hand():
    cost = cost_of(CASE)

    assert cost.macs == 56 * 56 * 64 * 128 * 9 == 231_211_008
    assert cost.flops == 462_422_016
    assert cost.params == 73_728
    assert cost.bytes_fused == 4 * (56 * 56 * (64 + 128) + 73_728)
    assert cost.intensity_fused == pytest.approx(462_422_016 / cost.bytes_fused)


@pytest.mark.parametrize(
    ("mode", "weights"), [("full", 3456), ("depthwise_pointwise", 720), ("depthwise", 144)]
)
def test_the_modes_have_the_weights_that_their_models_have(mode, weights):
    case = replace(
        CASE,
        conv_type="spatially_separable",
        in_channels=24,
        out_channels=24,
        options={"mode": mode},
    )

    assert cost_of(case).params == weights


@pytest.mark.parametrize(
    ("conv_type", "in_channels", "out_channels", "kernel_size", "stride", "speedup"),
    [
        ("standard", 64, 64, 3, 1, 1),
        ("depthwise_separable", 64, 64, 3, 1, 1 / (1 / 64 + 1 / 9)),
        ("depthwise_separable", 256, 256, 7, 1, 1 / (1 / 256 + 1 / 49)),
        ("spatially_separable", 64, 64, 3, 1, 3 / 2),
        ("spatially_separable", 64, 64, 3, 2, 1),
        ("spatially_separable", 256, 256, 7, 1, 7 / 2),
        ("spatially_separable", 64, 128, 3, 1, 1),
        ("spatially_separable", 64, 24, 3, 1, 576 / 264),
        ("spatially_separable", 3, 24, 3, 1, 1 / 3),
    ],
)
def test_the_promise_is_the_one_of_the_closed_form(
    conv_type, in_channels, out_channels, kernel_size, stride, speedup
):
    case = replace(
        CASE,
        conv_type=conv_type,
        in_channels=in_channels,
        out_channels=out_channels,
        kernel_size=kernel_size,
        stride=stride,
    )

    assert ideal_speedup(case) == pytest.approx(speedup)


def test_training_two_convolutions_multiplies_by_less_than_three_and_more_than_two():
    case = replace(CASE, conv_type="spatially_separable", out_channels=64)

    assert cost_of(replace(case, direction="training")).macs == 2.5 * cost_of(case).macs


def test_an_unpadded_axis_makes_the_tensor_in_between_wider_than_the_output():
    case = replace(CASE, conv_type="spatially_separable", padding=0)
    vertical, horizontal = cost_of(case).layers

    assert vertical.out_hw == horizontal.in_hw == (54, 56)
    assert horizontal.out_hw == (54, 54)


def test_the_conventions_differ_by_what_follows_the_convolution():
    cost = cost_of(replace(CASE, block="conv_bn_relu", bias=True))
    elements = 56 * 56 * 128

    assert cost.ptflops == cost.macs + (1 + 2 + 1) * elements
    assert cost.fvcore == cost.macs + 2 * elements
    assert cost.thop == cost.macs + 4 * elements
    assert cost.torchprofile == cost.macs + elements


def test_a_folded_block_has_a_bias_and_no_batch_normalisation():
    cost = cost_of(replace(CASE, block="conv_bn_relu_folded"))

    assert cost.params == 73_728 + 128
    assert cost.ptflops == cost.macs + 2 * 56 * 56 * 128
    assert cost.fvcore == cost.thop == cost.torchprofile == cost.macs


def test_folding_leaves_a_bias_where_a_norm_was_in_between():
    options = {"mid_norm": "batch_norm", "mid_activation": "relu"}
    case = replace(CASE, conv_type="spatially_separable", options=options)
    folded = cost_of(replace(case, block="conv_bn_relu_folded"))

    assert [layer.bias for layer in folded.layers] == [True, True]
    assert [layer.relu for layer in folded.layers] == [True, True]


@pytest.mark.parametrize("conv_type", COSTS)
def test_millions_of_channels_are_counted_exactly(conv_type):
    million = 10**7 + 1
    case = replace(CASE, conv_type=conv_type, in_channels=million, out_channels=million)

    assert cost_of(case).macs % million == 0
    assert cost_of(case).macs == 56 * 56 * cost_of(case).params


def test_an_unknown_conv_type_is_named_with_the_known_ones():
    with pytest.raises(UnknownConvType, match="'mine'; known are standard") as caught:
        cost_of(replace(CASE, conv_type="mine"))

    assert caught.value.known == tuple(COSTS)
