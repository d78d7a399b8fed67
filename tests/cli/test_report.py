import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner

from sepconv.cli import BAD_USAGE, DONE, NOT_MEASURED, cli
from sepconv.cli.report import write_report
from sepconv.store import Store
from tests.report.event_sample import changed, event
from tests.report.sample import make_run, trio

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def store_url(tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store(url) as store:
        for number in range(2):
            run_id = store.begin_run(make_run(number))
            store.put_measurements(run_id, trio(32 * (number + 1)))
            store.finish_run(
                run_id,
                state="done",
                finished_at="2026-03-09T22:11:04+00:00",
                timing={"measuring": 48.7},
            )
    return url


def invoke(*arguments: object):
    return CliRunner().invoke(cli, ["report", *map(str, arguments)], standalone_mode=False)


def test_the_report_is_written_and_its_path_printed(store_url, tmp_path):
    output = tmp_path / "deep" / "page.html"

    result = invoke("--store", store_url, "--output", output, "--title", "Mine & <yours>")

    assert (result.return_value, result.output) == (DONE, f"{output}\n")
    page = output.read_text("utf-8")
    assert "<title>Mine &amp; &lt;yours&gt;</title>" in page
    assert "At 64 channels, 56×56: depthwise separable 4.2× [4.0, 4.4]" in page


def test_only_the_newest_runs_are_drawn_if_asked(store_url, tmp_path):
    invoke("--store", store_url, "--output", tmp_path / "page.html", "--limit", 1)

    page = (tmp_path / "page.html").read_text("utf-8")
    assert "run-1" in page
    assert "run-0" not in page


def test_only_the_runs_since_a_day_are_drawn_if_asked(store_url, tmp_path):
    invoke("--store", store_url, "--output", tmp_path / "page.html", "--since", "2026-03-02")

    page = (tmp_path / "page.html").read_text("utf-8")
    assert "run-1" in page
    assert "run-0" not in page


def test_only_the_chosen_cases_are_drawn_if_asked(store_url, tmp_path):
    invoke("--store", store_url, "--output", tmp_path / "page.html", "--where", "channels=64")

    page = (tmp_path / "page.html").read_text("utf-8")
    assert "standard-64-" in page
    assert "standard-32-" not in page


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--where", "channels=3", "there are .*standard, channels 32 and 64, resolution 56"),
        ("--since", "2030-01-01", "the newest one began at 2026-03-02T22:10:00"),
    ],
)
def test_a_choice_that_leaves_nothing_says_what_there_is(store_url, tmp_path, option, value, said):
    result = invoke("--store", store_url, "--output", tmp_path / "page.html", option, value)

    assert isinstance(result.exception, click.UsageError)
    assert result.exception.exit_code == BAD_USAGE
    assert re.search(said, result.exception.message)
    assert not (tmp_path / "page.html").exists()


def test_a_folder_is_written_if_asked_and_a_page_leads_there(store_url, tmp_path):
    output = tmp_path / "page.html"

    result = invoke("--store", store_url, "--output", output, "--directory")

    assert result.output == f"{tmp_path / 'page' / 'index.html'}\n"
    assert 'location.replace("page/index.html" + location.hash)' in output.read_text("utf-8")
    assert (tmp_path / "page" / "part-0.js").exists()


def test_a_folder_may_be_named_as_such(store_url, tmp_path):
    result = invoke("--store", store_url, "--output", tmp_path / "site", "--directory")

    assert result.output == f"{tmp_path / 'site' / 'index.html'}\n"
    assert [each.name for each in tmp_path.iterdir() if each.name != "store.db"] == ["site"]


def test_a_long_history_becomes_a_folder_by_itself_and_says_so(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr("sepconv.cli.report.MOST_POINTS", 5)
    where = ("--store", store_url, "--output", tmp_path / "page.html")

    result = invoke(*where)
    single = invoke(*where, "--single-file")

    assert result.stdout == f"{tmp_path / 'page' / 'index.html'}\n"
    assert "6 points are much for one file" in result.stderr
    assert "--single-file" in result.stderr
    assert (single.stdout, single.stderr) == (f"{tmp_path / 'page.html'}\n", "")


def test_the_feed_of_a_folder_is_found_from_its_page(store_url, tmp_path):
    feed = tmp_path / "events.atom"

    invoke("--store", store_url, "--output", tmp_path / "site", "--directory", "--feed", feed)

    assert 'href="../events.atom"' in (tmp_path / "site" / "index.html").read_text("utf-8")


def test_an_empty_store_says_what_to_type(tmp_path):
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    Store(url).close()

    result = invoke("--store", url, "--output", tmp_path / "page.html")

    assert result.return_value == NOT_MEASURED
    assert "type: sepconv quick" in result.stderr
    assert not (tmp_path / "page.html").exists()


def test_the_events_of_the_store_are_on_the_page(store_url, tmp_path):
    with Store(store_url) as store:
        store.put_events([event(changed(trio(64)[1].case))])

    invoke("--store", store_url, "--output", tmp_path / "page.html")

    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<b>Event 1</b> slower by 5.0 % [4.0, 6.0 %] in 1 case" in page
    assert "application/atom+xml" not in page


def test_a_page_is_drawn_of_events_alone(tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store(url) as store:
        store.put_events([event()])

    result = invoke("--store", url, "--output", tmp_path / "page.html")

    assert result.return_value == DONE
    assert "slower by 5.0 %" in (tmp_path / "page.html").read_text("utf-8")


def test_a_feed_is_written_if_asked_and_the_page_tells_of_it(store_url, tmp_path):
    with Store(store_url) as store:
        store.put_events([event()])
    page, feed = tmp_path / "pages" / "page.html", tmp_path / "feeds" / "my events.atom"
    where = ("--store", store_url, "--output", page, "--feed", feed)

    result = invoke(*where, "--url", "https://example.org/speed", "--title", "Mine & yours")

    assert result.output == f"{page}\n{feed}\n"
    written = ElementTree.fromstring(feed.read_text("utf-8").encode())
    assert written.findtext(f"{ATOM}title") == "Mine & yours"
    assert written.find(f"{ATOM}link").get("href") == "https://example.org/speed"
    assert 'href="../feeds/my%20events.atom"' in page.read_text("utf-8")


def test_the_feed_leads_to_where_the_project_says_that_its_report_is(
    store_url, tmp_path, monkeypatch
):
    (tmp_path / "sepconv.toml").write_text('report_url = "https://example.org/report"')
    monkeypatch.chdir(tmp_path)

    write_report(store_url, tmp_path / "page.html", feed=tmp_path / "events.atom")

    feed = ElementTree.fromstring((tmp_path / "events.atom").read_text("utf-8").encode())
    assert feed.find(f"{ATOM}link").get("href") == "https://example.org/report"
    assert 'href="events.atom"' in (tmp_path / "page.html").read_text("utf-8")


def test_writing_a_report_returns_where_it_is(store_url, tmp_path):
    path = write_report(store_url, tmp_path / "page.html")

    assert path == tmp_path / "page.html"
    assert path.stat().st_size > 1_500_000


def test_reporting_needs_neither_torch_nor_scipy_nor_pandas(store_url, tmp_path):
    arguments = ["report", "--store", store_url, "--output", str(tmp_path / "page.html")]
    code = (
        "import sys\n"
        "from sepconv.cli import main\n"
        "try:\n"
        f"    main({arguments})\n"
        "finally:\n"
        "    print(sorted({'torch', 'scipy', 'pandas'} & set(sys.modules)))\n"
    )

    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )

    assert finished.stdout == f"{tmp_path / 'page.html'}\n[]\n"
