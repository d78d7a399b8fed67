from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.judge.rate import highest_rate


def test_nothing_in_fifty_nine_tries_is_at_most_five_percent():
    """By hand: 0.95 ** 59 = 0.0485, the first power below 5 %."""
    assert highest_rate(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert highest_rate(0, 58) > 0.05 > highest_rate(0, 59)


@given(st.integers(1, 40), st.data())
def test_at_the_bound_so_few_events_come_in_one_of_twenty(tries, data):
    events = data.draw(st.integers(0, tries - 1))
    rate = highest_rate(events, tries)

    chance = sum(comb(tries, n) * rate**n * (1 - rate) ** (tries - n) for n in range(events + 1))

    assert chance == pytest.approx(0.05, abs=1e-9)


def test_always_and_never_tried_exclude_nothing():
    assert highest_rate(3, 3) == highest_rate(0, 0) == 1.0


@pytest.mark.parametrize(("events", "tries"), [(2, 1), (-1, 1)])
def test_more_events_than_tries_are_an_error(events, tries):
    with pytest.raises(ValueError, match="between 0 and the 1 tries"):
        highest_rate(events, tries)
