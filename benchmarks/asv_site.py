"""One history as our dashboard and as asv's site: bytes, seconds to make, seconds to see.

    python -m venv /tmp/asv && /tmp/asv/bin/pip install asv virtualenv
    npm install --ignore-scripts --prefix /tmp/vendor jquery@3.3.1 flot@0.8.3 \\
        flot-orderbars@1.0.0 stupid-table-plugin blueimp-md5@2.19.0 bootstrap@3.1.1
    python benchmarks/asv_site.py --asv /tmp/asv/bin/asv --vendor /tmp/vendor/node_modules

Both get the same made-up latencies: the same cases on the same commits. asv has one benchmark for
each conv type, whose parameters are the axes, as its manual advises. Its page loads its libraries
from three hosts of the internet; here they come from `--vendor`, without any way to go, so its
seconds are the least that a reader could see. Ours is opened from the disk.

A row per tool: bytes and files; wall seconds of the command that makes it; seconds from the
address to a table of every case (asv: its list of all benchmarks), and to the history of one case;
requests meanwhile. Figures of one run may be compared; those of two runs are of two hours.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from math import nan
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

import sepconv
from sepconv.cli.sample import write_history
from sepconv.store.frame import AXES

if TYPE_CHECKING:
    import pandas as pd
    from playwright.sync_api import Browser, Page, Route

MACHINE, ENVIRONMENT = "made-up", "virtualenv-py3.11"
VENDOR = {  # the end of an address in asv's page → where npm puts that file
    "jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
    "jquery.flot.min.js": "flot/jquery.flot.js",
    "jquery.flot.time.min.js": "flot/jquery.flot.time.js",
    "jquery.flot.selection.min.js": "flot/jquery.flot.selection.js",
    "jquery.flot.categories.min.js": "flot/jquery.flot.categories.js",
    "jquery.flot.orderBars.js": "flot-orderbars/js/jquery.flot.orderBars.js",
    "stupidtable.min.js": "stupid-table-plugin/stupidtable.min.js",
    "md5.min.js": "blueimp-md5/js/md5.min.js",
    "bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
}
LIMIT_MS = 120_000


def write_asv_project(folder: Path, latencies: pd.DataFrame) -> Path:
    """A project of asv's with these results: a repository with a commit per run, and a file of
    results per commit; returns where its configuration is."""
    runs = latencies[["run", "started_at"]].drop_duplicates().sort_values("started_at")
    commits = make_repository(folder / "repository", [str(at) for at in runs["started_at"]])
    varying = [axis for axis in AXES if latencies[axis].nunique() > 1 and axis != "conv_type"]
    values = {axis: sorted(latencies[axis].unique().tolist()) for axis in varying}
    names = sorted(latencies["conv_type"].unique())
    results = folder / "results" / MACHINE
    write_json(folder / "results" / "benchmarks.json", describe_benchmarks(names, values))
    write_json(results / "machine.json", {"machine": MACHINE, "version": 1})
    of_run = dict(iter(latencies.groupby("run")))
    for run, at, commit in zip(runs["run"], runs["started_at"], commits, strict=True):
        found = describe_results(of_run[run], names, values)
        date_ms = round(at.timestamp() * 1000)
        name = f"{commit[:8]}-{ENVIRONMENT}.json"
        write_json(results / name, found | {"commit_hash": commit, "date": date_ms})
    configuration = folder / "asv.conf.json"
    project = {"version": 1, "project": "made-up", "repo": "repository", "branches": ["main"]}
    write_json(configuration, project | {"environment_type": "virtualenv"})
    return configuration


def make_repository(folder: Path, dates: Sequence[str]) -> list[str]:
    """A repository with an empty commit at each date; returns their hashes."""
    folder.mkdir(parents=True)
    who = {
        f"GIT_{role}_{part}": "made-up"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    git: Callable[..., str] = partial(_git, folder, os.environ | who)
    git("init", "--quiet", "--initial-branch", "main")
    commits = []
    for date in dates:
        git("commit", "--quiet", "--allow-empty", "--message", date, at=date)
        commits.append(git("rev-parse", "HEAD").strip())
    return commits


def _git(folder: Path, environment: Mapping[str, str], *words: str, at: str = "") -> str:
    dated = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at else {}
    answer = subprocess.run(
        ["git", *words],
        cwd=folder,
        env={**environment, **dated},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout


def describe_benchmarks(
    names: Sequence[str], values: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """asv's benchmarks.json: one for each conv type, with the axes as parameters."""
    described = {
        f"time_{name}": {
            "name": f"time_{name}",
            "code": f"def time_{name}({', '.join(values)}): ...",
            "type": "time",
            "unit": "seconds",
            "version": "1",
            "param_names": list(values),
            "params": [[repr(value) for value in each] for each in values.values()],
        }
        for name in names
    }
    return described | {"version": 2}


def describe_results(
    latencies: pd.DataFrame, names: Sequence[str], values: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """asv's file of one commit: values and 99 % intervals in the order of the parameters."""
    columns = [
        "result",
        "params",
        "version",
        "started_at",
        "duration",
        "stats_ci_99_a",
        "stats_ci_99_b",
    ]
    params = [[repr(value) for value in each] for each in values.values()]
    keys = [latencies["conv_type"], *(latencies[axis] for axis in values)]
    rows = zip(latencies["value"], latencies["low"], latencies["high"], strict=True)
    known = dict(zip(zip(*keys, strict=True), rows, strict=True))
    found: dict[str, Any] = {}
    for name in names:
        cells = [known.get((name, *cell), (nan, nan, nan)) for cell in product(*values.values())]
        value, low, high = (list(column) for column in zip(*cells, strict=True))
        found[f"time_{name}"] = [value, params, "1", 0, 0.0, low, high]
    return {
        "version": 2,
        "env_name": ENVIRONMENT,
        "python": "3.11",
        "params": {"machine": MACHINE, "python": "3.11"},
        "requirements": {},
        "env_vars": {},
        "durations": {},
        "result_columns": columns,
        "results": found,
    }


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain))


def timed(command: Sequence[str], folder: Path) -> float:
    """Wall seconds of a command, its start included."""
    began = perf_counter()
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    took_s = perf_counter() - began
    if answer.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{answer.stdout}{answer.stderr}")
    return took_s


@contextmanager
def over_http(folder: Path) -> Iterator[str]:
    """The address of a folder, as `asv preview` serves it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def seen_after(
    browser: Browser, address: str, steps: Sequence[tuple[str, str]], vendor: Path | None
) -> tuple[list[float], int]:
    """Seconds until each step (a hash, and what is to be seen then), and requests; each step is
    in a page of its own."""
    seconds, asked = [], 0
    for place, wanted in steps:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        requests: list[str] = []
        page.on("request", lambda one, asked=requests: asked.append(one.url))
        if vendor is not None:
            page.route(
                lambda url: "127.0.0.1" not in url, lambda route: _from_vendor(route, vendor)
            )
        seconds.append(_seconds_until(page, address + place, wanted))
        asked += len(requests)
        context.close()
    return seconds, asked


def _seconds_until(page: Page, address: str, wanted: str) -> float:
    began = perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(wanted, state="attached", timeout=LIMIT_MS)
    return perf_counter() - began


def _from_vendor(route: Route, vendor: Path) -> None:
    name = route.request.url.partition("?")[0].rpartition("/")[2]
    if name in VENDOR:
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(path=vendor / VENDOR[name], headers=headers)
    else:
        route.abort()


def drop_integrity(page: Path) -> None:
    """The files of npm are those of the hosts, but for being minified by somebody else."""
    page.write_text(re.sub(r' integrity="[^"]*"', "", page.read_text()))


def size(place: Path) -> tuple[int, int]:
    """Bytes and files."""
    files = [place] if place.is_file() else [one for one in place.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files), len(files)


def ours(browser: Browser, url: str, folder: Path) -> list[str]:
    page = folder / "dashboard.html"
    command = [sys.executable, "-m", "sepconv", "report", "--store", url, "--output", str(page)]
    took_s = timed(command, Path.cwd())
    steps = [
        ("#view=explore", "[role=row]:nth-child(6), tbody tr:nth-child(6)"),
        ("#view=case", "html[data-ready]"),
    ]
    made = page.with_suffix("") if page.with_suffix("").is_dir() else page
    return row("sepconv report", made, took_s, *seen_after(browser, page.as_uri(), steps, None))


def theirs(
    browser: Browser, asv: str, latencies: pd.DataFrame, folder: Path, vendor: Path
) -> list[str]:
    configuration = write_asv_project(folder / "asv", latencies)
    took_s = timed([asv, "publish", "--config", str(configuration)], folder / "asv")
    site = folder / "asv" / "html"
    drop_integrity(site / "index.html")
    case = latencies["conv_type"].min()
    steps = [
        ("#summarylist", "#summarylist-body tbody tr:nth-child(6)"),
        (f"#time_{case}", "#main-graph canvas.flot-overlay"),
    ]
    with over_http(site) as address:
        return row("asv publish", site, took_s, *seen_after(browser, address, steps, vendor))


def row(tool: str, made: Path, took_s: float, seconds: Sequence[float], asked: int) -> list[str]:
    found, files = size(made)
    seen = [f"{each:.1f} s" for each in seconds]
    return [tool, f"{found / 1e6:.1f} MB", str(files), f"{took_s:.1f} s", *seen, str(asked)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--asv", required=True, help="the program, in an environment of its own")
    parser.add_argument(
        "--vendor", type=Path, required=True, help="node_modules with its libraries"
    )
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        url = f"sqlite:///{folder / 'store.db'}"
        with sepconv.Store(url) as store:
            write_history(store, cases=options.cases, runs=options.runs, seed=1)
        latencies = sepconv.load(url, metrics=["latency_s"]).dropna(subset="value")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        rows = [
            ours(browser, url, folder),
            theirs(browser, options.asv, latencies, folder, options.vendor.resolve()),
        ]
        browser.close()
    print(f"{options.cases} cases, {options.runs} runs, {len(latencies)} latencies")
    head = ["tool", "bytes", "files", "to make", "to the table", "to a history", "requests"]
    for cells in (head, *rows):
        print("  ".join(f"{cell:>14}" for cell in cells))


if __name__ == "__main__":
    main()
