"""What a user's conv type costs: by its closed form, else counted while it runs once."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import Module
from torch.utils.flop_counter import FlopCounterMode

from sepconv.case import Case
from sepconv.conv_type import OPTION_DEFAULTS
from sepconv.cost import OWN_COSTS, cost_of
from sepconv.errors import SepconvError, UnsupportedCase
from sepconv.record import Facts

BY_MACS = ("macs", "flops", "ideal_speedup")  # what cannot be had without a count of macs

MARK = "macs_are_counted"


def own_facts(case: Case, module: Module, x: Tensor) -> Facts:
    """The exact metrics of a user's conv type; nothing of a built-in one, whose cost is known.

    The user's code runs here: what it raises makes its metrics unsupported, with the reason.
    """
    if case.conv_type in OPTION_DEFAULTS:
        return Facts()
    counted = case.conv_type not in OWN_COSTS
    try:
        values = counted_cost(case, module, x) if counted else _closed_form(case)
    except SepconvError as error:
        params = float(_count_params(module))
        return Facts({"params": params}, dict.fromkeys(BY_MACS, str(error)))
    if values["macs"]:
        values["ideal_speedup"] = cost_of(case.shape).macs / values["macs"]
    if counted:
        values[MARK] = 1.0
    return Facts(values)


def count_facts(case: Case, module: Module, x: Tensor) -> Facts:
    """`params`, `macs` and `flops` of the module itself, whatever a closed form says of its case:
    two versions of one conv type may do different work.

    A user's closed form wins over the count: who gives one knows more than torch can count.
    """
    if case.conv_type not in OPTION_DEFAULTS:
        return own_facts(case, module, x)
    try:  # of a training step the forward pass, which tells two versions apart as well
        return Facts(counted_cost(replace(case, direction="inference"), module, x))
    except UnsupportedCase as error:
        params = float(_count_params(module))
        return Facts({"params": params}, dict.fromkeys(("macs", "flops"), str(error)))


def counted_cost(case: Case, module: Module, x: Tensor) -> dict[str, float]:
    """`params`, and `macs` and `flops` as torch's FlopCounterMode counts one forward pass.

    It counts convolutions and matrix products, two FLOPs per multiply-add, and nothing else.

    Raises:
        UnsupportedCase: The module raises, or nothing in it can be counted; or the case is
            training, as torch's count of a grouped convolution's backward pass is `groups`
            times too large.
    """
    if case.direction == "training":
        raise UnsupportedCase(
            "only a forward pass can be counted; give the closed form of the training step in COSTS"
        )
    # compiled code would run kernels that the counter does not know
    forward = module.forward if case.compiled else module
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            forward(x)
    except Exception as error:
        reason = f"counting its FLOPs failed: {type(error).__name__}: {error}"
        raise UnsupportedCase(reason) from error
    flops = counter.get_total_flops()
    if flops == 0:
        raise UnsupportedCase(
            "torch counts no FLOPs in it (it knows convolutions and matrix products); "
            "give its closed form in COSTS"
        )
    return {"params": float(_count_params(module)), "macs": flops / 2, "flops": float(flops)}


def _closed_form(case: Case) -> dict[str, float]:
    """The same metrics from the user's own `cost(case)`.

    Raises:
        WrongOutput: It returns no `Cost`.
        UnsupportedCase: It raises.
    """
    try:
        cost = cost_of(case)
        return {name: float(getattr(cost, name)) for name in ("params", "macs", "flops")}
    except SepconvError:
        raise
    except Exception as error:
        reason = f"its cost(case) raised {type(error).__name__}: {error}"
        raise UnsupportedCase(reason) from error


def _count_params(module: Module) -> int:
    """Whether or not they need a gradient now: that is the direction's business."""
    return sum(parameter.numel() for parameter in module.parameters())
