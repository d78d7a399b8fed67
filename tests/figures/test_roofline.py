from sepconv.figures.roofline import FRAME


def test_both_axes_are_logarithmic_and_have_units():
    x, y = FRAME["layout"]["xaxis"], FRAME["layout"]["yaxis"]

    assert (x["type"], y["type"]) == ("log", "log")
    assert x["title"]["text"] == "arithmetic intensity / FLOP per byte"
    assert y["title"]["text"] == "achieved / FLOP per second"


def test_the_roofs_are_told_apart_without_their_colours():
    dashes = [FRAME["traces"][role]["line"].get("dash") for role in ("roof", "cache", "ridge")]

    assert len(set(dashes)) == 3
