"""The webhook: what is posted when, to a real server that answers, refuses, breaks or hangs."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from sepconv.cli import notification
from sepconv.cli.configuration import Configuration
from sepconv.cli.nightly import notify
from sepconv.cli.notification import Webhook, find_webhook, message, news_lines, post
from sepconv.event import Changed, Event, EventKind, EventState, Note
from sepconv.report.night import Night, Step
from tests.judge.nights import cases, revision_of

SECRET = "T0KEN"
EVENT = Event(
    uid="e" * 32,
    kind=EventKind.LATENCY,
    direction="slower",
    machine="x86_64 AVX2",
    last_good=revision_of(8),
    first_bad=replace(revision_of(9), subject="clone <!channel> & <http://evil|here>"),
    began_at="2026-11-03T02:00:00+00:00",
    last_good_at="2026-11-02T02:00:00+00:00",
    first_seen_at="2026-11-03T02:00:00+00:00",
    last_seen_at="2026-11-03T02:00:00+00:00",
    members=[Changed(cases(1)[0], "ratio_to_reference", 1.052, 1.041, 1.063)],
    commits=[revision_of(9)],
    notes=[Note(EventState.CONFIRMED, "sepconv", "seen twice", "2026-11-03T03:00:00+00:00")],
    id=7,
)
NIGHT = Night("2026-11-03T02:00:00+00:00", "2026-11-03T03:00:00+00:00", cases={"measured": 3})
CALM = replace(NIGHT, events=[EVENT])
NEWS = replace(NIGHT, events=[EVENT], news=[EVENT], commit=revision_of(9))
FIXED = replace(EVENT, notes=[*EVENT.notes, Note(EventState.FIXED, "sepconv", "taken back", "Z")])


@dataclass
class Listener:
    """What it answers, one after the other (the last for ever), and what it was sent."""

    answers: list[int]
    received: list[tuple[str, str, bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/{SECRET}"


@contextmanager
def listening(*answers: int) -> Iterator[Listener]:
    held = Listener(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            held.received.append((self.path, self.headers["Content-Type"], body))
            status = held.answers.pop(0) if len(held.answers) > 1 else held.answers[0]
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{held.address}/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            held.received.append((self.path, "GET", b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_what_is_posted_is_json_and_arrives_once():
    with listening(200) as there:
        trouble = post(Webhook(there.address), {"text": "×"}, pause_s=0.0)

    assert trouble is None
    ((path, kind, body),) = there.received
    assert (path, kind) == (f"/{SECRET}", "application/json")
    assert json.loads(body) == {"text": "×"}


def test_a_server_that_is_broken_for_a_moment_is_asked_again():
    with listening(500, 503, 200) as there:
        trouble = post(Webhook(there.address), {}, pause_s=0.0)

    assert trouble is None
    assert len(there.received) == 3


@pytest.mark.parametrize(
    ("answer", "tries"), [(500, 3), (429, 3), (403, 1), (404, 1), (301, 1), (302, 1), (307, 1)]
)
def test_what_stays_wrong_is_told_by_its_number_and_not_by_its_address(answer, tries):
    with listening(answer) as there:
        trouble = post(Webhook(there.address), {}, pause_s=0.0)

    assert trouble == f"it answered {answer}"
    assert [kind for _, kind, _ in there.received] == ["application/json"] * tries


def test_a_server_that_hangs_is_left_after_a_while(monkeypatch):
    monkeypatch.setattr(notification, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        start = time.monotonic()
        trouble = post(Webhook(f"http://127.0.0.1:{port}/{SECRET}"), {}, pause_s=0.0)

    assert trouble == "it did not answer within 0.2 s"
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/T0KEN",
        "http://no-such-host.invalid/T0KEN",
        "http://[T0KEN",
        "http://127.0.0.1:port/T0KEN",
        "https://127.0.0.1:9/T0KEN\n",
        "ht://T0KEN",
    ],
)
def test_an_address_that_cannot_be_reached_is_never_shown(address):
    trouble = post(Webhook(address), {}, pause_s=0.0)

    assert trouble is not None
    assert SECRET not in trouble
    assert SECRET not in repr(Webhook(address))


@pytest.mark.parametrize(
    ("named", "variables", "found", "said"),
    [
        (None, {}, None, None),
        (None, {"SEPCONV_WEBHOOK": "https://a.example/x"}, "https://a.example/x", None),
        (None, {"SEPCONV_WEBHOOK": ""}, None, None),
        ("https://b.example/x", {}, "https://b.example/x", None),
        ("$MINE", {"MINE": "https://c.example/x"}, "https://c.example/x", None),
        ("${MINE}", {"MINE": " https://c.example/x\n"}, "https://c.example/x", None),
        ("$MINE", {}, None, "the variable MINE is not set"),
        ("$MINE", {"MINE": "file:///T0KEN"}, None, "is no http address"),
    ],
)
def test_the_webhook_is_that_of_the_configuration_or_of_a_variable(
    monkeypatch, named, variables, found, said
):
    for name in ("SEPCONV_WEBHOOK", "MINE"):
        monkeypatch.delenv(name, raising=False)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)

    webhook, trouble = find_webhook(Configuration(webhook=named, webhook_format="slack"))

    assert (webhook.address if webhook else None) == found
    assert (said in (trouble or "")) if said else trouble is None
    assert SECRET not in (trouble or "")
    assert webhook is None or webhook.format == "slack"


def test_a_night_without_news_is_nothing_to_be_told_of():
    assert news_lines(CALM) == []


def test_news_is_what_is_confirmed_what_is_gone_and_a_night_without_a_result():
    failed = replace(CALM, cases={}, steps=[Step("ratio", "failed: no \x1b[31m torch", 3)])
    vanished = replace(NEWS, news=[FIXED], events=[FIXED])
    meant = replace(
        NEWS,
        news=[replace(EVENT, notes=[Note(EventState.ACKNOWLEDGED, "Ada", "meant", "Z")])],
    )

    assert news_lines(failed) == ["could not measure: failed: no [31m torch"]
    assert [line.partition(":")[0] for line in news_lines(NEWS)] == ["confirmed"]
    assert [line.partition(":")[0] for line in news_lines(vanished)] == ["fixed"]
    assert news_lines(meant) == []
    assert len(news_lines(replace(NEWS, news=[EVENT] * 30))) == 11


def test_the_message_has_the_events_as_data_and_says_where_the_report_is():
    told = message(NEWS, news_lines(NEWS), "json", "https://example.org/speed/")

    assert told["report_url"] == "https://example.org/speed/"
    assert told["events"][0]["uid"] == EVENT.uid
    assert told["title"] == f"sepconv, the night of 2026-11-03, {revision_of(9).commit[:10]}"
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_slack_is_given_one_text_in_which_nothing_of_others_is_a_link_or_a_call():
    told = message(NEWS, news_lines(NEWS), "slack", "https://example.org/speed/")

    assert set(told) == {"text"}
    assert "<" not in told["text"]
    assert "&lt;!channel&gt; &amp; &lt;http" in told["text"]
    assert told["text"].endswith("\nhttps://example.org/speed/")


def test_only_news_is_sent_and_that_it_did_not_arrive_is_said_without_the_address(
    monkeypatch, capsys
):
    monkeypatch.delenv("SEPCONV_WEBHOOK", raising=False)
    monkeypatch.setattr(notification, "PAUSE_S", 0.0)
    with listening(200, 404) as there:
        configuration = Configuration(webhook=there.address)
        notify(CALM, configuration)
        before = len(there.received)
        notify(NEWS, configuration)
        notify(NEWS, configuration)

    said = capsys.readouterr().err
    assert before == 0
    assert said == "webhook: told\nwebhook: not told: it answered 404\n"
    assert SECRET not in said
