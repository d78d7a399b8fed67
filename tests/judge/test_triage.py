"""What becomes of events: every step of the diagram of `sepconv.event`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sepconv.event import ITSELF, TRIAGED, Changed, Event, EventKind, EventState, Note
from sepconv.judge.cluster import CROWDED, RESTLESS, SMALL
from sepconv.judge.triage import (
    MEASURED_AGAIN,
    NEEDED_BEFORE,
    NOT_SEEN,
    SEARCHED,
    Looked,
    news,
    recent,
    update_events,
)
from tests.judge.nights import cases, revision_of, series_of

CASES = cases(6)
NOW = "2026-11-20T03:00:00+00:00"
BEFORE = "2026-11-19T03:00:00+00:00"
GATE = Note(EventState.CONFIRMED, ITSELF, f"{MEASURED_AGAIN}: slower in 3 of 3 cases", BEFORE)
NIGHTS = Note(EventState.CONFIRMED, ITSELF, "seen in 2 nights", BEFORE)


def day(number: int) -> str:
    return f"2026-11-{number:02d}T02:00:00+00:00"


def event(
    number: int = 10,
    *notes: Note,
    ratio: float = 1.05,
    of: Sequence[int] = (0, 1, 2),
    seen_at: str = BEFORE,
    **others: object,
) -> Event:
    """A change that night `number` showed first, in the first three cases."""
    plain = {
        "uid": f"{number:032x}",
        "kind": EventKind.LATENCY,
        "direction": "slower" if ratio > 1 else "faster",
        "machine": "a class",
        "last_good": revision_of(number - 1),
        "first_bad": revision_of(number),
        "last_good_at": day(number - 1),
        "began_at": day(number),
        "first_seen_at": seen_at,
        "last_seen_at": seen_at,
        "members": [Changed(CASES[i], "ratio_to_reference", ratio) for i in of],
        "commits": [revision_of(number)],
        "sightings": 1,
        "notes": notes,
    }
    return Event(**(plain | others))  # type: ignore[arg-type]


def found(number: int = 10, **others: object) -> Event:
    """What the analysis of this night shows."""
    return event(number, seen_at=NOW, **others)  # type: ignore[arg-type]


def updated(
    stored: Sequence[Event], *seen: Event, looked: Looked | None = None
) -> list[tuple[EventState, str]]:
    """State and newest reason of every event after an analysis."""
    events = update_events(stored, seen, now=NOW, looked=looked)
    return [(each.state, each.notes[-1].reason if each.notes else "") for each in events]


def said(state: EventState, reason: str = "as somebody said", author: str = "Ada") -> Note:
    return Note(state, author, reason, BEFORE)


def test_what_one_night_shows_is_suspicious() -> None:
    assert updated([], found()) == [(EventState.SUSPICIOUS, "")]


def test_what_is_suspicious_is_confirmed_by_a_second_night() -> None:
    (only,) = update_events([event()], [found(sightings=2)], now=NOW)

    assert only.notes == [Note(EventState.CONFIRMED, ITSELF, "seen in 2 nights", NOW)]


def test_what_is_new_and_was_seen_often_is_confirmed_at_once() -> None:
    """A history that was filled in later."""
    assert updated([], found(sightings=12)) == [(EventState.CONFIRMED, "seen in 12 nights")]


def test_the_same_night_looked_at_again_confirms_nothing() -> None:
    assert updated([event()], found()) == [(EventState.SUSPICIOUS, "")]


@pytest.mark.parametrize("why", ["machine A → B", "torch 2.13 → 2.14", RESTLESS, SMALL, CROWDED])
def test_what_something_else_could_explain_takes_the_gate(why: str) -> None:
    seen = found(sightings=9, explanations=[why])

    assert updated([event()], seen) == [(EventState.SUSPICIOUS, "")]
    assert updated([event(10, GATE)], seen) == [(EventState.CONFIRMED, GATE.reason)]


def test_changed_work_is_certain_at_once() -> None:
    seen = found(kind=EventKind.WORKLOAD, direction="changed")

    assert updated([], seen) == [(EventState.CONFIRMED, "exact: any change of it is one")]


def test_an_environment_that_changed_is_certain_if_its_cause_is_known() -> None:
    seen = found(kind=EventKind.ENVIRONMENT, explanations=["torch 2.13 → 2.14", RESTLESS])

    assert updated([], seen) == [(EventState.CONFIRMED, "the same code, before and after")]


@pytest.mark.parametrize("explanations", [[], [RESTLESS], [SMALL, CROWDED]])
def test_the_same_code_on_both_sides_and_no_cause_is_never_confirmed_by_nights(
    explanations: list[str],
) -> None:
    seen = found(kind=EventKind.ENVIRONMENT, explanations=explanations, sightings=30)

    assert updated([], seen) == [(EventState.SUSPICIOUS, "")]


@pytest.mark.parametrize("notes", [(), (NIGHTS,)])
def test_what_later_nights_do_not_show_is_refuted(notes: tuple[Note, ...]) -> None:
    (only,) = update_events([event(10, *notes)], [], now=NOW)

    assert only.notes == [*notes, Note(EventState.REFUTED, ITSELF, NOT_SEEN, NOW)]
    assert only.last_seen_at == BEFORE


@pytest.mark.parametrize("reason", [GATE.reason, f"{SEARCHED}3f2a1b Make it better, +5.1 %"])
def test_what_was_measured_in_pairs_stays_whatever_nights_show(reason: str) -> None:
    measured = replace(GATE, reason=reason)

    assert updated([event(10, measured)]) == [(EventState.CONFIRMED, reason)]


def test_what_was_measured_again_and_refuted_by_a_person_stays_so() -> None:
    refuted = said(EventState.REFUTED)

    assert updated([event(10, GATE, refuted)]) == [(EventState.REFUTED, refuted.reason)]


@pytest.mark.parametrize("state", sorted(TRIAGED))
@pytest.mark.parametrize("seen", [(), (found(sightings=5),)])
def test_what_people_said_stays_whether_it_is_seen_or_not(
    state: EventState, seen: tuple[Event, ...]
) -> None:
    assert updated([event(10, NIGHTS, said(state))], *seen) == [(state, "as somebody said")]


def test_what_nights_did_not_show_is_confirmed_when_they_show_it_again() -> None:
    lost = event(10, NIGHTS, Note(EventState.REFUTED, ITSELF, NOT_SEEN, BEFORE))

    assert updated([lost], found(sightings=6)) == [(EventState.CONFIRMED, "seen in 6 nights")]


def test_what_the_gate_has_refuted_is_not_confirmed_by_nights() -> None:
    reason = f"{MEASURED_AGAIN}: the same in 3 of 3 cases"

    assert updated([event(10, said(EventState.REFUTED, reason, ITSELF))], found(sightings=9)) == [
        (EventState.REFUTED, reason)
    ]


def test_what_is_refuted_already_is_not_refuted_anew_every_night() -> None:
    lost = event(10, Note(EventState.REFUTED, ITSELF, NOT_SEEN, BEFORE))

    assert update_events([lost], [], now=NOW) == [lost]


def test_an_event_that_is_seen_again_is_known_as_it_is_now_and_keeps_what_was_said() -> None:
    stored = event(10, NIGHTS, id=7, first_seen_at=day(11))
    seen = found(sightings=4, of=(0, 1, 2, 3), ratio=1.06)

    (only,) = update_events([stored], [seen], now=NOW)

    assert only == replace(seen, id=7, first_seen_at=day(11), notes=(NIGHTS,))


def test_a_finding_with_another_uid_is_the_same_event_if_place_way_and_a_case_are() -> None:
    stored = event(10, NIGHTS)
    seen = found(11, last_good_at=day(9), sightings=3)

    (only,) = update_events([stored], [seen], now=NOW)

    assert (only.uid, only.began_at, only.sightings) == (stored.uid, day(11), 3)


@pytest.mark.parametrize(
    "seen",
    [
        found(11),  # begins where the other has ended
        found(9),  # ends where the other begins
        found(11, last_good_at=day(9), ratio=0.9),
        found(11, last_good_at=day(9), machine="another class"),
        found(11, last_good_at=day(9), of=(3, 4)),
        found(11, last_good_at=day(9), kind=EventKind.WORKLOAD),
    ],
)
def test_what_differs_in_place_way_machine_cases_or_kind_is_another_event(seen: Event) -> None:
    stored, fresh = update_events([event(10)], [seen], now=NOW)

    assert (stored.state, fresh.uid) == (EventState.REFUTED, seen.uid)


def test_an_event_whose_commits_became_known_is_the_same_though_its_kind_changes() -> None:
    seen = found(11, last_good_at=day(9), kind=EventKind.ENVIRONMENT)

    (only,) = update_events([event(10)], [seen], now=NOW)

    assert only.kind is EventKind.ENVIRONMENT


def test_of_several_findings_near_an_event_the_one_with_most_cases_in_common_is_it() -> None:
    stored = event(10, of=(0, 1, 2))
    few = found(11, last_good_at=day(9), of=(0, 5))
    many = found(12, last_good_at=day(9), of=(0, 1))

    first, second = update_events([stored], [few, many], now=NOW)

    assert (first.uid, first.began_at) == (stored.uid, many.began_at)
    assert second.uid == few.uid


def test_the_same_finding_is_taken_before_one_that_only_lies_near() -> None:
    near, same = event(11, last_good_at=day(9)), event(10)

    one, other = update_events([near, same], [found(10)], now=NOW)

    assert (one.state, other.state) == (EventState.REFUTED, EventState.SUSPICIOUS)


def test_each_finding_is_one_event_at_most() -> None:
    stored = [event(10), event(11, last_good_at=day(9))]

    events = update_events(stored, [found(12, last_good_at=day(9))], now=NOW)

    assert [each.state for each in events] == [EventState.SUSPICIOUS, EventState.REFUTED]


def wide(**others: object) -> Event:
    """A finding whose range is of several commits."""
    commits = [revision_of(number) for number in (9, 10, 11)]
    ends = {"last_good": revision_of(8), "first_bad": revision_of(11)}
    return found(commits=commits, **(ends | others))


def test_a_range_that_a_search_has_narrowed_stays() -> None:
    searched = said(EventState.CONFIRMED, f"{SEARCHED}000000000a commit 10, +5.1 %", ITSELF)

    (only,) = update_events([event(10, searched)], [wide(sightings=4)], now=NOW)

    assert (only.last_good, only.first_bad) == (revision_of(9), revision_of(10))
    assert (only.commits, only.sightings) == ([revision_of(10)], 4)


def test_a_search_that_left_several_commits_has_narrowed_the_range_as_well() -> None:
    """The one between could not be measured."""
    searched = said(EventState.ACKNOWLEDGED, f"{SEARCHED}one of 2 commits up to …", ITSELF)
    commits = [revision_of(9), revision_of(10)]

    (only,) = update_events([event(10, searched, commits=commits)], [wide()], now=NOW)

    assert only.commits == commits


def test_a_range_that_nights_told_too_exactly_becomes_what_they_tell_now() -> None:
    (only,) = update_events([event(10, NIGHTS)], [wide()], now=NOW)

    assert [each.subject for each in only.commits] == ["commit 9", "commit 10", "commit 11"]
    assert only.last_good == revision_of(8)


def back(
    number: int = 15, *, state: EventState | None = EventState.CONFIRMED, **others: object
) -> Event:
    """A stored event that takes the one of night 10 back."""
    notes = () if state is None else (said(state),)
    return event(number, *notes, **({"ratio": 1 / 1.05} | others))  # type: ignore[arg-type]


def states(*stored: Event) -> list[EventState]:
    """Of events that are all seen again."""
    seen = [replace(each, last_seen_at=NOW, notes=()) for each in stored]
    return [each.state for each in update_events(stored, seen, now=NOW)]


def test_an_alarm_that_a_later_commit_takes_back_is_fixed() -> None:
    fixed, _ = update_events(
        [event(10, NIGHTS), back()], [found(10), found(15, ratio=1 / 1.05)], now=NOW
    )

    assert fixed.notes[-1] == Note(
        EventState.FIXED, ITSELF, f"taken back by {revision_of(15).commit[:10]}", NOW
    )


def test_where_there_is_no_commit_the_night_tells_what_took_it_back() -> None:
    fixed, _ = update_events([event(10, GATE), back(first_bad=None, notes=[GATE])], [], now=NOW)

    assert fixed.notes[-1].reason == f"taken back by {day(15)}"


def test_what_is_seen_first_and_taken_back_in_one_analysis_is_fixed_at_once() -> None:
    seen = [found(10, sightings=5), found(15, ratio=1 / 1.05, sightings=5)]

    first, second = update_events([], seen, now=NOW)

    assert [note.state for note in first.notes] == [EventState.CONFIRMED, EventState.FIXED]
    assert second.state is EventState.CONFIRMED


@pytest.mark.parametrize("state", sorted(TRIAGED))
def test_what_takes_it_back_may_have_been_spoken_about(state: EventState) -> None:
    assert states(event(10, NIGHTS), back(state=state))[0] is EventState.FIXED


@pytest.mark.parametrize("ratio", [1 / 1.065, 1 / 1.035])
def test_most_of_the_change_taken_back_is_enough(ratio: float) -> None:
    assert states(event(10, NIGHTS), back(ratio=ratio))[0] is EventState.FIXED


@pytest.mark.parametrize(
    "later",
    [
        back(5),  # it came before
        back(10, uid="b" * 32),  # some became faster in the same night
        back(state=None),
        back(state=EventState.REFUTED),
        back(machine="another class"),
        back(ratio=1 / 1.03),  # not the half of it
        back(ratio=1 / 1.08),  # rather a change of its own
        back(ratio=1.05),  # the same way once more
        back(of=(0, 4, 5)),  # one case of three
        back(kind=EventKind.ENVIRONMENT),
    ],
)
def test_anything_else_does_not_fix_it(later: Event) -> None:
    assert states(event(10, NIGHTS), later)[0] is EventState.CONFIRMED


def test_half_of_the_cases_are_not_enough() -> None:
    assert states(event(10, NIGHTS, of=(0, 1)), back(of=(0, 4)))[0] is EventState.CONFIRMED


def test_two_cases_of_three_are_enough() -> None:
    assert states(event(10, NIGHTS), back(of=(1, 2, 5)))[0] is EventState.FIXED


@pytest.mark.parametrize(
    "first",
    [
        event(10),  # suspicious: no alarm
        event(10, said(EventState.ACKNOWLEDGED)),
        event(10, NIGHTS, kind=EventKind.WORKLOAD),
    ],
)
def test_only_alarms_of_latencies_are_fixed(first: Event) -> None:
    assert states(first, back())[0] is not EventState.FIXED


def test_a_speed_up_that_is_taken_back_is_no_alarm_that_was_fixed() -> None:
    assert states(event(10, NIGHTS, ratio=0.9), event(15, NIGHTS, ratio=1 / 0.9)) == [
        EventState.CONFIRMED,
        EventState.CONFIRMED,
    ]


def test_an_analysis_of_the_same_nights_changes_nothing_but_when_they_were_seen() -> None:
    seen = [found(10, sightings=5), found(15, ratio=1 / 1.05, sightings=5), found(12, of=(4,))]
    later = "2026-11-21T03:00:00+00:00"
    once = update_events([], seen, now=NOW)

    again = [replace(each, last_seen_at=later, first_seen_at=later) for each in seen]
    twice = update_events(once, again, now=later)

    assert twice == [replace(each, last_seen_at=later) for each in once]


LOOKED = Looked({"a class": day(8)})


def test_what_was_not_looked_at_is_left_alone() -> None:
    old = [event(7, NIGHTS), event(8), event(12, NIGHTS, machine="another class")]

    assert update_events(old, [], now=NOW, looked=LOOKED) == old


def test_what_was_looked_at_and_not_seen_is_refuted() -> None:
    assert updated([event(9, NIGHTS)], looked=LOOKED) == [(EventState.REFUTED, NOT_SEEN)]


def test_changed_work_is_looked_for_in_the_whole_history() -> None:
    old = event(3, NIGHTS, kind=EventKind.WORKLOAD, machine="")

    assert updated([old], looked=LOOKED) == [(EventState.REFUTED, NOT_SEEN)]


def test_environments_are_looked_at_over_the_whole_history_of_the_reference() -> None:
    """But in the newest nights alone where it was the series that showed it."""
    of_reference = event(3, kind=EventKind.ENVIRONMENT, machine="a machine")
    of_series = event(3, kind=EventKind.ENVIRONMENT)

    assert updated([of_reference], looked=LOOKED) == [(EventState.REFUTED, NOT_SEEN)]
    assert updated([of_series], looked=LOOKED) == [(EventState.SUSPICIOUS, "")]


def test_without_a_limit_every_night_is_looked_at() -> None:
    series = [series_of([1.0] * 50, joints={20: 0.01}), series_of([1.0] * 5)]

    newest, looked = recent(series, None)

    assert newest == series
    assert looked == Looked({"a class": ""})


def test_the_newest_nights_are_what_is_looked_at() -> None:
    (newest,), looked = recent([series_of([*range(1, 101)], joints={30: 0.02, 70: 0.01})], 40)

    assert newest.values == tuple(range(61, 101))
    assert newest.joints == {10: 0.01}
    seen_from = newest.points[NEEDED_BEFORE].occasion.started_at
    assert looked == Looked({"a class": seen_from})


def test_a_joint_before_the_first_night_that_is_looked_at_joins_nothing() -> None:
    (newest,), _ = recent([series_of([1.0] * 50, joints={10: 0.02, 11: 0.01})], 40)

    assert newest.joints == {1: 0.01}


def test_fewer_nights_than_a_level_needs_show_no_change_but_the_newest() -> None:
    (newest,), looked = recent([series_of([1.0] * 50)], 10)

    assert looked == Looked({"a class": newest.points[-1].occasion.started_at})


def test_a_case_that_is_new_does_not_make_old_events_looked_at() -> None:
    """Its few nights are all there are; those of the other cases are not all looked at."""
    old, new = series_of([1.0] * 200), series_of([1.0] * 5, CASES[1], first=196)

    _, looked = recent([old, new], 120)

    assert looked == recent([old], 120)[1]


def test_every_class_of_machines_has_its_own_nights() -> None:
    one = series_of([1.0] * 200)
    other = replace(series_of([1.0] * 20), machine="another class")

    _, looked = recent([one, other], 120)

    assert looked.since["another class"] == ""
    assert looked.since["a class"] > ""


def test_news_are_events_whose_state_is_another_one() -> None:
    before = [event(1), event(2, NIGHTS), event(3)]
    confirmed = event(1, NIGHTS)
    fresh = event(5, NIGHTS)

    assert news(before, [confirmed, event(2, NIGHTS), event(3), event(4), fresh]) == [
        confirmed,
        fresh,
    ]


def test_an_event_that_is_suspicious_again_is_news() -> None:
    """Nobody says so today; but whoever was told that it is ignored would want to know."""
    assert news([event(1, said(EventState.IGNORED))], [event(1)]) == [event(1)]
