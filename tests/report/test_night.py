"""What a night says: the small table, the summary that is an issue's body as well, the data."""

import json
from dataclasses import replace

import pytest

from sepconv.event import Changed, Event, EventKind, EventState, Note
from sepconv.report.night import (
    MARK,
    NEWS_MARK,
    Night,
    Step,
    alarm_state,
    describe_night,
    night_plain,
    render_news,
    render_night,
)
from tests.judge.nights import cases, revision_of

STARTED = "2026-11-03T02:00:00+00:00"
EVENT = Event(
    uid="e" * 32,
    kind=EventKind.LATENCY,
    direction="slower",
    machine="x86_64 AVX2",
    last_good=revision_of(8),
    first_bad=replace(revision_of(9), subject="a | pipe, @all, <b>, \x1b[31m"),
    began_at=STARTED,
    last_good_at="2026-11-02T02:00:00+00:00",
    first_seen_at=STARTED,
    last_seen_at=STARTED,
    members=[Changed(cases(1)[0], "ratio_to_reference", 1.052, 1.041, 1.063)],
    commits=[revision_of(9)],
    notes=[Note(EventState.CONFIRMED, "sepconv", "seen in 2 nights", STARTED)],
    id=7,
)
SUSPICIOUS = replace(EVENT, uid="5" * 32, notes=())
MEANT = replace(
    EVENT, uid="a" * 32, notes=[*EVENT.notes, Note(EventState.ACKNOWLEDGED, "Ada", "m", STARTED)]
)
NIGHT = Night(
    started_at=STARTED,
    finished_at="2026-11-03T02:40:00+00:00",
    commit=revision_of(9),
    reference=revision_of(0),
    cases={"measured": 300, "failed": 2},
    events=[],
)
RED = replace(NIGHT, events=[EVENT, SUSPICIOUS, MEANT], news=[EVENT])


def test_the_table_counts_cases_and_events():
    rows = dict(describe_night(RED))

    assert rows["cases"] == "300 measured, 2 failed"
    assert rows["events"] == "1 newly confirmed, 1 open, 1 suspicious, 1 triaged"
    assert rows["commit"] == f"{revision_of(9).commit[:10]} commit 9"
    assert set(rows) == {"commit", "divided by", "cases", "events"}


def test_what_happened_since_the_last_night_is_in_it():
    night = replace(
        NIGHT,
        missed=[f"2026-10-{day:02}" for day in range(1, 20)],
        killed=["the night of 2026-10-20 was killed in pass 1, after 120 of 300 cases"],
        machine=("Some CPU", "Another CPU"),
        environment=["torch 2.12.0 → 2.13.0"],
    )
    rows = dict(describe_night(night))

    assert rows["missed"].startswith("2026-10-01, ")
    assert rows["missed"].endswith(" and 5 more")
    assert "after 120 of 300 cases" in rows["killed"]
    assert rows["machine"] == (
        "this machine is not that of last night: 'Some CPU' → 'Another CPU'; "
        "ratio series go on, absolute latencies do not compare"
    )
    assert rows["environment"] == (
        "torch 2.12.0 → 2.13.0; measure what that did: sepconv compare --base-python OLD HEAD HEAD"
    )


@pytest.mark.parametrize(
    ("night", "heading"),
    [
        (NIGHT, "✅ No open slowdown"),
        (RED, "❌ Slower: 1 open event"),
        (replace(RED, events=[EVENT, replace(EVENT, uid="f" * 32)]), "❌ Slower: 2 open events"),
        (replace(RED, cases={}), "🛑 Could not measure"),
        (replace(RED, cases={"measured": 0, "failed": 3}), "🛑 Could not measure"),
        (replace(NIGHT, events=None), "❔ Measured, and not analysed"),
    ],
)
def test_the_heading_says_what_to_think(night, heading):
    lines = render_night(night).splitlines()

    assert lines[0] == MARK
    assert f"### {heading}" in lines


def test_the_second_line_changes_when_the_open_alarms_do_and_not_else():
    seen_again = replace(EVENT, last_seen_at="2026-11-04T02:00:00+00:00", sightings=3)
    narrowed = replace(EVENT, last_good=revision_of(7))

    assert alarm_state(NIGHT) == "0"
    assert alarm_state(RED).startswith("1 ")
    assert render_night(RED).splitlines()[1] == f"<!-- alarms {alarm_state(RED)} -->"
    assert alarm_state(replace(RED, events=[seen_again], missed=["x"])) == alarm_state(RED)
    assert alarm_state(replace(RED, events=[narrowed])) != alarm_state(RED)
    assert alarm_state(replace(RED, events=[EVENT, narrowed])).startswith("2 ")


def test_where_events_are_not_known_or_may_be_lost_an_issue_is_not_to_be_closed():
    assert alarm_state(replace(NIGHT, events=None)) == "unknown"
    assert alarm_state(replace(NIGHT, is_first=True)) == "unknown"
    assert alarm_state(replace(RED, is_first=True)).startswith("1 ")


def test_only_what_was_confirmed_tonight_is_worth_a_comment():
    assert render_news(NIGHT) is None
    assert render_news(replace(RED, news=[MEANT])) is None
    news = render_news(RED)
    assert news is not None
    assert news.startswith(f"{NEWS_MARK}\n")
    assert revision_of(9).commit[:10] in news


def test_what_others_wrote_stays_text():
    steps = [Step("ratio", "failed: `x` | <img src=x> @all", 2)]
    text = render_night(replace(RED, steps=steps), "https://example.org/a)b")

    assert "\x1b" not in text
    assert "<b>" not in text
    assert "<img" not in text
    assert "@all" not in text
    assert "](https://example.org/a%29b)" in text


def test_a_summary_of_many_events_fits_into_an_issue():
    many = [
        replace(
            EVENT,
            uid=f"{number:032x}",
            members=[Changed(case, "ratio_to_reference", 1.05, 1.04, 1.06) for case in cases(60)],
        )
        for number in range(200)
    ]
    night = replace(RED, events=many, news=many, steps=[Step("ratio", "x" * 9000, 3)] * 5)

    assert len(render_night(night)) < 65_536
    assert len(render_news(night) or "") < 65_536


def test_the_data_says_what_the_table_says():
    steps = [Step("sweep", "left out: no time", 0), Step("ratio", "failed", 3)]
    plain = night_plain(replace(RED, steps=steps, exit_code=1), "https://example.org/")

    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["events"]["suspicious"] == 1
    assert plain["events"]["triaged"] == 1
    assert [event["uid"] for event in plain["events"]["open"]] == [EVENT.uid]
    assert plain["steps"][1] == {"name": "ratio", "text": "failed", "code": 3}
    assert plain["commit"]["commit"] == revision_of(9).commit
    assert plain["cases"] == {"measured": 300, "failed": 2}
    assert night_plain(replace(NIGHT, events=None))["events"] is None
