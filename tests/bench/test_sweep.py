import random

from sepconv.bench.plan import calibration_slot
from sepconv.bench.sweep import shuffle_by_shape
from sepconv.suite import Suite

SUITE = Suite.from_dict(
    {
        "name": "order",
        "axes": {
            "conv_type": ["standard", "depthwise_separable", "spatially_separable"],
            "channels": [8, 16, 32],
            "resolution": [14, 28],
        },
    }
)


def slots():
    return [calibration_slot(case) for case in SUITE.expand()]


def test_a_pass_visits_every_case_once_in_an_order_that_only_the_seed_decides():
    first = shuffle_by_shape(slots(), random.Random(3))
    again = shuffle_by_shape(slots(), random.Random(3))
    other = shuffle_by_shape(slots(), random.Random(4))

    assert first == again
    assert first != other
    assert sorted(s.case.identity for s in other) == sorted(s.case.identity for s in slots())


def test_the_conv_types_of_one_shape_are_measured_next_to_each_other():
    ordered = shuffle_by_shape(slots(), random.Random(1))

    shapes = [slot.case.shape.identity for slot in ordered]
    assert all(len(set(shapes[i : i + 3])) == 1 for i in range(0, len(shapes), 3))


def test_the_standard_convolution_is_not_always_the_first_of_its_shape():
    ordered = shuffle_by_shape(slots(), random.Random(1))

    assert {ordered[i].case.conv_type for i in range(0, len(ordered), 3)} > {"standard"}
