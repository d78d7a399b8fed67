from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.bench.plan import (
    BLOCK_OVERHEAD_S,
    BLOCK_S,
    FIRST_PASSES_SHARE,
    LEAST_PASSES,
    LEAST_ROUNDS,
    MOST_ROUNDS,
    PASS_OVERHEAD_S,
    ROUND_S,
    VISIT_OVERHEAD_S,
    VISITS,
    VISITS_IN_BUDGET,
    fastest_call_s,
    guess_duration_s,
    plan_passes,
    plan_slot,
)
from sepconv.case import Case
from sepconv.record import Block, Round

CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)


def calibration(call_s: float, channels: int = 8) -> Block:
    """What the calibration pass says of a case that takes `call_s`."""
    return Block(
        case=Case(
            conv_type="standard", in_channels=channels, out_channels=channels, height=9, width=9
        ),
        pass_number=0,
        calls=1,
        rounds=(Round(1.5 * call_s, call_s), Round(call_s, call_s), Round(9 * call_s, call_s)),
        first_call_s=2 * call_s,
        warmup_s=5 * call_s,
        started_at="2026-01-01T00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("call_s", "calls", "rounds"),
    [
        (25e-6, 80, 62),  # 80 calls make a round of 2 ms
        (2e-3, 1, 62),
        (60e-3, 1, LEAST_ROUNDS),  # slower than its block: the least number of rounds
        (1e-7, 20_000, 62),
    ],
)
def test_a_round_is_about_two_milliseconds_and_a_block_an_eighth_of_a_second(call_s, calls, rounds):
    slot = plan_slot(CASE, call_s)

    assert (slot.calls, slot.rounds) == (calls, rounds)


@given(st.floats(1e-7, 10.0), st.floats(0.0, 10.0))
def test_a_slot_is_never_shorter_than_its_least_nor_longer_than_it_was_given(call_s, block_s):
    slot = plan_slot(CASE, call_s, block_s)

    assert LEAST_ROUNDS <= slot.rounds <= MOST_ROUNDS
    assert slot.calls * call_s < ROUND_S + call_s
    if slot.rounds > LEAST_ROUNDS:
        assert slot.rounds * slot.calls * call_s <= block_s + 0.51 * max(ROUND_S, call_s) * 1.5


@given(st.integers(3, 400), st.integers(1, 4))
def test_the_visits_of_a_block_share_its_rounds_evenly(rounds, visits):
    slot = replace(plan_slot(CASE, 1e-4), rounds=rounds, visits=min(visits, rounds))

    shares = [slot.rounds_of(visit) for visit in range(slot.visits)]
    assert sum(shares) == rounds
    assert max(shares) - min(shares) <= 1
    assert min(shares) >= 1


def test_the_fastest_round_of_the_calibration_says_what_a_call_takes():
    assert fastest_call_s(calibration(2e-3)) == 2e-3


def test_without_a_budget_every_case_gets_its_cap_in_the_least_number_of_passes():
    plan = plan_passes([calibration(1e-4, 8), calibration(1e-3, 16)], None)

    assert plan.passes == LEAST_PASSES
    assert {slot.visits for slot in plan.slots} == {VISITS}
    for slot in plan.slots:
        assert slot.calls * slot.rounds * slot.call_s == pytest.approx(BLOCK_S, rel=0.02)


@given(st.lists(st.floats(2e-5, 5e-3), min_size=1, max_size=60), st.floats(20.0, 600.0))
def test_a_plan_with_all_its_passes_fits_into_its_share_of_the_budget(calls_s, budget_s):
    calibrations = [calibration(call_s, 8 + n) for n, call_s in enumerate(calls_s)]

    plan = plan_passes(calibrations, budget_s)

    primed_s = (VISITS_IN_BUDGET - 1) * sum(calls_s)
    warmup_s = sum(block.warmup_s for block in calibrations) + primed_s
    timed_s = sum(slot.calls * slot.rounds * slot.call_s for slot in plan.slots)
    overhead_s = BLOCK_OVERHEAD_S + VISITS_IN_BUDGET * VISIT_OVERHEAD_S
    pass_s = PASS_OVERHEAD_S + warmup_s + len(calls_s) * overhead_s + timed_s
    assert plan.passes == LEAST_PASSES
    assert plan.passes * pass_s <= FIRST_PASSES_SHARE * budget_s * 1.001


def test_a_budget_that_is_too_small_for_eight_passes_gets_fewer_but_at_least_two():
    slow = [calibration(0.05, 8 + n) for n in range(20)]

    assert plan_passes(slow, 60.0).passes in range(3, LEAST_PASSES)
    assert plan_passes(slow, 1.0).passes == 2


def test_every_case_gets_the_same_timed_seconds_whatever_its_call_takes():
    plan = plan_passes([calibration(1e-4, 8), calibration(1e-3, 16)], 5.0)

    short, long = (slot.calls * slot.rounds * slot.call_s for slot in plan.slots)
    assert short == pytest.approx(long, rel=0.15)


def test_a_guessed_duration_grows_with_the_work_and_stops_at_the_budget():
    few, many = guess_duration_s([10**6] * 3, None), guess_duration_s([10**6] * 300, None)
    heavy = guess_duration_s([10**10] * 3, None)

    assert few < heavy
    assert few < many
    assert guess_duration_s([10**6] * 300, 60.0) < 70.0 < many
