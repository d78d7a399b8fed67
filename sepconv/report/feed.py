"""The events as an Atom feed: news for whoever does not look every morning.

References:
    M. Nottingham and R. Sayre, "The Atom Syndication Format", RFC 4287, 2005.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from sepconv.event import ITSELF, Event, EventState
from sepconv.report.event import describe_event, describe_note, format_member, worst_first
from sepconv.report.occurrence import describe_change, metric_name, short_commit
from sepconv.report.text import inert

NAMESPACE = "http://www.w3.org/2005/Atom"
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for, not even escaped."""

ENTRIES = 100  # the newest; who reads a feed for the first time wants no ten years of it
MOST_LISTED = 10  # cases and commits of one entry


def render_feed(events: Sequence[Event], *, title: str, url: str | None, now: str) -> str:
    """The feed of what was ever confirmed, what changed last first; same events, same text.

    An entry gets a new date when its event's state changes or somebody says something new of it:
    not in every night that sees it again. `url` is where the report is seen; `now` only dates a
    feed that has no entry.
    """
    told = [event for event in events if _is_told(event)]
    told.sort(key=lambda event: (event.notes[-1].at, event.uid), reverse=True)
    feed = Element("feed", xmlns=NAMESPACE)
    _add(feed, "id", url or "urn:sepconv:events")
    _add(feed, "title", title)
    _add(feed, "updated", _time(told[0].notes[-1].at if told else now))
    _add(SubElement(feed, "author"), "name", ITSELF)
    if url:
        SubElement(feed, "link", rel="alternate", type="text/html", href=_legal(url))
    for event in told[:ENTRIES]:
        _add_entry(feed, event, url)
    ElementTree.indent(feed)
    text = ElementTree.tostring(feed, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _is_told(event: Event) -> bool:
    return any(note.state is EventState.CONFIRMED for note in event.notes)


def _add_entry(feed: Element, event: Event, url: str | None) -> None:
    confirmed = next(note for note in event.notes if note.state is EventState.CONFIRMED)
    entry = SubElement(feed, "entry")
    _add(entry, "id", f"urn:sepconv:event:{event.uid}")
    _add(entry, "title", f"{event.state}: {describe_change(event)}")
    _add(entry, "updated", _time(event.notes[-1].at))
    _add(entry, "published", _time(confirmed.at))
    SubElement(entry, "category", term=str(event.kind))
    SubElement(entry, "category", term=str(event.state))
    if url:
        href = f"{url}#case={event.members[0].case.identity}" if "#" not in url else url
        SubElement(entry, "link", rel="alternate", type="text/html", href=_legal(href))
    _add(entry, "content", "\n".join(_lines(event)), type="text")


def _lines(event: Event) -> list[str]:
    """The sentence, then commits, cases and everything that was said, each on a line."""
    commits = [
        f"commit {short_commit(each)} {inert(each.subject)}"
        for each in event.commits[-MOST_LISTED:]
    ]
    members = [
        f"{metric_name(member.metric)} of {inert(member.case.label)}: {format_member(member)}"
        for member in worst_first(event.members)[:MOST_LISTED]
    ]
    if hidden := len(event.members) - len(members):
        members.append(f"and {hidden} more cases")
    notes = [f"{note.at[:10]} {describe_note(note)}" for note in event.notes]
    return [describe_event(event), *commits, *members, *notes]


def _add(parent: Element, tag: str, text: str, **attributes: str) -> None:
    SubElement(parent, tag, attributes).text = _legal(text)


def _legal(text: str) -> str:
    return FORBIDDEN.sub("", text)


def _time(text: str) -> str:
    """As RFC 3339 wants it, to the second."""
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
