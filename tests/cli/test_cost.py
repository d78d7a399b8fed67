import csv
import json
import subprocess
import sys
from dataclasses import fields
from io import StringIO

import pytest

from sepconv.case import Case
from sepconv.cli import main
from sepconv.cli.suite_file import find_suite, suite_names
from sepconv.cost import CONVENTIONS
from sepconv.errors import InvalidSuite

SHAPE = ["--channels", "64", "--resolution", "56"]

SUITE = """
name = "tiny"
[axes]
conv_type = ["standard", "spatially_separable"]
channels = [16]
resolution = [28]
stride = [1, 2]
device = ["available"]
"""


@pytest.fixture
def cost(capsys):
    """Runs `sepconv cost …`; gives the exit code and what it printed and complained."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["cost", *map(str, arguments)])
        return left.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def suite_file(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def test_the_note_is_reproduced_to_the_unit_beside_the_stage(cost):
    code, printed, _ = cost("note", "--format", "json")

    rows = {(row["conv_type"], row["scope"]): row for row in json.loads(printed)}
    assert code == 0
    assert {key: (row["ptflops"], row["params"]) for key, row in rows.items()} == {
        ("standard", "network"): (258_545_664, 5928),
        ("depthwise_separable", "network"): (69_568_512, 1560),
        ("spatially_separable", "network"): (186_900_480, 4248),
        ("standard", "stage"): (227_395_584, 5232),
        ("depthwise_separable", "stage"): (38_418_432, 864),
        ("spatially_separable", "stage"): (155_750_400, 3552),
    }
    assert all(row.keys() >= CONVENTIONS.keys() for row in rows.values())


def test_the_table_of_the_note_shows_the_true_ratios_and_names_its_conventions(cost):
    _, printed, _ = cost("note")

    for shown in ("258,545,664", "3.72×", "5.92×", "6.55×", "1.38×", "1.46×", "1.50×"):
        assert shown in printed
    assert "ptflops: macs + 1 per bias" in printed


def test_one_shape_is_costed_in_all_three_forms(cost):
    code, printed, _ = cost(*SHAPE, "--out-channels", 128, "--format", "json")

    rows = json.loads(printed)
    assert code == 0
    assert [row["conv_type"] for row in rows] == [
        "standard",
        "depthwise_separable",
        "spatially_separable",
    ]
    assert rows[0]["flops"] == rows[2]["flops"] == 462_422_016
    assert rows[2]["ideal_speedup"] == 1


def test_a_row_has_every_axis_and_every_cost_by_its_name(cost):
    _, printed, _ = cost(*SHAPE, "--format", "json")

    axes = {field.name for field in fields(Case)}
    for row in json.loads(printed):
        assert row.keys() == axes | CONVENTIONS.keys() | {"label", "ideal_speedup"}
        assert Case.from_dict({axis: row[axis] for axis in axes}).label == row["label"]


def test_every_size_can_be_given_by_itself(cost):
    given = ["--in-channels", 4, "--out-channels", 8, "--height", 20, "--width", 30]
    given += ["--kernel-size", "3x5", "--stride", "2x1", "--padding", "0x2", "--dilation", 2]
    given += ["--groups", 2, "--bias", "--batch-size", 3, "--block", "conv_bn_relu"]
    given += ["--direction", "training", "--dtype", "float16", "--conv-type", "standard"]

    _, printed, _ = cost(*given, "--format", "json")

    (row,) = json.loads(printed)
    assert Case.from_dict({field.name: row[field.name] for field in fields(Case)}) == Case(
        conv_type="standard",
        in_channels=4,
        out_channels=8,
        height=20,
        width=30,
        kernel_size=(3, 5),
        stride=(2, 1),
        padding=(0, 2),
        dilation=2,
        groups=2,
        bias=True,
        batch_size=3,
        block="conv_bn_relu",
        direction="training",
        dtype="float16",
    )


def test_an_option_goes_to_the_conv_type_that_knows_it(cost):
    options = ["--option", "mode=depthwise", "--option", "depth_multiplier=2"]

    _, printed, _ = cost(*SHAPE, *options, "--format", "json")

    assert [row["options"] for row in json.loads(printed)] == [
        {},
        {"depth_multiplier": 2},
        {"mode": "depthwise"},
    ]


def test_a_suite_can_be_a_file_and_where_selects_from_it(cost, suite_file):
    code, printed, _ = cost(suite_file, "--where", "stride=2", "--format", "csv")

    rows = list(csv.DictReader(StringIO(printed)))
    assert code == 0
    assert [row["label"] for row in rows] == [
        "standard-16-28x28-k3-s2-b1-cpu",
        "spatially_separable-16-28x28-k3-s2-b1-cpu",
    ]
    assert rows[1]["macs"] == rows[0]["macs"]


def test_a_pair_in_csv_is_written_as_it_is_typed(cost):
    _, printed, _ = cost(
        *SHAPE, "--kernel-size", "3x1", "--option", "mode=depthwise", "--format=csv"
    )

    rows = list(csv.DictReader(StringIO(printed)))
    assert rows[2]["kernel_size"] == "3x1"
    assert [row["options.mode"] for row in rows] == ["", "", "depthwise"]


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_that_comes_along_has_a_cost(cost, name):
    code, printed, _ = cost(name, "--format", "json")

    assert code == 0
    assert all(row["macs"] > 0 for row in json.loads(printed))


def test_a_table_in_a_pipe_is_not_cut_off(cost):
    _, printed, _ = cost(*SHAPE)

    header, *_ = (line for line in printed.splitlines() if line.strip())
    assert header.split()[0] == "case"
    assert "spatially_separable-64-56x56-k3-s1-b1-cpu " in printed
    assert "FLOP/B unfused" in header
    assert "…" not in printed


def test_markdown_is_a_table_with_a_rule_below_its_head(cost):
    _, printed, _ = cost(*SHAPE, "--format", "markdown")

    head, rule, *rows = printed.splitlines()
    assert head.startswith("| case | macs |")
    assert set(rule) <= set("|-: ")
    assert len(rows) == 3
    assert len({line.count("|") for line in printed.splitlines()}) == 1


def test_without_arguments_it_says_how_to_use_it(cost):
    code, printed, complained = cost()

    assert code == 2
    assert printed == ""
    assert "Usage: sepconv cost" in complained
    assert "--channels" in complained


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--channels", 64], "give --resolution, or --height"),
        (["--resolution", 64, "--in-channels", 3], "give --channels, or --out-channels"),
        (["note", *SHAPE], "one of them"),
        (["note", "--where", "stride=1"], "one of them"),
        ([*SHAPE, "--kernel-size", "3x"], "a number like 3, two like 3x1, found '3x'"),
        ([*SHAPE, "--padding", "full"], "auto, same, valid, found 'full'"),
        ([*SHAPE, "--option", "mode"], "NAME=VALUE, found 'mode'"),
        ([*SHAPE, "--option", "mod=full"], "mode, order, found 'mod'"),
        ([*SHAPE, "--option", "mode=half"], "options.mode must be one of full"),
        ([*SHAPE, "--conv-type", "mine"], "unknown conv type 'mine'; known are standard"),
        ([*SHAPE, "--channels", 0], "in_channels must be a whole number of at least 1, got 0"),
        ([*SHAPE, "--where", "strides=1"], "cannot read the selection"),
        ([*SHAPE, "--where", "stride=2"], "no case is left by --where 'stride=2'"),
        (["nowhere"], "one of the suites"),
        (["nowhere.toml"], "nowhere.toml: file: expected a readable file"),
    ],
    ids=str,
)
def test_bad_usage_says_what_to_do_and_exits_with_2(cost, arguments, complaint):
    code, printed, complained = cost(*arguments)

    assert code == 2
    assert printed == ""
    assert complaint in complained


def test_it_needs_no_torch():
    program = (
        "import sys; from sepconv.cli import cli; "
        "cli.main(['cost', 'note'], standalone_mode=False); "
        "heavy = {'torch', 'pandas', 'numpy', 'scipy', 'sqlalchemy'} & sys.modules.keys(); "
        "assert not heavy, heavy"
    )

    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_name_means_the_suite_that_comes_along_and_a_path_the_file(suite_file, monkeypatch):
    monkeypatch.chdir(suite_file.parent)

    assert find_suite("quick").name == "quick"
    assert find_suite("tiny.toml").name == "tiny"
    assert find_suite(str(suite_file)).name == "tiny"
    with pytest.raises(InvalidSuite, match=r"one of the suites: .*quick"):
        find_suite("tiny")


def test_a_figure_is_explained_with_its_formula_and_its_numbers(cost):
    code, printed, _ = cost(*SHAPE, "--explain", "--conv-type", "depthwise_separable")

    assert code == 0
    assert "= 1 · 56 · 56 · 4096 = 12,845,056" in printed
    assert "= 115605504 / 14651392 = 7.89" in printed


def test_an_explanation_is_data_too(cost):
    code, printed, _ = cost(*SHAPE, "--explain", "--format", "json")

    steps = json.loads(printed)
    assert code == 0
    assert set(steps[0]) == {"label", "name", "formula", "numbers", "value"}
    assert len({step["label"] for step in steps}) == 3


def test_the_notes_figures_are_explained(cost):
    code, printed, _ = cost("note", "--explain")

    assert code == 0
    assert "= 31,150,080" in printed
    assert "= 155,750,400" in printed
