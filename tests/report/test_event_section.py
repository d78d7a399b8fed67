"""Events on a page: the list, and the lines in the histories."""

from dataclasses import replace

import pytest

from sepconv.event import EventState
from sepconv.figures.table import build_table
from sepconv.report.event_section import MOST_FIRST, MOST_FOLDED, event_section, place_marks
from tests.figures.test_every_figure import drawn
from tests.report.event_sample import CASES, changed, event, note, revision, upgrade
from tests.report.sample import history, make_case, trio

RUNS = history(4)
CASE = make_case("depthwise_separable", 64, 28)
SEEN = event(
    changed(CASE),
    commits=[RUNS[2][0].revision],
    first_bad=RUNS[2][0].revision,
    last_good=RUNS[1][0].revision,
    id=3,
)


def marks_of(*events, runs=RUNS):
    return place_marks(build_table(runs), events)


def place_of(case, runs=RUNS):
    table = build_table(runs)
    return next(i for i, place in enumerate(table.places) if place.case == case)


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


def test_an_event_stands_before_the_first_run_of_its_commit():
    (mark,) = marks_of(SEEN)

    assert (mark.run, mark.label) == (2, RUNS[2][0].commit[:7])
    assert mark.cases == (place_of(CASE),)
    assert mark.text.startswith("Event 3: slower by 5.0 %")
    assert mark.text.endswith("; confirmed")


def test_an_event_whose_commit_no_run_measured_stands_before_the_next_run():
    (mark,) = marks_of(replace(SEEN, first_bad=revision(9), began_at="2026-03-02T00:00:00+00:00"))

    assert mark.run == 1


def test_a_change_of_environment_stands_by_its_time_and_is_named_by_it():
    members = [changed(CASE, metric="latency_s")]
    began = "2026-03-03T00:00:00+00:00"

    (mark,) = marks_of(replace(upgrade(), members=members, began_at=began))

    assert (mark.run, mark.label) == (2, "03-03")


@pytest.mark.parametrize(
    "nowhere",
    [
        replace(SEEN, notes=[note(EventState.REFUTED)]),
        replace(SEEN, members=[changed(make_case(channels=999))]),
        replace(SEEN, first_bad=revision(9), began_at="2027-01-01T00:00:00+00:00"),
    ],
    ids=["refuted", "of cases that no run has", "after all runs"],
)
def test_an_event_that_concerns_no_run_has_no_line(nowhere):
    assert marks_of(nowhere) == ()


def marked_history(*events, case=CASE):
    from sepconv.figures import FIGURES
    from sepconv.figures.view import View

    table = replace(build_table(RUNS), marks=marks_of(*events))
    figure = FIGURES["history"]
    return figure.draw(figure.content(table, View(run=3, case=place_of(case))))


def test_the_history_of_a_case_has_a_line_for_each_of_its_events():
    figure = marked_history(SEEN)

    line = figure.data[-1]
    assert line.x == ("3: 4f2a91e",) * 2
    assert line.y[0] == 0
    assert line.y[1] > max(max(trace.y) for trace in figure.data[:-1])
    assert line.text == ("", RUNS[2][0].commit[:7])
    assert line.hovertext[0].startswith("Event 3: slower")
    assert not line.showlegend


def test_the_history_of_another_case_has_none():
    other = make_case("standard", 64, 28)

    assert (
        marked_history(SEEN, case=other).data == drawn("history", RUNS, case=place_of(other)).data
    )


def test_a_line_stands_at_the_next_run_that_measured_the_case():
    (first, _), (second, cases), (third, _) = history(3)
    table = build_table([(first, cases), (second, trio()), (third, cases)])
    case = next(i for i, place in enumerate(table.places) if place.case == CASE)
    at_second = event(changed(CASE), first_bad=second.revision, commits=[second.revision])
    from sepconv.figures import FIGURES
    from sepconv.figures.view import View

    marked = replace(table, marks=place_marks(table, [at_second]))
    figure = FIGURES["history"].draw(FIGURES["history"].content(marked, View(run=2, case=case)))

    assert figure.data[-1].x == ("3: 4f2a91e",) * 2
