from pathlib import Path

import pytest

from sepconv.cost import COSTS, cost_of
from sepconv.cost.network import NOTE_STEM, note_cost, note_stage
from sepconv.errors import UnknownConvType

NETWORK = {  # conv type → ptflops and parameters, as published and exact
    "standard": (258_545_664, 5928),
    "depthwise_separable": (69_568_512, 1560),
    "spatially_separable": (186_900_480, 4248),
}
STAGE = {
    "standard": 227_395_584,
    "depthwise_separable": 38_418_432,
    "spatially_separable": 155_750_400,
}


@pytest.mark.parametrize("conv_type", COSTS)
def test_the_published_totals_come_out_to_the_unit(conv_type):
    cost = note_cost(conv_type)

    assert (cost.ptflops, cost.params) == NETWORK[conv_type]


@pytest.mark.parametrize("conv_type", COSTS)
def test_the_totals_are_those_of_stem_and_stage(conv_type):
    stem, stage = cost_of(NOTE_STEM), cost_of(note_stage(conv_type))

    assert (stem.ptflops, stem.params) == (31_150_080, 696)
    assert stage.ptflops == STAGE[conv_type]
    assert note_cost(conv_type).ptflops == stem.ptflops + stage.ptflops


@pytest.mark.parametrize(
    ("conv_type", "ptflops_ratio", "macs_ratio", "published"),
    [("depthwise_separable", 5.92, 6.55, 3.72), ("spatially_separable", 1.46, 1.50, 1.38)],
)
def test_the_stem_hides_what_the_stage_saves(conv_type, ptflops_ratio, macs_ratio, published):
    standard, stage = cost_of(note_stage("standard")), cost_of(note_stage(conv_type))
    network = note_cost("standard").ptflops / note_cost(conv_type).ptflops

    assert standard.ptflops / stage.ptflops == pytest.approx(ptflops_ratio, abs=0.005)
    assert standard.macs / stage.macs == pytest.approx(macs_ratio, abs=0.005)
    assert network == pytest.approx(published, abs=0.005)


def test_the_note_has_no_other_variant():
    with pytest.raises(UnknownConvType, match="'mine'"):
        note_stage("mine")


@pytest.mark.parametrize("conv_type", COSTS)
def test_the_page_on_the_cost_model_shows_the_same_table(conv_type):
    page = Path(__file__).parents[2] / "docs" / "cost-model.md"
    network, stage = note_cost(conv_type), cost_of(note_stage(conv_type))
    shown = [network.params, network.ptflops, stage.ptflops, stage.macs]

    rows = [line.strip("| ").split(" | ") for line in page.read_text("utf-8").splitlines()]

    (row,) = [cells for cells in rows if f"{network.params:,}" in cells]
    assert row[0] == conv_type.replace("_", " ")
    assert row[1::2][:1] + row[2::2] == [f"{count:,}" for count in shown]
