import pytest

from sepconv.judge.axis import AXES, name_of
from sepconv.judge.finding import TARGET, distance, find, judge_speedup
from sepconv.record import Estimate, Measurement, Status
from tests.report.sample import history, make_case, measurement, sweep, trio

DEPTHWISE, SPATIAL = "depthwise_separable", "spatially_separable"


def test_the_headline_is_the_measured_shape_nearest_to_the_target():
    measurements = [*trio(16, 14), *trio(64, 28), *trio(256, 112)]

    (headline,) = find(measurements).headlines

    assert (headline.shape.in_channels, headline.shape.height) == (64, 28)


def test_a_shape_with_a_speedup_is_preferred_to_a_nearer_one_without():
    alone = measurement(make_case("standard", 64, 56), latency_s=1e-3)

    (headline,) = find([alone, *trio(16, 14)]).headlines

    assert headline.shape.in_channels == 16


def test_every_device_has_a_headline_of_its_own():
    headlines = find([*trio(), *trio(device="cuda")]).headlines

    assert [headline.shape.device for headline in headlines] == ["cpu", "cuda"]


def test_training_is_further_from_the_target_than_any_size():
    training = make_case("standard", direction="training")
    small = make_case("standard", channels=1, resolution=1)

    assert distance(TARGET) == 0
    assert distance(small) < distance(training) + 10
    assert distance(make_case("standard", 32, 28)) < distance(training)


def test_the_headline_states_each_form_against_its_promise():
    (headline,) = find(trio()).headlines
    standard, depthwise, spatial = headline.contenders

    assert [c.name for c in headline.contenders] == [
        "standard",
        "depthwise separable",
        "spatially separable",
    ]
    assert standard.speedup == Estimate(1.0, 1.0, 1.0)
    assert standard.share is None
    assert depthwise.ideal == 7.9
    assert depthwise.share is not None
    assert depthwise.share.value == pytest.approx(4.2 / 7.9)
    assert depthwise.share.high == pytest.approx(4.4 / 7.9)
    assert spatial.latency is not None


@pytest.mark.parametrize(
    ("depthwise", "spatial", "leaders"),
    [
        ((4.2, 4.0, 4.4), (1.3, 1.2, 1.4), ["depthwise separable"]),
        ((0.5, 0.4, 0.6), (0.8, 0.7, 0.9), ["standard"]),
        ((1.3, 1.1, 1.5), (1.2, 1.1, 1.3), ["depthwise separable", "spatially separable"]),
        ((0.5, 0.4, 0.6), (1.05, 0.9, 1.2), ["spatially separable", "standard"]),
    ],
)
def test_the_fastest_is_named_with_all_that_its_interval_does_not_beat(depthwise, spatial, leaders):
    (headline,) = find(trio(depthwise=depthwise, spatial=spatial)).headlines

    assert [c.name for c in headline.leaders] == leaders


def test_without_standard_the_latencies_decide_who_is_fastest():
    _, depthwise, spatial = trio()
    bare = [
        Measurement(m.case, Status.OK, values={"latency_s": m.values["latency_s"]})
        for m in (depthwise, spatial)
    ]

    (headline,) = find(bare).headlines

    assert [c.name for c in headline.leaders] == ["depthwise separable"]


def test_without_intervals_nothing_is_decided():
    bare = [
        Measurement(
            m.case,
            Status.NOISY,
            values={name: Estimate(found.value) for name, found in m.values.items()},
            passes=1,
        )
        for m in trio()
    ]

    finding = find(bare)

    assert len(finding.headlines[0].leaders) == 3
    assert finding.relative_error is None
    assert finding.passes == (1, 1)
    assert finding.compared == {"slower": 0, "faster": 0, "undecided": 2}


@pytest.mark.parametrize(
    ("speedup", "outcome"),
    [
        (Estimate(1.2, 1.1, 1.3), "faster"),
        (Estimate(0.8, 0.7, 0.9), "slower"),
        (Estimate(1.2, 0.9, 1.5), "undecided"),
        (Estimate(0.9, 0.8, 1.0), "undecided"),
        (Estimate(5.0), "undecided"),
    ],
)
def test_a_speedup_is_judged_by_its_whole_interval(speedup, outcome):
    assert judge_speedup(speedup) == outcome


def test_a_crossover_lists_channels_by_outcome_per_setting():
    slow, even, fast = (0.5, 0.4, 0.6), (1.0, 0.9, 1.1), (3.0, 2.9, 3.1)
    measurements = [
        *trio(64, 14, depthwise=fast),
        *trio(16, 14, depthwise=slow),
        *trio(32, 14, depthwise=even),
        *trio(16, 28, depthwise=fast),
    ]

    crossovers = [c for c in find(measurements).crossovers if c.name == "depthwise separable"]

    assert [(c.setting["resolution"], c.slower, c.undecided, c.faster) for c in crossovers] == [
        (14, (16,), (32,), (64,)),
        (28, (), (), (16,)),
    ]
    assert crossovers[0].channels == (16, 32, 64)


def test_a_failed_case_has_no_say_in_crossovers_but_is_counted():
    broken = Measurement(make_case(DEPTHWISE, 128), Status.CRASHED, "signal 11")

    finding = find([*trio(), broken])

    assert finding.counts == {Status.OK: 3, Status.CRASHED: 1}
    assert finding.case_count == 4
    assert all(128 not in c.channels for c in finding.crossovers)


def test_nothing_measured_is_a_finding_of_nothing():
    finding = find([])

    assert finding.headlines == ()
    assert finding.crossovers == ()
    assert finding.passes is None
    assert finding.interference is None


def test_the_noise_is_the_median_of_the_intervals_and_of_wall_over_cpu():
    finding = find(trio())

    assert finding.interference == 1.04
    assert finding.relative_error == pytest.approx(0.0478, abs=1e-3)


def test_axes_have_their_values_in_ascending_order():
    cases = [*sweep(channels=(128, 16, 64)), make_case("standard", 32, out_channels=64)]
    axes = find([Measurement(case, Status.SKIPPED) for case in cases]).axes

    assert axes["channels"] == (16, "32→64", 64, 128)
    assert axes["resolution"] == (14, 28, 56)
    assert axes["stride"] == (1, 2)
    assert axes["device"] == ("cpu",)


def test_a_padding_that_auto_would_choose_is_called_auto():
    assert AXES["padding"].value(make_case(padding=1)) == "auto"
    assert AXES["padding"].value(make_case(padding=0)) == 0
    assert AXES["padding"].value(make_case(kernel_size=2, padding="same")) == "0+1+0+1"


def test_a_variant_has_its_options_in_its_name():
    case = make_case(SPATIAL, options={"mode": "depthwise"})

    assert name_of(case) == "spatially separable (mode depthwise)"
    assert name_of(make_case("standard", groups=8)) == "standard (groups 8)"
    assert name_of(make_case(SPATIAL, options={"mode": "full"})) == "spatially separable"


def test_a_finding_does_not_depend_on_the_order_of_the_measurements():
    _, measurements = history(1)[0]

    forwards, backwards = find(measurements), find(measurements[::-1])

    assert forwards.crossovers == backwards.crossovers
    assert forwards.axes == backwards.axes
    assert forwards.headlines == backwards.headlines


def test_alone_nobody_is_the_fastest():
    (headline,) = find(trio()[1:2]).headlines

    assert headline.leaders == ()


def test_nobody_is_the_fastest_where_standard_is_faster_and_not_there():
    (headline,) = find(trio(depthwise=(0.5, 0.4, 0.6), spatial=(0.8, 0.7, 0.9))[1:]).headlines

    assert headline.leaders == ()
