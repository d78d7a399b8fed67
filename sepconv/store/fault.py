"""What databases say when they fail, in one line with a guess at the cause."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc

from sepconv.errors import NotAStore, StoreError, StoreUnavailable, UnknownRun

GUESSES = (
    ("disk is full", "the disk is full; free some space, what was stored before is safe"),
    ("no space left", "the disk is full; free some space, what was stored before is safe"),
    ("disk i/o error", "the disk fails or is full; free some space, and look at the system's log"),
    ("readonly", "it may only be read; check who may write the file and its folder"),
    ("read-only", "it may only be read; check who may write it"),
    ("locked", "another process has been writing for too long; wait for it or end it"),
    ("malformed", "the file is damaged; put a backup in its place, or try `sqlite3 FILE .recover`"),
    ("unable to open", "the file or its folder cannot be opened; check that you may"),
    ("no such table", "the file is damaged; put a backup in its place"),
    ("password", "the server refuses the user or the password"),
    ("authentication", "the server refuses the user or the password"),
    ("does not exist", "the server has no such database, user or table; create it first"),
    ("permission denied", "the user may not do that in this database; grant it"),
    ("connection", "the server does not answer there; check host, port and whether it runs"),
    ("could not translate host name", "there is no such host"),
)
UNGUESSED = "check that it is a sepconv store and that you may write it"


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn what a database raises into a `StoreError` that names the store and a cause.

    Raises:
        NotAStore: The file turned out to be no database.
        UnknownRun: Something was written for a run that is not there.
        StoreUnavailable: Anything else.
    """
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise explain(shown, error) from error


def explain(shown: str, error: Exception) -> StoreError:
    """The one line that says what went wrong with the store."""
    said = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
    lowered = said.lower()
    if "not a database" in lowered:
        return NotAStore(f"{shown} is no SQLite database; name another store with --store")
    if "foreign key" in lowered:
        return UnknownRun(f"{shown} has no such run; begin it before adding to it")
    guess = next((guess for sign, guess in GUESSES if sign in lowered), UNGUESSED)
    return StoreUnavailable(f"{shown}: {said}: {guess}")
