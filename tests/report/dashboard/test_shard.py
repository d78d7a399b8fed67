"""The dashboard as a folder: written whole or not at all, loaded part by part."""

from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from sepconv.errors import ReportUnwritable
from sepconv.report.dashboard import series, shard
from sepconv.report.dashboard.shard import leading_page, write_directory
from tests.report.dashboard.conftest import make_source
from tests.report.sample import history


@pytest.fixture
def source():
    return make_source(history(3))


def bytes_of(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_a_folder_has_a_page_that_names_its_parts(tmp_path, source, monkeypatch):
    monkeypatch.setattr(series, "POINTS", 100)

    page = write_directory(tmp_path / "deep" / "report", source)

    names = {"about.txt", "index.html", "plotly.js", "part-0.js", "part-1.js", "part-2.js"}
    assert page == tmp_path / "deep" / "report" / "index.html"
    assert bytes_of(page.parent).keys() == names
    text = page.read_text("utf-8")
    assert "script-src 'self' 'unsafe-inline'" in text.replace("&#39;", "'")
    assert all(f'"src":"part-{number}.js?' in text for number in range(3))
    assert (page.parent / "part-1.js").read_text().startswith('sepconv.arrive(1,"H4sI')


def test_the_same_runs_give_the_same_folder(tmp_path, source):
    first, second = (write_directory(tmp_path / name, source).parent for name in "ab")

    assert bytes_of(first) == bytes_of(second)


def test_a_new_report_takes_the_place_of_the_old_one(tmp_path, source, monkeypatch):
    monkeypatch.setattr(series, "POINTS", 100)
    write_directory(tmp_path / "report", source)
    monkeypatch.undo()

    write_directory(tmp_path / "report", source)

    assert "part-1.js" not in bytes_of(tmp_path / "report")
    assert [each.name for each in tmp_path.iterdir()] == ["report"]


def test_whoever_looks_meanwhile_always_finds_a_page(tmp_path, source):
    page = write_directory(tmp_path / "report", source)
    missed, is_over = [], Event()

    def look():
        while not is_over.is_set():
            try:
                seen = page.read_bytes()
            except FileNotFoundError:
                seen = b""
            if not seen.endswith(b"</html>"):
                missed.append(seen)

    reader = Thread(target=look)
    reader.start()
    for _ in range(10):
        write_directory(tmp_path / "report", source)
    is_over.set()
    reader.join()

    assert missed == []


def test_where_folders_cannot_be_exchanged_one_follows_the_other(tmp_path, source, monkeypatch):
    (tmp_path / "report").mkdir()
    monkeypatch.setattr(shard, "_swap", lambda one, other: False)

    write_directory(tmp_path / "report", source)

    assert [each.name for each in tmp_path.iterdir()] == ["report"]
    assert "index.html" in bytes_of(tmp_path / "report")


def test_an_empty_folder_is_taken(tmp_path, source):
    (tmp_path / "report").mkdir()

    assert write_directory(tmp_path / "report", source).exists()


@pytest.mark.parametrize("name", ["thesis.tex", "index.html"])
def test_a_folder_of_somebody_else_is_not_touched(tmp_path, source, name):
    (tmp_path / name).write_text("mine")

    with pytest.raises(ReportUnwritable, match=f"the folder holds '{name}'.*name another place"):
        write_directory(tmp_path, source)

    assert bytes_of(tmp_path) == {name: b"mine"}


def test_a_report_that_somebody_added_to_is_not_touched(tmp_path, source):
    write_directory(tmp_path / "report", source)
    (tmp_path / "report" / "notes.txt").write_text("mine")

    with pytest.raises(ReportUnwritable, match=r"'notes\.txt'"):
        write_directory(tmp_path / "report", source)


def test_a_file_in_the_way_is_named(tmp_path, source):
    (tmp_path / "report").write_text("mine")

    with pytest.raises(ReportUnwritable, match="it is a file"):
        write_directory(tmp_path / "report", source)


@pytest.fixture
def small_files():
    """Files of more than a megabyte cannot be written, as on a full disk."""
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (1_000_000, hard))
    yield
    setrlimit(RLIMIT_FSIZE, (soft, hard))


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, source, small_files):
    (tmp_path / "report").mkdir()

    with pytest.raises(ReportUnwritable, match="File too large"):
        write_directory(tmp_path / "report", source)

    assert [each.name for each in tmp_path.iterdir()] == ["report"]
    assert bytes_of(tmp_path / "report") == {}


@pytest.mark.browser
def test_a_part_is_loaded_when_somebody_looks_at_it(browser, tmp_path, source, monkeypatch):
    monkeypatch.setattr(series, "POINTS", 100)
    page_path = write_directory(tmp_path / "my report & more", source)
    page = browser.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path.rpartition("/")[2]))
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(page_path.as_uri() + "#view=run")
    page.wait_for_selector("html[data-ready]", state="attached")
    before = list(asked)
    points = page.evaluate("sepconv.history(70).then((found) => found.map((each) => each.run))")
    again = page.evaluate("sepconv.history(70).then((found) => found.length)")

    assert before == ["index.html"]
    assert (points, again) == ([0, 1, 2], 3)
    assert asked == ["index.html", "part-2.js"]
    assert errors == []
    page.close()


@pytest.mark.browser
def test_a_leading_page_keeps_the_place_that_was_linked_to(browser, tmp_path, source):
    target = write_directory(tmp_path / "my report", source)
    (tmp_path / "report.html").write_text(leading_page(target, tmp_path, "T & <b>"))
    page = browser.new_page()

    page.goto((tmp_path / "report.html").as_uri() + "#view=run")
    page.wait_for_selector("html[data-ready]", state="attached")

    assert page.url.endswith("my%20report/index.html#view=run")
    page.close()


def view_run(browser, page_path):
    """The page of the folder at its first run, whose histories are in the parts."""
    page = browser.new_page()
    page.goto(page_path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


@pytest.mark.browser
def test_a_part_that_is_missing_is_said_where_it_would_have_been(browser, tmp_path, source):
    page_path = write_directory(tmp_path / "report", source)
    (page_path.parent / "part-0.js").unlink()
    page = view_run(browser, page_path)

    page.evaluate("location.hash = '#view=run&run=run-0'")
    page.wait_for_selector(".view-run .empty")

    assert page.inner_text(".view-run .empty") == "part-0.js is missing beside this page."
    page.close()


@pytest.mark.browser
def test_a_page_takes_no_part_of_a_newer_report_for_its_own(browser, tmp_path, source):
    page_path = write_directory(tmp_path / "report", source)
    page = view_run(browser, page_path)
    write_directory(tmp_path / "report", make_source(history(3, seed=2)))

    page.evaluate("location.hash = '#view=run&run=run-0'")
    page.wait_for_selector(".view-run .empty")

    assert "A newer report lies where this page came from" in page.inner_text(".view-run")
    page.close()
