"""What somebody says of a result: who it is, when they say it, and the reason on one line."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from getpass import getuser

PEOPLE = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN")  # who started a job, in that order


def whoever_asks() -> str:
    """The user of the job or of git, else of the machine."""
    for variable in PEOPLE:
        if name := os.environ.get(variable):
            return name
    parts = [part for key in ("user.name", "user.email") if (part := _git_setting(key))]
    if len(parts) == 2:
        return f"{parts[0]} <{parts[1]}>"
    return parts[0] if parts else getuser()


def now() -> str:
    """UTC, ISO 8601; to the microsecond, so that two words of one second stay apart."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def now_utc() -> str:
    """UTC, ISO 8601, to the second: when something began or ended."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def on_one_line(reason: str | None) -> str:
    """A reason without its line breaks; nothing of what is only space."""
    return " ".join((reason or "").split())


def _git_setting(key: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "config", key], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
