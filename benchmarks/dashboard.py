"""Measure the dashboard: its bytes, how long it takes to make, and how quick it is in Chromium.

    python benchmarks/dashboard.py                       2,000 cases × 50 runs, in one file
    python benchmarks/dashboard.py --cases 10000 --runs 200      in a folder
    python benchmarks/dashboard.py --store sample.db     of a store that is there

Prints each figure beside its budget. Seconds of making are CPU seconds; on a machine that is
shared they grow with the load, and the loop on the first line tells by how much. Milliseconds in
the browser are those of its own clock, and of the best of a few tries where there are several.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from sepconv import Case, Store
from sepconv.cli.report import read_history, write_dashboard
from sepconv.conv_type import ConvType
from sepconv.record import Estimate, Measurement, Status
from sepconv.run import Environment, Machine, Revision, Run

MOST_ONE_FILE = 150_000  # points; the budgets of one file are for 2,000 × 50
NEEDED = ("sepconv.store", "sepconv.report.dashboard.shard", "jinja2", "sepconv.cli.source")
LOOP = 10_000_000
TRIES = 5
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

WATCH = """
new MutationObserver(() => {
  if (!window.tableAt && document.querySelector(".view-explore tr[data-row]"))
    window.tableAt = performance.now();
}).observe(document, { childList: true, subtree: true });
"""
FILTER = """
() => {
  const search = document.querySelector(".view-explore input[type=search]");
  const before = performance.now();
  search.value = search.value ? "" : "depthwise 64";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  return performance.now() - before;
}
"""
SELECT = """
async (number) => {
  const row = document.querySelectorAll(".view-explore tr[data-row]")[number];
  const before = performance.now();
  row.click();
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  do await frame(); while (!document.documentElement.dataset.ready);
  return performance.now() - before;
}
"""


def main() -> int:
    """Make the page and look at it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--store", help="measure the page of this store instead")
    asked = parser.parse_args()
    print(f"a loop of {LOOP:,} additions takes {loop_s():.2f} s of CPU time just now")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = asked.store or str(fill(folder / "store.db", asked.cases, asked.runs))
        figures = [*make(url, folder), *look(folder / "page.html")]
    for what, found, budget in figures:
        print(f"{what:36} {found:>12}   {budget}")
    return 0


def loop_s() -> float:
    """How fast this machine is just now."""
    began, total = time.process_time(), 0
    for number in range(LOOP):
        total += number
    return time.process_time() - began


def make(url: str, folder: Path) -> Iterator[tuple[str, str, str]]:
    """Read the store and write the page; what is imported for it is not counted."""
    for name in NEEDED:
        importlib.import_module(name)
    began = time.process_time()
    source = read_history(url)
    read = time.process_time()
    page = write_dashboard(source, folder / "page.html")
    done = time.process_time()
    points, series = len(source.panel), len(source.panel.cases)
    is_one_file = points <= MOST_ONE_FILE
    yield f"points of {series:,} cases", f"{points:,}", "one file" if is_one_file else "a folder"
    yield "reading / CPU s", f"{read - began:.2f}", "≤ 1.5" if is_one_file else ""
    yield "generating / CPU s", f"{done - read:.2f}", "≤ 1" if is_one_file else ""
    if page.parent == folder:
        yield "bytes", f"{page.stat().st_size:,}", "≤ 6,000,000" if is_one_file else ""
    else:
        sizes = [each.stat().st_size for each in page.parent.iterdir()]
        yield f"bytes of {len(sizes)} files", f"{sum(sizes):,}", ""
        yield "bytes of its page", f"{page.stat().st_size:,}", ""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    yield "most memory / GiB", f"{peak:.2f}", "≤ 2"


def look(page_path: Path) -> Iterator[tuple[str, str, str]]:
    """Open the page in Chromium, search in it and choose cases."""
    from playwright.sync_api import sync_playwright

    trouble: list[str] = []
    requests: list[str] = []
    with sync_playwright() as playwright:
        executable = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("request", lambda request: requests.append(request.url))
        page.add_init_script(WATCH)
        page.goto(page_path.as_uri())
        wait_until_ready(page)
        yield "overview is drawn / s", f"{page.evaluate('performance.now()') / 1000:.2f}", ""
        page.goto("about:blank")
        page.goto(page_path.as_uri() + "#view=explore")
        wait_until_ready(page)
        yield "table is usable / s", f"{page.evaluate('tableAt') / 1000:.2f}", "≤ 0.5"
        nodes = page.evaluate("document.querySelectorAll('*').length")
        yield "elements", f"{nodes:,}", "≤ 1,500"
        yield "filter / ms", best(page, FILTER), "≤ 16"
        yield "select, until it is drawn / ms", best(page, SELECT), "≤ 100"
        browser.close()
    foreign = [url for url in requests if not url.startswith(("file:", "about:", "data:", "blob:"))]
    yield "requests to a network", str(len(foreign)), "0"
    yield "errors", str(len(trouble)), "0"
    for each in trouble:
        print(each, file=sys.stderr)


def wait_until_ready(page: Any) -> None:
    page.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)


def best(page: Any, script: str) -> str:
    """The shortest of a few tries: what the page takes, not what else the machine does."""
    found = []
    for number in range(TRIES):
        found.append(page.evaluate(script, number))
        page.wait_for_timeout(400)
    return f"{min(found):.1f}"


def fill(path: Path, cases: int, runs: int) -> Path:
    """A store with so many made-up runs of so many cases."""
    chance = Random(1)
    swept = list(sweep(cases))
    with Store(path) as store:
        numbers = [store.begin_run(make_run(number)) for number in range(runs)]
        store.put_measurements(numbers[0], [measure(case, chance) for case in swept])
        for number in numbers:
            store.finish_run(number, state="done", finished_at="2026-03-01T00:00:00", timing={})
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous=OFF")
        for number in numbers[1:]:
            copy_run(connection, numbers[0], number, chance)
    return path


def copy_run(connection: sqlite3.Connection, model: int, number: int, chance: Random) -> None:
    """The first run once more, each value a little larger or smaller."""
    connection.execute(
        "INSERT INTO measurement (run_id, case_id, status, error, passes) "
        "SELECT ?, case_id, status, error, passes FROM measurement WHERE run_id = ?",
        (number, model),
    )
    connection.create_function("noise", 0, lambda: chance.gauss(1, 0.02))
    connection.execute(
        "WITH drawn AS MATERIALIZED ("
        "  SELECT new.id, metric, value, low, high, noise() AS by FROM value "
        "  JOIN measurement old ON old.id = value.measurement_id AND old.run_id = ? "
        "  JOIN measurement new ON new.case_id = old.case_id AND new.run_id = ?) "
        "INSERT INTO value (measurement_id, metric, value, low, high, status, error) "
        "SELECT id, metric, value * by, low * by, high * by, NULL, NULL FROM drawn",
        (model, number),
    )


def sweep(count: int) -> Iterator[Case]:
    """As many different cases, in threes of one shape."""
    shapes = product((1, 2), (1, 2, 4, 8), (3, 5), (14, 28, 56, 112), range(8, 4096, 8))
    for stride, batch, kernel, size, channels in shapes:
        for conv_type in ConvType:
            if count == 0:
                return
            count -= 1
            yield Case(
                conv_type=conv_type,
                in_channels=channels,
                out_channels=channels,
                height=size,
                width=size,
                kernel_size=kernel,
                stride=stride,
                batch_size=batch,
            )


def measure(case: Case, chance: Random) -> Measurement:
    latency = case.in_channels * case.height * case.batch_size * 1e-8 * chance.uniform(1, 2)
    values = {"latency_s": estimate(latency, 0.02)}
    if case.conv_type != ConvType.STANDARD:
        values["realised_speedup"] = estimate(speedup(case) * chance.gauss(1, 0.02), 0.03)
    return Measurement(case, Status.OK, values=values, passes=8)


def speedup(case: Case) -> float:
    """Rises with the channels and the image, as real ones do, and crosses 1."""
    most = 4.0 if case.conv_type == ConvType.DEPTHWISE_SEPARABLE else 1.6
    return most * case.in_channels / (case.in_channels + 40) * (case.height / 56) ** 0.2


def estimate(value: float, width: float) -> Estimate:
    return Estimate(value, value * (1 - width), value * (1 + width))


def make_run(number: int) -> Run:
    machine = Machine("Some CPU", "x86_64", 2, 2, 16)
    environment = Environment("3.11", "2.13.0", (), "AVX2", "tuned")
    day = f"20{10 + number // 336:02d}-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"
    commit = Revision(f"{number:040x}", (), f"{day}T01:00:00", "", f"Change {number}")
    run = Run(f"{number:032x}", "made-up", f"{day}T02:00:00", machine, environment, commit)
    return replace(run, branch="main", dirty=False, conditions={"synthetic": True})


if __name__ == "__main__":
    sys.exit(main())
