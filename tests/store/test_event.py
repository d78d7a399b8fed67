"""Events in a store: they come back as they were, and what was said of them is never lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest

from sepconv.case import Case
from sepconv.errors import StoreError, StoreUnavailable, UnknownEvent
from sepconv.event import Changed, Event, EventKind, EventState, Note
from sepconv.run import Revision
from sepconv.store import Store, schema

CASES = [
    Case(conv_type="standard", in_channels=channels, out_channels=16, height=14, width=14)
    for channels in (8, 16, 24, 32)
]
SAID = Note(EventState.CONFIRMED, "sepconv", "seen in 2 nights", "2026-11-04T03:00:00+00:00")
MEANT = Note(EventState.ACKNOWLEDGED, "Ada", "it is more exact", "2026-11-05T09:30:00.500000+00:00")


def revision(number: int) -> Revision:
    at = f"2026-11-{number:02d}T09:00:00+00:00"
    return Revision(f"{number:02d}" * 20, (f"{number - 1:02d}" * 20,), at, at, f"commit “{number}”")


def event(**others: object) -> Event:
    """An event with everything that one can have."""
    plain = {
        "uid": "3f2a" * 8,
        "kind": EventKind.LATENCY,
        "direction": "slower",
        "machine": "x86_64 AVX2",
        "last_good": revision(2),
        "first_bad": revision(4),
        "last_good_at": "2026-11-02T02:00:00+00:00",
        "began_at": "2026-11-04T02:00:00+00:00",
        "first_seen_at": "2026-11-04T03:00:00+00:00",
        "last_seen_at": "2026-11-05T03:00:00+00:00",
        "members": [
            Changed(CASES[1], "ratio_to_reference", 1.05, 1.04, 1.06, 1e-12),
            Changed(CASES[0], "params", 1.1),
        ],
        "commits": [revision(3), revision(4)],
        "sightings": 2,
        "explanations": ["torch 2.12 → 2.13", "kernel 6.1 → 6.8"],
        "notes": [SAID, MEANT],
    }
    return Event(**(plain | others))  # type: ignore[arg-type]


def seen_at(day: int, **others: object) -> Event:
    return event(last_seen_at=f"2026-11-{day:02d}T03:00:00+00:00", **others)


def said_of(store: Store) -> Sequence[Note]:
    (only,) = store.events()
    return only.notes


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "other.db") as store:
        yield store


def test_an_event_comes_back_as_it_was_stored(store: Store) -> None:
    (number,) = store.put_events([event()])

    assert store.events() == [replace(event(), id=number)]


def test_an_event_without_git_and_without_anything_said_comes_back_too(store: Store) -> None:
    bare = event(last_good=None, first_bad=None, members=[], commits=[], explanations=[], notes=())

    (number,) = store.put_events([bare])

    assert store.events() == [replace(bare, id=number)]


@pytest.mark.parametrize("kind", list(EventKind))
@pytest.mark.parametrize("state", list(EventState))
def test_every_kind_and_state_comes_back(kind: EventKind, state: EventState) -> None:
    with Store("sqlite://") as store:
        store.put_events([event(kind=kind, notes=[replace(SAID, state=state)])])

        (found,) = store.events()

    assert (found.kind, found.state) == (kind, state)


def test_times_are_kept_in_utc(store: Store) -> None:
    store.put_events(
        [
            event(
                began_at="2026-11-04T04:00:00+02:00",
                notes=[replace(SAID, at="2026-11-04T03:00:00")],
            )
        ]
    )

    (found,) = store.events()

    assert found.began_at == "2026-11-04T02:00:00+00:00"
    assert found.notes[0].at == "2026-11-04T03:00:00+00:00"


def test_the_event_that_was_seen_last_comes_first(store: Store) -> None:
    store.put_events([seen_at(5, uid="a" * 32), seen_at(7, uid="b" * 32), seen_at(6, uid="c" * 32)])

    assert [each.uid[0] for each in store.events()] == ["b", "c", "a"]


def test_more_events_and_cases_than_are_asked_for_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepconv.store.event.CHUNK", 2)
    many = event(members=[Changed(case, "latency_s", 1.1) for case in CASES])
    store.put_events([many, event(uid="b" * 32)])

    found = {each.uid: each for each in store.events()}

    assert found[many.uid].members == many.members
    assert len(found["b" * 32].members) == 2


def test_an_event_that_is_stored_again_is_as_it_is_now(store: Store) -> None:
    (before,) = store.put_events([event()])
    members = [Changed(CASES[2], "latency_s", 0.9, 0.88, 0.92, 0.001)]
    later = seen_at(
        9,
        kind=EventKind.ENVIRONMENT,
        direction="faster",
        members=members,
        commits=[revision(4)],
        last_good=revision(3),
        sightings=7,
        explanations=[],
    )

    (number,) = store.put_events([later])

    assert number == before
    assert store.events() == [replace(later, id=number)]


def test_what_an_older_analysis_says_does_not_replace_a_newer_one(store: Store) -> None:
    """Two that ran at once; what each of them noted is kept."""
    (number,) = store.put_events([seen_at(9, sightings=7, notes=[SAID])])

    store.put_events([seen_at(5, sightings=3, notes=[MEANT])])

    assert store.events() == [replace(seen_at(9, sightings=7), id=number)]


def test_storing_the_same_again_changes_nothing(store: Store) -> None:
    store.put_events([event()])
    before = store.events()

    store.put_events(before)

    assert store.events() == before


def test_notes_are_added_and_never_taken_away(store: Store) -> None:
    (number,) = store.put_events([event(notes=[SAID])])

    store.note_event(number, MEANT)
    store.put_events([event(notes=[])])

    assert said_of(store) == [SAID, MEANT]
    assert store.events()[0].state is EventState.ACKNOWLEDGED


def test_a_note_that_is_there_stays_as_it_is(store: Store) -> None:
    (number,) = store.put_events([event(notes=[SAID])])

    store.note_event(number, replace(SAID, author="Eve", reason="something else"))

    assert said_of(store) == [SAID]


def test_the_newest_note_is_the_state_whenever_it_was_stored(store: Store) -> None:
    (number,) = store.put_events([event(notes=[MEANT])])

    store.note_event(number, SAID)

    assert said_of(store) == [SAID, MEANT]


def test_what_is_confirmed_and_fixed_in_the_same_analysis_is_fixed(store: Store) -> None:
    fixed = replace(SAID, state=EventState.FIXED)

    store.put_events([event(notes=[SAID, fixed])])

    assert said_of(store) == [SAID, fixed]


def test_of_an_event_that_is_not_there_nothing_can_be_said(store: Store) -> None:
    with pytest.raises(StoreError):
        store.note_event(7, SAID)

    assert store.events() == []


def test_texts_that_a_database_refuses_are_kept_as_far_as_they_can_be(store: Store) -> None:
    hostile = "a\0b \ud800 “c” 🦆"
    store.put_events(
        [event(explanations=[hostile], notes=[replace(SAID, author=hostile, reason=hostile)])]
    )

    (found,) = store.events()

    clean = "ab \\ud800 “c” 🦆"
    assert found.explanations == [clean]
    assert (found.notes[0].author, found.notes[0].reason) == (clean, clean)


@pytest.mark.parametrize("number", [nan, inf, -inf])
@pytest.mark.parametrize("name", ["ratio", "low", "high", "p_value"])
def test_numbers_that_are_none_are_refused_and_nothing_is_stored(name: str, number: float) -> None:
    odd = replace(Changed(CASES[0], "latency_s", 1.1, 1.0, 1.2, 0.1), **{name: number})
    with Store("sqlite://") as store:
        with pytest.raises(StoreError, match=f"expected {name} to be a finite number"):
            store.put_events([event(uid="a" * 32), event(members=[odd])])

        assert store.events() == []


def test_a_member_whose_case_was_lost_is_left_out(store: Store) -> None:
    """Of a store that somebody has edited."""
    store.put_events([event()])
    with store._writing() as connection:
        lost = schema.case.c.identity == CASES[1].identity
        connection.execute(schema.case.delete().where(lost))

    (found,) = store.events()

    assert [member.case for member in found.members] == [CASES[0]]


def test_an_event_is_found_by_its_number_its_uid_or_as_the_latest(store: Store) -> None:
    old, new = store.put_events([seen_at(5, uid="a1b2" * 8), seen_at(6, uid="3f2a" * 8)])

    found = [store.find_event(word) for word in (str(old), "a1b2", " a1b2a1 ", "latest", "3f2a")]

    assert [each.id for each in found] == [old, old, old, new, new]
    assert found[0] == store.events()[1]


def test_a_uid_of_digits_alone_is_found_unless_there_is_an_event_of_that_number(
    store: Store,
) -> None:
    first, second = store.put_events([seen_at(5, uid="1234" * 8), seen_at(6, uid="9" * 32)])

    assert store.find_event("1234").id == first
    assert store.find_event("9" * 32).id == second
    assert store.find_event(str(second)).id == second


@pytest.mark.parametrize("word", ["7", "3f2", "beef", "", "%", "____", "-1", "³", "1" * 40])
def test_an_event_that_is_not_there_is_told_with_what_there_is(store: Store, word: str) -> None:
    (number,) = store.put_events([event()])

    with pytest.raises(UnknownEvent) as told:
        store.find_event(word)

    assert repr(word) in str(told.value)
    assert f"no event begins so, the newest is {number}; see `sepconv events`" in str(told.value)


def test_a_store_without_events_says_so(store: Store) -> None:
    for word in ("latest", "1"):
        with pytest.raises(UnknownEvent, match="there is none yet"):
            store.find_event(word)


def test_a_word_that_several_uids_begin_with_names_none(store: Store) -> None:
    store.put_events([event(uid="3f2a" + "0" * 28), event(uid="3f2a" + "1" * 28)])

    with pytest.raises(UnknownEvent, match="2 events begin so"):
        store.find_event("3f2a")

    assert store.find_event("3f2a1").uid.endswith("1")


def test_a_store_for_reading_takes_no_event_and_no_note(tmp_path: Path) -> None:
    with Store(tmp_path / "store.db") as store:
        (number,) = store.put_events([event(notes=[SAID])])

    with Store(tmp_path / "store.db", read_only=True) as store:
        with pytest.raises(StoreUnavailable):
            store.put_events([event()])
        with pytest.raises(StoreUnavailable):
            store.note_event(number, MEANT)
        assert said_of(store) == [SAID]


def test_merging_brings_events_with_their_cases_commits_and_notes(
    store: Store, other: Store
) -> None:
    other.put_events([event()])

    store.merge(other)

    (found,) = store.events()
    assert replace(found, id=None) == event()
    assert {revision(2), revision(4)} <= set(store.revisions())


@pytest.mark.parametrize("newest_is_here", [True, False])
def test_of_an_event_in_both_stores_the_one_seen_last_counts_and_all_notes_do(
    store: Store, other: Store, newest_is_here: bool
) -> None:
    old = seen_at(5, sightings=2, notes=[SAID])
    new = seen_at(9, sightings=6, members=[Changed(CASES[3], "latency_s", 1.2)], notes=[MEANT])
    store.put_events([new if newest_is_here else old])
    other.put_events([old if newest_is_here else new])

    store.merge(other)

    (found,) = store.events()
    assert replace(found, id=None) == replace(new, notes=[SAID, MEANT])


def test_merging_does_not_mix_up_events_of_the_same_number(store: Store, other: Store) -> None:
    store.put_events([event(uid="a" * 32, notes=[SAID])])
    other.put_events([event(uid="b" * 32, notes=[MEANT])])

    store.merge(other)
    store.merge(other)

    assert {each.uid[0]: each.notes for each in store.events()} == {"a": [SAID], "b": [MEANT]}
