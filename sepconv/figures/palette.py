"""One colour and one marker per conv type, everywhere: figures, tables, legends.

The three main colours are from Okabe and Ito's palette (blue, vermilion, bluish green), which
people with any colour vision can tell apart, darkened or lightened until each has a contrast of
at least 4.5 to its background; the marker says the same again without colour.

References:
    M. Okabe, K. Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sepconv.conv_type import ConvType

CONV_TOKENS: dict[str, tuple[str, str]] = {
    ConvType.STANDARD: ("@standard", "square"),
    ConvType.DEPTHWISE_SEPARABLE: ("@depthwise", "circle"),
    ConvType.SPATIALLY_SEPARABLE: ("@spatial", "diamond"),
}
FURTHER_TOKENS = (
    ("@further1", "triangle-up"),
    ("@further2", "cross"),
    ("@further3", "star"),
    ("@further4", "hexagon"),
)
VARIANT_SUFFIXES = ("", "-open", "-dot", "-open-dot")  # of one conv type, by its options

THEMES: dict[str, dict[str, str]] = {
    "light": {
        "@paper": "#ffffff",
        "@ink": "#1c2430",
        "@muted": "#5a6675",
        "@grid": "#e6eaef",
        "@axis": "#b9c2cd",
        "@card": "#ffffff",
        "@standard": "#4b5563",
        "@depthwise": "#0063a6",
        "@spatial": "#b8460b",
        "@further1": "#00704f",
        "@further2": "#8a3a72",
        "@further3": "#7a5c00",
        "@further4": "#4a4fb5",
    },
    "dark": {
        "@paper": "#171c24",
        "@ink": "#e8ecf1",
        "@muted": "#a3afbd",
        "@grid": "#2a323e",
        "@axis": "#465262",
        "@card": "#171c24",
        "@standard": "#b4bfcc",
        "@depthwise": "#62b5f5",
        "@spatial": "#f59457",
        "@further1": "#3ccba0",
        "@further2": "#dd8fc4",
        "@further3": "#e0bd4a",
        "@further4": "#a3a8f5",
    },
}
"""The same words in figures (as `@token`) and in the page's style sheet (as `--token`)."""


def line_style(conv_type: str, further: int, variant: int) -> tuple[str, str]:
    """Colour token and marker; `further` counts the conv types that are not built in."""
    token, symbol = CONV_TOKENS.get(conv_type, FURTHER_TOKENS[further % len(FURTHER_TOKENS)])
    return token, symbol + VARIANT_SUFFIXES[variant % len(VARIANT_SUFFIXES)]


def paint(spec: Any, words: Mapping[str, str]) -> Any:
    """`spec` with every text that is one of `words` replaced: the script does the same."""
    if isinstance(spec, str):
        return words.get(spec, spec)
    if isinstance(spec, Mapping):
        return {name: paint(value, words) for name, value in spec.items()}
    if isinstance(spec, (list, tuple)):
        return [paint(value, words) for value in spec]
    return spec
