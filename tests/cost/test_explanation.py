"""An explained figure is its formula's value: whoever types the numbers in gets the same."""

import ast
from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.case import Case
from sepconv.cost import CONVENTIONS, cost_of, ideal_speedup
from sepconv.cost.explanation import explain

CASE = Case(conv_type="standard", in_channels=64, out_channels=128, height=56, width=56)


def value_of(numbers):
    """The value of the arithmetic, exactly."""
    text = numbers.replace("·", "*").replace("−", "-").replace("⌊", "floor(").replace("⌋", ")")
    return evaluate(ast.parse(text, mode="eval").body)


def evaluate(node):
    if isinstance(node, ast.Constant):
        return Fraction(node.value)
    if isinstance(node, ast.Call):
        return Fraction(floor(evaluate(node.args[0])))
    left, right = evaluate(node.left), evaluate(node.right)
    return {
        ast.Add: lambda: left + right,
        ast.Sub: lambda: left - right,
        ast.Mult: lambda: left * right,
        ast.Div: lambda: left / right,
    }[type(node.op)]()


cases = st.builds(
    Case,
    conv_type=st.sampled_from(["standard", "depthwise_separable", "spatially_separable"]),
    in_channels=st.sampled_from([3, 8, 24]),
    out_channels=st.sampled_from([24, 48]),
    height=st.integers(9, 40),
    width=st.integers(9, 40),
    kernel_size=st.sampled_from([1, 3, (3, 5), 4]),
    stride=st.sampled_from([1, 2, (2, 1)]),
    dilation=st.sampled_from([1, 2]),
    bias=st.booleans(),
    batch_size=st.integers(1, 4),
    block=st.sampled_from(["conv", "conv_bn_relu", "conv_bn_relu_folded"]),
    direction=st.sampled_from(["inference", "training"]),
    dtype=st.sampled_from(["float32", "bfloat16"]),
).map(lambda case: replace(case, block="conv_bn_relu") if is_odd(case) else case)


def is_odd(case):
    return case.direction == "training" and case.block == "conv_bn_relu_folded"


@given(cases)
def test_the_numbers_that_are_put_in_give_the_value(case):
    for step in explain(case):
        assert float(value_of(step.numbers)) == pytest.approx(step.value, rel=1e-12), step


@given(cases)
def test_every_figure_is_explained_and_is_that_of_the_cost(case):
    found = {step.name: step.value for step in explain(case)}

    expected = cost_of(case).to_dict() | {"ideal_speedup": ideal_speedup(case)}
    assert set(CONVENTIONS) <= set(expected)
    assert {name: found[name] for name in expected} == expected
    assert (found["Ho"], found["Wo"]) == case.out_hw


def test_a_well_known_figure_is_explained_with_its_numbers():
    steps = {step.name: step for step in explain(CASE)}

    assert steps["conv.weights"].numbers == "128 · 64/1 · 3 · 3"
    assert steps["conv.macs"].numbers == "1 · 56 · 56 · 73728"
    assert steps["flops"].value == 462_422_016


def test_millions_of_channels_cost_no_memory():
    wide = replace(CASE, in_channels=4_000_000, out_channels=4_000_000)

    assert value_of(next(s for s in explain(wide) if s.name == "macs").numbers) > 4e17
