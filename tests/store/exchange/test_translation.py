from __future__ import annotations

from typing import Any

import pytest

from sepconv.case import Case
from sepconv.errors import InvalidExchange
from sepconv.record import Estimate
from sepconv.store.exchange.format import Entry
from sepconv.store.exchange.translation import (
    Skipped,
    Translation,
    refuse_unknown,
    suggest,
    translate,
)

SHAPE = {"channels": 16, "resolution": 28}


def entry(params: dict[str, Any], name: str = "test_mine", place: str = "benchmarks[0]") -> Entry:
    return Entry(place, name, name.partition("[")[0], params, {"latency_s": Estimate(0.5)})


def case_of(params: dict[str, Any], translation: Translation | None = None) -> Case:
    found = (translation or Translation()).case_of(entry(params))
    assert isinstance(found, Case), found
    return found


def reason_of(params: dict[str, Any], translation: Translation | None = None) -> str:
    found = (translation or Translation()).case_of(entry(params))
    assert isinstance(found, Skipped)
    return found.reason


def test_parameters_that_are_called_as_axes_are_taken_as_they_are() -> None:
    params = {
        "conv_type": "standard",
        "in_channels": 3,
        "out_channels": 8,
        "height": 32,
        "width": 16,
        "kernel_size": [3, 1],
        "stride": 2,
        "batch": 4,
        "threads": 2,
        "device": "cuda",
        "dtype": "float16",
        "bias": True,
        "options.mode": "full",
    }

    assert case_of(params) == Case(
        conv_type="standard",
        in_channels=3,
        out_channels=8,
        height=32,
        width=16,
        kernel_size=(3, 1),
        stride=2,
        batch_size=4,
        threads=2,
        device="cuda",
        dtype="float16",
        bias=True,
        options={"mode": "full"},
    )


def test_others_are_taken_as_people_say() -> None:
    axes = {"cin": "in_channels", "cout": "out_channels", "hw": "resolution", "algo": "options.a"}

    found = case_of({"cin": 3, "cout": 8, "hw": 32, "algo": "fast"}, Translation(axes))

    assert found == Case(
        conv_type="test_mine",
        in_channels=3,
        out_channels=8,
        height=32,
        width=32,
        options={"a": "fast"},
    )


def test_the_file_wins_over_what_is_set_for_what_it_leaves_out() -> None:
    translation = Translation(settings={"resolution": 56, "stride": 2, "batch_size": 8})

    found = case_of({"channels": 16, "height": 28, "stride": 1}, translation)

    assert (found.height, found.width, found.stride, found.batch_size) == (28, 56, 1, 8)


@pytest.mark.parametrize(
    ("params", "translation", "conv_type"),
    [
        ({}, Translation(), "test_mine"),
        ({}, Translation(conv_type="standard"), "standard"),
        ({"conv_type": "theirs"}, Translation(conv_type="standard"), "theirs"),
        ({"conv_type": None}, Translation(conv_type="standard"), "standard"),
        ({"form": "theirs"}, Translation({"form": "conv_type"}), "theirs"),
        ({}, Translation(settings={"conv_type": "set"}), "set"),
    ],
)
def test_the_conv_type_is_that_of_the_file_then_what_is_said_then_the_functions_name(
    params: dict[str, Any], translation: Translation, conv_type: str
) -> None:
    assert case_of(SHAPE | params, translation).conv_type == conv_type


@pytest.mark.parametrize(
    ("axis", "written", "value"),
    [
        ("dtype", "UNSERIALIZABLE[torch.float16]", "float16"),
        ("dtype", "torch.bfloat16", "bfloat16"),
        ("memory_format", "UNSERIALIZABLE[torch.channels_last]", "channels_last"),
        ("memory_format", "UNSERIALIZABLE[torch.contiguous_format]", "contiguous"),
        ("device", "UNSERIALIZABLE[device(type='cuda', index=1)]", "cuda:1"),
        ("device", "UNSERIALIZABLE[device(type='cpu')]", "cpu"),
    ],
)
def test_objects_of_torch_are_read_by_their_names(axis: str, written: str, value: str) -> None:
    assert getattr(case_of(SHAPE | {axis: written}), axis) == value


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"channels": 16}, "nothing says its height, width"),
        ({"resolution": 16, "in_channels": None}, "nothing says its in_channels, out_channels"),
        (SHAPE | {"stride": 0}, "stride must be a whole number of at least 1, or a pair, got 0"),
        (SHAPE | {"stride": [1, 2, 3]}, "stride must be"),
        (SHAPE | {"stride": "2"}, "stride must be"),
        (SHAPE | {"channels": 16.0}, "in_channels must be a whole number of at least 1, got 16.0"),
        (SHAPE | {"channels": True}, "in_channels must be"),
        (SHAPE | {"channels": 2**31}, "in_channels must be at most 2147483647"),
        (SHAPE | {"padding": [2**31, 0]}, "padding must be at most 2147483647"),
        (SHAPE | {"in_channels": 3}, "in_channels must be 16, as another parameter says, got 3"),
        (
            SHAPE | {"conv_type": "UNSERIALIZABLE[<class 'Mine'>]"},
            "conv_type must be a plain value",
        ),
        (SHAPE | {"conv_type": "  "}, "conv_type must be the name of a conv type"),
        (SHAPE | {"dtype": "int8"}, "dtype must be one of float32"),
        (SHAPE | {"options.a": [1]}, "options.a must be a text"),
        (SHAPE | {"kernel_size": 99, "padding": "valid"}, "height must be at least"),
        (SHAPE | {"dtype": "x" * 10_000}, "dtype must be one of"),
    ],
)
def test_what_is_no_case_has_a_reason(params: dict[str, Any], reason: str) -> None:
    found = reason_of(params)

    assert reason in found
    assert len(found) <= 201


def test_what_a_format_refuses_is_left_out_with_its_reason() -> None:
    refused = Entry("benchmarks[0]", "a", "a", SHAPE, {}, refused_because="a CPU clock")

    assert isinstance(found := Translation().case_of(refused), Skipped)
    assert found.reason == "a CPU clock"


def test_parameters_that_nobody_uses_are_told() -> None:
    entries = [entry(SHAPE | {"seed": 1, "deep.er": 2})]

    assert translate(entries, Translation(), "x").unused == ("seed", "deep.er")
    mapped = Translation({"seed": "options.seed", "deep.er": "threads"})
    assert translate(entries, mapped, "x").unused == ()


def test_nothing_to_import_says_what_to_type() -> None:
    entries = [entry({"cin": 3, "cout": 8, "k": 3, "seed": 1}), entry({"cin": 4, "cout": 8})]

    with pytest.raises(InvalidExchange) as told:
        translate(entries, Translation(), "mine.json")

    assert str(told.value) == (
        "mine.json: none of its 2 benchmarks describes a case; "
        "nothing says in_channels, out_channels, height, width; "
        "parameters that are not used: cin, cout, k, seed; "
        "try --map cin=in_channels --map cout=out_channels --set resolution=N"
    )


def test_what_is_suggested_works() -> None:
    params = {"C_in": 3, "filters": 8, "img_size": 32, "bs": 4}

    typed = suggest(["in_channels", "out_channels", "height", "width"], params)

    assert typed == [
        "--map C_in=in_channels",
        "--map filters=out_channels",
        "--map img_size=resolution",
    ]
    axes = dict(each.removeprefix("--map ").split("=") for each in typed)
    assert case_of(params, Translation(axes)).input_shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("missing", "unused", "typed"),
    [
        (["height"], ["width px"], ["--set height=N"]),
        (["height", "width"], ["my.h", "w"], ["--map my.h=height", "--map w=width"]),
        (["in_channels", "out_channels"], ["n ch"], ["--set channels=N"]),
        (["in_channels", "out_channels"], ["c"], ["--map c=channels"]),
        (["in_channels"], ["in-channels"], ["--map in-channels=in_channels"]),
    ],
)
def test_what_cannot_be_guessed_is_to_be_set(
    missing: list[str], unused: list[str], typed: list[str]
) -> None:
    assert suggest(missing, unused) == typed


def test_other_reasons_are_told_when_nothing_can_be_imported() -> None:
    with pytest.raises(InvalidExchange, match="its only benchmark describes no case; stride must"):
        translate([entry(SHAPE | {"stride": 0})], Translation(), "mine.json")
    with pytest.raises(InvalidExchange, match=r"mine\.json: there is no benchmark in it"):
        translate([], Translation(), "mine.json")


@pytest.mark.parametrize(
    ("first", "second", "advice"),
    [
        ({}, {}, "import one of them alone"),
        ({"seed": 1}, {"seed": 2}, "tell them apart with --map seed=options.seed"),
        ({"k": 3}, {"k": 5}, "tell them apart with --map k=kernel_size"),
        ({"conv_type": "standard", "seed": 1}, {"conv_type": "standard"}, "--map seed=conv_type"),
    ],
)
def test_two_benchmarks_of_one_case_are_named_with_what_tells_them_apart(
    first: dict[str, Any], second: dict[str, Any], advice: str
) -> None:
    entries = [
        entry(SHAPE | first, "test_mine[a]"),
        entry(SHAPE | second, "test_mine[b]", "benchmarks[1]"),
    ]

    with pytest.raises(InvalidExchange) as told:
        translate(entries, Translation(), "mine.json")

    said = str(told.value)
    assert "benchmarks[0] 'test_mine[a]' and benchmarks[1] 'test_mine[b]' are both the case" in said
    assert advice in said


def test_options_of_a_built_in_conv_type_do_not_hide_a_twin() -> None:
    """They are no part of its identity."""
    same = SHAPE | {"conv_type": "standard"}
    entries = [entry(same | {"options.a": 1}), entry(same | {"options.a": 2})]

    with pytest.raises(InvalidExchange, match="are both the case"):
        translate(entries, Translation(), "mine.json")


def test_a_mapping_of_what_is_not_there_is_refused() -> None:
    refuse_unknown(["seed"], [entry({"seed": 1})])
    with pytest.raises(InvalidExchange, match=r"--map: sed: .* the parameters are seed"):
        refuse_unknown(["sed"], [entry({"seed": 1})])
    with pytest.raises(InvalidExchange, match="there are none"):
        refuse_unknown(["sed"], [entry({})])
