"""Telling a webhook that a night has news. Its address is a secret: no text here contains it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from socket import gaierror
from ssl import SSLError
from time import sleep
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from sepconv.cli.configuration import ADDRESS, VARIABLE, Configuration, WebhookFormat
from sepconv.event import EventState
from sepconv.report.night import GONE, Night
from sepconv.report.text import inert, shorten

USUAL_VARIABLE = "SEPCONV_WEBHOOK"  # where no configuration names another
TIMEOUT_S = 10.0  # of an answer
TRIES = 3
PAUSE_S = 2.0  # before the second try, and twice as long before the third
TOO_MANY = 429
WORTH_A_RETRY = frozenset({408, 425, TOO_MANY})  # beside all 5xx
SHOWN_EVENTS = 10
SLACK_SIGNS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True)
class Webhook:
    """Where to, and in whose format."""

    address: str = field(repr=False)
    format: WebhookFormat = "json"


def find_webhook(configuration: Configuration) -> tuple[Webhook | None, str | None]:
    """The webhook that is wanted, and what is in the way of it; neither where none is."""
    named = configuration.webhook
    address = named or os.environ.get(USUAL_VARIABLE, "").strip()
    variable = VARIABLE.fullmatch(named or "")
    if variable is not None:
        name = variable[1] or variable[2]
        address = os.environ.get(name, "").strip()
        if not address:
            return None, f"the variable {name} is not set"
    if not address:
        return None, None
    if not ADDRESS.fullmatch(address):
        return None, "what it should be sent to is no http address"
    return Webhook(address, configuration.webhook_format), None


def news_lines(night: Night) -> list[str]:
    """What is worth a message, the gravest first; empty where nothing is."""
    from sepconv.report.event import describe_event

    lines = []
    if not night.is_measured:
        reason = next((step.text for step in night.steps if step.code), "nothing was measured")
        lines.append(f"could not measure: {shorten(inert(reason), 300)}")
    told = [(event, "confirmed") for event in night.confirmed]
    told += [(event, str(event.state)) for event in night.news if event.state in GONE]
    lines += [f"{word}: {describe_event(event)}" for event, word in told[:SHOWN_EVENTS]]
    if len(told) > SHOWN_EVENTS:
        lines.append(f"and {len(told) - SHOWN_EVENTS} more")
    return lines


def message(
    night: Night, lines: list[str], style: WebhookFormat, report_url: str | None
) -> Mapping[str, Any]:
    """What is posted."""
    from sepconv.report.event import event_plain

    title = f"sepconv, the night of {night.started_at[:10]}"
    if night.commit is not None:
        title += f", {night.commit.commit[:10]}"
    text = "\n".join([f"{title}:", *(f"• {line}" for line in lines)])
    if style == "slack":
        text = text.translate(SLACK_SIGNS)
        return {"text": text if report_url is None else f"{text}\n{report_url}"}
    states = {EventState.CONFIRMED, *GONE}
    return {
        "title": title,
        "text": text,
        "exit_code": night.exit_code,
        "events": [event_plain(event) for event in night.news if event.state in states],
        "report_url": report_url,
    }


def post(webhook: Webhook, payload: Mapping[str, Any], *, pause_s: float = PAUSE_S) -> str | None:
    """Post it as JSON; returns why it did not arrive, None if it did.

    A server that is busy, broken or silent is asked `TRIES` times. One that refuses is not asked
    again, and one that sends us elsewhere is not followed: the message would become a GET.
    """
    trouble: str | None = None
    for attempt in range(TRIES):
        if attempt:
            sleep(pause_s * 2 ** (attempt - 1))
        trouble, may_work = _try(webhook.address, payload)
        if trouble is None or not may_work:
            break
    return trouble


def _try(address: str, payload: Mapping[str, Any]) -> tuple[str | None, bool]:
    """What went wrong, and whether it is worth another try. No text of an exception is told that
    could hold the address."""
    body = json.dumps(payload, allow_nan=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "sepconv"}
    try:
        request = Request(address, data=body, headers=headers, method="POST")
        with build_opener(_Unmoved()).open(request, timeout=TIMEOUT_S):
            return None, False
    except HTTPError as error:
        error.close()
        return f"it answered {error.code}", error.code >= 500 or error.code in WORTH_A_RETRY
    except URLError as error:
        return _reason_of(error.reason), True
    except OSError as error:
        return _reason_of(error), True
    except (HTTPException, ValueError) as error:
        return f"it cannot be asked: {type(error).__name__}", isinstance(error, HTTPException)


def _reason_of(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"it did not answer within {TIMEOUT_S:g} s"
    if isinstance(reason, gaierror):
        return "it cannot be reached: its name is not known"
    if isinstance(reason, SSLError) or not isinstance(reason, OSError) or reason.errno is None:
        return f"it cannot be reached: {type(reason).__name__}"
    return f"it cannot be reached: {os.strerror(reason.errno)}"


class _Unmoved(HTTPRedirectHandler):
    """Takes a redirection for an answer like any other that is none of 2xx."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow nothing."""
