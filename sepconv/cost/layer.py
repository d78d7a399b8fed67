"""Elementary convolutions, and what a chain of them costs: exact integers, on no device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sepconv.case import Case, Pair

ELEMENT_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}

CONVENTIONS: dict[str, str] = {
    "macs": "multiply-adds of the convolutions, without bias",
    "flops": "2 × macs, as torch's FlopCounterMode and profiler count",
    "ptflops": "macs + 1 per bias, 2 per BN, 1 per ReLU element: ptflops up to 0.7, the note",
    "fvcore": "macs + 2 per BN element",
    "thop": "macs + 4 per BN element",
    "torchprofile": "macs + 1 per BN element",
    "params": "learnable parameters",
    "activation_bytes": "input and output of every convolution",
    "weight_bytes": "weights and biases of the convolutions",
    "bytes_unfused": "moved if every convolution reads and writes memory",
    "bytes_fused": "moved at least: input, output and weights of the whole",
    "intensity_unfused": "flops ÷ bytes_unfused, FLOP/B",
    "intensity_fused": "flops ÷ bytes_fused, FLOP/B",
}
"""What each name of a `Cost` counts: "FLOPs" alone is ambiguous by a factor of two."""


@dataclass(frozen=True, kw_only=True)
class ConvLayer:
    """One convolution and the element-wise layers right after it; figures of one image, forward.

    The sizes are those of the tensors that it reads and writes, without padding.
    """

    name: str
    in_channels: int
    out_channels: int
    kernel_hw: Pair
    in_hw: Pair
    out_hw: Pair
    groups: int = 1
    bias: bool = False
    norm: bool = False  # a BN follows
    relu: bool = False  # a ReLU follows

    @property
    def weights(self) -> int:
        """C_out · (C_in / groups) · kh · kw."""
        kh, kw = self.kernel_hw
        return self.out_channels * (self.in_channels // self.groups) * kh * kw

    @property
    def conv_params(self) -> int:
        """Weights and bias."""
        return self.weights + self.bias * self.out_channels

    @property
    def params(self) -> int:
        """Weights, bias, and the scale and shift of the BN."""
        return self.conv_params + 2 * self.norm * self.out_channels

    @property
    def in_elements(self) -> int:
        return self.in_channels * self.in_hw[0] * self.in_hw[1]

    @property
    def out_elements(self) -> int:
        return self.out_channels * self.out_hw[0] * self.out_hw[1]

    @property
    def macs(self) -> int:
        """One per weight and output position."""
        return self.out_hw[0] * self.out_hw[1] * self.weights


@dataclass(frozen=True)
class Cost:
    """What a chain of convolutions costs, from its closed form.

    `macs`, `flops`, the four named conventions and all bytes of activations are of the whole
    batch; `params` and `weight_bytes` do not depend on it.

    In training, `macs`, `flops` and the bytes that are moved are of the forward and backward
    pass: three times each convolution's forward (output, gradient of the input, gradient of
    the weights), twice for the first one if nobody asks for the gradient of the input. What
    the counting tools would say (`ptflops`, `fvcore`, `thop`, `torchprofile`) stays that of
    the forward pass, which is all they count.
    """

    layers: tuple[ConvLayer, ...]
    batch_size: int = 1
    element_bytes: int = 4
    training: bool = False
    input_gradient: bool = False  # in training, whether the input needs one

    @classmethod
    def of(cls, case: Case, *layers: ConvLayer) -> Cost:
        """The cost of `case`, whose bare convolution is `layers`, with its block around it."""
        return cls(
            layers=_in_block(layers, case.block),
            batch_size=case.batch_size,
            element_bytes=ELEMENT_BYTES[case.dtype],
            training=case.direction == "training",
        )

    @property
    def per_layer(self) -> tuple[Cost, ...]:
        """The cost of each convolution by itself; sums of them are the figures of the whole.

        Only `bytes_fused` is no such sum: fusing is what saves the tensors in between.
        """
        return tuple(
            replace(self, layers=(layer,), input_gradient=self.input_gradient or number > 0)
            for number, layer in enumerate(self.layers)
        )

    @property
    def macs(self) -> int:
        """Multiply-adds of the convolutions, without bias: what the other counts derive from."""
        return self.batch_size * self._repeated(lambda layer: layer.macs)

    @property
    def flops(self) -> int:
        """2 × macs."""
        return 2 * self.macs

    @property
    def ptflops(self) -> int:
        """As ptflops up to 0.7 counts a forward pass; later versions count a ReLU twice."""
        return self._counted(lambda layer: layer.bias + 2 * layer.norm + layer.relu)

    @property
    def fvcore(self) -> int:
        """As fvcore counts a forward pass."""
        return self._counted(lambda layer: 2 * layer.norm)

    @property
    def thop(self) -> int:
        """As thop counts a forward pass."""
        return self._counted(lambda layer: 4 * layer.norm)

    @property
    def torchprofile(self) -> int:
        """As torchprofile counts a forward pass."""
        return self._counted(lambda layer: layer.norm)

    @property
    def params(self) -> int:
        """Learnable parameters."""
        return sum(layer.params for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Input and output of every convolution of the forward pass."""
        elements = sum(layer.in_elements + layer.out_elements for layer in self.layers)
        return self.element_bytes * self.batch_size * elements

    @property
    def weight_bytes(self) -> int:
        """Weights and biases of the convolutions."""
        return self.element_bytes * sum(layer.conv_params for layer in self.layers)

    @property
    def bytes_unfused(self) -> int:
        """Memory traffic if every convolution reads its operands and writes its result."""
        return self.element_bytes * self._repeated(
            lambda layer: (
                self.batch_size * (layer.in_elements + layer.out_elements) + layer.conv_params
            )
        )

    @property
    def bytes_fused(self) -> int:
        """A lower bound of the memory traffic: input, output and weights, nothing in between.

        In training once more for the way back, and a third time for the input's gradient.
        """
        ends = self.layers[0].in_elements + self.layers[-1].out_elements
        once = self.element_bytes * self.batch_size * ends + self.weight_bytes
        return once * self.times[0]

    @property
    def intensity_unfused(self) -> float:
        """FLOP per byte."""
        return self.flops / self.bytes_unfused

    @property
    def intensity_fused(self) -> float:
        """FLOP per byte."""
        return self.flops / self.bytes_fused

    def to_dict(self) -> dict[str, int | float]:
        """Every figure by its name, in the order of `CONVENTIONS`."""
        return {name: getattr(self, name) for name in CONVENTIONS}

    @property
    def times(self) -> tuple[int, ...]:
        """How often each convolution's work is done, forward and backward."""
        if not self.training:
            return (1,) * len(self.layers)
        return (3 if self.input_gradient else 2, *(3,) * (len(self.layers) - 1))

    def _repeated(self, quantity: Callable[[ConvLayer], int]) -> int:
        return sum(
            times * quantity(layer) for times, layer in zip(self.times, self.layers, strict=True)
        )

    def _counted(self, per_element: Callable[[ConvLayer], int]) -> int:
        """Forward macs, and so much per output element, of the batch."""
        return self.batch_size * sum(
            layer.macs + per_element(layer) * layer.out_elements for layer in self.layers
        )


def _in_block(layers: tuple[ConvLayer, ...], block: str) -> tuple[ConvLayer, ...]:
    """BN and ReLU after the last convolution; folded, every BN has become a bias."""
    if block == "conv":
        return layers
    layers = (*layers[:-1], replace(layers[-1], norm=True, relu=True))
    if block == "conv_bn_relu":
        return layers
    return tuple(replace(layer, norm=False, bias=layer.bias or layer.norm) for layer in layers)
