"""The page as one file: bytes, markup, policy, and what is left of it without scripts."""

import re
from dataclasses import replace
from random import Random

import pytest

from sepconv.record import Measurement, Status
from sepconv.report.dashboard.page import SCRIPTS, VIEWS, render
from sepconv.report.dashboard.source import Source
from sepconv.report.offline import SHARED
from tests.report.dashboard.conftest import make_source
from tests.report.event_sample import changed, event, revision
from tests.report.sample import (
    HOSTILE,
    both_allocators,
    history,
    make_case,
    make_run,
    succeed,
    trio,
)

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)


@pytest.fixture(scope="module")
def page():
    return render(make_source(history(3)))


def without_plotly(page):
    return re.sub(r'id="plotly-packed">.*?</script>', "", page, flags=re.S)


def fallback_of(page):
    return page[page.index("<noscript>") : page.index("</noscript>")]


def test_the_same_runs_give_the_same_bytes(page):
    assert render(make_source(history(3))) == page


def test_the_order_of_the_events_does_not_matter():
    events = [event(id=3), event(uid="z", began_at="2026-03-02T00:00:00+00:00")]

    first, second = (make_source(history(1), each) for each in (events, events[::-1]))

    assert render(first) == render(second)


def test_the_page_asks_nobody_for_anything(page):
    own = without_plotly(page)

    assert f'content="{POLICY}"' in own.replace("&#39;", "'")
    assert not re.search(r'(src|href)="?(https?:)?//', own)
    assert "@import" not in own
    assert not re.search(r"\beval\(|new Function\(", own)


def test_all_but_plotly_is_small(page):
    assert len(page) - len(without_plotly(page)) < 2_000_000
    assert len(without_plotly(page)) < 450_000


def test_every_view_has_its_script_and_its_name(page):
    assert set(VIEWS) < set(SCRIPTS)
    assert SCRIPTS[-1] == "start"
    assert page.count("<script>") == len(SHARED) + len(SCRIPTS)


def test_the_title_is_escaped():
    page = render(Source(title="<b>&\"'"))

    assert "<title>&lt;b&gt;&amp;&#34;&#39;</title>" in page


def test_a_page_without_runs_says_what_to_type():
    assert "There is no run yet. Type: sepconv quick" in fallback_of(render(Source()))


def test_a_page_tells_of_its_feed_only_where_there_is_one(page):
    link = '<link rel="alternate" type="application/atom+xml"'
    assert link not in page

    fed = render(make_source(history(1), feed='a"b.atom'))

    assert f'{link} title="Events" href="a&#34;b.atom">' in fed


def test_readers_without_scripts_get_the_sentence_and_a_table(page):
    without = fallback_of(page)

    assert "At 64 channels, 56×56: depthwise separable" in without
    assert without.count("<tr>") == 4
    assert re.search(r"<td>\d+ % ?</td>", without)


def test_readers_without_scripts_get_the_events():
    members = [changed(make_case("depthwise_separable"))]

    without = fallback_of(render(make_source(history(1), [event(*members, id=3)])))

    assert "<b>Event 3</b> slower by 5.0 % [4.0, 6.0 %] in 1 case" in without


def test_readers_without_scripts_hear_of_the_allocator_where_it_was_measured(page):
    assert "default allocator" in fallback_of(render(make_source(both_allocators())))
    assert "default allocator" not in fallback_of(page)


def test_hostile_names_stand_in_no_markup():
    commit = replace(make_run().revision, subject=HOSTILE)
    run = make_run(branch=HOSTILE, suite=HOSTILE, revision=commit, conditions={HOSTILE: HOSTILE})
    case = make_case("mine" + HOSTILE, options={HOSTILE: HOSTILE})
    measured = [Measurement(case, Status.FAILED, HOSTILE), succeed(case, Random(1))]

    page = render(make_source([(run, measured[:1]), (replace(run, uid="b"), measured[1:])]))

    assert "<img" not in without_plotly(page)
    assert page.count("</script>") == render(Source()).count("</script>")


def test_a_hostile_event_adds_no_element():
    def elements(subject):
        bad = replace(revision(3), subject=subject)
        events = [event(first_bad=bad, commits=[bad])]
        own = without_plotly(render(make_source([(make_run(), trio())], events)))
        return len(re.findall(r"<\w", own))

    assert elements(HOSTILE) == elements("harmless")


@pytest.mark.browser
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_and_hostile_names_are_inert_in_it(open_html, view):
    commit = replace(make_run().revision, subject=HOSTILE)
    machine = replace(make_run().machine, cpu_model=HOSTILE)
    run = make_run(
        suite=HOSTILE,
        branch=HOSTILE,
        revision=commit,
        machine=machine,
        conditions={HOSTILE: HOSTILE},
        uid=HOSTILE,
    )
    case = make_case("mine" + HOSTILE, options={HOSTILE: HOSTILE})
    broken = Measurement(make_case("mine" + HOSTILE, 32), Status.FAILED, HOSTILE)
    runs = [(run, [succeed(case, Random(1)), broken]), (replace(run, uid="b"), [broken, *trio()])]
    hostile = event(changed(case), commits=[commit], first_bad=commit, explanations=[HOSTILE])

    page = open_html(render(make_source(runs, [hostile], title=HOSTILE)), f"#view={view}")

    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert page.locator(f".view-{view}").count() == 1


@pytest.mark.browser
def test_without_scripts_the_sentence_and_the_table_remain(open_html):
    page = open_html(render(make_source(history(1))), script=False)

    assert page.locator("noscript tbody tr").count() == 3
    assert page.locator("noscript .sentence").inner_text().startswith("At 64 channels")
    assert page.locator("#main").is_hidden()
