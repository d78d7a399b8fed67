from dataclasses import replace

import pytest
import torch
from torch import nn

from sepconv.bench.counted import counted_cost, own_facts
from sepconv.case import Case
from sepconv.convs import CONVS, build_conv
from sepconv.convs.own import OWN
from sepconv.cost import OWN_COSTS, Cost, cost_of, ideal_speedup
from sepconv.cost.standard import cost as standard_cost
from sepconv.record import Facts
from tests.convs.registry import forgetting

CASE = Case(conv_type="mine", in_channels=4, out_channels=8, height=9, width=12)


@pytest.fixture(autouse=True)
def forget():
    with forgetting():
        yield


def conv(case):
    return nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1, groups=2, bias=case.bias)


def facts_of(builder, case=CASE):
    OWN[case.conv_type] = builder
    module = build_conv(case)
    return own_facts(case, module, torch.zeros(case.input_shape))


@pytest.mark.parametrize("conv_type", CONVS)
@pytest.mark.parametrize("block", ["conv", "conv_bn_relu"])
def test_what_is_counted_is_what_the_closed_form_says(conv_type, block):
    case = replace(CASE, conv_type=conv_type, block=block, bias=True, batch_size=2)
    cost = cost_of(case)

    counted = counted_cost(case, build_conv(case), torch.zeros(case.input_shape))

    assert counted == {"params": cost.params, "macs": cost.macs, "flops": cost.flops}


def test_a_built_in_conv_type_has_no_facts_of_its_own():
    case = CASE.shape

    assert own_facts(case, build_conv(case), torch.zeros(case.input_shape)) == Facts()


def test_a_conv_type_without_a_closed_form_is_counted_and_marked():
    facts = facts_of(conv)

    assert not facts.unsupported
    assert facts.values == {
        "macs_are_counted": 1,
        "params": 4 * 8 * 9 / 2,
        "macs": 9 * 12 * 4 * 8 * 9 / 2,
        "flops": 9 * 12 * 4 * 8 * 9,
        "ideal_speedup": 2,
    }


def test_counting_leaves_no_gradient_and_reads_compiled_modules_too():
    module = conv(CASE)
    module.compile(backend=lambda graph, inputs: pytest.fail("compiled code has other kernels"))

    counted = counted_cost(replace(CASE, compiled=True), module, torch.zeros(CASE.input_shape))

    assert counted["flops"] == 9 * 12 * 4 * 8 * 9
    assert module.weight.grad is None


def test_a_closed_form_goes_before_counting():
    OWN_COSTS["mine"] = standard_cost

    facts = facts_of(conv)

    assert "macs_are_counted" not in facts.values
    assert facts.values["macs"] == cost_of(CASE.shape).macs
    assert facts.values["ideal_speedup"] == ideal_speedup(CASE) == 1


def test_training_has_a_closed_form_or_none():
    case = replace(CASE, direction="training")
    counted = facts_of(conv, case)
    OWN_COSTS["mine"] = standard_cost
    known = facts_of(conv, case)

    assert counted.values == {"params": 144}
    assert set(counted.unsupported) == {"macs", "flops", "ideal_speedup"}
    assert "only a forward pass can be counted" in counted.unsupported["macs"]
    assert known.values["macs"] == 2 * cost_of(CASE.shape).macs


class Raising(nn.Conv2d):
    def forward(self, x):
        raise ValueError("not today")


@pytest.mark.parametrize(
    ("builder", "reason"),
    [
        (lambda case: Raising(4, 8, 3), "counting its FLOPs failed: ValueError: not today"),
        (lambda case: nn.AvgPool2d(3), "torch counts no FLOPs in it"),
    ],
    ids=["it raises", "nothing to count"],
)
def test_what_cannot_be_counted_is_unsupported_and_says_why(builder, reason):
    facts = facts_of(builder)

    assert set(facts.values) == {"params"}
    assert "macs_are_counted" not in facts.values
    assert set(facts.unsupported) == {"macs", "flops", "ideal_speedup"}
    assert facts.unsupported["macs"].startswith(reason)


@pytest.mark.parametrize(
    ("cost", "reason"),
    [
        (lambda case: case.no_such_field, "its cost(case) raised AttributeError"),
        (lambda case: 3, "the cost of 'mine' returned a value of type int"),
    ],
    ids=["it raises", "no cost"],
)
def test_a_broken_closed_form_is_not_counted_instead(cost, reason):
    OWN_COSTS["mine"] = cost

    facts = facts_of(conv)

    assert facts.values == {"params": 144}
    assert facts.unsupported["flops"].startswith(reason)


def test_a_closed_form_without_work_promises_nothing():
    OWN_COSTS["mine"] = lambda case: Cost(())

    assert facts_of(conv).values == {"params": 0, "macs": 0, "flops": 0}
