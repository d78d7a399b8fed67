"""The first view: which form is faster, and what happened since the last time."""

import json
from dataclasses import replace
from random import Random

import pytest

from sepconv.cli.recorder import NOT_REACHED
from sepconv.event import EventState
from sepconv.judge.finding import find
from sepconv.record import Measurement, Status
from sepconv.report.dashboard.overview import NOT_YET, overview_section
from sepconv.report.sentence import describe
from tests.report.dashboard.conftest import make_source
from tests.report.event_sample import CASES as CHANGED
from tests.report.event_sample import event, note, upgrade
from tests.report.sample import (
    ENVIRONMENT,
    HOSTILE,
    make_case,
    make_run,
    measure,
    measurement,
    sweep,
    trio,
)

DAY_MS = 86_400_000


def section_of(history, **more):
    source = make_source(history, **more)
    return overview_section(source, source.table)


def look(page, started, now):
    """What the script makes of these starts, by a clock that says `now`."""
    return page.evaluate(
        "([started, now]) => { const found = sepconv.fresh.look(started, Date.parse(now)); "
        "return { ...found, said: sepconv.fresh.warnings(found).join(' ') }; }",
        [started, now],
    )


def nights(*days: int) -> list[str]:
    return [f"2026-11-{day:02d}T02:00:00+00:00" for day in days]


def test_one_run_has_a_sentence_and_nothing_to_compare_with():
    [told] = section_of([(make_run(), trio())])["runs"]

    assert told["sentence"] == describe(find(trio()))
    assert told["since"] is None
    assert len(told["headlines"][0]["cases"]) == 3


def test_the_newest_run_of_every_class_is_summed_up():
    other = replace(ENVIRONMENT, torch="2.14.0")
    history = [
        (make_run(n, environment=environment), trio())
        for n, environment in enumerate([ENVIRONMENT, ENVIRONMENT, other, other, other])
    ]

    told = section_of(history)["runs"]

    assert [(each["run"], each["since"]["base"]) for each in told] == [(1, 0), (4, 3)]


def test_what_became_of_the_cases_is_counted_by_outcome():
    cases = sweep((16, 32), (28,), (1,))
    before, after = (measure(cases, Random(1), with_failures=False) for _ in range(2))
    after[0] = Measurement(cases[0], Status.FAILED, "no")
    after[1] = Measurement(cases[1], Status.SKIPPED, "no time")

    [told] = section_of([(make_run(0), before[:-1]), (make_run(1), after)])["runs"]

    assert told["since"]["counts"] == {"undecided": 3, "new": 1, "failed": 1}
    assert told["since"]["untried"] == 1
    assert 0.1 < told["since"]["detectable"] < 0.5


def test_two_runs_of_one_commit_are_known_to_be_of_the_same_code():
    revision = make_run().revision
    dirty = [False, False, True]
    history = [(make_run(n, revision=revision, dirty=d), trio()) for n, d in enumerate(dirty)]

    assert section_of(history[:2])["runs"][0]["since"]["same_code"]
    assert not section_of(history)["runs"][0]["since"]["same_code"]


def test_thousands_of_series_tell_the_noise_by_some_of_them():
    cases = [make_case(channels=8 + number) for number in range(1000)]
    run = [measurement(case, latency_s=(1e-3, 0.98e-3, 1.02e-3)) for case in cases]

    [told] = section_of([(make_run(n), run) for n in range(4)])["runs"]

    assert told["noise"]["within"] == pytest.approx([0.02] * 4)
    assert told["noise"]["between"] == [None, 0, 0, 0]
    assert told["noise"]["floor"]["runs"] == 3


def test_the_section_is_plain_data_also_without_any_run():
    assert json.dumps(section_of([])) == '{"balance": null, "runs": []}'


def test_the_answer_comes_first_after_a_single_run(open_dashboard):
    page = open_dashboard([(make_run(), trio())])

    assert page.inner_text(".sentence") == describe(find(trio()))
    assert page.locator(".glance tbody tr").count() == 3
    assert page.inner_text(".glance .badge") == "fastest"
    assert page.locator("#speedup-title + .controls + .figure .main-svg").count() > 0
    assert page.locator(".tiles").count() == 0


def test_every_count_leads_to_the_cases_it_counts(open_dashboard):
    cases = sweep()
    before, after = (measure(cases, Random(seed), with_failures=False) for seed in (1, 2))
    after[3:6] = [Measurement(case, Status.CRASHED, "it died") for case in cases[3:6]]
    page = open_dashboard([(make_run(0), before), (make_run(1), after)])

    assert page.inner_text(".tile.is-failed").endswith("3 failed")
    page.click(".tile.is-failed")
    page.wait_for_selector(".view-compare .rows tbody .pick")

    assert page.evaluate("document.querySelector('.rows').getAttribute('aria-rowcount')") == "4"


def test_alarms_come_before_whatever_else_happened(open_dashboard):
    history = [(make_run(n), measure(CHANGED, Random(n), with_failures=False)) for n in range(3)]
    fixed = event(uid="f" * 32, notes=[note(EventState.FIXED, author="Ada", reason=HOSTILE)])
    page = open_dashboard(history, events=[upgrade(), fixed, event()])

    shown = page.locator(".events > .event")
    assert "alarm" in shown.nth(0).get_attribute("class")
    assert "torch 2.12 → 2.13" in shown.nth(1).inner_text()
    assert page.inner_text(".others summary") == "Others: 1 fixed"
    page.click(".others > summary")
    page.click(".others .event summary")
    assert "fixed by Ada" in page.inner_text(".others .event li")
    assert page.evaluate("window.pwned") is None


def test_a_case_of_an_event_leads_to_its_history(open_dashboard):
    history = [(make_run(n), measure(CHANGED, Random(n), with_failures=False)) for n in range(2)]
    page = open_dashboard(history, events=[event()])

    page.click(f".event a >> text={CHANGED[0].label}")

    page.wait_for_function("() => sepconv.state.view === 'case'")
    assert page.evaluate("sepconv.cases.label(sepconv.state.case)") == CHANGED[0].label


def test_failures_are_told_with_their_reasons(open_dashboard):
    cases = sweep((16, 32), (28,), (1,))
    own = measure(cases, Random(1), with_failures=False)
    own[:2] = [Measurement(case, Status.CRASHED, f"died of {HOSTILE}") for case in cases[:2]]
    page = open_dashboard([(make_run(), own)])

    text = page.inner_text(".reasons li")
    assert text.startswith("crashed: died of </script>")
    assert "(2 cases)" in text
    assert page.locator(".reasons a").nth(0).inner_text() == cases[0].label


def test_a_run_that_measured_nothing_says_so(open_dashboard):
    cases = sweep((16,), (28,), (1,))
    page = open_dashboard(
        [(make_run(), [Measurement(case, Status.SKIPPED, "no time") for case in cases])]
    )

    assert page.inner_text(".sentence").startswith("Nothing was measured in this run")
    assert page.locator(".view-overview .figure .main-svg").count() == 0


def test_how_old_the_newest_run_is_goes_by_the_readers_clock(open_dashboard):
    page = open_dashboard([(make_run(), trio())])

    for now, ago in {
        "2026-11-05T02:00:20Z": "just now",
        "2026-11-05T02:01:00Z": "1 minute ago",
        "2026-11-05T07:30:00Z": "5 hours ago",
        "2026-11-07T07:30:00Z": "2 days ago",
        "2028-12-05T02:00:00Z": "2 years ago",
        "2026-11-01T02:00:00Z": "in the future, by the clock of this computer",
    }.items():
        assert look(page, nights(3, 4, 5), now)["ago"] == ago


def test_nights_that_are_missing_are_told(open_dashboard):
    page = open_dashboard([(make_run(), trio())])
    regular = nights(1, 2, 3, 4, 5)

    def said(started, now):
        return look(page, started, f"2026-11-{now}:00Z")["said"]

    assert said(regular, "06T03:00") == ""
    assert said(regular, "07T04:00") == "The last night is missing."
    assert said(regular, "09T04:00") == "The last 3 nights are missing."
    assert said(regular, "29T04:00") == "A run a night was usual here; none has come since."
    assert said(nights(1, 2, 3, 6, 7), "07T05:00") == (
        "2 nights are missing among the newest 5 runs."
    )


def test_runs_that_were_started_by_hand_have_no_rhythm_to_miss(open_dashboard):
    page = open_dashboard([(make_run(), trio())])
    by_hand = [f"2026-11-01T{hour:02d}:00:00+00:00" for hour in (9, 10, 11, 15)]

    assert look(page, by_hand, "2026-11-20T00:00:00Z")["said"] == ""
    assert look(page, nights(1, 2), "2026-11-20T00:00:00Z")["said"] == ""


def test_a_machine_that_was_replaced_is_not_said_to_be_late(open_dashboard):
    other = replace(ENVIRONMENT, torch="2.14.0")
    history = [(make_run(n), trio()) for n in range(5)] + [
        (make_run(n, environment=other), trio()) for n in (5, 6)
    ]
    old = f"{make_run().machine.key}~{ENVIRONMENT.key}"
    page = open_dashboard(history, f"#class={old}")

    assert "newer: torch 2.14.0" in page.inner_text(".which")
    assert page.locator(".which .late").count() == 0


def test_thousands_of_points_are_drawn_as_few(open_dashboard):
    cases = sweep(range(8, 128), (14, 28, 56), (1, 2))
    own = measure(cases, Random(1), with_failures=False)
    page = open_dashboard([(make_run(), own)])

    points = page.locator("#promise-title ~ .figure .point").count()
    assert 20 < points <= 240
    assert page.evaluate("document.querySelectorAll('*').length") < 1500


@pytest.mark.browser
def test_what_a_run_has_still_to_do_went_not_badly(open_dashboard):
    waiting = Measurement(
        make_case("standard", 32), Status.MISSING, "the run ended before its turn"
    )
    page = open_dashboard([(make_run(0, state="running"), [*trio(), waiting])])

    told = page.inner_text("[aria-labelledby=failures-title]")
    page.click("#views a:text-is('Run')")
    page.wait_for_selector(".view-run")

    assert "1 case is still to come." in told
    assert NOT_REACHED not in told
    assert "1 case is still to come." in page.inner_text("[aria-labelledby=less-title]")


def test_a_run_that_has_only_begun_is_not_said_to_have_failed():
    waiting = Measurement(make_case(), Status.MISSING, NOT_REACHED)

    [told] = section_of([(make_run(0, state="running"), [waiting])])["runs"]

    assert told["sentence"] == NOT_YET


@pytest.mark.browser
def test_too_few_cases_are_said_to_be_too_few_for_the_noise(open_dashboard):
    two = trio()[:2]
    page = open_dashboard([(make_run(0), two), (make_run(1), two)])

    text = page.inner_text("[aria-labelledby=noise-title]")

    assert "Fewer than three cases have an interval here" in text
    assert "one pass cannot show" not in text
