from itertools import product

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from sepconv import SpatiallySeparableConv2d
from sepconv.case import Case
from sepconv.conv_type import MODES, ORDERS
from sepconv.convs import build_conv
from sepconv.errors import InvalidCase

GEOMETRIES = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 3, "padding": 0, "stride": 2},
    {"kernel_size": (3, 5), "padding": (2, 1), "stride": (1, 3)},
    {"kernel_size": (5, 1), "padding": (1, 2), "dilation": (2, 1)},
    {"kernel_size": 4, "padding": 3, "dilation": (1, 2), "stride": (3, 2)},
    {"kernel_size": (2, 3), "padding": "same", "dilation": 2},
    {"kernel_size": (2, 4), "padding": "valid", "stride": 2},
]
SOBEL = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_full_equals_the_standard_convolution_with_the_outer_product_kernel(
    geometry, padding_mode, order
):
    factory = {"padding_mode": padding_mode, "dtype": torch.float64}
    layer = SpatiallySeparableConv2d(3, 5, **geometry, mid_channels=4, order=order, **factory)
    standard = nn.Conv2d(3, 5, **geometry, **factory)
    column, row = layer.vertical.weight[..., 0], layer.horizontal.weight[..., 0, :]
    first_is_column = order == "vertical_first"
    sum_over_rank = "ria,orb->oiab" if first_is_column else "ora,rib->oiab"
    with torch.no_grad():
        standard.weight.copy_(torch.einsum(sum_over_rank, column, row))
        standard.bias.copy_((layer.horizontal if first_is_column else layer.vertical).bias)
    x = torch.randn(2, 3, 12, 15, dtype=torch.float64)

    torch.testing.assert_close(layer(x), standard(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("geometry", GEOMETRIES[:5], ids=str)
def test_depthwise_pointwise_equals_the_standard_convolution_with_the_composed_kernel(
    geometry, order
):
    layer = SpatiallySeparableConv2d(
        3, 5, **geometry, mode="depthwise_pointwise", order=order, dtype=torch.float64
    )
    x = torch.randn(2, 3, 12, 15, dtype=torch.float64)
    kernels = layer.vertical.weight[:, 0] * layer.horizontal.weight[:, 0]

    kernel = torch.einsum("oi,iab->oiab", layer.pointwise.weight[..., 0, 0], kernels)

    arguments = {name: value for name, value in geometry.items() if name != "kernel_size"}
    expected = conv2d(x, kernel, layer.pointwise.bias, **arguments)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_depthwise_is_a_bit_exact_sobel_filter(order):
    layer = SpatiallySeparableConv2d(2, 2, 3, padding=1, bias=False, mode="depthwise", order=order)
    with torch.no_grad():
        layer.vertical.weight.copy_(torch.tensor([1.0, 2, 1]).view(1, 1, 3, 1))
        layer.horizontal.weight.copy_(torch.tensor([1.0, 0, -1]).view(1, 1, 1, 3))
    x = torch.randint(0, 256, (1, 2, 17, 19)).float()

    expected = conv2d(x, SOBEL.expand(2, 1, 3, 3), padding=1, groups=2)

    assert torch.equal(layer(x), expected)


def test_depthwise_gives_each_input_channel_its_multiple_of_outputs():
    layer = SpatiallySeparableConv2d(2, 6, 3, padding=1, mode="depthwise")
    x = torch.randn(1, 2, 5, 5)
    x_of_first_only = x * torch.tensor([1.0, 0]).view(1, 2, 1, 1)

    changed = (layer(x) - layer(x_of_first_only)).abs().amax((0, 2, 3)) > 0

    assert changed.tolist() == [False] * 3 + [True] * 3


@pytest.mark.parametrize("mode", ["full", "depthwise_pointwise"])
def test_every_input_channel_reaches_every_output_channel(mode):
    layer = SpatiallySeparableConv2d(3, 5, 3, padding=1, mode=mode)
    x = torch.zeros(4, 3, 7, 7)
    x[torch.arange(3), torch.arange(3), 3, 3] = 1  # one impulse per channel, and nothing

    response = (layer(x)[:3] - layer(x)[3:]).abs().amax((2, 3))

    assert response.gt(0).all()


@pytest.mark.parametrize(
    ("mode", "weights"), [("full", 3456), ("depthwise_pointwise", 720), ("depthwise", 144)]
)
def test_the_modes_have_the_weights_that_their_models_have(mode, weights):
    layer = SpatiallySeparableConv2d(24, 24, 3, padding=1, bias=False, mode=mode)

    assert sum(weight.numel() for weight in layer.parameters()) == weights


def test_the_example_of_the_note_can_be_built_and_keeps_the_size():
    layer = SpatiallySeparableConv2d(3, 8, kernel_size=3, stride=1, padding=1)

    assert layer(torch.zeros(1, 3, 32, 32)).shape == (1, 8, 32, 32)


@pytest.mark.parametrize(("mode", "order"), list(product(MODES, ORDERS)))
def test_steps_are_named_in_the_order_in_which_they_run(mode, order):
    layer = SpatiallySeparableConv2d(
        4, 4, 3, mode=mode, order=order, mid_norm="batch_norm", mid_activation="relu"
    )
    first, second = ("vertical", "horizontal")[:: 1 if order == "vertical_first" else -1]
    steps = [first, f"{first}_norm", f"{first}_relu", second]
    if mode == "depthwise_pointwise":
        steps += [f"{second}_norm", f"{second}_relu", "pointwise"]

    assert [name for name, _ in layer.named_children()] == steps


def test_mid_channels_is_the_rank_of_the_kernel():
    layer = SpatiallySeparableConv2d(3, 5, 3, mid_channels=1, bias=False)
    kernel = torch.einsum(
        "ria,orb->iaob", layer.vertical.weight[..., 0], layer.horizontal.weight[..., 0, :]
    )

    assert torch.linalg.matrix_rank(kernel.reshape(9, 15)) == 1


def test_the_options_of_a_case_reach_the_layer():
    case = Case(
        conv_type="spatially_separable",
        in_channels=4,
        out_channels=8,
        height=7,
        width=7,
        options={"order": "horizontal_first", "mid_channels": 3, "mid_activation": "relu"},
    )

    layer = build_conv(case)

    assert [name for name, _ in layer.named_children()] == [
        "horizontal",
        "horizontal_relu",
        "vertical",
    ]
    assert layer.horizontal.out_channels == 3


def test_a_case_in_another_mode_ignores_mid_channels():
    case = Case(
        conv_type="spatially_separable",
        in_channels=4,
        out_channels=8,
        height=7,
        width=7,
        options={"mode": "depthwise", "mid_channels": 3},
    )

    assert build_conv(case).vertical.out_channels == 8


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"in_channels": 0}, "in_channels"),
        ({"out_channels": True}, "out_channels"),
        ({"kernel_size": "3"}, "kernel_size"),
        ({"stride": (1, 0)}, "stride"),
        ({"padding": (1, -1)}, "padding"),
        ({"padding": "same", "stride": (1, 2)}, "padding"),
        ({"dilation": 0}, "dilation"),
        ({"padding_mode": "constant"}, "padding_mode"),
        ({"mode": "half"}, "mode"),
        ({"order": "diagonal"}, "order"),
        ({"mid_channels": 0}, "mid_channels"),
        ({"mid_channels": 3, "mode": "depthwise"}, "mid_channels"),
        ({"mode": "depthwise", "out_channels": 10**9 + 1}, "out_channels"),
        ({"mid_norm": "layer_norm"}, "mid_norm"),
        ({"mid_activation": "gelu"}, "mid_activation"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named_before_anything_is_allocated(changed, argument):
    enormous = {"in_channels": 10**9, "out_channels": 10**9, "kernel_size": 3}

    with pytest.raises(InvalidCase, match=rf"^{argument} must be ") as caught:
        SpatiallySeparableConv2d(**enormous | changed)

    assert isinstance(caught.value, ValueError)


def test_what_comes_after_dilation_is_named():
    with pytest.raises(TypeError):
        SpatiallySeparableConv2d(4, 6, 3, 1, 1, 1, False)
