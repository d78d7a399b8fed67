"""What holds for every registered conv type, and for the blocks around it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from sepconv.case import Case
from sepconv.convs import CONVS, build_conv
from sepconv.convs.block import ConvBNReLU
from sepconv.errors import UnknownConvType, UnsupportedCase

CASE = Case(
    conv_type="standard", in_channels=4, out_channels=8, height=9, width=12, dtype="float64"
)
MIDDLE = {"mid_norm": "batch_norm", "mid_activation": "relu"}

every_conv_type = pytest.mark.parametrize("conv_type", CONVS)


def input_of(case):
    return torch.randn(case.input_shape, dtype=getattr(torch, case.dtype))


def unsettle(module):
    """Batch normalisation as after training: no mean is 0 and no variance 1."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.running_var):
                nn.init.uniform_(tensor, 0.5, 2)
            for tensor in (norm.bias, norm.running_mean):
                nn.init.normal_(tensor)
    return module


@every_conv_type
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"kernel_size": (3, 5), "stride": (2, 1)},
        {"kernel_size": 4, "padding": (0, 2), "dilation": (2, 1)},
        {"padding": "same", "kernel_size": (5, 1)},
        {"padding": "valid", "stride": 3, "batch_size": 2},
        {"block": "conv_bn_relu", "bias": True},
        {"block": "conv_bn_relu_folded"},
        {"direction": "training", "memory_format": "channels_last"},
    ],
    ids=str,
)
def test_the_output_has_the_shape_of_the_standard_convolution(conv_type, changed):
    case = replace(CASE, conv_type=conv_type, **changed)

    assert build_conv(case)(input_of(case)).shape == case.output_shape
    assert build_conv(case.shape)(input_of(case)).shape == case.output_shape


@every_conv_type
def test_only_the_last_convolution_carries_the_bias(conv_type):
    with_bias = build_conv(replace(CASE, conv_type=conv_type, bias=True))
    without = build_conv(replace(CASE, conv_type=conv_type))
    convs = [module for module in with_bias.modules() if isinstance(module, nn.Conv2d)]

    assert [conv.bias is not None for conv in convs] == [False] * (len(convs) - 1) + [True]
    assert all("bias" not in name for name, _ in without.named_parameters())


@every_conv_type
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_parameters_have_the_dtype_and_device_of_the_case(conv_type, dtype):
    case = replace(
        CASE,
        conv_type=conv_type,
        dtype=dtype,
        device="meta",
        block="conv_bn_relu",
        options=MIDDLE,
    )

    for tensor in build_conv(case).parameters():
        assert tensor.dtype == getattr(torch, dtype)
        assert tensor.device.type == "meta"


@every_conv_type
def test_a_module_is_in_the_mode_of_its_case(conv_type):
    case = replace(CASE, conv_type=conv_type, block="conv_bn_relu")

    assert not any(module.training for module in build_conv(case).modules())
    training = build_conv(replace(case, direction="training"))
    assert all(module.training for module in training.modules())


@every_conv_type
def test_weights_are_laid_out_as_the_case_says(conv_type):
    case = replace(CASE, conv_type=conv_type, memory_format="channels_last")

    for weight in build_conv(case).parameters():
        assert weight.is_contiguous(memory_format=torch.channels_last)


@every_conv_type
def test_a_builder_reads_attributes_of_the_case_only(conv_type):
    """A case may come from a newer harness than the conv types."""
    names = [name for name in dir(CASE) if not name.startswith("_")]
    values = {name: getattr(CASE, name) for name in names}
    plain = {name: value for name, value in values.items() if not callable(value)}

    conv = build_conv(SimpleNamespace(**plain | {"conv_type": conv_type}))

    assert conv(input_of(CASE)).shape == CASE.output_shape


@every_conv_type
@pytest.mark.parametrize("options", [{}, MIDDLE], ids=["bare", "with a middle"])
@pytest.mark.parametrize("bias", [False, True])
def test_a_folded_block_equals_the_unfolded_one(conv_type, options, bias):
    case = replace(CASE, conv_type=conv_type, block="conv_bn_relu", options=options, bias=bias)
    block, x = unsettle(build_conv(case)), input_of(case)

    folded = block.folded()

    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert folded(x).count_nonzero() > 0
    torch.testing.assert_close(folded(x), block(x), rtol=0, atol=1e-12)


@every_conv_type
def test_folding_leaves_the_block_and_its_mode_alone(conv_type):
    case = replace(CASE, conv_type=conv_type, block="conv_bn_relu", direction="training")
    block = unsettle(build_conv(case))
    before = {name: tensor.clone() for name, tensor in block.state_dict().items()}

    folded = block.folded()

    assert block.training
    assert all(tensor.equal(before[name]) for name, tensor in block.state_dict().items())
    assert all(parameter.requires_grad for parameter in folded.parameters())


def test_a_norm_without_a_convolution_before_it_cannot_be_folded():
    block = ConvBNReLU(nn.Identity(), 8)

    with pytest.raises(UnsupportedCase, match="found Identity; use the block 'conv_bn_relu'"):
        block.folded()


def test_groups_divide_the_standard_convolution():
    assert build_conv(replace(CASE, groups=4)).weight.shape == (8, 1, 3, 3)


def test_an_unknown_conv_type_is_named_with_the_known_ones():
    with pytest.raises(UnknownConvType, match="'mine'; known are standard") as caught:
        build_conv(replace(CASE, conv_type="mine"))

    assert caught.value.known == tuple(CONVS)


@every_conv_type
@pytest.mark.parametrize("block", ["conv", "conv_bn_relu", "conv_bn_relu_folded"])
def test_an_exported_program_gives_the_same_output(conv_type, block):
    case = replace(CASE, conv_type=conv_type, block=block, bias=True)
    conv, x = unsettle(build_conv(case)), input_of(case)

    exported = torch.export.export(conv, (x,)).module()

    torch.testing.assert_close(exported(x), conv(x), rtol=0, atol=0)


@every_conv_type
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch of itself
@pytest.mark.parametrize("block", ["conv", "conv_bn_relu"])
def test_a_compiled_module_gives_the_same_output_and_gradients(conv_type, block):
    case = replace(CASE, conv_type=conv_type, block=block, bias=True)
    conv, x = unsettle(build_conv(case)), input_of(case).requires_grad_()

    compiled = torch.compile(conv, fullgraph=True)(x)

    torch.testing.assert_close(compiled, conv(x), rtol=0, atol=1e-12)
    found, expected = (torch.autograd.grad(y.square().sum(), x)[0] for y in (compiled, conv(x)))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@every_conv_type
@pytest.mark.parametrize("options", [{}, MIDDLE], ids=["bare", "with a middle"])
def test_a_state_goes_from_one_module_to_another(conv_type, options):
    case = replace(CASE, conv_type=conv_type, block="conv_bn_relu", bias=True, options=options)
    first, second, x = unsettle(build_conv(case)), build_conv(case), input_of(case)
    assert not torch.equal(first(x), second(x))

    missing, unexpected = second.load_state_dict(first.state_dict())

    assert (missing, unexpected) == ([], [])
    assert torch.equal(first(x), second(x))


@every_conv_type
def test_the_gradients_are_those_of_the_function(conv_type):
    case = replace(CASE, conv_type=conv_type, bias=True, stride=2, height=5, width=6)
    conv = build_conv(case)
    names = [name for name, _ in conv.named_parameters()]
    x = input_of(case).requires_grad_()

    def function(x, *values):
        return torch.func.functional_call(conv, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(function, (x, *conv.parameters()))


@every_conv_type
@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_layout_and_precision_runs_and_agrees(conv_type, memory_format, dtype):
    exact = replace(CASE, conv_type=conv_type, bias=True)
    case = replace(exact, memory_format=memory_format, dtype=dtype)
    expected, conv, x = build_conv(exact), build_conv(case), input_of(exact)
    conv.load_state_dict(expected.state_dict())

    layout = torch.channels_last if memory_format == "channels_last" else torch.contiguous_format
    found = conv(x.to(getattr(torch, dtype)).contiguous(memory_format=layout))

    error = 1e-5 if dtype == "float32" else 0.05
    assert found.dtype is getattr(torch, dtype)
    torch.testing.assert_close(found.double(), expected(x), rtol=error, atol=error)
