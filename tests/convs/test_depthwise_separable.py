import pytest
import torch
from torch.nn.functional import conv2d

from sepconv import DepthwiseSeparableConv2d
from sepconv.case import Case
from sepconv.convs import build_conv
from sepconv.errors import InvalidCase


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": (3, 5), "stride": (2, 1), "padding": (0, 2)},
        {"kernel_size": 4, "dilation": 2, "bias": False},
        {"kernel_size": 3, "padding": 1, "depth_multiplier": 3},
    ],
    ids=str,
)
def test_it_equals_the_standard_convolution_with_the_composed_kernel(arguments):
    layer = DepthwiseSeparableConv2d(4, 6, **arguments, dtype=torch.float64)
    x = torch.randn(2, 4, 11, 13, dtype=torch.float64)
    multiplier = arguments.get("depth_multiplier", 1)
    pointwise = layer.pointwise.weight.view(6, 4, multiplier)
    depthwise = layer.depthwise.weight.view(4, multiplier, *layer.depthwise.kernel_size)

    kernel = torch.einsum("oim,imab->oiab", pointwise, depthwise)

    geometry = {
        name: arguments[name] for name in ("stride", "padding", "dilation") if name in arguments
    }
    expected = conv2d(x, kernel, layer.pointwise.bias, **geometry)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)


def test_the_depth_multiplier_widens_the_middle():
    layer = DepthwiseSeparableConv2d(4, 6, 3, depth_multiplier=3)

    assert layer.depthwise.weight.shape == (12, 1, 3, 3)
    assert layer.pointwise.weight.shape == (6, 12, 1, 1)


def test_the_middle_stands_between_the_two():
    layer = DepthwiseSeparableConv2d(4, 6, 3, mid_norm="batch_norm", mid_activation="relu")

    names = [name for name, _ in layer.named_children()]
    assert names == ["depthwise", "depthwise_norm", "depthwise_relu", "pointwise"]


def test_the_options_of_a_case_reach_the_layer():
    options = {"depth_multiplier": 2, "mid_norm": "batch_norm", "mid_activation": None}
    layer = build_conv(
        Case(
            conv_type="depthwise_separable",
            in_channels=4,
            out_channels=6,
            height=7,
            width=7,
            options=options,
        )
    )

    assert [type(step).__name__ for step in layer] == ["Conv2d", "BatchNorm2d", "Conv2d"]
    assert layer.depthwise.out_channels == 8


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"in_channels": 0}, "in_channels"),
        ({"out_channels": 2.5}, "out_channels"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": (3,)}, "kernel_size"),
        ({"stride": -1}, "stride"),
        ({"padding": -1}, "padding"),
        ({"padding": "full"}, "padding"),
        ({"padding": "same", "stride": 2}, "padding"),
        ({"dilation": True}, "dilation"),
        ({"padding_mode": "mirror"}, "padding_mode"),
        ({"depth_multiplier": 0}, "depth_multiplier"),
        ({"mid_norm": "layer_norm"}, "mid_norm"),
        ({"mid_activation": "gelu"}, "mid_activation"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named_before_anything_is_allocated(changed, argument):
    enormous = {"in_channels": 10**9, "out_channels": 10**9, "kernel_size": 3}

    with pytest.raises(InvalidCase, match=rf"^{argument} must be ") as caught:
        DepthwiseSeparableConv2d(**enormous | changed)

    assert isinstance(caught.value, ValueError)


def test_what_comes_after_dilation_is_named():
    with pytest.raises(TypeError):
        DepthwiseSeparableConv2d(4, 6, 3, 1, 1, 1, False)
