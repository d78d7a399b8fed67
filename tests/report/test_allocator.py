import pytest

from sepconv.judge.allocator import AllocatorCost
from sepconv.report.allocator import allocator_section, describe_allocator
from tests.report.sample import both_allocators, make_case, measurement


def cost(name, ratio, *, count=8, faults=(0.0, 4.0)):
    low, high = (0.9 * ratio, 1.2 * ratio) if count > 1 else (ratio, ratio)
    return AllocatorCost(name, ratio, low, high, count, *faults)


def test_the_costliest_form_comes_first_with_its_spread_and_what_follows():
    text = describe_allocator(
        [
            cost("standard", 1.3),
            cost("depthwise separable", 1.9, faults=(0.2, 1536.0)),
            cost("spatially separable", 1.6),
        ]
    )

    assert text == (
        "With glibc's default allocator depthwise separable takes 1.9× as long (1.7–2.3× over 8 "
        "cases), spatially separable 1.6× (1.4–1.9×), standard 1.3× (1.2–1.6×): so the speed-up "
        "of depthwise separable over standard shrinks to about 68 %. "
        "A call of depthwise separable then faults 1,536 pages in, instead of 0."
    )


@pytest.mark.parametrize(
    ("ratios", "consequence"),
    [
        ((1.01, 0.99), "so in the median it hardly matters here"),
        ((1.5, 1.55), "so all forms pay about alike, and their speed-ups over standard hardly"),
        ((1.5, 1.0), "so the speed-up of depthwise separable over standard grows to about 150 %"),
    ],
    ids=str,
)
def test_what_follows_depends_on_who_pays(ratios, consequence):
    standard, depthwise = ratios

    text = describe_allocator([cost("standard", standard), cost("depthwise separable", depthwise)])

    assert consequence in text


def test_without_standard_nothing_is_said_of_speed_ups():
    text = describe_allocator([cost("depthwise separable", 1.9, count=1)])

    assert text == (
        "With glibc's default allocator depthwise separable takes 1.9× as long (1 case): "
        "so part of a latency is the allocator's, not the convolution's."
    )


def test_counts_that_differ_are_all_told():
    text = describe_allocator([cost("standard", 1.5, count=3), cost("depthwise separable", 1.9)])

    assert "standard 1.5× (1.4–1.8× over 3 cases)" in text


def test_faults_that_are_unknown_are_not_mentioned():
    text = describe_allocator([cost("standard", 1.9, faults=(None, None))])

    assert "faults" not in text


def section(tuned, default):
    index = {each.case.identity: place for place, each in enumerate(tuned)}
    return allocator_section(tuned, default, index)


def test_the_section_has_a_ratio_with_its_interval_by_the_size_of_the_output():
    (_, tuned), (_, default) = both_allocators()

    found = section(tuned, default)

    assert found["bytes"] == sorted(found["bytes"])
    assert found["bytes"][0] == 16 * 28 * 28 * 4
    assert found["ratio"][0] == pytest.approx(1.0, abs=0.1)
    assert found["low"][-1] > 1
    assert found["default"][-1] / found["tuned"][-1] == pytest.approx(found["ratio"][-1], rel=1e-4)


def test_a_ratio_without_both_intervals_has_none():
    case = make_case()
    whole = measurement(case, latency_s=(1e-3, 0.9e-3, 1.1e-3))

    found = section([whole], [measurement(case, latency_s=2e-3)])

    assert (found["ratio"], found["low"], found["high"]) == ([2.0], [None], [None])


def test_where_no_case_was_measured_twice_there_is_no_section():
    one, other = (measurement(make_case(channels=size), latency_s=1e-3) for size in (16, 64))

    assert section([one], [other]) is None
