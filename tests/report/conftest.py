"""One browser for the whole session, and a fresh page that reports whatever goes wrong in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sepconv.report.offline import write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenPage = Callable[..., "Page"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, or a skip; under CI a missing one is a failure."""
    executable = shutil.which("chromium")
    if executable is None:
        explain = pytest.fail if os.environ.get("CI") else pytest.skip
        explain("no `chromium` on the path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def open_html(browser: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens a page of ours; the test fails on any error or request of it."""
    trouble: list[str] = []
    contexts = []

    def open_text(html: str, hash_: str = "", *, script: bool = True, **settings: Any) -> Page:
        path = tmp_path / "page.html"
        write(path, html)
        usual = {"viewport": {"width": 1280, "height": 800}, "java_script_enabled": script}
        context = browser.new_context(**(usual | settings))
        contexts.append(context)
        page = context.new_page()
        url = path.as_uri()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: (
                trouble.append(request.url) if not request.url.startswith(url) else None
            ),
        )
        page.goto(url + hash_)
        if script:
            page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_text
    for context in contexts:
        context.close()
    assert trouble == []
