"""Texts, times and numbers in the forms that every database keeps and returns unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

ERROR_LIMIT = 10_000  # bytes; what failed stands at the end of a traceback
CUT = "…"


def clean_text(text: str) -> str:
    """`text` without NUL, which PostgreSQL refuses, and with lone surrogates spelled out."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode()


def clean_error(error: str | None) -> str | None:
    """An error's text, cut at the front to `ERROR_LIMIT` bytes of UTF-8."""
    if error is None:
        return None
    encoded = clean_text(error).encode()
    if len(encoded) <= ERROR_LIMIT:
        return encoded.decode()
    return CUT + encoded[len(CUT.encode()) - ERROR_LIMIT :].decode(errors="ignore")


def utc_text(time: str) -> str:
    """An ISO 8601 time in UTC, so that texts order as times do; a time without zone is UTC."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return clean_text(time)
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).isoformat()


def json_text(plain: object) -> str:
    """JSON in the order given; NaN and infinity are null, NUL is left out."""
    return json.dumps(_clean(plain), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def exact_json_text(plain: object) -> str:
    """JSON in canonical form and ASCII: every text comes back as it was, whatever is in it."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _clean(plain: object) -> Any:
    """What JSON can say of `plain`, and every database can keep."""
    if plain is None or isinstance(plain, (bool, int)):
        return plain
    if isinstance(plain, float):
        return plain if isfinite(plain) else None
    if isinstance(plain, Mapping):
        return {clean_text(str(key)): _clean(value) for key, value in plain.items()}
    if isinstance(plain, (list, tuple, set, frozenset)):
        return [_clean(value) for value in plain]
    return clean_text(str(plain))
