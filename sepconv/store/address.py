"""Where a store is: URLs and paths as people type them, and as they may be printed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from sepconv.errors import StoreUnavailable

HIDDEN = "***"
FORMS = "a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE"


@dataclass(frozen=True)
class Address:
    """A database, by the one form of its URL that may be printed or stored."""

    shown: str  # without passwords
    url: URL
    path: Path | None  # of the file; None for PostgreSQL and for a store in memory

    @property
    def is_postgresql(self) -> bool:
        return self.url.get_backend_name() == "postgresql"

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def parse_address(url: str | os.PathLike[str]) -> Address:
    """The address that a URL or a plain path means.

    Raises:
        StoreUnavailable: It is no URL of a database that sepconv keeps stores in.
    """
    text = os.fspath(url)
    if "://" not in text:
        return _file_address(Path(text))
    try:
        parsed = make_url(text)
    except (ArgumentError, ValueError):
        raise _unreadable(text) from None  # what it was may hold a password
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return Address(shown_url(text), parsed.set(drivername="postgresql+psycopg"), None)
    if backend != "sqlite" or parsed.host:
        raise _unreadable(text)
    if parsed.database in (None, "", ":memory:"):
        return Address("sqlite://", parsed, None)
    return _file_address(Path(parsed.database or ""))


def shown_url(url: str) -> str:
    """`url` without its passwords: the only form that may be printed or stored."""
    if "://" not in url:
        return url
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return re.sub(r"://.*@", f"://{HIDDEN}@", url, flags=re.DOTALL)
    if parsed.host and "@" in parsed.host:  # of a password that has an @ in it
        parsed = parsed.set(host=parsed.host.rpartition("@")[2], password=HIDDEN)
    secret = {name: HIDDEN for name in parsed.query if "pass" in name.lower()}
    return parsed.update_query_dict(secret).render_as_string(hide_password=True)


def _file_address(path: Path) -> Address:
    path = path.expanduser()
    url = URL.create("sqlite", database=str(path))
    return Address(f"sqlite:///{path}", url, path)


def _unreadable(text: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"cannot read the store's address {shown_url(text)!r}: expected {FORMS}"
    )
