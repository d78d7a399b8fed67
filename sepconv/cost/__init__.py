"""The closed-form cost model: what a case costs on paper, from the case alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from sepconv.case import Case
from sepconv.cost.layer import CONVENTIONS, ConvLayer, Cost
from sepconv.errors import UnknownConvType, WrongOutput

__all__ = ["CONVENTIONS", "COSTS", "OWN_COSTS", "ConvLayer", "Cost", "cost_of", "ideal_speedup"]

COSTS: dict[str, str] = {
    "standard": "sepconv.cost.standard:cost",
    "depthwise_separable": "sepconv.cost.depthwise_separable:cost",
    "spatially_separable": "sepconv.cost.spatially_separable:cost",
}
"""The closed form of each conv type: where its `cost(case) -> Cost` is."""

OWN_COSTS: dict[str, Callable[[Case], Cost]] = {}
"""The closed forms of the users' conv types that this process has loaded."""


def cost_of(case: Case) -> Cost:
    """What `case` costs: of the whole batch, forward and backward if the case is training.

    Raises:
        UnknownConvType: No closed form is registered for the conv type of the case.
        WrongOutput: The user's closed form returns something else than a `Cost`.
    """
    if case.conv_type in OWN_COSTS:
        return _own_cost(case)
    if case.conv_type not in COSTS:
        raise UnknownConvType(case.conv_type, COSTS)
    module, _, name = COSTS[case.conv_type].partition(":")
    return cast("Cost", getattr(import_module(module), name)(case.applicable()))


def ideal_speedup(case: Case) -> float:
    """macs of the standard convolution of the same shape ÷ macs: the promise.

    Below 1 where the separable form costs more than what it replaces.

    Raises:
        UnknownConvType: No closed form is registered for the conv type of the case.
    """
    return cost_of(case.shape).macs / cost_of(case).macs


def _own_cost(case: Case) -> Cost:
    found: object = OWN_COSTS[case.conv_type](case)
    if not isinstance(found, Cost):
        source = f"the cost of {case.conv_type!r}"
        raise WrongOutput(source, f"a value of type {type(found).__name__}", "a sepconv.Cost")
    return found
