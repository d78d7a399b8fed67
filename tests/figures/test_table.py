from sepconv.figures.table import build_table, round_digits
from sepconv.judge.axis import AXES
from tests.report.sample import make_case

VARIANT = {"options": {"mode": "depthwise"}}


def test_a_case_stands_on_every_axis():
    small, large = make_case(channels=16), make_case(channels=64)

    table = build_table([large, small])

    assert table.axes["channels"] == (16, 64)
    assert [place.case for place in table.places] == [large, small]
    assert [place.indices["channels"] for place in table.places] == [1, 0]
    assert all(place.indices.keys() == AXES.keys() for place in table.places)


def test_sizes_that_are_pairs_are_values_of_their_own():
    wide = make_case(channels=32, out_channels=64)

    table = build_table([wide, make_case(channels=32)])

    assert table.axes["channels"] == (32, "32→64")


def test_lines_stand_in_the_order_of_their_conv_types():
    kinds = ("mine", "spatially_separable", "depthwise_separable", "standard")

    lines = build_table([make_case(kind) for kind in kinds]).lines

    assert [line.name for line in lines] == [
        "standard",
        "depthwise separable",
        "spatially separable",
        "mine",
    ]
    assert [line.is_standard for line in lines] == [True, False, False, False]


def test_variants_share_the_colour_of_their_conv_type_and_not_its_marker():
    plain, variant = build_table(
        [make_case("spatially_separable", **each) for each in ({}, VARIANT)]
    ).lines

    assert plain.color == variant.color
    assert plain.symbol != variant.symbol


def test_conv_types_of_others_have_a_colour_each():
    lines = build_table([make_case(f"mine{number}") for number in range(4)]).lines

    assert len({line.color for line in lines}) == 4


def test_without_cases_every_axis_is_empty():
    table = build_table([])

    assert table.axes.keys() == AXES.keys()
    assert set(table.axes.values()) == {()}


def test_numbers_carry_five_digits():
    assert round_digits(0.0012345678) == 0.0012346
    assert round_digits(123456.0) == 123460.0
