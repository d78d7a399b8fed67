"""A forge on this machine: what of GitHub's and GitLab's REST our workflows need, over HTTP.

The real `gh` speaks to it as to any host called `github.localhost`, through HTTP_PROXY, so it
answers to absolute addresses as well; the real `curl` speaks to `gitlab_url`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

BODY_LIMIT = 65_536  # characters of a comment, as GitHub has it
BOT = "github-actions[bot]"
TOKENS = {"bot-token": BOT, "alice-token": "alice"}
GITHUB_API = "http://api.github.localhost"

Answer = tuple[int, Any, dict[str, str]]


class Refused(Exception):
    """The forge says no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Forge:
    """What it holds, and what it was asked."""

    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # by pull request
    pulls: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    reruns: list[int] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)  # their number is their place + 1
    artifacts: list[dict[str, Any]] = field(default_factory=list)  # newest last
    requests: list[str] = field(default_factory=list)
    broken: dict[str, int] = field(default_factory=dict)  # method and part of a path: status
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def gitlab_url(self) -> str:
        return f"{self.url}/api/v4"

    def put(self, number: int, body: str, login: str = BOT) -> int:
        """A comment that is there already; returns its id."""
        kind = "Bot" if login.endswith("[bot]") else "User"
        key = 1 + sum(map(len, self.comments.values()))
        comment = {"id": key, "body": body, "user": {"login": login, "type": kind}}
        self.comments.setdefault(number, []).append(comment)
        return key

    def bodies(self, number: int) -> list[str]:
        return [comment["body"] for comment in self.comments.get(number, [])]

    def open_issue(self, body: str, login: str = BOT, **fields: Any) -> dict[str, Any]:
        """An issue that is there already."""
        kind = "Bot" if login.endswith("[bot]") else "User"
        issue = {
            "number": len(self.issues) + 1,
            "title": "",
            "body": body,
            "state": "open",
            "labels": [],
            "user": {"login": login, "type": kind},
        } | fields
        self.issues.append(issue)
        return issue

    def find_issue(self, number: int) -> dict[str, Any]:
        for issue in self.issues:
            if issue["number"] == number:
                return issue
        raise Refused(404, "Not Found")

    def find(self, key: int) -> dict[str, Any]:
        for comments in self.comments.values():
            for comment in comments:
                if comment["id"] == key:
                    return comment
        raise Refused(404, "Not Found")

    def writes(self) -> list[str]:
        """What was asked that changes something."""
        asked = (each for each in self.requests if "graphql" not in each)
        return [each for each in asked if not each.startswith("GET ")]


@contextmanager
def forge() -> Iterator[Forge]:
    """A forge that listens for as long as the context lasts."""
    held = Forge()

    class Handler(_Handler):
        state = held

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


class _Handler(BaseHTTPRequestHandler):
    state: Forge

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(length) or b"{}")
        asked = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(asked.query).items()}
        self.state.requests.append(f"{method} {asked.path}")
        try:
            status, told, headers = self._route(method, asked.path, query, sent)
        except Refused as refused:
            status, told, headers = refused.status, {"message": refused.message}, {}
        payload = json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _route(self, method: str, path: str, query: dict[str, str], sent: Any) -> Answer:
        for pattern, status in self.state.broken.items():
            if pattern in f"{method} {path}":
                raise Refused(status, "Resource not accessible by integration")
        login = self._login()
        for verb, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                return answer(
                    self.state, login, [int(each) for each in match.groups()], query, sent
                )
        raise Refused(404, "Not Found")

    def _login(self) -> str:
        given = self.headers.get("Authorization", "").rpartition(" ")[2]
        token = given or self.headers.get("PRIVATE-TOKEN", "")
        if token not in TOKENS:
            raise Refused(401, "Bad credentials")
        return TOKENS[token]


def _page(items: list[Any], query: dict[str, str]) -> tuple[list[Any], int, int]:
    """The items of the page, its number and that of the last."""
    size = min(int(query.get("per_page", 30)), 100)
    number = int(query.get("page", 1))
    last = max(1, -(-len(items) // size))
    return items[(number - 1) * size : number * size], number, last


def _viewer(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    return 200, {"data": {"viewer": {"login": login}}}, {}


def _comments(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    items, number, last = _page(state.comments.get(ids[0], []), query)
    headers = {}
    if number < last:
        place = f"{GITHUB_API}/repos/o/r/issues/{ids[0]}/comments"
        size = query.get("per_page", "30")
        headers["Link"] = f'<{place}?per_page={size}&page={number + 1}>; rel="next"'
    return 200, items, headers


def _comment(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    key = state.put(ids[0], _checked(sent["body"]), login)
    return 201, state.find(key), {}


def _edit(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    comment = state.find(ids[-1])
    if comment["user"]["login"] != login:
        raise Refused(403, "Must have admin rights to Repository.")
    comment["body"] = _checked(sent["body"])
    return 200, comment, {}


def _pulls(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    found = [pull for pull in state.pulls if query.get("state", "open") in (pull["state"], "all")]
    if "head" in query:
        owner, _, branch = query["head"].partition(":")
        found = [
            pull
            for pull in found
            if pull["head"]["ref"] == branch
            and pull["head"]["repo"]["full_name"].startswith(f"{owner}/")
        ]
    return 200, _page(found, query)[0], {}


def _run(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    if ids[0] not in state.runs:
        raise Refused(404, "Not Found")
    return 200, state.runs[ids[0]], {}


def _workflow(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    return 200, {"id": ids[0], "name": "gate", "state": "active", "path": "gate.yml"}, {}


def _rerun(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    state.reruns.append(ids[0])
    return 201, {}, {}


def _user(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    return 200, {"id": 7, "username": login}, {}


def _note(comment: dict[str, Any]) -> dict[str, Any]:
    """A comment as GitLab tells of it."""
    author = {"username": comment["user"]["login"]}
    return {"id": comment["id"], "body": comment["body"], "system": False, "author": author}


def _notes(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    items, number, last = _page(state.comments.get(ids[1], []), query)
    following = str(number + 1) if number < last else ""
    return 200, [_note(item) for item in items], {"x-next-page": following}


def _add_note(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    key = state.put(ids[1], sent["body"], login)
    return 201, _note(state.find(key)), {}


def _edit_note(
    state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any
) -> Answer:
    status, comment, headers = _edit(state, login, ids, query, sent)
    return status, _note(comment), headers


def _issues(state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any) -> Answer:
    wanted = set(filter(None, query.get("labels", "").split(",")))
    found = [
        issue
        for issue in state.issues
        if query.get("state", "open") in (issue["state"], "all") and wanted <= set(issue["labels"])
    ]
    items, number, last = _page(found[::-1], query)  # the newest first
    links = []
    if number < last:
        more = f"{GITHUB_API}{REPOSITORY}/issues?state=open&per_page={query['per_page']}"
        links = [f'<{more}&page={number + 1}>; rel="next"']
    return 200, items, {"Link": links[0]} if links else {}


def _add_issue(
    state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any
) -> Answer:
    labels = sent.get("labels", [])
    issue = state.open_issue(_checked(sent["body"]), login, title=sent["title"], labels=labels)
    return 201, issue, {}


def _edit_issue(
    state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any
) -> Answer:
    issue = state.find_issue(ids[0])
    if issue["user"]["login"] != login:
        raise Refused(403, "Must have admin rights to Repository.")
    _checked(sent.get("body", ""))
    issue |= {name: sent[name] for name in ("body", "state", "state_reason") if name in sent}
    return 200, issue, {}


def _artifacts(
    state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any
) -> Answer:
    found = [each for each in state.artifacts[::-1] if each["name"] == query.get("name")]
    return 200, {"total_count": len(found), "artifacts": _page(found, query)[0]}, {}


def _lab_issue(issue: dict[str, Any]) -> dict[str, Any]:
    """An issue as GitLab tells of it."""
    return {
        "iid": issue["number"],
        "title": issue["title"],
        "description": issue["body"],
        "state": {"open": "opened"}.get(issue["state"], issue["state"]),
        "labels": issue["labels"],
        "author": {"username": issue["user"]["login"]},
    }


def _lab_issues(
    state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any
) -> Answer:
    wanted = set(filter(None, query.get("labels", "").split(",")))
    states = {"opened": "open"}.get(query["state"], query["state"])
    found = [each for each in state.issues if each["state"] == states]
    found = [each for each in found if wanted <= set(each["labels"])]
    items, number, last = _page(found[::-1], query)
    following = str(number + 1) if number < last else ""
    return 200, [_lab_issue(item) for item in items], {"x-next-page": following}


def _lab_add_issue(
    state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any
) -> Answer:
    labels = [label for label in sent.get("labels", "").split(",") if label]
    issue = state.open_issue(sent["description"], login, title=sent["title"], labels=labels)
    return 201, _lab_issue(issue), {}


def _lab_edit_issue(
    state: Forge, login: str, ids: list[int], query: dict[str, str], sent: Any
) -> Answer:
    issue = state.find_issue(ids[1])
    if "description" in sent:
        issue["body"] = sent["description"]
    if sent.get("state_event") == "close":
        issue["state"] = "closed"
    return 200, _lab_issue(issue), {}


def _checked(body: str) -> str:
    if len(body) > BODY_LIMIT:
        raise Refused(422, "Validation Failed: body is too long (maximum is 65536 characters)")
    return body


REPOSITORY = "/repos/o/r"
NOTES = r"/api/v4/projects/(\d+)/merge_requests/(\d+)/notes"
LAB_ISSUES = r"/api/v4/projects/(\d+)/issues"
ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("POST", "/graphql", _viewer),
    ("GET", rf"{REPOSITORY}/issues/(\d+)/comments", _comments),
    ("POST", rf"{REPOSITORY}/issues/(\d+)/comments", _comment),
    ("PATCH", rf"{REPOSITORY}/issues/comments/(\d+)", _edit),
    ("GET", rf"{REPOSITORY}/issues", _issues),
    ("POST", rf"{REPOSITORY}/issues", _add_issue),
    ("PATCH", rf"{REPOSITORY}/issues/(\d+)", _edit_issue),
    ("GET", rf"{REPOSITORY}/actions/artifacts", _artifacts),
    ("GET", rf"{REPOSITORY}/pulls", _pulls),
    ("GET", rf"{REPOSITORY}/actions/runs/(\d+)", _run),
    ("GET", rf"{REPOSITORY}/actions/workflows/(\d+)", _workflow),
    ("POST", rf"{REPOSITORY}/actions/runs/(\d+)/rerun-failed-jobs", _rerun),
    ("GET", "/api/v4/user", _user),
    ("GET", NOTES, _notes),
    ("POST", NOTES, _add_note),
    ("PUT", rf"{NOTES}/(\d+)", _edit_note),
    ("GET", LAB_ISSUES, _lab_issues),
    ("POST", LAB_ISSUES, _lab_add_issue),
    ("PUT", rf"{LAB_ISSUES}/(\d+)", _lab_edit_issue),
    ("POST", rf"{LAB_ISSUES}/(\d+)/notes", _add_note),
]
