import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from sepconv.case import Case
from sepconv.convs import build_conv
from sepconv.convs.loading import load_conv_types
from sepconv.cost import cost_of
from sepconv.errors import InvalidConvTypes, UnknownConvType, WrongOutput
from tests.convs.registry import forgetting

CASE = Case(conv_type="mine", in_channels=4, out_channels=8, height=9, width=12)
PAGE = Path(__file__).parents[2] / "docs/conv-type.md"
BUILD = """
from torch import nn

def build(case):
    return nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1)
"""


@pytest.fixture(autouse=True)
def forget():
    with forgetting():
        yield


def write(folder, source, name="mine.py"):
    path = folder / name
    path.write_text(source, encoding="utf-8")
    return path


def test_a_loaded_conv_type_can_be_built(tmp_path):
    path = write(tmp_path, BUILD + "CONV_TYPES = {'mine': build, 'other': build}")

    loaded = load_conv_types(path)

    assert loaded.path == path
    assert loaded.names == ("mine", "other")
    assert loaded.digest == sha256(path.read_bytes()).hexdigest()[:16]
    assert build_conv(CASE)(torch.zeros(CASE.input_shape)).shape == CASE.output_shape


def test_what_is_run_is_what_the_file_says_now(tmp_path):
    """Two versions of one size, written within one tick of the file system's clock."""
    path = write(tmp_path, "CONV_TYPES = {'one': print}")
    first = load_conv_types(path)
    write(tmp_path, "CONV_TYPES = {'two': print}")

    second = load_conv_types(path)

    assert (first.names, second.names) == (("one",), ("two",))
    assert first.digest != second.digest
    assert not (tmp_path / "__pycache__").exists()


def test_a_file_can_import_its_neighbours(tmp_path):
    write(tmp_path, BUILD, "neighbour_of_mine.py")
    path = write(tmp_path, "from neighbour_of_mine import build\nCONV_TYPES = {'mine': build}")

    load_conv_types(path)

    assert build_conv(CASE).out_channels == 8


def test_a_later_file_takes_the_name_and_the_closed_form_over(tmp_path):
    form = "COSTS = {'mine': lambda case: 0}\n"
    load_conv_types(write(tmp_path, BUILD + form + "CONV_TYPES = {'mine': build}"))
    load_conv_types(write(tmp_path, BUILD + "CONV_TYPES = {'mine': build}", "later.py"))

    with pytest.raises(UnknownConvType):
        cost_of(CASE)


def test_a_closed_form_that_returns_no_cost_is_named(tmp_path):
    form = "COSTS = {'mine': lambda case: 3}\n"
    load_conv_types(write(tmp_path, BUILD + form + "CONV_TYPES = {'mine': build}"))

    with pytest.raises(
        WrongOutput, match=r"cost of 'mine' returned a value of type int, expected a sepconv\.Co"
    ):
        cost_of(CASE)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\nCONV_TYPES = {", r"^mine\.py, line 2: SyntaxError: '\{' was never closed$"),
        ("import no_such_module", r"^mine\.py, line 1: ModuleNotFoundError: No module named"),
        ("\ndef f():\n    1 / 0\nf()", r"^mine\.py, line 3: ZeroDivisionError: division by zero$"),
        ("import torch\ntorch.zeros(-1)", r"^mine\.py, line 2: RuntimeError: "),
        ("import sys\nsys.exit('no')", r"^mine\.py, line 2: SystemExit: no$"),
        ("raise ValueError('x' * 10**6)", r"^mine\.py, line 1: ValueError: x{988}$"),
        ("CONV_TIPES = {}", "^it has no CONV_TYPES$"),
        ("CONV_TYPES = [print]", "^CONV_TYPES is of type list, not a dict$"),
        ("CONV_TYPES = {}", "^CONV_TYPES is empty$"),
        ("CONV_TYPES = {3: print}", "^CONV_TYPES has the name 3, which is no text$"),
        ("CONV_TYPES = {' ': print}", "^CONV_TYPES has the name ' ', which is no text$"),
        ("CONV_TYPES = {'a\\n': print}", r"^CONV_TYPES has the name 'a\\n', which is no text$"),
        ("CONV_TYPES = {'standard': print}", "^CONV_TYPES has 'standard', which is built in$"),
        ("CONV_TYPES = {'a': 'b'}", r"^CONV_TYPES\['a'\] is of type str, not a function$"),
        ("CONV_TYPES = {'a': print}\nCOSTS = 3", "^COSTS is of type int, not a dict$"),
        (
            "CONV_TYPES = {'a': print}\nCOSTS = {'a': 3}",
            r"^COSTS\['a'\] is of type int, not a function$",
        ),
        (
            "CONV_TYPES = {'a': print}\nCOSTS = {'b': print}",
            "^COSTS has 'b', but CONV_TYPES has not$",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason_and_the_line(tmp_path, source, reason):
    path = write(tmp_path, source)

    with pytest.raises(InvalidConvTypes, match=re.escape(f"{path}: ")) as caught:
        load_conv_types(path)

    assert caught.value.path == str(path)
    assert re.search(reason, caught.value.reason)


def test_an_error_in_a_neighbour_is_found_there(tmp_path):
    write(tmp_path, "x = 1\ny = x.z", "broken_neighbour.py")
    path = write(tmp_path, "import broken_neighbour\nCONV_TYPES = {'mine': print}")

    with pytest.raises(InvalidConvTypes, match=r"broken_neighbour\.py, line 2: AttributeError"):
        load_conv_types(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidConvTypes, match="cannot be read: No such file"):
        load_conv_types(tmp_path / "nowhere.py")


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"options": {"split": 2}, "stride": 2, "bias": True},
        {"padding": "valid", "kernel_size": (3, 5), "batch_size": 2},
        {"block": "conv_bn_relu", "dtype": "float64"},
    ],
    ids=str,
)
def test_the_example_of_the_documentation_works_and_costs_what_it_says(tmp_path, changed):
    from sepconv.bench.counted import counted_cost

    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    loaded = load_conv_types(write(tmp_path, example, "grouped.py"))
    case = replace(CASE, conv_type="grouped", **changed)

    module, x = build_conv(case), torch.zeros(case.input_shape, dtype=getattr(torch, case.dtype))

    assert loaded.names == ("grouped",)
    assert module(x).shape == case.output_shape
    cost = cost_of(case)
    counted = counted_cost(case, module, x)
    assert counted == {"params": cost.params, "macs": cost.macs, "flops": cost.flops}


def test_the_suite_of_the_documentation_is_one():
    import tomllib

    from sepconv.suite import Suite

    suite, entry_point = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)

    cases = Suite.from_dict(tomllib.loads(suite)).expand(conv_types=("grouped",))
    assert [case.options.get("split") for case in cases] == [None, 2, 4, 8]
    assert "sepconv.conv_types" in tomllib.loads(entry_point)["project"]["entry-points"]
