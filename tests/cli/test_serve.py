"""`sepconv serve`, as a process of its own, before a real store."""

import json
import signal
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from sepconv.cli import DONE, cli
from sepconv.errors import InvalidSelection, NotAStore
from sepconv.report.dashboard.policy import LIVE_POLICY
from tests.report.sample import trio
from tests.served import LIMIT_S, keep_run, serving
from tests.store.conftest import PASSWORD
from tests.store.conftest import postgresql_server as postgresql_server
from tests.store.conftest import postgresql_url as postgresql_url


@pytest.fixture
def store_url(tmp_path):
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def served(store_url):
    keep_run(store_url, 0)
    with serving(store_url) as served:
        yield served


@pytest.fixture(scope="module")
def unchanging(tmp_path_factory):
    """A server that many tests ask, of a store that none of them writes to."""
    store_url = f"sqlite:///{tmp_path_factory.mktemp('unchanging') / 'store.db'}"
    keep_run(store_url, 0)
    with serving(store_url, "--title", "Mine & <yours>") as served:
        yield served


def test_the_page_is_served_and_its_address_said(unchanging):
    response, page = unchanging.ask()

    assert unchanging.said.startswith("sqlite:////")
    assert unchanging.said.endswith(f"/store.db is at {unchanging.address}; Ctrl-C ends it\n")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"].startswith(LIVE_POLICY)
    assert "<title>Mine &amp; &lt;yours&gt;</title>" in page
    assert "run-0" in page


def test_it_listens_to_this_machine_alone(unchanging):
    (listening,) = (
        one
        for one in psutil.Process(unchanging.process.pid).net_connections()
        if one.status == "LISTEN"
    )

    assert listening.laddr.ip == "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}"])
def test_it_answers_to_the_names_of_this_machine(unchanging, host):
    response, _ = unchanging.ask("/state", Host=host.format(port=unchanging.port))

    assert response.status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.nip.io", ""],
)
def test_a_name_that_somebody_else_gave_us_gets_nothing(unchanging, host):
    response, text = unchanging.ask(Host=host.format(port=unchanging.port))

    assert (response.status, text) == (403, f"this answers to {unchanging.address} only\n")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_the_page_of_another_site_is_refused(unchanging, origin):
    response, _ = unchanging.ask("/state", Origin=origin)

    assert response.status == 403


def test_no_other_site_may_read_or_frame_what_it_answers(unchanging):
    response, _ = unchanging.ask("/state")

    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_but_reading_is_possible(unchanging, method):
    response, _ = unchanging.ask(method=method)

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/store.db", "/../../etc/passwd", "//evil.example/", "/%2e%2e/"])
def test_there_is_no_other_file_behind_it(unchanging, path):
    response, _ = unchanging.ask(path)

    assert response.status == 404


def test_asking_for_the_head_alone_gives_the_head_alone(unchanging):
    _, page = unchanging.ask()

    response, text = unchanging.ask(method="HEAD")

    assert (int(response.headers["Content-Length"]), text) == (len(page.encode()), "")


def test_the_state_stays_until_something_is_written(served, store_url):
    before = json.loads(served.ask("/state")[1])
    again = json.loads(served.ask("/state")[1])
    keep_run(store_url, 1, measured=2, state="running")

    after = json.loads(served.ask("/state")[1])

    assert before == again
    assert before["measured"] == {"1": 3}
    assert after["state"] != before["state"]
    assert after["measured"] == {"1": 3, "2": 2}
    assert after["progress"] == "Run 2 has 2 of 2 cases so far."


@pytest.mark.postgresql
def test_a_store_in_postgresql_is_followed_too(postgresql_url):
    keep_run(postgresql_url, 0)
    with serving(postgresql_url) as served:
        before = json.loads(served.ask("/state")[1])
        keep_run(postgresql_url, 1)
        after, deadline = before, time.monotonic() + LIMIT_S
        while after == before and time.monotonic() < deadline:  # it looks once a second
            time.sleep(0.1)
            after = json.loads(served.ask("/state")[1])
        _, page = served.ask()

    assert after["measured"] == {"1": 3, "2": 3}
    assert "run-1" in page
    assert PASSWORD not in served.said + page


def test_an_unchanged_page_is_not_sent_twice(served, store_url):
    tag = served.ask()[0].headers["ETag"]
    same, nothing = served.ask(If_None_Match=tag)
    keep_run(store_url, 1)

    changed, page = served.ask(If_None_Match=tag)

    assert (same.status, nothing) == (304, "")
    assert changed.status == 200
    assert "run-1" in page


def test_serving_changes_nothing_in_the_store(unchanging):
    path = Path(unchanging.said.removeprefix("sqlite:///").partition(" is at ")[0])
    before = path.read_bytes()

    unchanging.ask()
    unchanging.ask("/state")

    assert path.read_bytes() == before


def test_the_store_is_not_kept_open(served, tmp_path):
    """So that `sepconv db prune` can make it smaller, and a backup can take its place."""
    served.ask()

    opened = {file.path for file in psutil.Process(served.process.pid).open_files()}

    assert str(tmp_path / "store.db") not in opened


def test_many_may_ask_while_somebody_writes(served, store_url):
    def write(number: int) -> int:
        keep_run(store_url, number)
        return 200

    def ask(number: int) -> int:
        response, text = served.ask("/state" if number % 2 else "/")
        assert text.endswith("}" if number % 2 else "</html>")
        return response.status

    with ThreadPoolExecutor(8) as pool:
        writing = pool.map(write, range(1, 6))
        statuses = [*pool.map(ask, range(24)), *writing]

    assert set(statuses) == {200}


def test_who_does_not_finish_asking_keeps_nobody_waiting(unchanging):
    slow = [socket.create_connection(("127.0.0.1", unchanging.port)) for _ in range(20)]
    for one in slow:
        one.sendall(b"GET / HTTP/1.1\r\nHost: ")

    response, _ = unchanging.ask("/state")

    assert response.status == 200
    for one in slow:
        one.close()


def test_a_request_without_end_is_cut_off(unchanging):
    response, _ = unchanging.ask("/state", X_Long="a" * 100_000)

    assert response.status == 431


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_asked_to(served, number):
    served.ask()

    served.process.send_signal(number)
    _, complaints = served.process.communicate(timeout=LIMIT_S)

    assert (served.process.returncode, complaints) == (DONE, "")


def test_a_store_that_is_not_there_yet_says_what_to_type(store_url):
    with serving(store_url) as served:
        response, page = served.ask()
        nothing = json.loads(served.ask("/state")[1])
        keep_run(store_url, 0)
        something = json.loads(served.ask("/state")[1])
        _, later = served.ask()

    assert response.status == 200
    assert "run `sepconv quick` first" in page
    assert nothing["state"] != something["state"]
    assert "run-0" in later


def test_an_empty_store_says_what_to_type(store_url, tmp_path):
    (tmp_path / "store.db").touch()

    with serving(store_url) as served:
        _, page = served.ask()

    assert "sepconv quick" in page


def test_a_store_that_goes_away_is_said_and_comes_back(served, tmp_path):
    path = tmp_path / "store.db"
    served.ask()
    path.rename(tmp_path / "elsewhere.db")
    _, gone = served.ask()
    (tmp_path / "elsewhere.db").rename(path)

    _, back = served.ask()

    assert "there is no store at" in gone
    assert "run-0" in back


def test_a_store_of_an_older_schema_is_shown_and_not_touched(tmp_path):
    path = tmp_path / "older.db"
    path.write_bytes((Path(__file__).parents[2] / "results" / "sample.db").read_bytes())
    before = path.read_bytes()

    with serving(f"sqlite:///{path}") as served:
        response, page = served.ask()

    assert response.status == 200
    assert 'id="document"' in page
    assert path.read_bytes() == before


def test_what_is_in_the_log_beside_the_file_is_shown(store_url, tmp_path):
    keep_run(store_url, 0)
    with (
        closing(sqlite3.connect(tmp_path / "store.db")) as open_still,
        serving(store_url) as served,
    ):
        open_still.execute("SELECT count(*) FROM run").fetchone()
        keep_run(store_url, 1)

        _, page = served.ask()

    assert "run-1" in page


def test_only_what_is_chosen_is_served(store_url):
    keep_run(store_url, 0)
    keep_run(store_url, 1)

    with serving(store_url, "--where", "channels=32", "--since", "2026-03-01") as served:
        _, page = served.ask()

    assert trio(32)[0].case.identity in page
    assert trio(64)[0].case.identity not in page


def test_a_port_that_is_taken_is_said(store_url):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        result = CliRunner().invoke(cli, ["serve", "--store", store_url, "--port", str(port)])

    assert result.exit_code == 2
    assert f"port {port} of 127.0.0.1 is taken" in result.stderr
    assert "--port 0" in result.stderr


def test_what_is_no_store_is_not_served(tmp_path):
    (tmp_path / "letter.db").write_text("Dear all, " * 20)

    with pytest.raises(NotAStore):
        CliRunner().invoke(
            cli,
            ["serve", "--store", str(tmp_path / "letter.db"), "--port", "0"],
            standalone_mode=False,
            catch_exceptions=False,
        )


def test_a_selection_that_cannot_be_read_is_said_before_anything_is_served(store_url):
    with pytest.raises(InvalidSelection):
        CliRunner().invoke(
            cli,
            ["serve", "--store", store_url, "--port", "0", "--where", "stride=="],
            standalone_mode=False,
            catch_exceptions=False,
        )


def test_a_run_that_has_only_begun_is_no_reason_to_begin_another(store_url):
    keep_run(store_url, 0, measured=0, state="running")
    with serving(store_url) as served:
        _, page = served.ask()

    assert "A run of quick has begun, and nothing is measured in it yet." in page
    assert "sepconv quick" not in page
