"""Not every kernel can be split: which can, what the others lose, and what is made of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sepconv import from_conv2d, separability
from sepconv.errors import InvalidCase, UnknownConvType

SOBEL = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
SCHARR = torch.tensor([[3.0, 0.0, -3.0], [10.0, 0.0, -10.0], [3.0, 0.0, -3.0]])
GAUSS = torch.outer(torch.tensor([1.0, 4, 6, 4, 1]), torch.tensor([1.0, 4, 6, 4, 1]))
LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
EXACT = {"rtol": 0, "atol": 1e-12}


def conv_of(*channels, kernel=3, **changed):
    torch.manual_seed(0)
    return nn.Conv2d(*channels, kernel, **{"dtype": torch.float64} | changed).eval()


@pytest.mark.parametrize("kernel", [SOBEL, SCHARR, GAUSS, torch.ones(3, 5)], ids=str)
def test_the_classic_kernels_can_be_split(kernel):
    shares = separability(kernel)

    torch.testing.assert_close(shares, torch.ones(min(kernel.shape), dtype=torch.float64), **EXACT)


def test_a_laplacian_needs_two_ranks():
    shares = separability(LAPLACIAN)

    assert 0.98 < shares[0] < 0.995
    torch.testing.assert_close(shares[1:], torch.ones(2, dtype=torch.float64), **EXACT)


def test_sobel_taken_apart_is_bit_exact_in_float32():
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(SOBEL)
    x = torch.randint(-128, 128, (1, 1, 32, 32)).float()

    split = from_conv2d(conv, "spatially_separable", rank=1)

    product = split.layer.vertical.weight[0, 0] @ split.layer.horizontal.weight[0, 0]
    assert split.relative_error < 1e-15
    torch.testing.assert_close(product, SOBEL, rtol=0, atol=5e-7)
    torch.testing.assert_close(split.layer(x), conv(x), rtol=0, atol=1e-3)


@pytest.mark.parametrize("conv_type", ["spatially_separable", "depthwise_separable"])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"bias": False, "stride": 2},
        {"padding": (2, 1), "dilation": (2, 1)},
        {"padding": "same", "padding_mode": "circular"},
        {"kernel": (3, 5), "padding": 1, "padding_mode": "reflect"},
        {"kernel": (4, 1), "stride": (2, 1)},
    ],
    ids=str,
)
def test_the_whole_rank_gives_the_same_output(conv_type, changed):
    conv = conv_of(4, 6, **changed)
    x = torch.randn(2, 4, 11, 13, dtype=torch.float64)

    split = from_conv2d(conv, conv_type, energy=1.0)

    assert split.relative_error < 1e-14
    torch.testing.assert_close(split.layer(x), conv(x), **EXACT)


def test_either_order_gives_the_same_output():
    conv = conv_of(4, 6, kernel=(3, 5), stride=(1, 2))
    x = torch.randn(2, 4, 11, 13, dtype=torch.float64)

    split = from_conv2d(conv, "spatially_separable", energy=1.0, order="horizontal_first")

    assert next(iter(split.layer.named_children()))[0] == "horizontal"
    torch.testing.assert_close(split.layer(x), conv(x), **EXACT)


def kernels_of(layer, ins):
    """The kernels that a layer applies, read from its answers to unit impulses."""
    x = torch.eye(ins, dtype=torch.float64)[:, :, None, None]
    padded = nn.functional.pad(x, (2, 2, 2, 2))
    return layer(padded).detach().flip(2, 3).transpose(0, 1)


@settings(max_examples=25)
@given(
    rank=st.integers(1, 4),
    ins=st.integers(1, 3),
    outs=st.integers(2, 4),
    conv_type=st.sampled_from(["spatially_separable", "depthwise_separable"]),
)
def test_the_error_that_is_told_is_that_of_the_kernels(rank, ins, outs, conv_type):
    conv = conv_of(ins, outs, bias=False)
    most = min(ins * 3, outs * 3) if conv_type == "spatially_separable" else min(outs, 9)

    split = from_conv2d(conv, conv_type, rank=min(rank, most))

    found = kernels_of(split.layer, ins)
    weight = conv.weight.detach()
    error = (found - weight).norm() / weight.norm()
    assert float(error) == pytest.approx(split.relative_error, abs=1e-12)


def test_the_first_ranks_are_those_that_lose_least_and_every_further_one_loses_less():
    conv = conv_of(6, 6)

    errors = [
        from_conv2d(conv, "spatially_separable", rank=rank).relative_error for rank in range(1, 19)
    ]

    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-14
    shares = separability(conv.weight).joint
    expected = (1 - shares).clamp(min=0).sqrt()
    assert errors == pytest.approx(expected.tolist(), abs=1e-7)


def test_random_kernels_lose_half_at_two_thirds_of_the_multiply_adds():
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 64, 3, padding=1)

    split = from_conv2d(conv, "spatially_separable")

    assert split.rank == 64
    assert split.relative_error == pytest.approx(0.51, abs=0.01)


def test_energy_takes_the_fewest_ranks_that_hold_it():
    conv = conv_of(6, 6)
    shares = separability(conv.weight).joint

    rank = from_conv2d(conv, "spatially_separable", energy=0.8).rank

    assert shares[rank - 1] >= 0.8
    assert shares[rank - 2] < 0.8


def test_the_shares_of_weights_are_those_of_each_filter_and_of_all_together():
    conv = conv_of(2, 3, kernel=(3, 5))

    told = separability(conv.weight)

    assert (told.per_filter.shape, told.joint.shape) == ((3, 2, 3), (6,))
    assert torch.equal(told.per_filter[1, 0], separability(conv.weight[1, 0]))
    assert told.joint[-1] == pytest.approx(1)


def test_kernels_of_zeros_are_separable_and_lose_nothing():
    conv = conv_of(2, 2)
    nn.init.zeros_(conv.weight)

    assert separability(torch.zeros(3, 3)).tolist() == [1, 1, 1]
    assert from_conv2d(conv, "spatially_separable", rank=1).relative_error == 0


def test_the_layer_is_where_and_as_the_convolution_was():
    conv = nn.Conv2d(4, 4, 3, dtype=torch.bfloat16, padding=1)

    for mode in (True, False):
        split = from_conv2d(conv.train(mode), "depthwise_separable", rank=2)
        assert split.layer.training is mode
        assert {tensor.dtype for tensor in split.layer.parameters()} == {torch.bfloat16}
        assert all(tensor.requires_grad for tensor in split.layer.parameters())


@pytest.mark.parametrize(
    ("conv", "arguments", "error", "message"),
    [
        (conv_of(4, 4, groups=2), {}, InvalidCase, "an nn.Conv2d without groups"),
        (nn.ConvTranspose2d(4, 4, 3), {}, InvalidCase, "an nn.Conv2d without groups"),
        (conv_of(4, 4), {"rank": 13}, InvalidCase, "from 1 to 12"),
        (conv_of(4, 4), {"rank": 0}, InvalidCase, "from 1 to 12"),
        (conv_of(4, 4), {"rank": 1.0}, InvalidCase, "from 1 to 12"),
        (conv_of(4, 4), {"energy": 1.1}, InvalidCase, "up to 1"),
        (conv_of(4, 4), {"energy": 0.5, "rank": 1}, InvalidCase, "left out beside rank=1"),
        (conv_of(4, 4), {"mode": "depthwise"}, InvalidCase, "mix no channels"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(conv, arguments, error, message):
    with pytest.raises(error, match=message):
        from_conv2d(conv, "spatially_separable", **arguments)


def test_only_separable_forms_can_be_made():
    with pytest.raises(UnknownConvType, match="known are spatially_separable"):
        from_conv2d(conv_of(4, 4), "standard")


@pytest.mark.parametrize(
    "weight", [torch.ones(3), torch.ones(2, 3, 3), torch.ones(0, 3), torch.full((3, 3), torch.nan)]
)
def test_a_weight_that_is_no_kernel_is_refused(weight):
    with pytest.raises(InvalidCase, match="weight"):
        separability(weight)
