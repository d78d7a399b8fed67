import pytest

from sepconv.conv_type import ConvType
from sepconv.figures.palette import THEMES, line_style, paint


def test_each_conv_type_has_one_colour_and_a_marker_of_its_own():
    styles = [line_style(conv_type, 0, 0) for conv_type in [*ConvType, "mine"]]

    assert len({color for color, _ in styles}) == len({symbol for _, symbol in styles}) == 4
    assert line_style(ConvType.STANDARD, 0, 1) == ("@standard", "square-open")


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.1."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_of_text_and_lines_has_a_contrast_of_at_least_four_and_a_half(theme):
    words = THEMES[theme]
    background = luminance(words["@card"])
    for token in set(words) - {"@paper", "@card", "@grid", "@axis"}:
        lighter, darker = sorted((luminance(words[token]), background), reverse=True)

        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, token


def test_painting_replaces_whole_words_only():
    spec = {"color": "@ink", "text": "at @ink", "list": ["@ink", None, 1]}

    assert paint(spec, {"@ink": "#000"}) == {
        "color": "#000",
        "text": "at @ink",
        "list": ["#000", None, 1],
    }
