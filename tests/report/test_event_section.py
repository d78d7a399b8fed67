"""Events on a page: the list, and where each of them stands among the runs."""

from dataclasses import replace

from sepconv.event import EventState
from sepconv.report.event_section import MOST_FIRST, MOST_FOLDED, event_section, first_seen
from tests.report.event_sample import CASES, changed, event, note, revision, upgrade
from tests.report.sample import history

RUNS = [run for run, _ in history(4)]
SEEN = event(commits=[RUNS[2].revision], last_good=RUNS[1].revision)


def test_without_events_there_is_no_section():
    assert event_section([], []) is None


def test_open_events_come_first_and_the_others_are_counted_by_state():
    meant = event(uid="m", notes=[note(EventState.ACKNOWLEDGED)])
    events = [meant, *(event(uid=str(number), id=number) for number in range(MOST_FIRST + 2))]

    section = event_section(events, [])

    assert len(section.first) == MOST_FIRST
    assert all(item.is_alarm for item in section.first)
    assert section.counts == "2 confirmed, 1 acknowledged"
    assert section.hidden == 0
    assert section.balance.startswith("confirmed so far: 8 slower")


def test_a_page_has_room_for_so_many_events_and_counts_the_rest():
    events = [event(uid=str(number)) for number in range(MOST_FIRST + MOST_FOLDED + 7)]

    section = event_section(events, [])

    assert (len(section.others), section.hidden) == (MOST_FOLDED, 7)


def test_only_cases_that_the_page_has_can_be_looked_at():
    section = event_section([event()], [CASES[0].identity])

    (item,) = section.first
    assert sorted(case.identity or "" for case in item.cases) == ["", "", CASES[0].identity]
    assert {case.label for case in item.cases} == {case.label for case in CASES}


def test_what_is_hidden_of_an_event_is_counted():
    members = [changed(replace(CASES[0], batch_size=size)) for size in range(1, 10)]
    commits = [revision(number) for number in range(3, 17)]

    (item,) = event_section([event(*members, commits=commits)], []).first

    assert (len(item.cases), item.hidden_cases) == (4, 5)
    assert (len(item.commits), item.hidden_commits) == (10, 4)


def test_an_event_stands_before_the_first_seen_of_its_commit():
    assert first_seen(RUNS, SEEN) == 2


def test_an_event_whose_commit_no_run_measured_stands_before_the_next_run():
    unmeasured = replace(SEEN, first_bad=revision(9), began_at="2026-03-02T00:00:00+00:00")

    assert first_seen(RUNS, unmeasured) == 1


def test_a_change_of_environment_stands_by_its_time():
    upgraded = replace(upgrade(), first_bad=RUNS[0].revision, began_at="2026-03-03T00:00:00+00:00")

    assert first_seen(RUNS, upgraded) == 2


def test_an_event_after_all_runs_stands_before_none():
    later = replace(SEEN, first_bad=revision(9), began_at="2027-01-01T00:00:00+00:00")

    assert first_seen(RUNS, later) is None
