from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.bench.plan import (
    BLOCK_S,
    CALIBRATION_VISITS,
    EVICTION_S,
    FIRST_PASSES_SHARE,
    LEAST_PASSES,
    LEAST_ROUNDS,
    MOST_PASSES,
    MOST_ROUNDS,
    PASS_OVERHEAD_S,
    QUAD,
    ROUND_S,
    TURN_ROUND_S,
    VISITS,
    calibration_slots,
    fastest_call_s,
    guess_duration_s,
    known_calls,
    pair_up,
    plan_alone,
    plan_passes,
    plan_ring,
    ring_s,
    rings_of,
)
from sepconv.case import Case
from sepconv.record import BASE, HEAD, Block, Round

CONV_TYPES = ("standard", "depthwise_separable", "spatially_separable")


def case(channels: int = 8, conv_type: str = "standard", **fields: object) -> Case:
    return Case(
        conv_type=conv_type,
        in_channels=channels,
        out_channels=channels,
        height=9,
        width=9,
        **fields,
    )


def calibration(call_s: float, measured: Case) -> Block:
    """What the calibration pass says of a case that takes `call_s`."""
    return Block(
        case=measured,
        pass_number=0,
        calls=1,
        rounds=(Round(1.5 * call_s, call_s), Round(call_s, call_s), Round(9 * call_s, call_s)),
        first_call_s=2 * call_s,
        warmup_s=5 * call_s,
        started_at="2026-01-01T00:00:00+00:00",
    )


def shapes_of(calls_s: list[float]) -> list[Block]:
    """Three conv types per shape, the separable ones twice as fast."""
    return [
        calibration(call_s if conv_type == "standard" else call_s / 2, case(8 + n, conv_type))
        for n, call_s in enumerate(calls_s)
        for conv_type in CONV_TYPES
    ]


def test_every_separable_case_takes_turns_with_the_standard_one_of_its_shape():
    cases = [case(channels, conv_type) for channels in (8, 16) for conv_type in CONV_TYPES]

    rings = pair_up(dict.fromkeys(cases, 1e-4))

    assert [tuple(s.case for s in ring) for ring in rings] == [
        (case(8), case(8, "depthwise_separable")),
        (case(8), case(8, "spatially_separable")),
        (case(16), case(16, "depthwise_separable")),
        (case(16), case(16, "spatially_separable")),
    ]
    assert [[s.arm for s in ring] for ring in rings] == [[BASE, HEAD]] * 4
    assert [ring[0].ring for ring in rings] == [1, 2, 3, 4]


def test_who_has_no_partner_is_measured_alone():
    lonely = [case(8), case(16, "depthwise_separable"), case(8, "standard", bias=True)]

    rings = pair_up(dict.fromkeys(lonely, 1e-4))

    assert [tuple(s.case for s in ring) for ring in rings] == [(each,) for each in lonely]
    assert {ring[0].arm for ring in rings} == {""}


@pytest.mark.parametrize(
    ("call_s", "calls", "rounds"),
    [
        (31.25e-6, 64, 62),  # 64 calls make a round of 2 ms
        (2e-3, 1, 62),
        (60e-3, 1, LEAST_ROUNDS),  # slower than its block: the least number of rounds
    ],
)
def test_a_round_alone_is_about_two_milliseconds_and_a_block_an_eighth_of_a_second(
    call_s, calls, rounds
):
    slot = plan_alone(case(), call_s)

    assert (slot.calls, slot.rounds) == (calls, rounds)


@given(st.floats(1e-7, 10.0), st.floats(1e-7, 10.0), st.floats(0.0, 10.0), st.integers(1, 8))
def test_the_arms_of_a_ring_have_the_same_rounds_in_whole_quads_in_every_visit(
    base_s, head_s, block_s, visits
):
    ring = plan_ring(case(), case(8, "x"), base_s, head_s, block_s=block_s, visits=visits)

    base, head = ring
    assert (base.rounds, base.visits, base.ring) == (head.rounds, head.visits, head.ring)
    assert LEAST_ROUNDS <= base.rounds <= MOST_ROUNDS
    assert all(base.rounds_of(visit) % QUAD == 0 for visit in range(base.visits))
    for slot in ring:
        assert slot.calls == 1 or slot.calls * slot.call_s < 1.5 * TURN_ROUND_S
        assert slot.calls.bit_count() == 1


@given(st.integers(3, 400), st.integers(1, 4))
def test_the_visits_of_a_block_share_its_rounds_evenly(rounds, visits):
    slot = replace(plan_alone(case(), 1e-4), rounds=rounds, visits=min(visits, rounds))

    shares = [slot.rounds_of(visit) for visit in range(slot.visits)]
    assert sum(shares) == rounds
    assert max(shares) - min(shares) <= 1
    assert min(shares) >= 1


def test_the_fastest_round_of_the_calibration_says_what_a_call_takes():
    assert fastest_call_s(calibration(2e-3, case())) == 2e-3


def test_a_cold_case_alone_or_in_a_ring_has_rounds_of_one_call_however_short():
    alone, warm = (plan_alone(case(8, cache=cache), 1e-5) for cache in ("cold", "warm"))
    ring = plan_ring(case(8, cache="cold"), case(8, "x", cache="cold"), 1e-5, 1e-5)

    assert alone.calls == 1 < warm.calls
    assert {slot.calls for slot in ring} == {1}


def test_the_time_to_empty_the_caches_is_planned_for():
    cold = [
        calibration(1e-4, case(8 + n, kind, cache="cold")) for n in range(6) for kind in CONV_TYPES
    ]

    plan = plan_passes(cold, 60.0)

    rounds = sum(slot.rounds for slot in plan.slots)
    assert plan.passes * rounds * EVICTION_S < 60.0
    assert plan_passes(cold, None).slots[0].rounds * EVICTION_S <= 2 * BLOCK_S


def test_a_cold_round_is_one_call():
    cold = [calibration(1e-5, case(8, conv_type, cache="cold")) for conv_type in CONV_TYPES[:2]]

    assert {slot.calls for slot in plan_passes(cold, 30.0).slots} == {1}


def test_the_calibration_measures_every_case_alone_in_visits_that_are_apart():
    slots = calibration_slots([case(8), case(16)])

    assert [(slot.ring, slot.arm, slot.calls, slot.visits) for slot in slots] == [
        (1, "", 1, CALIBRATION_VISITS),
        (2, "", 1, CALIBRATION_VISITS),
    ]


def test_without_a_budget_every_arm_gets_its_cap_in_the_least_number_of_passes():
    plan = plan_passes(shapes_of([1e-4, 5e-4]), None)

    assert plan.passes == LEAST_PASSES
    assert {slot.visits for slot in plan.slots} == {VISITS}
    for ring in rings_of(plan.slots):
        slowest = max(slot.calls * slot.call_s for slot in ring)
        assert slowest * ring[0].rounds == pytest.approx(BLOCK_S, rel=0.05)


@given(st.lists(st.floats(2e-5, 5e-3), min_size=1, max_size=20), st.floats(20.0, 600.0))
def test_a_plan_with_all_its_passes_fits_into_its_share_of_the_budget(calls_s, budget_s):
    plan = plan_passes(shapes_of(calls_s), budget_s)

    rings = rings_of(plan.slots)
    least = all(ring[0].visits == 1 for ring in rings)
    pass_s = PASS_OVERHEAD_S + sum(map(ring_s, rings))
    assert 2 <= plan.passes <= MOST_PASSES
    assert least or plan.passes * pass_s <= FIRST_PASSES_SHARE * budget_s * 1.001


def test_a_budget_that_is_too_small_for_all_passes_gets_fewer_but_at_least_two():
    slow = shapes_of([0.05] * 8)

    assert plan_passes(slow, 60.0).passes in range(2, LEAST_PASSES)
    assert plan_passes(slow, 1.0).passes == 2


def test_a_ring_of_slow_calls_has_fewer_visits_and_fewer_quads_than_one_of_fast_calls():
    fast, slow = rings_of(plan_passes(shapes_of([1e-4, 1e-2]), 30.0).slots)[::2]

    assert fast[0].visits > slow[0].visits
    assert fast[0].rounds > slow[0].rounds


def test_a_guessed_duration_grows_with_the_work_and_stops_at_the_budget():
    few, many = guess_duration_s([10**6] * 3, None), guess_duration_s([10**6] * 300, None)
    heavy = guess_duration_s([10**10] * 3, None)

    assert few < heavy
    assert few < many
    assert guess_duration_s([10**6] * 300, 60.0) <= 60.0 < many


def test_two_milliseconds_alone_are_more_than_the_half_of_one_in_turns():
    alone = plan_alone(case(), 1.25e-4)
    ring = plan_ring(case(), case(8, "x"), 1.25e-4, 1.25e-4)

    assert alone.calls * alone.call_s == pytest.approx(ROUND_S)
    assert ring[0].calls * ring[0].call_s == pytest.approx(TURN_ROUND_S)


def test_calls_per_round_stay_what_they_were_while_that_makes_sense():
    cases = [case(8), case(8, "depthwise_separable")]
    before = pair_up(dict.fromkeys(cases, 1.2e-4))
    known = known_calls(slot for ring in before for slot in ring)

    (a_little_slower,) = pair_up(dict.fromkeys(cases, 2.2e-4), known=known)
    (much_slower,) = pair_up(dict.fromkeys(cases, 1.2e-3), known=known)

    assert [slot.calls for slot in a_little_slower] == [slot.calls for slot in before[0]] == [4, 4]
    assert [slot.calls for slot in much_slower] == [1, 1]


def test_of_several_earlier_plans_the_first_one_counts():
    newer, older = plan_alone(case(), 1e-4), plan_alone(case(), 1e-2)

    assert known_calls([newer, older]) == {(case().identity, ""): newer.calls}
