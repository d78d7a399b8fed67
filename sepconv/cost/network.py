"""The small network of the source note, as cases: a stem and one stage on a 3 × 416 × 416 input.

The note (deep learning notes no. 12) publishes 258.55M, 69.57M and 186.9M for its three
variants. Those are totals of stem and stage, in the convention of ptflops; the stem is the same
in all three and hides most of what the separable forms save.
"""

from __future__ import annotations

from sepconv.case import Case
from sepconv.conv_type import ConvType, Scalar
from sepconv.cost import cost_of
from sepconv.cost.layer import Cost
from sepconv.errors import UnknownConvType

NOTE_STEM = Case(
    conv_type=ConvType.STANDARD,
    in_channels=3,
    out_channels=24,
    height=416,
    width=416,
    stride=2,
    padding=1,
    block="conv_bn_relu",
)
STAGE_OPTIONS: dict[str, dict[str, Scalar]] = {
    ConvType.STANDARD: {},
    ConvType.DEPTHWISE_SEPARABLE: {},
    ConvType.SPATIALLY_SEPARABLE: {"mid_norm": "batch_norm", "mid_activation": "relu"},
}


def note_stage(conv_type: str) -> Case:
    """The stage of the note's network: 24 → 24 channels at 208 × 208, in that form.

    As published, only the depthwise separable form has a bias (on its 1 × 1), and only the
    spatially separable form has BN and ReLU between its convolutions.

    Raises:
        UnknownConvType: The note has no such variant.
    """
    if conv_type not in STAGE_OPTIONS:
        raise UnknownConvType(conv_type, STAGE_OPTIONS)
    _, channels, height, width = NOTE_STEM.output_shape
    return Case(
        conv_type=conv_type,
        in_channels=channels,
        out_channels=channels,
        height=height,
        width=width,
        padding=1,
        bias=conv_type == ConvType.DEPTHWISE_SEPARABLE,
        block="conv_bn_relu",
        options=STAGE_OPTIONS[conv_type],
    )


def note_cost(conv_type: str) -> Cost:
    """What the whole network of the note costs: stem and stage."""
    return Cost((*cost_of(NOTE_STEM).layers, *cost_of(note_stage(conv_type)).layers))
