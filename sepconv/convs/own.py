"""The users' own conv types: those that were loaded from a file, and those of other packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points

import torch
from torch import nn

from sepconv.case import Case
from sepconv.errors import InvalidConvTypes, UnknownConvType, WrongOutput

GROUP = "sepconv.conv_types"  # of entry points, whose value is a builder

Builder = Callable[[Case], nn.Module]

OWN: dict[str, Builder] = {}
"""The builders that this process has loaded; they go before entry points of the same name."""


def build_own(case: Case, *, built_in: Iterable[str]) -> nn.Module:
    """The bare module that the user's builder makes, on the device and in the dtype of `case`.

    Raises:
        UnknownConvType: Neither a loaded file nor an installed package has that conv type.
        InvalidConvTypes: The entry point of that name cannot be loaded.
        WrongOutput: The builder returns something else than a module.
    """
    builder = OWN.get(case.conv_type) or _find_installed(case.conv_type, built_in)
    module: object = builder(case)
    if not isinstance(module, nn.Module):
        source = f"the builder of {case.conv_type!r} ({_place(builder)})"
        raise WrongOutput(source, f"a value of type {type(module).__name__}", "a torch.nn.Module")
    return module.to(case.device, getattr(torch, case.dtype))


def _find_installed(name: str, built_in: Iterable[str]) -> Builder:
    """The builder that an installed package registers under that name."""
    installed = entry_points(group=GROUP)
    for point in installed.select(name=name):
        OWN[name] = _load_installed(point)
        return OWN[name]
    raise UnknownConvType(name, dict.fromkeys([*built_in, *OWN, *sorted(installed.names)]))


def _load_installed(point: EntryPoint) -> Builder:
    package = point.dist.name if point.dist else "an installed package"
    source = f"entry point {point.name!r} of {package} ({point.value})"
    try:
        builder: object = point.load()
    except (Exception, SystemExit) as error:
        raise InvalidConvTypes(source, f"{type(error).__name__}: {error}") from error
    if not callable(builder):
        raise InvalidConvTypes(source, f"it is of type {type(builder).__name__}, not a builder")
    return builder


def _place(builder: Builder) -> str:
    """Where people find it: file and line of a function, else its name."""
    code = getattr(builder, "__code__", None)
    if code is not None:
        return f"{code.co_filename}, line {code.co_firstlineno}"
    return str(getattr(builder, "__qualname__", type(builder).__qualname__))
