"""What a module of any conv type must return: a tensor as `nn.Conv2d` would."""

from __future__ import annotations

from torch import Tensor

from sepconv.case import Case
from sepconv.errors import WrongOutput


def check_output(y: object, case: Case) -> None:
    """Refuse an output that is no convolution of `case`: its time could not be compared.

    Raises:
        WrongOutput: It is no tensor, or its shape is another.
    """
    source = f"the module of {case.conv_type!r}"
    if not isinstance(y, Tensor):
        expected = f"a tensor of shape {case.output_shape}"
        raise WrongOutput(source, f"a value of type {type(y).__name__}", expected)
    if tuple(y.shape) != case.output_shape:
        raise WrongOutput(source, str(tuple(y.shape)), str(case.output_shape))
