import sepconv


def test_every_public_name_can_be_imported():
    for name in sepconv.__all__:
        assert getattr(sepconv, name) is not None


def test_a_name_that_is_not_public_is_an_attribute_error():
    assert not hasattr(sepconv, "nothing_of_the_kind")


def test_the_public_names_are_those_that_others_build_on():
    assert set(sepconv.__all__) == {
        "Case",
        "ConvBNReLU",
        "ConvType",
        "Cost",
        "DepthwiseSeparableConv2d",
        "Factorised",
        "NoteNetwork",
        "SpatiallySeparableConv2d",
        "Store",
        "Suite",
        "build_conv",
        "cost_of",
        "from_conv2d",
        "load",
        "separability",
    }
