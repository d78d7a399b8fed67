"""Searches for a commit, simulated: the truth is known, the answers are noisy or wrong."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.judge.bisection import Bisection
from sepconv.judge.culprit import Answer, Span
from sepconv.judge.followed import choose_cases, combine
from sepconv.judge.spread import spread_order

PASSES = 8
MOST = 60


class Machine:
    """Commits whose level takes the given steps; some answers are wrong."""

    def __init__(self, seed, steps, *, sd=0.012, wrong=0.05):
        self._coin = Random(seed)
        self._steps = steps
        self._sd = sd
        self._wrong = wrong

    def compare(self, base, head):
        whole = sum(self._steps.values())
        true = sum(change for place, change in self._steps.items() if base < place <= head)
        if self._coin.random() < self._wrong:
            anything = self._coin.uniform(-2 * abs(whole), 2 * abs(whole))
            true = self._coin.choice([whole - true, anything])
        return Answer(base, head, tuple(self._coin.gauss(true, self._sd) for _ in range(PASSES)))


def search(machine, count, *, broken=(), looks=4):
    """The whole search: how it ended, where, and in how many comparisons."""
    state = Bisection(count)
    while not state.shows_change:
        if len(state.answers) == looks:
            return "no change", None, state
        state = state.told(machine.compare(0, count))
    while len(state.answers) < MOST:
        if state.has_found():
            return "found", state.likeliest, state
        if state.has_nothing():
            return "nothing", None, state
        if state.odd_level is not None:
            return "odd", state.odd_level, state
        pair = state.next_pair()
        unable = [place for place in pair if place in broken]
        state = state.without(unable[0]) if unable else state.told(machine.compare(*pair))
    return "used up", None, state


def run_many(count, change, *, sd, trials=100, **settings):
    """How many searches ended in the right commit, and the comparisons that each took."""
    right, comparisons = 0, []
    for seed in range(trials):
        culprit = Random(1000 + seed).randint(1, count)
        machine = Machine(seed, {culprit: change}, sd=sd)
        ending, span, state = search(machine, count, **settings)
        right += ending == "found" and span.after < culprit <= span.last
        comparisons.append(len(state.answers))
    return right, sorted(comparisons)


@pytest.mark.parametrize(
    ("change", "sd"), [(0.05, 0.012), (0.05, 0.025), (-0.05, 0.012), (0.03, 0.012)]
)
def test_the_commit_is_found_although_one_answer_in_twenty_is_wrong(change, sd):
    right, comparisons = run_many(64, change, sd=sd, trials=200)

    assert right >= 190
    assert comparisons[100] <= 11


def test_it_takes_about_as_many_comparisons_as_was_told_beforehand():
    told = Bisection(64).expected_comparisons()

    _, comparisons = run_many(64, 0.05, sd=0.012)

    assert told == pytest.approx(comparisons[50], abs=2)


def test_without_noise_it_takes_hardly_more_than_halving():
    state = Bisection(1024)
    machine = Machine(0, {700: 0.05}, sd=0.001, wrong=0.0)
    state = state.told(machine.compare(0, 1024))
    while not state.has_found():
        state = state.told(machine.compare(*state.next_pair()))

    assert state.likeliest == Span(699, 700)
    assert len(state.answers) <= 10 + 4


@given(place=st.integers(1, 63), centre=st.floats(-0.2, 0.2), sd=st.floats(1e-6, 1e-3))
def test_one_answer_however_sure_excludes_no_commit(place, centre, sd):
    known = Bisection(64).told(Answer(0, 64, steady(0.05, 0.003)))

    told = known.told(Answer(0, place, steady(centre, sd)))

    for span, chance in told.chances.items():
        assert chance > known.chances[span] / 200
    assert not told.has_found()


def test_answers_that_agree_add_up_and_one_that_does_not_is_outvoted():
    state = Bisection(2).told(Answer(0, 2, steady(0.05, 0.003)))
    before = state.told(Answer(0, 1, steady(0.05, 0.003)))
    misled = state.told(Answer(0, 1, steady(0.0, 0.003)))

    once = before.chances[Span(0, 1)]
    twice = before.told(Answer(0, 1, steady(0.05, 0.003))).chances[Span(0, 1)]
    outvoted = misled
    for _ in range(3):
        outvoted = outvoted.told(Answer(0, 1, steady(0.05, 0.003)))

    assert 0.9 < once < twice
    assert misled.chances[Span(0, 1)] < 0.1
    assert outvoted.chances[Span(0, 1)] > 0.9


def test_the_chances_and_that_of_nothing_are_those_of_all_that_can_be():
    state = Bisection(10).told(Answer(0, 10, steady(0.05, 0.003)))

    assert sum(state.chances.values()) + state.nothing == pytest.approx(1)
    assert 0 < state.nothing < 0.01


def test_the_order_of_the_answers_does_not_matter():
    answers = [
        Answer(0, 8, steady(0.05, 0.01)),
        Answer(0, 4, steady(0.01, 0.01)),
        Answer(3, 6, steady(0.04, 0.01)),
    ]

    forwards, backwards = Bisection(8, tuple(answers)), Bisection(8, tuple(answers[::-1]))

    assert forwards.chances == pytest.approx(backwards.chances)


def test_a_change_to_the_faster_is_found_like_one_to_the_slower():
    answers = [(0, 8, 0.05), (0, 4, 0.05), (0, 2, 0.0), (0, 3, 0.05)]
    slower = Bisection(8, tuple(Answer(a, b, steady(x, 0.003)) for a, b, x in answers))
    faster = Bisection(8, tuple(Answer(a, b, steady(-x, 0.003)) for a, b, x in answers))

    assert slower.chances == pytest.approx(faster.chances)
    assert slower.likeliest == Span(2, 3)


def test_nothing_is_found_before_it_was_compared_with_the_commit_before():
    state = Bisection(2).told(Answer(0, 2, steady(0.05, 0.002)))
    for _ in range(5):
        state = state.told(Answer(0, 1, steady(0.0, 0.002)))

    assert state.chances[Span(1, 2)] > 0.99
    assert not state.has_found()
    assert state.next_pair() == (1, 2)
    assert state.told(Answer(1, 2, steady(0.05, 0.002))).has_found()


def test_a_check_that_shows_no_change_sends_the_search_on():
    state = Bisection(4).told(Answer(0, 4, steady(0.05, 0.002)))
    for place, change in ((2, 0.0), (2, 0.0), (3, 0.05), (3, 0.05)):
        state = state.told(Answer(0, place, steady(change, 0.002)))
    assert state.next_pair() == (2, 3)

    contradicted = state.told(Answer(2, 3, steady(0.0, 0.002)))

    assert not contradicted.has_found()
    assert contradicted.chances[Span(2, 3)] < state.chances[Span(2, 3)]


def test_where_nothing_changed_there_is_nothing_to_find():
    endings = Counter(search(Machine(seed, {}, wrong=0.0), 64)[0] for seed in range(100))

    assert endings["no change"] + endings["nothing"] >= 95
    assert endings["found"] <= 1


@pytest.mark.parametrize("broken", [range(20, 40), (31, 32, 33), range(10, 64, 2)])
def test_what_cannot_be_measured_is_passed_over(broken):
    right, comparisons = run_many(64, 0.05, sd=0.012, broken=set(broken))

    assert right >= 95
    assert comparisons[50] <= 10


def test_if_the_culprit_cannot_be_measured_the_rest_that_can_be_told_is_named():
    machine = Machine(1, {30: 0.05}, wrong=0.0)

    ending, span, _ = search(machine, 64, broken=set(range(25, 41)))

    assert ending == "found"
    assert span == Span(24, 41)


def test_from_a_long_run_that_cannot_be_measured_it_moves_away_in_leaps():
    state = Bisection(1000).told(Answer(0, 1000, steady(0.05, 0.003)))
    tried = []
    while True:
        _, place = state.next_pair()
        if not 400 <= place <= 600:
            break
        tried.append(place)
        state = state.without(place)

    assert len(tried) <= 16


def test_neither_end_can_be_passed_over():
    with pytest.raises(ValueError, match="between 0 and 5"):
        Bisection(5).without(5)


def test_a_level_between_good_and_bad_tells_of_two_steps():
    state = Bisection(8).told(Answer(0, 8, steady(0.06, 0.003)))
    state = state.told(Answer(0, 4, steady(0.03, 0.003)))
    once = state.odd_level
    state = state.told(Answer(0, 4, steady(0.03, 0.003)))
    asked = state.next_pair()
    state = state.told(Answer(0, 8, steady(0.06, 0.003)))

    assert once is None
    assert asked == (0, 8)  # perhaps that was the wrong answer
    assert state.odd_level == 4


@pytest.mark.parametrize(
    "steps", [{10: 0.025, 50: 0.025}, {10: 0.04, 50: 0.02}, {5: 0.05, 40: -0.03}]
)
def test_of_two_steps_one_is_found_and_mostly_said_not_to_be_all(steps):
    found, told = 0, 0
    for seed in range(40):
        ending, span, state = search(Machine(seed, steps, wrong=0.0), 64)
        if ending == "found":
            found += any(span.after < place <= span.last for place in steps)
            told += state.leaves_a_rest
        else:
            found += ending == "odd"
            told += ending == "odd"

    assert found >= 38
    assert told >= 30


def test_a_part_of_the_range_keeps_the_answers_that_are_of_use_there():
    state = Bisection(10, skipped=frozenset({2, 7}))
    for base, head in ((0, 10), (0, 5), (5, 8), (6, 10)):
        state = state.told(Answer(base, head, steady(0.01 * head, 0.003)))

    part = state.part(Span(5, 10))

    assert part.count == 5
    assert [(each.base, each.head) for each in part.answers] == [(0, 3), (1, 5)]
    assert part.skipped == {2}


def test_the_cases_that_are_followed_are_the_clearest_of_one_direction():
    passes = {
        "much": steady(0.05, 0.005),
        "noisy": steady(0.05, 0.05),
        "little": steady(0.01, 0.005),
        "other way": steady(-0.04, 0.005),
        "nothing": steady(0.0, 0.005),
    }

    weights = choose_cases(passes, 3)

    assert list(weights) == ["much", "little", "noisy"]
    assert weights["much"] > weights["little"] > weights["noisy"]
    assert list(choose_cases(passes, 1, direction=-1)) == ["other way"]


def test_the_mean_over_cases_is_of_the_passes_that_have_them_all():
    passes = {"a": {1: 0.1, 2: 0.2, 3: 0.3}, "b": {2: 0.0, 3: 0.1, 4: 9.0}}

    assert combine(passes, {"a": 3.0, "b": 1.0}) == pytest.approx((0.15, 0.25))


def test_points_are_spread_from_the_ends_into_the_largest_gap():
    assert spread_order(9) == [8, 0, 4, 6, 2, 7, 5, 3, 1]
    assert spread_order(1) == [0]
    assert spread_order(0) == []
    assert spread_order(9, {8, 4}) == [0, 6, 2, 7, 5, 3, 1]


@given(count=st.integers(1, 60), data=st.data())
def test_every_point_that_is_not_known_comes_once_and_gaps_stay_even(count, data):
    known = data.draw(st.sets(st.integers(0, count - 1)))

    order = spread_order(count, known)

    assert sorted([*order, *known]) == list(range(count))
    if not known and count > 4:
        early = sorted(order[: count // 2 + 1])
        gaps = [b - a for a, b in pairwise(early)]
        assert max(gaps) <= 2 * min(gaps) + 1


def steady(centre, sd):
    """Passes with just this mean and this spread."""
    return tuple(centre + sd * side for side in (-1, 1) * (PASSES // 2))
