"""An event in words: its state, whether it is an alarm, and what its cases have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sepconv.event import TRIAGED, Direction, EventKind, EventState
from tests.report.event_sample import CASES, changed, event, note, revision


def test_an_event_of_which_nothing_was_said_is_suspicious() -> None:
    assert event(notes=[]).state is EventState.SUSPICIOUS


def test_the_newest_note_is_the_state() -> None:
    notes = [note(EventState.CONFIRMED), note(EventState.ACKNOWLEDGED, "it is meant")]

    assert event(notes=notes).state is EventState.ACKNOWLEDGED
    assert event(notes=[*notes, note(EventState.CONFIRMED)]).state is EventState.CONFIRMED


@pytest.mark.parametrize("state", list(EventState))
@pytest.mark.parametrize("kind", list(EventKind))
@pytest.mark.parametrize("direction", ["slower", "faster", "changed"])
def test_an_alarm_is_a_confirmed_slowdown_or_changed_work_that_nobody_spoke_about(
    state: EventState, kind: EventKind, direction: Direction
) -> None:
    found = event(kind=kind, direction=direction, notes=[note(state)])

    expected = state is EventState.CONFIRMED and (kind, direction) in {
        (EventKind.LATENCY, "slower"),
        (EventKind.LATENCY, "changed"),
        (EventKind.WORKLOAD, "slower"),
        (EventKind.WORKLOAD, "changed"),
    }
    assert found.is_alarm is expected


def test_what_people_decide_is_told_apart_from_what_measurements_say() -> None:
    by_measurements = {EventState.SUSPICIOUS, EventState.CONFIRMED, EventState.REFUTED}

    assert set(EventState) - TRIAGED == by_measurements


def test_the_mean_of_ratios_is_geometric() -> None:
    found = event(changed(CASES[0], 2.0), changed(CASES[1], 0.5), changed(CASES[2], 1.0))

    assert found.mean_ratio == pytest.approx(1.0)
    assert event(changed(CASES[0], 1.07)).mean_ratio == pytest.approx(1.07)


def test_conv_types_are_counted_most_first_then_by_name() -> None:
    types = ["spatially_separable", "standard", "depthwise_separable", "standard"]
    found = event(*(changed(replace(CASES[0], conv_type=each)) for each in types))

    assert list(found.conv_types.items()) == [
        ("standard", 2),
        ("depthwise_separable", 1),
        ("spatially_separable", 1),
    ]


@pytest.mark.parametrize(("count", "expected"), [(0, False), (1, True), (2, False)])
def test_a_range_of_one_commit_is_that_commit(count: int, expected: bool) -> None:
    found = event(commits=[revision(number) for number in range(3, 3 + count)])

    assert found.is_one_commit is expected
