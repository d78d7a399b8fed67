import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sepconv.convs import CONVS
from sepconv.convs.network import NoteNetwork
from sepconv.cost.network import note_cost
from sepconv.errors import UnknownConvType

STAGES = {
    "standard": ["Conv2d", "BatchNorm2d", "ReLU"],
    "depthwise_separable": ["Conv2d", "Conv2d", "BatchNorm2d", "ReLU"],
    "spatially_separable": ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d", "ReLU"],
}


@pytest.mark.parametrize("conv_type", CONVS)
def test_the_network_is_the_one_of_the_note(conv_type):
    network = NoteNetwork(conv_type)
    stage = [module for module in network.stage.modules() if not isinstance(module, nn.Sequential)]

    assert [type(module).__name__ for module in stage] == STAGES[conv_type]
    assert network.training
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 24, 16, 16)


@pytest.mark.parametrize("conv_type", CONVS)
def test_the_network_costs_what_its_closed_form_says(conv_type):
    network = NoteNetwork(conv_type)

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 416, 416))

    assert counter.get_total_flops() == note_cost(conv_type).flops
    assert sum(p.numel() for p in network.parameters()) == note_cost(conv_type).params


def test_the_note_has_no_other_variant():
    with pytest.raises(UnknownConvType, match="'mine'"):
        NoteNetwork("mine")
