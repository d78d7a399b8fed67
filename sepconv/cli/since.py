"""How far back to look: a date, or a number of days before now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

DAYS = re.compile(r"(?P<number>\d{1,5})\s*(?P<unit>[dw])", re.ASCII)
DAYS_OF = {"d": 1, "w": 7}


class Since(click.ParamType[str]):
    """A moment in UTC, ISO 8601, from "2026-11-03" or "30d"."""

    name = "since"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> str:
        text = str(value).strip()
        if match := DAYS.fullmatch(text):
            days = int(match["number"]) * DAYS_OF[match["unit"]]
            return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"expected a date or a number of days, as in '2026-11-03' or '30d', found {text!r}",
                param,
                context,
            )
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment.isoformat(timespec="seconds")
