import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from sepconv.bench.output import check_output
from sepconv.case import Case
from sepconv.convs import build_conv
from sepconv.convs.own import OWN
from sepconv.errors import InvalidConvTypes, UnknownConvType, UnsupportedCase, WrongOutput
from tests.convs.registry import forgetting

CASE = Case(conv_type="mine", in_channels=4, out_channels=8, height=9, width=12)


@pytest.fixture(autouse=True)
def forget():
    with forgetting():
        yield


def conv(case):
    return nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1)


def as_mine(builder):
    OWN["mine"] = builder


def install(folder, monkeypatch, entry_points, module):
    """A distribution as pip leaves it: a folder of metadata beside the package."""
    metadata = folder / "own_convs-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: own-convs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[sepconv.conv_types]\n{entry_points}\n")
    (folder / f"{module[0]}.py").write_text(module[1])
    monkeypatch.syspath_prepend(folder)


def test_an_installed_package_brings_a_conv_type(tmp_path, monkeypatch):
    source = "from torch import nn\n\ndef build(case):\n    return nn.Conv2d(4, 8, 3, padding=1)\n"
    install(tmp_path, monkeypatch, "mine = own_convs_a:build", ("own_convs_a", source))

    assert "own_convs_a" not in sys.modules
    module = build_conv(replace(CASE, block="conv_bn_relu_folded"))

    assert module(torch.zeros(CASE.input_shape)).shape == CASE.output_shape


def test_installed_conv_types_are_known_by_name(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "mine = own_convs_b:build", ("own_convs_b", ""))

    with pytest.raises(UnknownConvType, match=r"unknown conv type 'yours'; known are .*, mine$"):
        build_conv(replace(CASE, conv_type="yours"))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("build = 3", "it is of type int, not a builder"),
        ("", "AttributeError: .*build"),
    ],
)
def test_a_broken_package_is_named(tmp_path, monkeypatch, request, source, reason):
    module = f"own_convs_c{abs(hash(request.node.name))}"
    install(tmp_path, monkeypatch, f"mine = {module}:build", (module, source))

    with pytest.raises(
        InvalidConvTypes, match=rf"'mine' of own-convs \({module}:build\): {reason}"
    ):
        build_conv(CASE)


def test_a_builder_that_returns_no_module_is_named_with_its_line():
    as_mine(lambda case: "a convolution")

    with pytest.raises(
        WrongOutput,
        match=r"builder of 'mine' \(.*test_own\.py, line \d+\) returned a value of type str, ",
    ):
        build_conv(CASE)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("block", ["conv", "conv_bn_relu", "conv_bn_relu_folded"])
def test_a_builder_may_leave_device_and_dtype_to_the_harness(dtype, block):
    as_mine(conv)

    module = build_conv(replace(CASE, dtype=dtype, device="meta", block=block))

    assert {(p.dtype, p.device.type) for p in module.parameters()} == {
        (getattr(torch, dtype), "meta")
    }


def test_the_weights_and_the_mode_are_as_the_case_says():
    as_mine(lambda case: nn.Sequential(conv(case), nn.Dropout(0.5)))

    module = build_conv(replace(CASE, memory_format="channels_last", direction="training"))

    assert module[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert module[1].training
    assert not build_conv(CASE)[1].training


class Doubled(nn.Sequential):
    """No sequence, whatever it derives from."""

    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    "builder",
    [lambda case: Doubled(conv(case)), lambda case: weight_norm(conv(case))],
    ids=["a sequence with a forward of its own", "a convolution that computes its weights"],
)
def test_what_folding_would_change_is_not_folded(builder):
    as_mine(builder)

    assert (
        build_conv(replace(CASE, block="conv_bn_relu"))(torch.zeros(CASE.input_shape)) is not None
    )
    with pytest.raises(UnsupportedCase, match="use the block 'conv_bn_relu'"):
        build_conv(replace(CASE, block="conv_bn_relu_folded"))


def test_a_module_that_runs_twice_still_does_after_folding():
    double = nn.Hardtanh(-2, 2)
    as_mine(lambda case: nn.Sequential(double, nn.Conv2d(4, 4, 1), double, conv(case)))
    x = 10 * torch.randn(CASE.input_shape)

    block = build_conv(replace(CASE, block="conv_bn_relu"))

    torch.testing.assert_close(block.folded()(x), block(x))


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (
            torch.zeros(1, 8, 5, 5),
            "the module of 'mine' returned (1, 8, 5, 5), expected (1, 8, 9, 12)",
        ),
        (
            (torch.zeros(1),),
            "the module of 'mine' returned a value of type tuple, "
            "expected a tensor of shape (1, 8, 9, 12)",
        ),
    ],
    ids=["shape", "type"],
)
def test_a_wrong_output_is_a_sentence(y, sentence):
    with pytest.raises(WrongOutput) as caught:
        check_output(y, CASE)

    assert str(caught.value) == sentence


def test_a_right_output_passes():
    check_output(torch.zeros(CASE.output_shape), CASE)
