"""The small network of the source note: a stem and one stage, the stage in any of three forms."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from sepconv.conv_type import ConvType
from sepconv.convs import build_conv
from sepconv.cost.network import NOTE_STEM, note_stage


class NoteNetwork(nn.Module):
    """The note's `stem` (3 → 24 channels, stride 2) and its `stage` (24 → 24) in one form.

    It takes an input of any size; the note's figures are of 3 × 416 × 416. It is built for
    training, as any module; its weights are random.

    Shape:
        (B, 3, H, W) → (B, 24, ⌈H/2⌉, ⌈W/2⌉)

    Raises:
        UnknownConvType: The note has no such variant.
    """

    def __init__(self, conv_type: str = ConvType.STANDARD) -> None:
        super().__init__()
        self.stem = build_conv(NOTE_STEM)
        self.stage = build_conv(note_stage(conv_type))
        self.train()

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.stage(self.stem(x)))
