"""Texts of others made safe to show: on one line, and inert wherever they land."""

from __future__ import annotations

from collections.abc import Mapping

NONE = "–"


def inert(text: object) -> str:
    """`text` on one line, without anything that a terminal would act on."""
    spaced = " ".join(str(text).split())
    return "".join(char for char in spaced if char.isprintable())


def headline(error: str | None) -> str:
    """What an error says first; of a traceback, which says it last, the exception."""
    lines = [line for line in map(inert, (error or "").splitlines()) if line]
    if not lines:
        return ""
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def shorten(text: str, length: int) -> str:
    """The beginning of a text that is too long for its place."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def flat(value: object) -> object:
    """One text of what has parts: "ok 14, failed 1"."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return value
