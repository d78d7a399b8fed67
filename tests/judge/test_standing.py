from dataclasses import replace
from math import exp

import pytest

from sepconv.comparison import Outcome
from sepconv.judge.standing import Sight, count_outcomes, find_standings, run_before
from sepconv.judge.unpaired import compare_measurements
from sepconv.record import Estimate
from tests.report.sample import ENVIRONMENT, make_case, make_run, measurement


def seen(latency_s: float, half: float = 0.01) -> Sight:
    return Sight("ok", Estimate(latency_s, latency_s * (1 - half), latency_s * (1 + half)))


def outcome_of(before: Sight | None, after: Sight | None) -> Outcome | None:
    sides = ({} if each is None else {"a": each} for each in (before, after))
    return find_standings(*sides)["a"].outcome


@pytest.mark.parametrize(
    ("after", "outcome"),
    [(1.5e-3, Outcome.SLOWER), (0.6e-3, Outcome.FASTER), (1.05e-3, Outcome.UNDECIDED)],
)
def test_only_a_large_change_is_decided(after, outcome):
    assert outcome_of(seen(1e-3), seen(after)) is outcome


def test_two_runs_that_agree_to_the_digit_are_not_called_the_same():
    assert outcome_of(seen(1e-3), seen(1e-3)) is Outcome.UNDECIDED


def test_a_case_that_was_not_there_before_is_new():
    assert outcome_of(None, seen(1e-3)) is Outcome.NEW
    assert outcome_of(Sight("failed"), seen(1e-3)) is Outcome.NEW


def test_a_case_that_is_not_there_any_more_is_missing():
    assert outcome_of(seen(1e-3), None) is Outcome.MISSING


@pytest.mark.parametrize("status", ["failed", "crashed", "timed_out", "out_of_memory"])
def test_a_case_that_was_tried_in_vain_has_failed(status):
    assert outcome_of(seen(1e-3), Sight(status)) is Outcome.FAILED


@pytest.mark.parametrize("status", ["skipped", "unsupported", "missing"])
def test_a_case_that_was_not_tried_has_no_outcome(status):
    assert outcome_of(seen(1e-3), Sight(status)) is None


def test_runs_of_two_machines_are_not_comparable_whatever_their_ratio():
    found = find_standings({"a": seen(1e-3)}, {"a": seen(9e-3)}, is_comparable=False)

    assert found["a"].outcome is Outcome.NOT_COMPARABLE
    assert found["a"].quotient.ratio == pytest.approx(9)


def test_the_more_cases_there_are_the_more_each_of_them_has_to_show():
    changed = {"a": (seen(1e-3), seen(1.2e-3))}
    others = {name: (seen(1e-3), seen(1e-3)) for name in range(500)}

    few, many = (
        find_standings(*({name: pair[side] for name, pair in every.items()} for side in (0, 1)))
        for every in (changed, changed | others)
    )

    assert few["a"].outcome is Outcome.SLOWER
    assert many["a"].outcome is Outcome.UNDECIDED


def test_the_page_and_the_command_line_judge_two_runs_alike():
    ratios = [exp(0.02 * step) for step in range(-15, 16)]
    cases = [make_case(channels=16 + number) for number in range(len(ratios))]
    before = [measurement(case, latency_s=(1.0, 0.98, 1.02)) for case in cases]
    after = [
        measurement(case, latency_s=(ratio, 0.97 * ratio, 1.03 * ratio))
        for case, ratio in zip(cases, ratios, strict=True)
    ]

    told, _ = compare_measurements(before, after, reason=None)
    found = find_standings(
        *(
            {each.case.identity: Sight(each.status, each.values["latency_s"]) for each in run}
            for run in (before, after)
        )
    )

    assert [each.outcome for each in told] == [each.outcome for each in found.values()]
    assert {each.outcome for each in told} == {Outcome.SLOWER, Outcome.FASTER, Outcome.UNDECIDED}
    assert [each.low for each in told] == [each.quotient.low for each in found.values()]


def test_outcomes_that_no_case_has_are_not_counted():
    found = find_standings({"a": seen(1e-3)}, {"a": seen(1e-3), "b": seen(1e-3)})

    assert count_outcomes(found.values()) == {Outcome.UNDECIDED: 1, Outcome.NEW: 1}


def test_a_run_is_held_against_the_last_one_of_its_machine_environment_and_suite():
    other = replace(ENVIRONMENT, torch="2.14.0")
    runs = [
        make_run(0),
        make_run(1),
        make_run(2, environment=other),
        make_run(3, suite="nightly"),
        make_run(4),
    ]

    assert run_before(runs, 4) == 1
    assert run_before(runs, 3) == 1  # no other of its suite: better than none
    assert run_before(runs, 2) is None
    assert run_before(runs, 0) is None
