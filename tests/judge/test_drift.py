from random import Random

import pytest

from sepconv.judge.drift import find_drift, find_floor
from sepconv.record import Estimate


def histories(*, runs: int = 40, cases: int = 60, within: float = 0.02, drift: float = 0.0):
    """Cases whose values scatter as their intervals say, and with what all share in a run."""
    random = Random(1)
    hours = [random.gauss(0, drift) for _ in range(runs)]
    made = []
    for _ in range(cases):
        values = [1e-3 * (1 + random.gauss(0, within / 1.96) + hour) for hour in hours]
        made.append(
            [(i, Estimate(x, x * (1 - within), x * (1 + within))) for i, x in enumerate(values)]
        )
    return made


def test_noise_within_a_run_is_half_the_width_of_its_intervals():
    drifts = find_drift(histories(within=0.03))

    assert [drift.within for drift in drifts] == pytest.approx([0.03] * 40)


def test_the_first_run_has_none_before_it():
    drifts = find_drift(histories())

    assert drifts[0].between is None
    assert all(drift.between is not None for drift in drifts[1:])


def test_where_nothing_drifts_the_intervals_explain_what_runs_differ_by():
    floor = find_floor(find_drift(histories()))

    assert floor.between == pytest.approx(floor.explained, rel=0.1)


def test_what_the_hours_differ_by_comes_on_top_of_the_intervals():
    floor = find_floor(find_drift(histories(drift=0.03)))

    assert floor.within == pytest.approx(0.02)
    assert floor.between > 2 * floor.explained


def test_a_change_of_some_cases_is_no_noise():
    every = histories(runs=3)
    changed = [
        [(run, Estimate(x.value * (1 + run // 2)) if run == 2 else x) for run, x in one]
        for one in every[:20]
    ]

    calm, stirred = (find_drift(each)[2].between for each in (every, changed + every[20:]))

    assert stirred == pytest.approx(calm, rel=1)
    assert stirred < 0.05


def test_only_the_newest_runs_tell_the_noise_of_today():
    drifts = find_drift(histories(runs=100))

    assert find_floor(drifts).runs == 20


def test_two_cases_say_nothing_of_a_machine():
    drifts = find_drift(histories(cases=2))

    assert find_floor(drifts).between is None
    assert find_floor(drifts).explained is None


def test_without_any_run_nothing_is_known():
    floor = find_floor(find_drift([]))

    assert (floor.within, floor.between, floor.runs) == (None, None, 0)
