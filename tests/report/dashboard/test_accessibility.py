"""Every view before axe-core, in both colour schemes, wide and narrow.

Where axe is comes from `SEPCONV_AXE`, as in `SEPCONV_AXE=/tmp/axe/package/axe.min.js`, which
`npm pack axe-core` brings. It finds what a program can find; keyboard and speech are other tests'.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sepconv.report.dashboard.page import VIEWS, render
from tests.judge.nights import night
from tests.report.dashboard.conftest import make_source
from tests.report.event_sample import changed, event
from tests.report.sample import MACHINE, history
from tests.served import keep_run, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

SIZES = {"wide": (1280, 800), "narrow": (360, 740)}
GRAVE = ("serious", "critical")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def axe() -> str:
    """axe's script, or a skip; under CI a missing one is a failure."""
    place = os.environ.get("SEPCONV_AXE", "")
    if not place:
        explain = pytest.fail if os.environ.get("CI") else pytest.skip
        explain("SEPCONV_AXE does not say where axe.min.js is")
    return Path(place).read_text("utf-8")


@pytest.fixture(scope="module")
def dashboard() -> str:
    """Runs with failures, a second environment, nights and an event: every part of every view."""
    runs = history(5)
    cases = [each.case for each in runs[-1][1] if each.is_measured][:3]
    nights = [night(number, dict.fromkeys(cases, 1.1), machine=MACHINE) for number in (2, 1)]
    return render(make_source(runs, [event(*map(changed, cases))], comparisons=nights))


@pytest.fixture(scope="module")
def empty() -> str:
    """A dashboard before the first run."""
    return render(make_source([]))


def find_grave(page: Page, axe: str) -> list[str]:
    """What axe finds that hinders somebody: rule, place, and what it says of it."""
    page.evaluate(axe)  # not as a script element, which the policy of the page would refuse
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{one['impact']} {one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_grave(open_html, axe, dashboard, view, scheme, size):
    width, height = SIZES[size]

    page = open_html(
        dashboard,
        f"#view={view}",
        color_scheme=scheme,
        viewport={"width": width, "height": height},
    )

    assert find_grave(page, axe) == []


@pytest.mark.browser
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_grave_where_there_is_nothing_yet(open_html, axe, empty, view):
    page = open_html(empty, f"#view={view}")

    assert find_grave(page, axe) == []


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave_in_what_a_server_adds(browser, axe, scheme, tmp_path):
    context = browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 740})
    page = context.new_page()
    store_url = f"sqlite:///{tmp_path / 'store.db'}"
    with serving(store_url) as served:
        page.goto(served.address)
        waiting = find_grave(page, axe)
        keep_run(store_url, 0)
        page.goto(f"{served.address}#view=run")
        page.wait_for_selector("html[data-ready]", state="attached")
        live = find_grave(page, axe)
    context.close()

    assert (waiting, live) == ([], [])


@pytest.mark.browser
def test_axe_would_notice(open_html, axe, empty):
    page = open_html(empty)
    page.evaluate("document.body.append(document.createElement('button'))")

    assert any("button-name" in each for each in find_grave(page, axe))
