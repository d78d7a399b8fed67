"""Events and notes as rows, and rows as events again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from sepconv.case import Case
from sepconv.errors import UnknownEvent
from sepconv.event import Changed, Event, EventKind, EventState, Note
from sepconv.run import Revision
from sepconv.store import schema
from sepconv.store.find import describe_miss, find_by_uid
from sepconv.store.read import Cases
from sepconv.store.row import Row, read_plain, refuse_infinite, revision_row
from sepconv.store.text import clean_text, exact_json_text, json_text, utc_text
from sepconv.store.write import CHUNK, insert_if_new, keep_cases, keep_row, upsert

NEWEST = schema.event.c.last_seen_at.desc(), schema.event.c.id.desc()
OWN = ("uid", "kind", "direction", "machine")
TIMES = ("last_good_at", "began_at", "first_seen_at", "last_seen_at")
NUMBERS = ("ratio", "low", "high", "p_value")


def put_events(connection: Connection, events: Sequence[Event]) -> list[int]:
    """Make the rows of these events, known by their uid, say what they say now; notes are added.

    Returns their numbers.

    Raises:
        StoreError: A ratio or an interval is no finite number.
    """
    table = schema.event
    numbers = []
    for event in events:
        row = _event_row(connection, event)
        upsert(connection, table, ["uid"], [row], newest_by="last_seen_at")
        number = connection.scalar(select(table.c.id).where(table.c.uid == row["uid"]))
        assert number is not None
        add_notes(connection, int(number), event.notes)
        numbers.append(int(number))
    return numbers


def add_notes(connection: Connection, number: int, notes: Sequence[Note]) -> None:
    """Add what is said of an event; a note that is there stays as it is."""
    rows = [
        {
            "event_id": number,
            "noted_at": utc_text(note.at),
            "state": str(note.state),
            "author": clean_text(note.author),
            "reason": clean_text(note.reason),
        }
        for note in notes
    ]
    insert_if_new(connection, schema.note, rows)


def load_events(
    connection: Connection, chosen: Select[Any] | None = None, known: Cases | None = None
) -> list[Event]:
    """All events, or those of these numbers, the one that was seen last first."""
    table = schema.event
    good, bad = schema.revision.alias("last_good"), schema.revision.alias("first_bad")
    query = (
        select(
            *(column.label(f"event_{column.name}") for column in table.c),
            *(column.label(f"last_good_{column.name}") for column in good.c),
            *(column.label(f"first_bad_{column.name}") for column in bad.c),
        )
        .outerjoin(good, table.c.last_good_revision_id == good.c.id)
        .outerjoin(bad, table.c.first_bad_revision_id == bad.c.id)
        .order_by(*NEWEST)
    )
    if chosen is not None:
        query = query.where(table.c.id.in_(chosen))
    rows = connection.execute(query).mappings().all()
    members = {row["event_id"]: json.loads(row["event_members"]) for row in rows}
    identities = {one["case"] for own in members.values() for one in own}
    cases = _load_cases(connection, identities, known or Cases())
    notes = _load_notes(connection, chosen)
    return [_read_event(row, _read_members(members[row["event_id"]], cases), notes) for row in rows]


def find_event(connection: Connection, reference: str) -> Event:
    """The event of that number, `latest`, or whose uid begins so.

    Raises:
        UnknownEvent: None or several answer to it.
    """
    table = schema.event
    found = load_events(connection, find_by_uid(connection, table, NEWEST, reference))
    if len(found) != 1:
        raise UnknownEvent(
            describe_miss(connection, table, NEWEST, reference, len(found), "sepconv events")
        )
    return found[0]


def _event_row(connection: Connection, event: Event) -> Row:
    keep_cases(connection, [member.case for member in event.members])
    members = []
    for member in event.members:
        numbers = {name: getattr(member, name) for name in NUMBERS}
        refuse_infinite(numbers, "the event's change of", member.case)
        members.append({"case": member.case.identity, "metric": member.metric} | numbers)
    row: Row = {name: clean_text(str(getattr(event, name))) for name in OWN}
    row |= {name: utc_text(getattr(event, name)) for name in TIMES}
    for name in ("last_good", "first_bad"):
        revision: Revision | None = getattr(event, name)
        row[f"{name}_revision_id"] = revision and keep_row(
            connection, schema.revision, "commit", revision_row(revision)
        )
    return row | {
        "sightings": event.sightings,
        "members": exact_json_text(members),
        "commits": json_text([revision_row(each) for each in event.commits]),
        "explanations": json_text(list(event.explanations)),
    }


def _load_cases(connection: Connection, identities: set[str], known: Cases) -> dict[str, Case]:
    table = schema.case
    found: dict[str, Case] = {}
    wanted = sorted(identities)
    for start in range(0, len(wanted), CHUNK):
        query = select(table.c.identity, table.c.fields)
        chunk = table.c.identity.in_(wanted[start : start + CHUNK])
        for identity, text in connection.execute(query.where(chunk)):
            found[identity] = known.read(text)
    return found


def _load_notes(connection: Connection, chosen: Select[Any] | None) -> dict[int, list[Note]]:
    table = schema.note
    query = select(table).order_by(table.c.event_id, table.c.noted_at, table.c.state)
    if chosen is not None:
        query = query.where(table.c.event_id.in_(chosen))
    found: dict[int, list[Note]] = {}
    for row in connection.execute(query):
        note = Note(EventState(row.state), row.author, row.reason, row.noted_at)
        found.setdefault(row.event_id, []).append(note)
    return found


def _read_members(
    plain: Sequence[Mapping[str, Any]], cases: Mapping[str, Case]
) -> Sequence[Changed]:
    return [
        Changed(cases[one["case"]], one["metric"], *(one[name] for name in NUMBERS))
        for one in plain
        if one["case"] in cases
    ]


def _read_event(
    row: RowMapping, members: Sequence[Changed], notes: Mapping[int, Sequence[Note]]
) -> Event:
    number = row["event_id"]
    ends: dict[str, Any] = {
        name: None if row[f"{name}_commit"] is None else Revision(**read_plain(Revision, name, row))
        for name in ("last_good", "first_bad")
    }
    own = {name: row[f"event_{name}"] for name in (*OWN, *TIMES, "sightings")}
    own["kind"] = EventKind(own["kind"])
    commits = []
    for plain in json.loads(row["event_commits"]):
        plain["parents"] = tuple(json.loads(plain["parents"]))
        commits.append(Revision(**plain))
    return Event(
        **own,
        **ends,
        members=members,
        commits=commits,
        explanations=json.loads(row["event_explanations"]),
        notes=notes.get(number, ()),
        id=number,
    )
