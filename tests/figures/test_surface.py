import pytest

from sepconv.figures.outcome import OUTCOME_THEMES
from sepconv.figures.surface import FRAME, SCALE
from tests.figures.test_palette import luminance


@pytest.mark.parametrize("words", OUTCOME_THEMES.values(), ids=OUTCOME_THEMES.keys())
def test_a_number_can_be_read_on_every_colour_of_the_scale(words):
    colors = [words[token] for _, token in SCALE]

    assert min(contrast(words["@ink"], color) for color in colors) >= 4.5


def test_the_scale_is_centred_on_as_fast_as_standard():
    places = [place for place, _ in SCALE]

    assert places == [1 - place for place in reversed(places)]
    assert SCALE[len(SCALE) // 2][1] == "@even"


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_every_sign_has_a_shape_of_its_own():
    signs = [frame["marker"]["symbol"] for frame in FRAME["traces"].values() if "marker" in frame]

    assert len(signs) == len(set(signs)) == 4
