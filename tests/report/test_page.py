import json
import re
from dataclasses import replace
from random import Random

import pytest

from sepconv.errors import ReportUnwritable
from sepconv.record import Measurement, Status
from sepconv.report.document import build_document
from sepconv.report.page import render, script_json, write
from sepconv.report.run import format_time, run_facts, run_title
from tests.report.sample import (
    HOSTILE,
    both_allocators,
    history,
    make_case,
    make_run,
    succeed,
)

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)


@pytest.fixture(scope="module")
def page():
    return render(history(3))


def test_the_same_runs_give_the_same_bytes(page):
    assert render(history(3)) == page


def test_the_page_asks_nobody_for_anything(page):
    own = re.sub(r'<script type="text/plain" id="plotly-source">.*?</script>', "", page, flags=re.S)

    assert f'content="{POLICY}"' in own
    assert not re.search(r'(src|href)="?(https?:)?//', own)
    assert "@import" not in own


def test_plotly_comes_after_everything_that_is_painted_first(page):
    assert page.index('id="plotly-source"') > page.index('id="document"') > page.index("</main>")


def test_all_but_plotly_is_small(page):
    plotly = re.search(r'id="plotly-source">(.*?)</script>', page, flags=re.S)

    assert plotly
    assert len(plotly[1]) > 4_000_000
    assert len(page) - len(plotly[1]) < 120_000


def test_the_title_is_escaped():
    page = render([], title="<b>&\"'")

    assert "<title>&lt;b&gt;&amp;&#34;&#39;</title>" in page
    assert "There is no run yet. Type: sepconv quick" in page


def test_readers_without_scripts_get_the_sentence_and_a_table(page):
    without = page[page.index("<noscript>") : page.index("</noscript>")]

    assert "At 64 channels, 56×56: depthwise separable" in without
    assert without.count("<tr>") == 4
    assert re.search(r"<td>\d+ % ?</td>", without)


def test_data_cannot_end_its_script_element():
    text = script_json({HOSTILE: "<!--\u2029"})

    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {HOSTILE: "<!--\u2029"}


def test_hostile_names_stand_in_no_markup():
    revision = replace(make_run().revision, subject=HOSTILE)
    run = make_run(branch=HOSTILE, suite=HOSTILE, revision=revision, conditions={HOSTILE: HOSTILE})
    case = make_case("mine" + HOSTILE, options={HOSTILE: HOSTILE})
    page = render([(run, [Measurement(case, Status.FAILED, HOSTILE), succeed(case, Random(1))])])

    assert "<img" not in re.sub(r'id="plotly-source">.*?</script>', "", page, flags=re.S)
    assert page.count("</script>") == render([]).count("</script>")


def test_the_document_has_one_column_entry_per_row():
    document = build_document(history(2), "title")

    assert {len(column) for column in document["rows"].values()} == {144}
    assert len(document["cases"]["identity"]) == 72
    assert document["runs"][1]["view"]["over"] == "channels"
    assert document["axes"]["channels"]["values"] == [16, 32, 64, 128]


def test_exact_metrics_belong_to_the_row_that_measured_them():
    case = make_case("depthwise_separable")
    first, second = succeed(case, Random(1)), succeed(case, Random(1))
    changed = replace(second, values=dict(second.values) | {"macs": first.values["latency_s"]})

    document = build_document([(make_run(0), [first]), (make_run(1), [changed])], "title")

    assert document["rows"]["work"] == [0, 1]


def test_linked_runs_say_what_the_allocator_costs_in_the_page_and_without_scripts():
    linked = both_allocators()
    document = build_document(linked, "title")
    page = render(linked)

    section = document["runs"][1]["allocator"]
    assert section == document["runs"][0]["allocator"]
    assert section["sentence"].startswith("With glibc's default allocator ")
    assert {len(column) for name, column in section.items() if name != "sentence"} == {
        len(section["case"])
    }
    without = page[page.index("<noscript>") : page.index("</noscript>")]
    assert "default allocator" in without


def test_a_run_without_a_sibling_says_nothing_of_the_allocator(page):
    document = build_document(history(2), "title")

    assert [run["allocator"] for run in document["runs"]] == [None, None]
    assert "With glibc" not in page


def test_metrics_that_are_unsupported_are_listed_with_their_reason():
    cases = [make_case(channels=channels) for channels in range(16, 24)]
    measurements = [
        replace(succeed(case, Random(1)), unsupported={"allocations": "torch was built without"})
        for case in cases
    ]

    document = build_document([(make_run(), measurements)], "title")

    ((text, count, labels),) = document["runs"][0]["unsupported"]
    assert text == "allocations: unsupported: torch was built without"
    assert count == 8
    assert labels == [case.label for case in cases[:6]]


def test_timing_that_is_no_number_is_left_out():
    document = build_document([(make_run(timing={"a": float("nan"), "b": 1.0}), [])], "title")

    assert document["runs"][0]["timing"] == [["b", 1.0]]


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "report.html"
    write(path, "first")
    write(path, "second")

    assert path.read_text() == "second"
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ReportUnwritable, match=r"cannot write .*name another place with --output"):
        write(tmp_path / "file" / "report.html", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReportUnwritable):
        write(tmp_path / "folder", "text")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "folder"]


def test_a_run_is_titled_by_suite_time_and_commit():
    assert run_title(make_run()) == "quick · 2026-03-01 22:10 UTC · 4f2a91c"
    assert run_title(make_run(dirty=True)).endswith("4f2a91c with changes")
    assert run_title(make_run(revision=None)) == "quick · 2026-03-01 22:10 UTC"


def test_a_time_is_shown_in_utc_or_as_it_stands():
    assert format_time("2026-03-01T23:30:00+02:00") == "2026-03-01 21:30 UTC"
    assert format_time("2026-03-01T23:30:00") == "2026-03-01 23:30 UTC"
    assert format_time("yesterday") == "yesterday"


def test_facts_leave_out_what_is_unknown_and_flatten_what_is_nested():
    run = make_run(conditions={"load": {"1min": 0.5, "5min": None}, "tags": ["a", True]})

    groups = dict(run_facts(run))

    assert groups["Conditions"] == [("load: 1min", "0.5"), ("tags", "a, yes")]
    assert "CUDA" not in dict(groups["Environment"])
