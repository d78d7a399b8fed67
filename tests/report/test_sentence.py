from dataclasses import replace

import pytest

from sepconv.judge.finding import find
from sepconv.record import Measurement, Status
from sepconv.report.sentence import describe, join_words, trust
from tests.report.sample import make_case, make_run, measurement, trio

DEPTHWISE = "depthwise_separable"
SLOW, EVEN, FAST = (0.5, 0.4, 0.6), (1.0, 0.9, 1.1), (4.2, 4.0, 4.4)


def test_the_sentence_states_speedup_interval_ideal_and_the_fastest():
    assert describe(find(trio())) == (
        "At 64 channels, 56×56: depthwise separable 4.2× [4.0, 4.4] of an ideal 7.9×; "
        "spatially separable 1.3× [1.2, 1.4] of an ideal 1.5×. "
        "Depthwise separable is the fastest there."
    )


def test_the_sentence_says_where_a_form_is_slower():
    measurements = [
        m
        for channels, speedup in ((8, SLOW), (16, SLOW), (32, EVEN), (64, FAST))
        for resolution in (14, 56)
        for m in trio(channels, resolution, depthwise=speedup if resolution == 14 else FAST)
    ]

    text = describe(find(measurements))

    assert text.endswith(
        "Depthwise separable is slower than standard at 16 channels and fewer at 14×14."
    )


def test_and_fewer_is_only_said_if_fewer_were_measured():
    measurements = [*trio(16, 14, depthwise=SLOW), *trio(64, 14)]

    assert "slower than standard at 16 channels." in describe(find(measurements))


@pytest.mark.parametrize(
    ("slower", "phrase"),
    [
        ((8, 16, 32, 64), "at all of 8 to 64 channels"),
        ((32, 64), "at 32 channels and more"),
        ((8, 64), "at 8 and 64 channels"),
    ],
)
def test_channels_are_condensed_to_what_is_true(slower, phrase):
    measurements = [
        m for c in (8, 16, 32, 64) for m in trio(c, depthwise=SLOW if c in slower else FAST)
    ]

    assert f"slower than standard {phrase}." in describe(find(measurements))


def test_a_scattered_crossover_is_counted_and_not_spelled_out():
    measurements = [
        m
        for channels in (8, 16, 32, 64)
        for resolution in (7, 14, 28, 56)
        for m in trio(
            channels,
            resolution,
            depthwise=SLOW if resolution == 7 or (channels * resolution) % 3 == 1 else FAST,
        )
    ]

    text = describe(find(measurements))

    assert "in 10 of the 16 shapes that were compared, among them all 4 at 7×7." in text


def test_an_undecided_leader_is_said_to_be_undecided():
    text = describe(find(trio(depthwise=(1.3, 1.1, 1.5), spatial=(1.2, 1.1, 1.3))))

    assert (
        "Whether depthwise separable or spatially separable is the fastest there is undecided."
        in text
    )


def test_without_an_interval_the_sentence_says_so():
    case = make_case(DEPTHWISE)
    measurements = [
        measurement(make_case("standard"), latency_s=2e-3),
        measurement(case, latency_s=1e-3, realised_speedup=2.0, ideal_speedup=7.9),
    ]

    text = describe(find(measurements))

    assert "depthwise separable 2.0× (no interval) of an ideal 7.9×" in text
    assert "Without intervals it is undecided which is the fastest." in text


def test_without_standard_there_is_no_speedup_to_speak_of():
    text = describe(find([measurement(make_case(DEPTHWISE), latency_s=1e-3)]))

    assert text == (
        "At 64 channels, 56×56: depthwise separable takes 1.00 ms. "
        "No speed-up over standard was measured."
    )


def test_a_contender_that_failed_is_named_with_its_fate():
    standard, depthwise, spatial = trio()
    broken = Measurement(spatial.case, Status.OUT_OF_MEMORY, "12 GiB were asked for")

    text = describe(find([standard, depthwise, broken]))

    assert "; spatially separable out of memory." in text


def test_whatever_is_unusual_of_the_headline_is_said():
    text = describe(
        find(trio(stride=2, kernel_size=5, batch_size=8, threads=2, direction="training"))
    )

    assert text.startswith(
        "At 64 channels, 56×56, kernel 5, stride 2, batch 8, 2 threads, training:"
    )


def test_several_devices_are_spoken_of_one_by_one():
    text = describe(find([*trio(), *trio(device="cuda")]))

    assert text.startswith("On cpu, at 64 channels")
    assert "On cuda, at 64 channels" in text


def test_nothing_measured_claims_nothing():
    assert describe(find([])).startswith("Nothing was measured in this run")
    assert trust(find([]), make_run()) == "no case was planned"
    failed = [Measurement(make_case(), Status.FAILED, "it raised")]
    assert trust(find(failed), make_run()) == "1 of 1 cases failed"


def test_trust_counts_passes_intervals_noise_and_what_is_missing():
    standard, depthwise, spatial = trio(spatial=EVEN)
    measurements = [
        standard,
        depthwise,
        replace(spatial, status=Status.NOISY),
        replace(trio(16)[0], status=Status.THROTTLED),
        Measurement(make_case(channels=128), Status.SKIPPED, "no time"),
        Measurement(make_case(channels=256), Status.FAILED, "it raised"),
    ]

    assert trust(find(measurements), make_run()) == (
        "8 passes, latencies of this hour ±4.8 % in the median, 1 of 6 cases noisy, 1 throttled, "
        "1 failed, 1 skipped, "
        "1 of 2 speed-ups undecided, wall is 1.04 × CPU time"
    )


def test_one_pass_is_said_to_have_no_interval():
    single = [
        Measurement(
            m.case,
            m.status,
            values={"latency_s": replace(m.values["latency_s"], low=None, high=None)},
            passes=1,
        )
        for m in trio()
    ]

    assert trust(find(single), make_run()) == (
        "1 pass, no interval (one pass cannot show its own noise)"
    )


def test_an_interrupted_run_is_called_interrupted():
    assert trust(find(trio()), make_run(state="interrupted")).count("the run was interrupted") == 1


def test_words_are_joined_as_people_do():
    assert join_words([]) == ""
    assert join_words(["a"]) == "a"
    assert join_words(["a", "b", "c"]) == "a, b and c"


def test_trust_says_which_clock_nobody_has_checked_here():
    run = make_run(conditions={"unverified_devices": ["cuda:1"]})

    assert trust(find(trio()), run).endswith(
        "the clock of cuda:1 is unverified here "
        "(`sepconv doctor --selfcheck --device cuda:1` checks it)"
    )
