"""A survey on passes whose truth is known: so many of every ring, whatever they say."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from math import log

import pytest

from sepconv.comparison import Outcome, Stage
from sepconv.judge.survey import NOT_JUDGED, PASSES, Survey
from sepconv.ratio import LogRatio, Pair
from tests.judge.nights import cases

(CASE,) = cases(1)
NULL = 900


def keep(survey: Survey, stage: Stage, ring: int, number: int, centre: float) -> None:
    cpu = LogRatio(centre, 0.001, centre, centre)
    survey.keep(stage, Pair(ring, number, CASE, CASE, 100, cpu, cpu))


def play(survey: Survey, truth: Mapping[int, float], *, sd: float = 0.005) -> Counter[int]:
    """Give the survey what it asks for until it has enough; returns the passes by ring."""
    chance = random.Random(1)
    asked: Counter[int] = Counter()
    number = 0
    while (wanted := survey.next_pass()) is not None:
        stage, rings = wanted
        assert stage is Stage.SCREEN
        number += 1
        for ring in rings:
            own = Stage.NULL if ring >= NULL else stage
            keep(survey, own, ring, number, truth.get(ring, 0.0) + chance.gauss(0, sd))
            asked[ring] += 1
    return asked


@pytest.mark.parametrize("passes", [4, PASSES, 16])
def test_every_ring_gets_as_many_passes_whatever_they_say(passes: int) -> None:
    survey = Survey([1, 2, 3], [NULL], passes=passes)

    asked = play(survey, {1: log(1.5), 2: log(0.7)})

    assert asked == dict.fromkeys((1, 2, 3, NULL), passes)
    assert survey.next_pass() is None


def test_a_night_has_eight_passes_unless_told_otherwise() -> None:
    assert play(Survey([1]), {}) == {1: 8}


def test_what_differs_is_a_point_of_a_history_and_no_verdict() -> None:
    survey = Survey([1, 2])
    play(survey, {1: log(1.2), 2: log(0.8)})

    judged = survey.judge()

    assert {each.outcome for each in judged.values()} == {Outcome.UNDECIDED}
    assert {each.reason for each in judged.values()} == {NOT_JUDGED}
    for number, ratio in ((1, 1.2), (2, 0.8)):
        assert judged[number].ratio == pytest.approx(ratio, rel=0.01)
        assert (judged[number].low or 0) < ratio < (judged[number].high or 0)
        assert (judged[number].confidence, judged[number].passes) == (0.95, 8)


def test_what_is_alike_is_the_same() -> None:
    survey = Survey([1])
    play(survey, {1: 0.001}, sd=0.002)

    (judged,) = survey.judge().values()

    assert judged.outcome is Outcome.SAME
    assert judged.ratio == pytest.approx(1.001, abs=0.004)


def test_without_time_no_further_pass_is_asked_for_and_what_is_there_counts() -> None:
    survey = Survey([1, 2])
    for number in range(5):
        keep(survey, Stage.SCREEN, 1, number, log(1.1) + 0.001 * number)
    for number in range(3):
        keep(survey, Stage.SCREEN, 2, number, log(1.1))

    assert survey.next_pass(time_left=False) is None
    judged = survey.judge()
    assert (judged[1].passes, judged[1].ratio) == (5, pytest.approx(1.102, abs=0.001))
    assert judged[2].ratio is None
    assert (judged[2].passes, judged[2].reason) == (3, "only 3 passes")


def test_a_ring_that_cannot_be_measured_is_asked_for_no_more() -> None:
    survey = Survey([1, 2])
    survey.drop(2)

    assert play(survey, {}) == {1: 8}
    assert set(survey.judge()) == {1}


def test_fewer_passes_than_an_interval_needs_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 4 passes, found 3"):
        Survey([1], passes=3)
