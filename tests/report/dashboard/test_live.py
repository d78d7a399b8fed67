"""The served page: what it is allowed to do, and how it follows a store that is written to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from wsgiref.util import setup_testing_defaults

import pytest

from sepconv.report.dashboard.live import Stamp, enliven, serve_live, waiting_page
from sepconv.report.dashboard.page import render
from sepconv.report.dashboard.policy import FILE_POLICY, LIVE_POLICY, own_hosts
from tests.report.dashboard.conftest import make_source
from tests.report.sample import HOSTILE, history
from tests.served import LIMIT_S, Served, keep_run, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STAMP = Stamp("abc", {1: 3})
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"')
SOON_MS = 1000 * LIMIT_S


def ask(application, path: str = "/") -> str:
    """What the application answers, without any network."""
    environ: dict[str, object] = {}
    setup_testing_defaults(environ)
    environ |= {"HTTP_HOST": "localhost:8050", "PATH_INFO": path}
    return b"".join(application(environ, lambda status, headers: None)).decode()


def test_the_served_page_may_ask_its_own_server_and_nobody_else():
    page = render(make_source(history(1)))

    served = enliven(page, STAMP)

    assert len(POLICY.findall(page)) == 1
    assert POLICY.findall(served) == [LIVE_POLICY]
    assert f"{FILE_POLICY}; connect-src 'self'" == LIVE_POLICY
    assert served.index('id="document"') < served.index('id="live"') < served.index("</body>\n")


def test_what_a_store_says_of_itself_cannot_end_the_script_that_it_stands_in():
    served = enliven(waiting_page("Mine", "nothing"), Stamp(HOSTILE, {}, HOSTILE))

    said = served.partition('id="live">')[2].partition("</script>")[0]
    assert json.loads(said) == {"state": HOSTILE, "measured": {}, "progress": HOSTILE}


def test_what_went_wrong_is_text_on_the_page():
    page = waiting_page(HOSTILE, HOSTILE)

    assert "<img" not in page
    assert "&lt;img" in page


def test_a_page_is_drawn_once_for_all_who_ask_until_the_state_is_another():
    state, drawn = ["a"], []

    def draw() -> str:
        drawn.append(state[0])
        return f"<body>{state[0]}</body>"

    application = serve_live(lambda: Stamp(state[0], {}), draw, port=8050)
    with ThreadPoolExecutor(8) as pool:
        pages = set(pool.map(lambda _: ask(application), range(20)))
    state[0] = "b"
    later = ask(application)

    assert drawn == ["a", "b"]
    assert len(pages) == 1
    assert "<body>b" in later


def test_asking_for_the_state_draws_no_page():
    drawn: list[str] = []
    application = serve_live(lambda: STAMP, lambda: drawn.append("page") or "", port=8050)

    said = ask(application, "/state")

    assert json.loads(said) == {"state": "abc", "measured": {"1": 3}, "progress": None}
    assert drawn == []


def test_a_browser_leaves_out_the_usual_port():
    assert own_hosts(80) >= {"localhost", "127.0.0.1", "[::1]", "localhost:80"}
    assert "localhost" not in own_hosts(8050)


@pytest.fixture
def store_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def served(store_url) -> Iterator[Served]:
    with serving(store_url) as served:
        yield served


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A page with a clock that can be put forward; the test fails on any error in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.set_default_timeout(SOON_MS)
    page.clock.install()
    yield page
    context.close()
    assert [each for each in trouble if "ERR_CONNECTION_REFUSED" not in each] == []


def show(page: Page, served: Served, place: str = "") -> None:
    page.goto(served.address + place)
    page.wait_for_selector("html[data-ready]", state="attached")


def live(page: Page) -> str:
    return " ".join(page.inner_text(".live").split())


@pytest.mark.browser
def test_the_page_says_what_is_new_and_shows_it_where_one_was(page, served, store_url):
    keep_run(store_url, 0)
    show(page, served, "#view=explore")
    same = live(page)
    keep_run(store_url, 1, measured=2, state="running")
    page.clock.fast_forward(6_000)
    page.wait_for_selector("html[data-live=new]", state="attached")
    new = live(page)

    with page.expect_navigation():
        page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_selector("html[data-ready]", state="attached")

    assert same == "Up to date. Follow"
    assert new == "2 new results. Run 2 has 2 of 2 cases so far. Show Follow"
    assert page.url == f"{served.address}#view=explore"
    assert page.evaluate("sepconv.doc.runs.uid") == ["run-0", "run-1"]
    assert live(page) == "Up to date. Run 2 has 2 of 2 cases so far. Follow"


@pytest.mark.browser
def test_who_lets_it_follow_sees_what_is_new_without_a_click(page, served, store_url):
    keep_run(store_url, 0)
    show(page, served)
    page.check("text=Follow")
    keep_run(store_url, 1)

    with page.expect_navigation():
        page.clock.fast_forward(30_000)
    page.wait_for_selector("html[data-ready]", state="attached")

    assert page.evaluate("sepconv.doc.runs.uid") == ["run-0", "run-1"]
    assert page.is_checked("text=Follow")


@pytest.mark.browser
def test_a_page_that_waits_shows_the_first_results_by_itself(page, served, store_url):
    show(page, served)
    said = page.inner_text("main")
    keep_run(store_url, 0)

    with page.expect_navigation():
        page.clock.fast_forward(6_000)
    page.wait_for_selector("html[data-ready]", state="attached")

    assert "run `sepconv quick` first" in said
    assert page.evaluate("sepconv.doc.runs.uid") == ["run-0"]


@pytest.mark.browser
def test_a_page_whose_server_is_gone_says_so_and_stays(page, served, store_url):
    keep_run(store_url, 0)
    show(page, served)
    shown = page.inner_text("main")
    served.process.kill()
    served.process.wait()

    page.clock.fast_forward(6_000)
    page.wait_for_selector("html[data-live=alone]", state="attached")

    assert live(page).startswith("The server does not answer")
    assert page.inner_text("main") == shown


@pytest.mark.browser
def test_a_page_that_nobody_looks_at_asks_nothing(page, served, store_url):
    keep_run(store_url, 0)
    show(page, served)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"))"""
    )
    page.clock.run_for(120_000)
    unseen = list(asked)
    page.evaluate(
        """delete document.hidden;
        document.dispatchEvent(new Event("visibilitychange"))"""
    )

    with page.expect_response("**/state"):
        page.clock.run_for(100)

    assert unseen == []
