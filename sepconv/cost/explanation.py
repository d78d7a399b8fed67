"""How a figure comes about: its formula, and the same with the numbers of a case put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sepconv.case import Case
from sepconv.cost import cost_of, ideal_speedup
from sepconv.cost.layer import ConvLayer, Cost


@dataclass(frozen=True)
class Step:
    """One line of the arithmetic: `name` = `formula` = `numbers` = `value`."""

    name: str
    formula: str
    numbers: str
    value: int | float


def explain(case: Case) -> list[Step]:
    """Every figure of the cost of `case`, from its sizes on, in the order of the arithmetic.

    Figures are of the whole batch, as in `Cost`. Of a conv type whose closed form is the user's
    own, only the convolutions are known that it names.

    Raises:
        UnknownConvType: No closed form is registered for the conv type of the case.
    """
    cost = cost_of(case)
    return [
        *_output_size(case),
        *(step for layer in cost.layers for step in _layer_steps(layer, case.batch_size)),
        *_totals(cost),
        _promise(case, cost),
    ]


def _output_size(case: Case) -> Iterator[Step]:
    top, bottom, left, right = case.padding_tblr
    dilation, stride = case.dilation_hw, case.stride_hw
    for place, (name, size, before, after) in enumerate(
        (("Ho", case.height, top, bottom), ("Wo", case.width, left, right))
    ):
        axis = "hw"[place]
        kernel = case.kernel_hw[place]
        yield Step(
            name,
            f"⌊({'HW'[place]} + padding − d{axis}·(k{axis} − 1) − 1) / s{axis}⌋ + 1",
            f"⌊({size} + {before + after} − {dilation[place]}·({kernel} − 1) − 1)"
            f" / {stride[place]}⌋ + 1",
            case.out_hw[place],
        )


def _layer_steps(layer: ConvLayer, batch: int) -> Iterator[Step]:
    (kh, kw), (ho, wo) = layer.kernel_hw, layer.out_hw
    yield Step(
        f"{layer.name}.weights",
        "Co · Ci/groups · kh · kw",
        f"{layer.out_channels} · {layer.in_channels}/{layer.groups} · {kh} · {kw}",
        layer.weights,
    )
    yield Step(
        f"{layer.name}.macs",
        "B · rows · columns of its output · weights",
        f"{batch} · {ho} · {wo} · {layer.weights}",
        batch * layer.macs,
    )


def _totals(cost: Cost) -> Iterator[Step]:
    batch, layers = cost.batch_size, cost.layers
    macs = [batch * layer.macs for layer in layers]
    if cost.training:
        times = cost.times
        why = "forward, gradient of the input but for the first, of the weights"
        formula = f"Σ macs of each convolution · passes ({why})"
        yield Step("macs", formula, _sum(zip(macs, times, strict=True)), cost.macs)
    else:
        yield Step("macs", "Σ macs of each convolution", _plus(macs), cost.macs)
    yield Step("flops", "2 · macs", f"2 · {cost.macs}", cost.flops)
    yield _params(cost)
    for name, words, count in CONVENTION_TERMS:
        terms = [batch * count(layer) * layer.out_elements for layer in layers]
        yield Step(
            name,
            f"Σ macs, forward{words}",
            _plus([*macs, *(term for term in terms if term)]),
            getattr(cost, name),
        )
    yield from _traffic(cost)


CONVENTION_TERMS: tuple[tuple[str, str, Callable[[ConvLayer], int]], ...] = (
    (
        "ptflops",
        " + 1 per bias, 2 per BN, 1 per ReLU element",
        lambda layer: layer.bias + 2 * layer.norm + layer.relu,
    ),
    ("fvcore", " + 2 per BN element", lambda layer: 2 * layer.norm),
    ("thop", " + 4 per BN element", lambda layer: 4 * layer.norm),
    ("torchprofile", " + 1 per BN element", lambda layer: int(layer.norm)),
)


def _params(cost: Cost) -> Step:
    terms = [layer.weights for layer in cost.layers]
    terms += [layer.out_channels for layer in cost.layers if layer.bias]
    terms += [2 * layer.out_channels for layer in cost.layers if layer.norm]
    return Step("params", "Σ weights + Co per bias + 2·Co per BN", _plus(terms), cost.params)


def _traffic(cost: Cost) -> Iterator[Step]:
    size, batch, layers = cost.element_bytes, cost.batch_size, cost.layers
    tensors = [layer.in_elements + layer.out_elements for layer in layers]
    kept = [layer.conv_params for layer in layers]
    activations = f"{size} · {batch} · ({_plus(tensors)})"
    formula = "bytes per element · B · Σ input and output elements"
    yield Step("activation_bytes", formula, activations, cost.activation_bytes)
    yield Step(
        "weight_bytes",
        "bytes per element · Σ weights and biases",
        f"{size} · ({_plus(kept)})",
        cost.weight_bytes,
    )
    moved = [batch * own + weights for own, weights in zip(tensors, kept, strict=True)]
    unfused = _sum(zip(moved, cost.times, strict=True)) if cost.training else _plus(moved)
    again = " · passes" if cost.training else ""
    yield Step(
        "bytes_unfused",
        f"bytes per element · Σ (B · elements + weights){again}",
        f"{size} · ({unfused})",
        cost.bytes_unfused,
    )
    ends = f"{layers[0].in_elements} + {layers[-1].out_elements}"
    times = f" · {cost.times[0]}" if cost.training else ""
    yield Step(
        "bytes_fused",
        f"(bytes per element · B · (first input + last output) + weight_bytes){again}",
        f"({size} · {batch} · ({ends}) + {cost.weight_bytes}){times}",
        cost.bytes_fused,
    )
    for name in ("unfused", "fused"):
        moved_bytes = getattr(cost, f"bytes_{name}")
        yield Step(
            f"intensity_{name}",
            f"flops / bytes_{name}",
            f"{cost.flops} / {moved_bytes}",
            getattr(cost, f"intensity_{name}"),
        )


def _promise(case: Case, cost: Cost) -> Step:
    standard = cost_of(case.shape).macs
    return Step(
        "ideal_speedup",
        "macs of the standard convolution of that shape / macs",
        f"{standard} / {cost.macs}",
        ideal_speedup(case),
    )


def _plus(terms: list[int]) -> str:
    return " + ".join(map(str, terms))


def _sum(products: Iterator[tuple[int, int]] | zip[tuple[int, int]]) -> str:
    return " + ".join(f"{value} · {times}" for value, times in products)
