"""The page of large histories: its budgets, printed; what does not depend on the machine is held.

Seconds and milliseconds are those of a machine that others use too, so that no test fails by
them: `python benchmarks/dashboard.py` shows them beside their budgets.
"""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from benchmarks.dashboard import fill
from sepconv.cli.report import read_history, write_dashboard
from sepconv.report.dashboard.page import VIEWS

MOST_BYTES = 6_000_000  # of one file
MOST_NODES = 1_500
SIZES = {"2,000 cases × 50 runs, one file": (2000, 50), "10,000 cases × 20 runs": (10_000, 20)}

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module", params=SIZES, ids=str)
def large(request, tmp_path_factory):
    """A page of so many cases and runs."""
    folder = tmp_path_factory.mktemp("large")
    cases, runs = SIZES[request.param]
    store = fill(folder / "store.db", cases, runs)
    path = write_dashboard(read_history(str(store)), folder / "page.html")
    return SimpleNamespace(folder=folder, path=path, cases=cases, runs=runs)


@pytest.fixture
def page(browser, large):
    """A fresh page; whatever goes wrong in it, and whatever it asks a network for, is kept."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.trouble = []
    page.on("console", lambda message: page.trouble.append(message.text))
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith(large.path.parent.as_uri()) or page.trouble.append(request.url)
        ),
    )
    yield page
    context.close()


def wait(page):
    page.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)


def count_nodes(page):
    return page.evaluate("document.querySelectorAll('*').length")


def test_its_budgets_are_told(large, capsys):
    """In a process of its own, which may start a browser of its own."""
    asked = ["--cases", str(large.cases), "--runs", str(large.runs)]
    told = subprocess.run(
        [sys.executable, "benchmarks/dashboard.py", *asked],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = dict(re.findall(r"^(.+?)  +([\d,.]+)(?:  |$)", told, re.MULTILINE))

    with capsys.disabled():
        print(f"\n{told}")
    assert found["errors"] == found["requests to a network"] == "0"
    assert int(found["elements"].replace(",", "")) <= MOST_NODES


def test_no_file_is_larger_than_a_page_may_be(large):
    files = [large.path] if large.path.parent == large.folder else large.path.parent.iterdir()

    assert max(each.stat().st_size for each in files) <= MOST_BYTES


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_reached_by_its_permalink_and_stays_small(large, page, view):
    page.goto(f"{large.path.as_uri()}#view={view}")
    wait(page)

    assert page.locator(f".view-{view}").count() == 1
    assert count_nodes(page) <= MOST_NODES
    assert page.trouble == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_reached_by_keyboard(large, page, view):
    page.goto(f"{large.path.as_uri()}#view={'run' if view == 'overview' else 'overview'}")
    wait(page)

    for _ in range(len(VIEWS) + 4):  # behind the link that leads past them, and two pickers
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.view") == view:
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(f".view-{view}")
    wait(page)

    assert page.trouble == []


def test_an_axis_of_many_values_does_not_make_many_elements(large, page):
    page.goto(f"{large.path.as_uri()}#view=explore")
    wait(page)
    for summary in page.locator(".view-explore summary").all():
        summary.click()
    page.wait_for_timeout(300)

    assert count_nodes(page) <= MOST_NODES
    assert page.trouble == []


def test_a_case_in_the_middle_is_found_and_opened(large, page):
    page.goto(f"{large.path.as_uri()}#view=explore")
    wait(page)
    label = page.evaluate(f"sepconv.doc.cases.label[{large.cases // 2}]")

    page.fill("input[type=search]", label)
    page.wait_for_function(
        "() => document.querySelectorAll('.view-explore tr[data-row]').length === 1"
    )
    page.locator(".view-explore .scroll").press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".view-case")
    wait(page)

    assert page.locator("h1").last.inner_text().strip() == label
    assert page.trouble == []
