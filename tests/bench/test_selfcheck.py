from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sepconv.bench import selfcheck, slowed
from sepconv.bench.plan import ring_s
from sepconv.bench.selfcheck import Trial, plan_trials, usual_cases
from sepconv.convs import build_conv
from sepconv.record import BASE, HEAD, Block, Round

CASES = usual_cases()


def block(case, arm, cpu_s, rounds=8):
    timed = tuple(Round(wall_s=2 * cpu_s, cpu_s=cpu_s) for _ in range(rounds))
    return Block(case, 1, 1, timed, 1e-3, 1e-3, "2026-03-01T10:00:00+00:00", ring=1, arm=arm)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
@pytest.mark.parametrize("extra", [0, 1, slowed.CHUNK, 2 * slowed.CHUNK + 5])
def test_a_slowed_conv_computes_what_the_conv_computes_beside_its_extra(case, extra):
    torch.manual_seed(0)
    module = slowed.build(selfcheck.slowed(case, extra))
    torch.manual_seed(0)
    conv = build_conv(case)
    x = torch.randn(case.input_shape)

    with torch.inference_mode():
        assert torch.equal(module(x), conv(x))
    assert sum(chunk.numel() for chunk in module.chunks) == extra


def test_the_file_of_slowed_convs_holds_what_its_cases_are_called():
    assert set(slowed.CONV_TYPES) == {selfcheck.SLOWED}
    assert selfcheck.SLOWED_FILE.read_text().startswith('"""A file of conv types')


def test_the_extra_is_what_the_probes_own_ring_says_that_an_element_costs():
    """By hand: 1000 elements made a call slower by 20 %, so 250 make it slower by 5 %."""
    base = selfcheck.slowed(CASES[0], 0)
    probe = selfcheck.slowed_more(base, 1000)

    found = selfcheck.elements_for(0.05, 1000, (block(base, BASE, 1.0), block(probe, HEAD, 1.2)))

    assert found == 250


def test_a_probe_that_seems_to_cost_nothing_does_not_make_the_extra_endless():
    base = selfcheck.slowed(CASES[0], 0)

    found = selfcheck.elements_for(0.05, 1000, (block(base, BASE, 1.0), block(base, HEAD, 0.9)))

    assert found == 10_000


def test_both_arms_of_a_trial_have_the_same_rounds_of_the_same_calls():
    trials = [
        Trial(7, CASES[0], CASES[0]),
        Trial(9, CASES[1], selfcheck.slowed(CASES[1], 100), 0.05),
    ]

    rings = plan_trials(trials, dict.fromkeys(CASES, 1e-3), passes=8, budget_s=60.0)

    assert [[(slot.ring, slot.arm) for slot in ring] for ring in rings] == [
        [(7, BASE), (7, HEAD)],
        [(9, BASE), (9, HEAD)],
    ]
    for ring in rings:
        assert len({(slot.calls, slot.rounds, slot.visits, slot.call_s) for slot in ring}) == 1
    assert [slot.case for slot in rings[1]] == [trials[1].base, trials[1].head]


def test_a_smaller_budget_makes_shorter_blocks():
    trials = [Trial(number, case, case) for number, case in enumerate(CASES, 1)]
    call_s = dict.fromkeys(CASES, 1e-3)

    long = plan_trials(trials, call_s, passes=8, budget_s=100.0)
    short = plan_trials(trials, call_s, passes=8, budget_s=8.0)

    assert sum(map(ring_s, short)) < sum(map(ring_s, long))


@pytest.mark.parametrize(
    ("pass_s", "passes", "left_s", "fit"),
    [(1.0, 5, 5.0, 10), (1.0, 0, 0.0, 10), (6.0, 0, -0.5, 10), (2.0, 5, 5.0, 4), (2.0, 5, -1.0, 1)],
)
def test_as_many_rings_are_kept_as_get_all_their_passes(pass_s, passes, left_s, fit):
    assert selfcheck.how_many_fit(10, pass_s, passes, left_s) == fit


def test_a_slowed_case_with_another_extra_is_otherwise_the_same():
    base = selfcheck.slowed(CASES[2], 0)

    more = selfcheck.slowed_more(base, 64)

    assert dict(more.options) == {"form": "depthwise_separable", "extra": 64}
    assert replace(more, options=base.options) == base
