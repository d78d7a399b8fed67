"""What was acknowledged holds for the same work with the same base, and no further."""

from dataclasses import replace

import pytest

from sepconv.comparison import Outcome
from sepconv.judge.acknowledgement import carry_over
from tests.report.compared import BASE, CASE, WORD, compared, comparison

SLOWER = compared(Outcome.SLOWER, 1.05)
EARLIER = replace(comparison(replace(SLOWER, acknowledged=WORD)), uid="earlier")
NOW = comparison(SLOWER)


def test_an_acknowledged_change_is_no_alarm_the_next_time():
    carried = carry_over(NOW, [EARLIER])

    assert carried.alarms == []
    assert carried.cases[0].acknowledged == replace(WORD, carried_from="earlier")
    assert carried.outcome is Outcome.SAME


def other_base(told):
    return replace(told, base=replace(told.base, revision=replace(BASE, commit="fee1" * 10)))


@pytest.mark.parametrize(
    "now",
    [
        other_base(NOW),
        replace(NOW, base=replace(NOW.base, revision=None)),
        replace(NOW, conditions={"topic": "branch other"}),
        replace(NOW, head=replace(NOW.head, settings={"threads": "2"})),
        comparison(compared(Outcome.SLOWER, 1.05, case=replace(CASE, stride=2))),
        comparison(compared(Outcome.SLOWER, 1.08)),
    ],
    ids=["next base", "no base", "other branch", "other setting", "other case", "slower still"],
)
def test_it_counts_again_with(now):
    assert len(carry_over(now, [EARLIER]).alarms) == 1


def test_a_change_within_what_was_acknowledged_is_covered():
    assert carry_over(comparison(compared(Outcome.SLOWER, 1.065)), [EARLIER]).alarms == []


def test_changes_that_creep_are_measured_against_what_was_acknowledged_at_first():
    second = carry_over(replace(comparison(compared(Outcome.SLOWER, 1.065)), uid="2"), [EARLIER])

    third = carry_over(comparison(compared(Outcome.SLOWER, 1.08)), [second, EARLIER])

    assert second.alarms == []
    assert len(third.alarms) == 1


def test_the_newest_word_counts_be_it_a_withdrawal():
    withdrawn = replace(WORD, at="2026-03-03T10:00:00+00:00", is_withdrawn=True)
    later = replace(comparison(replace(SLOWER, acknowledged=withdrawn)), uid="later")
    latest = replace(
        comparison(replace(SLOWER, acknowledged=replace(WORD, at="2026-03-04T10:00:00+00:00"))),
        uid="latest",
    )

    assert len(carry_over(NOW, [EARLIER, later]).alarms) == 1
    assert carry_over(NOW, [EARLIER, later, latest]).alarms == []


def test_without_branch_or_pull_request_it_holds_for_the_same_head_only():
    detached = replace(NOW, conditions={})
    moved = replace(detached, head=replace(NOW.head, revision=replace(BASE, commit="f00d" * 10)))

    assert carry_over(detached, [EARLIER]).alarms == []
    assert len(carry_over(moved, [EARLIER]).alarms) == 1


def test_what_is_not_slower_is_left_as_it_is():
    same = comparison(compared(Outcome.SAME))

    assert carry_over(same, [EARLIER]) == same
