"""The feed: what RFC 4287 asks for is there, and nothing that was stored can break it."""

import re
from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree

from sepconv.event import EventState
from sepconv.report.feed import ENTRIES, render_feed
from tests.report.event_sample import CASES, CONFIRMED, changed, event, note, revision, upgrade
from tests.report.sample import HOSTILE

ATOM = "{http://www.w3.org/2005/Atom}"
NOW = "2026-11-30T00:00:00+00:00"
URL = "https://example.org/speed/?a=1&b=2"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CONTROL = "".join(map(chr, [*range(32), 0xFFFE, 0xFFFF])) + "\ud800"


def feed_of(*events, url=URL, now=NOW):
    text = render_feed(events, title="What <changed> & why", url=url, now=now)
    return ElementTree.fromstring(text.encode())


def entries(feed):
    return feed.findall(f"{ATOM}entry")


def texts(element, *tags):
    return [element.findtext(f"{ATOM}{tag}") for tag in tags]


def assert_is_valid(feed):
    """Every element that RFC 4287 requires, as often and in the form that it requires."""
    assert feed.tag == f"{ATOM}feed"
    for element in (feed, *entries(feed)):  # §§ 4.1.1, 4.1.2
        for tag in ("id", "title", "updated"):
            (found,) = element.findall(f"{ATOM}{tag}")
            assert found.text
        assert re.match(r"(urn:[a-z0-9-]+:|https?://)\S+$", element.findtext(f"{ATOM}id"))
        for tag in ("updated", "published"):  # § 3.3
            for found in element.findall(f"{ATOM}{tag}"):
                assert RFC_3339.fullmatch(found.text)
        for link in element.findall(f"{ATOM}link"):  # § 4.2.7
            assert link.get("href")
    assert feed.findtext(f"{ATOM}author/{ATOM}name")  # else every entry would need one
    for entry in entries(feed):
        has_link = any(link.get("rel") == "alternate" for link in entry.findall(f"{ATOM}link"))
        assert has_link or entry.findtext(f"{ATOM}content")  # § 4.1.2
        assert entry.find(f"{ATOM}content").get("type") == "text"
        for category in entry.findall(f"{ATOM}category"):  # § 4.2.2
            assert category.get("term")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries(feed)]
    assert len(set(ids)) == len(ids)


def test_a_feed_has_what_the_standard_asks_for():
    feed = feed_of(event(), upgrade())

    assert_is_valid(feed)
    assert texts(feed, "title", "id") == ["What <changed> & why", URL]
    assert len(entries(feed)) == 2


def test_an_empty_feed_is_one_too_and_is_dated_now():
    feed = feed_of()

    assert_is_valid(feed)
    assert texts(feed, "updated") == ["2026-11-30T00:00:00Z"]
    assert entries(feed) == []


def test_without_an_address_there_is_no_link_and_a_name_instead():
    for url in (None, ""):
        feed = feed_of(event(), url=url)

        assert_is_valid(feed)
        assert texts(feed, "id") == ["urn:sepconv:events"]
        assert list(feed.iter(f"{ATOM}link")) == []


def test_an_entry_says_what_happened_and_leads_to_its_history():
    (entry,) = entries(feed_of(event()))

    assert texts(entry, "id", "updated", "published") == [
        "urn:sepconv:event:" + "3f" * 16,
        "2026-11-04T02:00:00Z",
        "2026-11-04T02:00:00Z",
    ]
    title, content = texts(entry, "title", "content")
    assert title.startswith("confirmed: slower by 5.0 % [4.0, 6.0 %] in 3 cases of depthwise")
    assert "commit 0303030303 Make it" in content
    assert "depthwise_separable-64-56x56-k3-s2-b1-cpu: +5.0 %" in content
    assert content.endswith("2026-11-04 confirmed: seen in 2 nights")
    assert entry.find(f"{ATOM}link").get("href") == f"{URL}#case={CASES[0].identity}"
    assert [each.get("term") for each in entry.findall(f"{ATOM}category")] == [
        "latency",
        "confirmed",
    ]


def test_only_what_was_confirmed_is_told_even_if_it_was_decided_upon_later():
    fixed = note(EventState.FIXED, "taken back", day=9)
    feed = feed_of(
        event(uid="1", notes=[]),
        event(uid="2", notes=[note(EventState.REFUTED)]),
        event(uid="3", notes=[CONFIRMED, fixed]),
    )

    (entry,) = entries(feed)
    assert texts(entry, "id", "updated", "published") == [
        "urn:sepconv:event:3",
        "2026-11-09T02:00:00Z",
        "2026-11-04T02:00:00Z",
    ]


def test_another_night_that_sees_it_again_does_not_date_it_anew():
    once, again = event(), event(last_seen_at="2026-11-20T00:00:00+00:00", sightings=9)

    assert render_feed([once], title="x", url=URL, now=NOW) == render_feed(
        [again], title="x", url=URL, now="2026-12-24T00:00:00+00:00"
    )


def test_the_order_of_the_events_does_not_matter_and_the_newest_word_is_first():
    said = event(uid="1", notes=[CONFIRMED, note(EventState.IGNORED, author="Ada", day=8)])

    one = render_feed([event(), said], title="x", url=URL, now=NOW)
    other = render_feed([said, event()], title="x", url=URL, now=NOW)

    assert one == other
    feed = ElementTree.fromstring(one.encode())
    assert texts(feed, "updated") == ["2026-11-08T02:00:00Z"]
    assert texts(entries(feed)[0], "id") == ["urn:sepconv:event:1"]


def test_a_long_history_is_told_by_its_newest_entries():
    events = [
        event(uid=str(number), notes=[replace(CONFIRMED, at=f"2026-11-04T02:00:{number % 60:02d}")])
        for number in range(ENTRIES + 20)
    ]

    assert len(entries(feed_of(*events))) == ENTRIES


def test_a_time_without_a_zone_is_utc_and_other_zones_are_brought_there():
    (entry,) = entries(feed_of(event(notes=[replace(CONFIRMED, at="2026-11-04T02:00:00.5")])))
    (other,) = entries(feed_of(event(notes=[replace(CONFIRMED, at="2026-11-04T02:00:00+02:00")])))

    assert texts(entry, "updated") == ["2026-11-04T02:00:00Z"]
    assert texts(other, "updated") == ["2026-11-04T00:00:00Z"]
    assert datetime.fromisoformat(texts(other, "updated")[0]).tzinfo is not None


def test_hostile_and_forbidden_letters_stay_texts_or_vanish():
    subject = f"{HOSTILE}{CONTROL}]]>"
    bad = event(
        changed(replace(CASES[0], conv_type=f"mine{subject}")),
        commits=[replace(revision(3), subject=subject)],
        notes=[replace(CONFIRMED, author=subject, reason=subject)],
    )

    text = render_feed([bad], title=subject, url=URL + CONTROL + '"', now=NOW)

    feed = ElementTree.fromstring(text.encode())
    assert {element.tag.removeprefix(ATOM) for element in feed.iter()} <= {
        *("feed", "id", "title", "updated", "author", "name", "link", "entry"),
        *("published", "category", "content"),
    }
    assert "onerror" in texts(feed, "title")[0]
    assert not {*CONTROL} - {"\t", "\n", "\r"} & {*text}


def test_what_is_hidden_of_many_cases_is_counted():
    members = [changed(replace(CASES[0], batch_size=size)) for size in range(1, 31)]

    (entry,) = entries(feed_of(event(*members)))

    assert "\nand 20 more cases\n" in texts(entry, "content")[0]
