"""`sepconv serve` as a process of its own, what one may ask of it, and runs for it to show."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse

from sepconv.store import Store
from tests.report.sample import make_run, trio

LIMIT_S = 60.0  # for what takes a moment on a machine that is not busy


@dataclass(frozen=True)
class Served:
    """A server that listens."""

    process: subprocess.Popen[str]
    port: int
    said: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, path: str = "/", method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
        """What it answers, and the text of that."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text


@contextmanager
def serving(store_url: str, *options: str) -> Iterator[Served]:
    """A server of that store, on a port of its own, until the end of the block."""
    command = [sys.executable, "-m", "sepconv", "serve", "--store", store_url, "--port", "0"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        assert found is not None, process.communicate(timeout=LIMIT_S)
        yield Served(process, int(found[1]), said)
    finally:
        process.kill()
        process.communicate(timeout=LIMIT_S)


def keep_run(store_url: str, number: int, *, measured: int = 3, state: str = "done") -> None:
    """Store run `number`, or what has come to be known of it: `measured` of its three cases."""
    with Store(store_url) as store:
        run_id = store.begin_run(make_run(number, state="running", finished_at=None))
        store.put_measurements(run_id, trio(32 * (number + 1))[:measured])
        if state != "running":
            at = f"2026-03-{number + 1:02d}T22:11:04+00:00"
            store.finish_run(run_id, state=state, finished_at=at, timing={"measuring": 48.7})
