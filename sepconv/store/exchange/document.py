"""A JSON file of anybody's: every value knows its place, so that an error can name it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any, cast

from sepconv.conv_type import Scalar
from sepconv.errors import InvalidExchange

COUNT_LIMIT = 2**31 - 1  # rounds, calls, cores: more is a mistake
SECONDS_LIMIT = 1e9  # of one call, 30 years: more cannot be kept to the nanosecond
SHOWN_LENGTH = 60  # of what was found instead
UNCLEAN = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Part:
    """One value of a file, and where it stands."""

    source: str
    place: str  # "benchmarks[3].stats.median"; "" is the whole file
    plain: Any

    def expected(self, what: str) -> InvalidExchange:
        """The error that says what should be here, and what is."""
        return InvalidExchange(self.source, self.place, f"expected {what}, found {_shown(self)}")

    def part(self, name: str) -> Part:
        """The value of a key, which has to be there."""
        found = self.maybe(name)
        if found is None:
            found = Part(self.source, _below(self.place, name), None)
            raise InvalidExchange(self.source, found.place, "expected a value, found nothing")
        return found

    def maybe(self, name: str) -> Part | None:
        """The value of a key; None where it is missing or null."""
        if not isinstance(self.plain, dict):
            raise self.expected("an object")
        plain = self.plain.get(name)
        return None if plain is None else Part(self.source, _below(self.place, name), plain)

    def parts(self) -> list[Part]:
        """The values of a list."""
        if not isinstance(self.plain, list):
            raise self.expected("a list")
        return [self.item(index) for index in range(len(self.plain))]

    def item(self, index: int) -> Part:
        """One value of a list."""
        return Part(self.source, f"{self.place}[{index}]", self.plain[index])

    def items(self) -> Iterator[tuple[str, Part]]:
        """The keys of an object with their values, null too."""
        if not isinstance(self.plain, dict):
            raise self.expected("an object")
        for name, plain in self.plain.items():
            if not _is_clean(name):
                raise self.expected("keys without NUL and lone surrogates")
            yield name, Part(self.source, _below(self.place, name), plain)

    def text(self) -> str:
        """A text that every database keeps as it is."""
        if not isinstance(self.plain, str) or not _is_clean(self.plain):
            raise self.expected("a text without NUL and lone surrogates")
        return self.plain

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.plain, bool):
            raise self.expected("true or false")
        return self.plain

    def count(self, least: int = 0) -> int:
        """A whole number."""
        if not _is_number(self.plain) or not isinstance(self.plain, int):
            raise self.expected(f"a whole number of at least {least}")
        if not least <= self.plain <= COUNT_LIMIT:
            raise self.expected(f"a whole number from {least} to {COUNT_LIMIT}")
        return self.plain

    def number(self) -> float:
        """A finite number."""
        if not _is_number(self.plain) or not _is_finite(self.plain):
            raise self.expected("a finite number")
        return float(self.plain)

    def seconds(self, *, or_none: bool = False) -> float:
        """A duration; with `or_none`, one that a coarse clock may have read as 0."""
        sign = ">=" if or_none else ">"
        what = f"seconds {sign} 0"
        if not _is_number(self.plain) or not _is_finite(self.plain) or self.plain < 0:
            raise self.expected(what)
        if self.plain == 0 and not or_none:
            raise self.expected(what)
        if self.plain > SECONDS_LIMIT:
            raise self.expected(f"{what} and at most {SECONDS_LIMIT:g}")
        return float(self.plain)

    def time(self) -> str:
        """A moment in ISO 8601, in UTC; one without a zone is taken for UTC."""
        try:
            moment = datetime.fromisoformat(self.text())
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            raise self.expected("a time in ISO 8601") from None

    def scalar(self) -> Scalar:
        """A text, a number, true, false or null."""
        if isinstance(self.plain, str):
            return self.text()
        if self.plain is None or isinstance(self.plain, bool):
            return self.plain
        self.number()
        return cast("Scalar", self.plain)

    @property
    def is_scalar(self) -> bool:
        return not isinstance(self.plain, (list, dict))


def parse_json(content: bytes, source: str) -> Part:
    """The whole file.

    Raises:
        InvalidExchange: It is no JSON, or nested too deeply.
    """
    try:
        plain = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidExchange(source, f"byte {error.start}", "expected UTF-8") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidExchange(source, place, f"expected JSON: {error.msg}") from error
    except RecursionError:  # its traceback has a thousand lines, and no news
        raise InvalidExchange(source, "", "the JSON is nested too deeply to be results") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise InvalidExchange(source, "", f"expected JSON with sane numbers: {error}") from error
    return Part(source, "", plain)


def write_json(plain: object) -> bytes:
    """JSON of ASCII letters, as every tool reads it."""
    return (json.dumps(plain, indent=2, allow_nan=False) + "\n").encode("ascii")


def _below(place: str, name: str) -> str:
    shown = name if name.isidentifier() else json.dumps(name[:SHOWN_LENGTH])
    return f"{place}.{shown}" if place else shown


def _shown(part: Part) -> str:
    """What was found, in JSON's words and short: containers by their kind alone."""
    plain = part.plain
    if isinstance(plain, (list, dict)):
        kind = "a list" if isinstance(plain, list) else "an object"
        return kind if plain else f"{kind} with nothing in it"
    text = json.dumps(plain)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


def _is_number(plain: object) -> bool:
    return isinstance(plain, (int, float)) and not isinstance(plain, bool)


def _is_finite(number: float) -> bool:
    """Whether it is a number that 8 bytes can hold: JSON writes integers of any length."""
    try:
        return isfinite(number)
    except OverflowError:
        return False


def _is_clean(text: str) -> bool:
    """Whether every database keeps it, and UTF-8 can write it."""
    return UNCLEAN.search(text) is None
