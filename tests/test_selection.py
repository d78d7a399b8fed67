from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sepconv.case import Case
from sepconv.errors import InvalidSelection
from sepconv.selection import (
    DEPTH_LIMIT,
    axis_values,
    is_axis,
    matches,
    parse_selection,
    spell_selection,
)

CASE = Case(
    conv_type="spatially_separable",
    in_channels=16,
    out_channels=64,
    height=28,
    width=28,
    kernel_size=(3, 1),
    stride=2,
    device="cuda:1",
    options={"mode": "full"},
)


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("stride=2", True),
        ("stride == 2", True),
        ("stride != 2", False),
        ("in_channels < 16", False),
        ("in_channels <= 16", True),
        ("in_channels > 15.5", True),
        ("in_channels >= 17", False),
        ("in_channels in (8, 16)", True),
        ("in_channels not in (8, 16)", False),
        ("kernel_size = 3x1", True),
        ("kernel_size = 3x3", False),
        ("kernel_size in (3, 3x1)", True),
        ("bias = false", True),
        ("bias = TRUE", False),
        ("device = cuda:1", True),
        ("device='cuda:1'", True),
        ('conv_type="spatially_separable"', True),
        ("conv_type = standard", False),
        ("options.mode = full", True),
        ("options.order = vertical_first", True),
        ("options.mid_channels = none", True),
        ("options.mine = none", True),
        ("channels = 16", False),
        ("channels in (16, 64)", True),
        ("resolution = 28", True),
        ("resolution > 14", True),
        ("stride=2 and in_channels=16", True),
        ("stride=1 and in_channels=16", False),
        ("stride=1 or in_channels=16", True),
        ("not stride=1", True),
        ("not not stride=1", False),
        ("stride=2 or stride=1 and stride=1", True),
        ("(stride=2 or stride=1) and stride=1", False),
        ("not (stride=1 or bias=true)", True),
        ("  stride  =  2  ", True),
    ],
)
def test_an_expression_says_what_it_reads_like(expression, holds):
    assert parse_selection(expression)(CASE) is holds


@pytest.mark.parametrize("expression", ["conv_type < 3", "kernel_size > 1", "device >= cpu"])
def test_a_text_or_a_pair_is_neither_more_nor_less_than_anything(expression):
    assert not parse_selection(expression)(CASE)


@pytest.mark.parametrize("axis", ["channels", "resolution"])
def test_an_axis_of_two_must_hold_for_both(axis):
    square = replace(CASE, in_channels=28, out_channels=28)

    assert axis_values(square, axis) == (28, 28)
    assert parse_selection(f"{axis}=28")(square)


@pytest.mark.parametrize(
    ("expression", "position", "expected"),
    [
        ("", 0, "an axis"),
        ("strid=2", 0, "an axis (channels, resolution, conv_type"),
        ("stride", 6, "one of = != < <= > >= in"),
        ("stride=", 7, "a value"),
        ("stride=2 and", 12, "an axis"),
        ("stride=2 stride=1", 9, "'and', 'or' or the end"),
        ("stride in 2", 10, "'('"),
        ("stride in (2", 12, "')'"),
        ("stride in ()", 11, "a value"),
        ("stride not 2", 11, "'in'"),
        ("(stride=2", 9, "')'"),
        ("stride=2)", 8, "'and', 'or' or the end"),
        ("stride=2 & bias=true", 9, "an axis, a value or a comparison"),
        ("__import__('os')", 0, "an axis"),
        ("'stride'=2", 0, "an axis"),
    ],
)
def test_an_error_points_at_the_place(expression, position, expected):
    with pytest.raises(InvalidSelection) as caught:
        parse_selection(expression)

    assert caught.value.position == position
    assert caught.value.expected.startswith(expected)
    assert f"  {expression}\n  {' ' * position}^\n" in str(caught.value)


def test_nesting_has_an_end():
    depth = DEPTH_LIMIT

    assert parse_selection("(" * depth + "stride=2" + ")" * depth)(CASE)
    with pytest.raises(InvalidSelection, match="levels of nesting"):
        parse_selection("not " * 100_000 + "stride=2")


def place_of_the_error(expression):
    try:
        parse_selection(expression)(CASE)
    except InvalidSelection as error:
        return error.position
    return 0


@given(st.text(alphabet="stride=2 and(or)not,in'x", max_size=30))
@example("stride=999999999999999999999999")
def test_any_text_is_either_a_selection_or_an_error_with_a_place(text):
    assert 0 <= place_of_the_error(text) <= len(text)


def test_an_axis_is_a_field_or_a_group_or_an_option():
    assert is_axis("stride")
    assert is_axis("channels")
    assert is_axis("options.mode")
    assert not is_axis("options")
    assert not is_axis("options.mode.x")


def test_a_case_matches_a_table_if_it_has_any_value_of_every_axis():
    assert matches(CASE, {"stride": [1, 2], "device": "cuda:1"})
    assert not matches(CASE, {"stride": [1, 2], "device": "cpu"})
    assert matches(CASE, {})


CROWD = [
    replace(CASE, **changed)
    for changed in (
        {},
        {"stride": 1},
        {"kernel_size": 3},
        {"in_channels": 64},
        {"in_channels": 64, "width": 14},
        {"bias": True},
        {"device": "cpu"},
        {"options": {"mode": "depthwise"}},
        {"conv_type": "mine", "options": {"mode": "full", "rank": 2}},
        {"conv_type": "mine", "options": {"mode": "full", "rank": None}},
        {"conv_type": "mine", "options": {"mode": "it's"}},
        {"conv_type": "mine", "options": {"mode": "true"}},
        {"conv_type": "mine", "options": {"mode": True}},
        {"conv_type": "mine", "options": {"mode": "true", "share": 0.5}},
        {"conv_type": "standard", "options": {}},
        {"conv_type": "my own: (form)", "options": {}},
    )
]


@pytest.mark.parametrize("case", CROWD, ids=lambda case: case.label)
def test_a_spelled_selection_finds_its_case_and_no_other(case):
    selects = parse_selection(spell_selection(case, CROWD))

    found = [each for each in CROWD if selects(each)]
    assert [each for each in found if each.applicable() != case.applicable()] == []
    assert case in found


def test_a_spelled_selection_is_short_and_leaves_out_what_it_shall():
    others = [replace(CASE, in_channels=64), replace(CASE, in_channels=64, stride=1)]

    assert spell_selection(CASE, [CASE]) == "conv_type=spatially_separable"
    assert spell_selection(others[0], [CASE, *others]) == (
        "conv_type=spatially_separable and in_channels=64 and stride=2"
    )
    assert spell_selection(others[0], [CASE, *others], ["channels"]) == (
        "conv_type=spatially_separable and stride=2"
    )
    square = [replace(CASE, in_channels=8, out_channels=8), CASE]
    assert spell_selection(square[0], square) == "conv_type=spatially_separable and channels=8"
