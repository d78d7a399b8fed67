"""What the page says of every case beside what was measured: how it is selected, what its layers
cost."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from sepconv.case import Case
from sepconv.cost import cost_of
from sepconv.errors import SepconvError
from sepconv.figures.table import Table
from sepconv.report.dashboard.source import Source
from sepconv.selection import spell_selection

MOST_LAYERS = 3  # of a chain: longer ones are nobody's single convolution
COSTLY = attrgetter(
    *("conv_type", "in_channels", "out_channels", "height", "width", "kernel_size", "stride"),
    *("padding", "dilation", "groups", "bias", "block", "options", "batch_size", "direction"),
    "dtype",
)
"""What decides the cost of a case: many cases of a sweep differ in other things alone."""

Layer = tuple[str, int, int]  # its name, parameters, multiply-adds


def case_section(source: Source, table: Table) -> dict[str, Any]:
    """By line how its cases are selected, and by case what each of its convolutions costs."""
    cases = [place.case for place in table.places]
    return {"forms": _forms(table), **_layers(cases)}


def _forms(table: Table) -> list[str]:
    """Of every line its part of a `--where` expression: conv type, groups and options."""
    first = {place.line: place.case for place in reversed(table.places)}
    return [_spell_form(first[line]) for line, _ in enumerate(table.lines)]


def _spell_form(case: Case) -> str:
    plain = Case(
        conv_type=case.conv_type,
        in_channels=case.in_channels,
        out_channels=case.out_channels,
        height=case.height,
        width=case.width,
        kernel_size=case.kernel_size,
    )
    apart = {"stride", "padding", "dilation", "bias", "block", "batch_size", "direction"}
    apart |= {"device", "dtype", "memory_format", "threads", "compiled", "cache"}
    return spell_selection(case, [case, plain], apart)


def _layers(cases: Iterable[Case]) -> dict[str, Any]:
    """Every chain of layers once; by case which one it is, or None without a closed form."""
    chains: dict[tuple[Layer, ...], int] = {}
    known: dict[tuple[Any, ...], int | None] = {}
    chain = []
    for case in cases:
        key = COSTLY(case)
        if key not in known:
            found = _chain(case)
            known[key] = None if found is None else chains.setdefault(found, len(chains))
        chain.append(known[key])
    names = list(dict.fromkeys(name for layers in chains for name, _, _ in layers))
    return {
        "layer_names": names,
        "chains": [
            [[names.index(name), params, macs] for name, params, macs in layers]
            for layers in chains
        ],
        "chain": chain,
    }


def _chain(case: Case) -> tuple[Layer, ...] | None:
    try:
        cost = cost_of(case)
    except SepconvError:  # somebody's own conv type, which this process has not loaded
        return None
    layers = cost.per_layer
    if not 0 < len(layers) <= MOST_LAYERS:
        return None
    return tuple((each.layers[0].name, each.params, each.macs) for each in layers)
