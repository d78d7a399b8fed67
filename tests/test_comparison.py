"""What of a comparison decides, and what does not."""

from dataclasses import replace

import pytest

from sepconv.comparison import BY_WEIGHT, Outcome
from tests.report.compared import WORD, compared, comparison

SLOWER = compared(Outcome.SLOWER, 1.05)
MEANT = replace(SLOWER, acknowledged=WORD)


def test_every_outcome_has_a_weight():
    assert sorted(BY_WEIGHT) == sorted(Outcome)


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (comparison(SLOWER, compared(Outcome.FAILED, None)), Outcome.SLOWER),
        (comparison(MEANT, compared(Outcome.FAILED, None)), Outcome.FAILED),
        (comparison(MEANT, compared(Outcome.SAME)), Outcome.SAME),
        (comparison(MEANT, compared(Outcome.FASTER)), Outcome.FASTER),
        (comparison(MEANT), Outcome.SAME),
        (comparison(), Outcome.FAILED),
        (comparison(unchanged=["standard"]), Outcome.SAME),
    ],
)
def test_what_is_acknowledged_decides_nothing(told, outcome):
    assert told.outcome is outcome


def test_an_acknowledged_case_is_counted_as_slower_and_is_no_alarm():
    told = comparison(SLOWER, MEANT)

    assert told.counts[Outcome.SLOWER] == 2
    assert [case.ring for case in told.alarms] == [1]
    assert [case.ring for case in told.acknowledged] == [2]
