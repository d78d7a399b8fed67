import json
import subprocess
import sys
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.case import Case
from sepconv.conv_type import Options
from sepconv.errors import InvalidCase

CASE = Case(conv_type="standard", in_channels=64, out_channels=128, height=56, width=56)
SPATIAL = replace(CASE, conv_type="spatially_separable")

GOLDEN = {
    "9d99340b27ed21bf0cec": CASE,
    "87bda80fef972b202bc2": replace(CASE, conv_type="depthwise_separable"),
    "72b20fab0137485ffb9b": Case(
        conv_type="spatially_separable",
        in_channels=16,
        out_channels=16,
        height=14,
        width=28,
        kernel_size=(3, 5),
        stride=2,
        options={"mode": "depthwise_pointwise", "order": "horizontal_first"},
    ),
    "ec1bf4f091b2616e9915": Case(
        conv_type="standard",
        in_channels=8,
        out_channels=8,
        height=14,
        width=14,
        groups=4,
        bias=True,
        padding="valid",
        batch_size=8,
    ),
    "88876fdca75e8ee87c35": Case(
        conv_type="depthwise_separable",
        in_channels=8,
        out_channels=8,
        height=14,
        width=14,
        block="conv_bn_relu_folded",
        direction="training",
        device="cuda:1",
        dtype="bfloat16",
        memory_format="channels_last",
        threads=4,
        compiled=True,
        cache="cold",
    ),
    "970e19652c38738237b1": Case(
        conv_type="mine",
        in_channels=8,
        out_channels=8,
        height=14,
        width=14,
        options={"alpha": 1.5, "on": True},
    ),
}


@pytest.mark.parametrize(("identity", "case"), GOLDEN.items())
def test_identities_are_what_they_were_in_every_version(identity, case):
    assert case.identity == identity


def test_identities_do_not_depend_on_the_process():
    program = f"from sepconv.case import Case; print(Case.from_dict({CASE.to_dict()}).identity)"

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == CASE.identity


@pytest.mark.parametrize(
    "same",
    [
        replace(CASE, padding=1),
        replace(CASE, padding=(1, 1)),
        replace(CASE, padding="same"),
        replace(CASE, kernel_size=(3, 3), stride=(1, 1), dilation=[1, 1]),
        replace(CASE, device="cpu", dtype="float32", groups=1, threads=1, bias=False),
        replace(CASE, options={"mode": "depthwise", "mid_channels": 7}),
    ],
    ids=lambda case: case.label,
)
def test_a_default_that_is_spelled_out_leaves_the_identity_unchanged(same):
    assert same.identity == CASE.identity
    assert hash(same) == hash(CASE)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "full"},
        {"order": "vertical_first"},
        {"mid_channels": 128},
        {"mid_channels": None, "mid_norm": None, "mid_activation": None},
        {"depth_multiplier": 4},
    ],
    ids=str,
)
def test_an_option_at_its_default_or_of_another_conv_type_leaves_the_identity_unchanged(options):
    assert replace(SPATIAL, options=options).identity == SPATIAL.identity


@pytest.mark.parametrize(
    "changed",
    [
        {"conv_type": "depthwise_separable"},
        {"in_channels": 32},
        {"height": 57},
        {"kernel_size": 5},
        {"kernel_size": (3, 1)},
        {"kernel_size": (1, 3)},
        {"stride": 2},
        {"padding": 0},
        {"padding": (0, 1)},
        {"dilation": 2},
        {"groups": 2},
        {"bias": True},
        {"block": "conv_bn_relu"},
        {"batch_size": 2},
        {"direction": "training"},
        {"device": "cuda"},
        {"dtype": "float16"},
        {"memory_format": "channels_last"},
        {"threads": 2},
        {"compiled": True},
        {"cache": "cold"},
    ],
    ids=str,
)
def test_whatever_decides_the_work_decides_the_identity(changed):
    case = replace(CASE, **changed)

    assert case.identity != CASE.identity
    assert case.label != CASE.label


def test_mid_channels_decides_the_identity_only_in_mode_full():
    depthwise = replace(SPATIAL, options={"mode": "depthwise"})

    assert replace(SPATIAL, options={"mid_channels": 32}).identity != SPATIAL.identity
    assert (
        replace(SPATIAL, options={"mode": "depthwise", "mid_channels": 32}).identity
        == depthwise.identity
    )


def test_any_option_of_a_conv_type_of_somebody_elses_decides_its_identity():
    mine = replace(CASE, conv_type="mine")

    assert replace(mine, options={"mode": "full"}).identity != mine.identity
    assert replace(mine, options={"b": 1, "a": 2}) == replace(mine, options={"a": 2, "b": 1})


def test_a_pair_of_equal_numbers_is_the_number():
    assert replace(CASE, kernel_size=(5, 5), padding=[2, 2]) == replace(
        CASE, kernel_size=5, padding=2
    )


def test_what_does_not_apply_is_dropped():
    case = replace(CASE, conv_type="depthwise_separable", groups=4, options={"mode": "full"})

    assert case.applicable().groups == 1
    assert case.applicable().options == Options()


def test_the_shape_of_a_case_is_the_standard_one_of_the_same_shape():
    case = replace(SPATIAL, stride=2, batch_size=8, options={"mode": "depthwise"})

    assert case.shape == replace(CASE, stride=2, batch_size=8)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"conv_type": " "}, "conv_type"),
        ({"in_channels": 0}, "in_channels"),
        ({"out_channels": 1.5}, "out_channels"),
        ({"height": True}, "height"),
        ({"width": "56"}, "width"),
        ({"kernel_size": -1}, "kernel_size"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size"),
        ({"stride": 0}, "stride"),
        ({"dilation": (1, 0)}, "dilation"),
        ({"padding": -1}, "padding"),
        ({"padding": "full"}, "padding"),
        ({"padding": "same", "stride": 2}, "padding"),
        ({"groups": 3}, "groups"),
        ({"bias": 1}, "bias"),
        ({"block": "bn"}, "block"),
        ({"direction": "backward"}, "direction"),
        ({"device": "gpu"}, "device"),
        ({"dtype": "int8"}, "dtype"),
        ({"memory_format": "nhwc"}, "memory_format"),
        ({"threads": 0}, "threads"),
        ({"compiled": None}, "compiled"),
        ({"cache": "hot"}, "cache"),
        ({"options": ["mode"]}, "options"),
        ({"options": {"mode": ["full"]}}, "options.mode"),
        ({"options": {"x": float("nan")}}, "options.x"),
        ({"kernel_size": 57, "padding": 0}, "height"),
        ({"kernel_size": (1, 57), "padding": 0}, "width"),
    ],
    ids=str,
)
def test_an_argument_that_no_convolution_can_have_is_named(arguments, argument):
    with pytest.raises(InvalidCase, match=rf"^{argument} must be ") as caught:
        replace(CASE, **arguments)

    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"mode": "half"}, "options.mode"),
        ({"order": "diagonal"}, "options.order"),
        ({"mid_channels": 0}, "options.mid_channels"),
        ({"mid_norm": "group_norm"}, "options.mid_norm"),
        ({"mid_activation": True}, "options.mid_activation"),
    ],
    ids=str,
)
def test_an_option_that_the_conv_type_cannot_have_is_named(options, argument):
    with pytest.raises(InvalidCase, match=argument):
        replace(SPATIAL, options=options)


def test_mode_depthwise_wants_a_multiple_of_the_input_channels():
    with pytest.raises(InvalidCase, match="a multiple of in_channels=64"):
        replace(SPATIAL, out_channels=100, options={"mode": "depthwise"})


def test_a_field_that_no_case_has_is_named():
    with pytest.raises(InvalidCase, match="'channels'"):
        Case.from_dict(CASE.to_dict() | {"channels": 3})


def test_the_odd_pixel_of_an_even_kernel_goes_after_in_same_padding():
    case = replace(CASE, kernel_size=(4, 3), padding="same")

    assert case.padding_tblr == (1, 2, 1, 1)
    assert case.output_shape == (1, 128, 56, 56)


def test_a_device_has_one_name():
    assert replace(CASE, device="cuda:0") == replace(CASE, device="cuda")


def test_options_cannot_be_changed():
    options = replace(SPATIAL, options={"mode": "depthwise"}).options

    with pytest.raises(TypeError):
        options["mode"] = "full"


sizes = st.integers(1, 5) | st.tuples(st.integers(1, 5), st.integers(1, 5))
cases = st.builds(
    Case,
    conv_type=st.sampled_from(["standard", "depthwise_separable", "spatially_separable", "mine"]),
    in_channels=st.integers(1, 9),
    out_channels=st.integers(1, 9),
    height=st.integers(21, 40),
    width=st.integers(21, 40),
    kernel_size=sizes,
    stride=sizes,
    padding=st.sampled_from(["auto", "valid", 0, (1, 2)]),
    dilation=sizes,
    bias=st.booleans(),
    block=st.sampled_from(["conv", "conv_bn_relu", "conv_bn_relu_folded"]),
    options=st.fixed_dictionaries(
        {}, optional={"mode": st.just("depthwise_pointwise"), "mid_channels": st.integers(1, 9)}
    ),
    threads=st.integers(1, 4),
    compiled=st.booleans(),
)


@given(cases)
def test_a_case_survives_being_written_as_json(case):
    read = Case.from_dict(json.loads(json.dumps(case.to_dict())))

    assert read == case
    assert read.identity == case.identity


@given(cases)
def test_dropping_what_does_not_apply_leaves_the_identity_unchanged(case):
    assert case.applicable().identity == case.identity
    assert case.applicable().applicable() == case.applicable()


@given(cases, cases)
def test_labels_are_equal_exactly_when_identities_are(one, other):
    assert (one.label == other.label) == (one.identity == other.identity)


def test_labels_are_unique_within_a_sweep():
    sweep = [
        replace(
            CASE,
            conv_type=conv_type,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            options=options,
        )
        for conv_type, kernel_size, stride, padding, options in product(
            ["standard", "depthwise_separable", "spatially_separable"],
            [3, (3, 1), (1, 3)],
            [1, 2, (2, 1)],
            ["auto", 0, 1, (0, 1)],
            [{}, {"mode": "depthwise"}, {"order": "horizontal_first"}, {"depth_multiplier": 2}],
        )
    ]

    identities = {case.identity for case in sweep}

    assert len({case.label for case in sweep}) == len(identities)
    assert all(case.label.isascii() and " " not in case.label for case in sweep)
