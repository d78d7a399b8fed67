"""What a project has written down about its nights: `sepconv.toml`, or `[tool.sepconv]`.

The nearest file counts, from the working directory upwards, to the top of the repository. In one
folder, `sepconv.toml` wins. Paths in it are relative to its own folder.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast

from sepconv.errors import InvalidConfiguration, InvalidSelection
from sepconv.selection import parse_selection
from sepconv.units import parse_duration

OWN, SHARED = "sepconv.toml", "pyproject.toml"
LATEST_TAG = "latest-tag"  # in place of a revision: the newest tag that HEAD was made from
WEBHOOK_FORMATS = ("json", "slack")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)  # nothing beside it
ADDRESS = re.compile(r"https?://[^\s/]\S*", re.ASCII)

WebhookFormat = Literal["json", "slack"]


@dataclass(frozen=True)
class Configuration:
    """Every key, with what it is where no file says otherwise.

    Raises:
        InvalidConfiguration: By `load_configuration`; the message names the file and the key.
    """

    source: Path | None = None  # the file; None without one
    store: str | None = None  # URL or path
    report_url: str | None = None  # where the report folder will be seen
    reference: str | None = None  # commit, tag or branch that every night is divided by
    suite: str = "nightly"
    where: str | None = None
    budget_s: float = 2400.0
    sweep: bool = True
    confirm: bool = True
    conv_types: Path | None = None
    repo: Path | None = None
    webhook: str | None = field(default=None, repr=False)  # an address, or $VARIABLE: a secret
    webhook_format: WebhookFormat = "json"
    report: Path = Path("results/nightly")


def load_configuration(start: Path) -> Configuration:
    """The configuration that counts in the folder `start`; the defaults where there is no file.

    Raises:
        InvalidConfiguration: A file cannot be read, or says what no key can be.
    """
    for folder in _upwards(start):
        for name in (OWN, SHARED):
            path = folder / name
            if path.is_file() and (plain := _read(path)) is not None:
                return _configuration(plain, path)
    return Configuration()


def _upwards(start: Path) -> Iterator[Path]:
    """`start` and the folders above it, up to the top of the repository that it is in: what
    lies beyond belongs to somebody else."""
    folder = start.resolve()
    for each in (folder, *folder.parents):
        yield each
        if (each / ".git").exists():
            return


def _read(path: Path) -> Mapping[str, Any] | None:
    """What the file says of sepconv; None if it does not speak of it."""
    try:
        plain = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InvalidConfiguration(path, "", error.strerror, "a readable file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(path, "", str(error), "TOML in UTF-8") from error
    if path.name == OWN:
        return plain
    tool = plain.get("tool")
    own = tool.get("sepconv") if isinstance(tool, dict) else None
    if own is not None and not isinstance(own, dict):
        raise InvalidConfiguration(path, "tool.sepconv", own, "a table, as in: [tool.sepconv]")
    return own


def _configuration(plain: Mapping[str, Any], path: Path) -> Configuration:
    prefix = "" if path.name == OWN else "tool.sepconv."
    found: dict[str, Any] = {}
    for table, keys in KEYS.items():
        own = plain.get(table, {}) if table else plain
        if not isinstance(own, dict):
            raise InvalidConfiguration(path, f"{prefix}{table}", own, f"a table, as in: [{table}]")
        known = [*keys, *(name for name in KEYS if name and not table)]
        for key, value in own.items():
            shown = f"{prefix}{table}.{key}" if table else f"{prefix}{key}"
            if key not in known:
                raise InvalidConfiguration(path, shown, key, _one_of(key, known, table))
            if key in keys:
                name, read = keys[key]
                found[name] = _checked(read, value, path, shown)
    return Configuration(source=path, **found)


def _one_of(key: str, known: list[str], table: str) -> str:
    """What an unknown key should have been: the nearest one there is, here or in a table.

    Its value is not told: it may be a webhook.
    """
    elsewhere = [name for name, keys in KEYS.items() if name != table and key in keys]
    if elsewhere:
        return f"it in the table [{elsewhere[0]}]" if elsewhere[0] else "it outside of any table"
    if near := get_close_matches(key, known, 1):
        return f"{near[0]!r}"
    return f"one of the keys {', '.join(known)}"


def _checked(read: Reader, value: Any, path: Path, shown: str) -> Any:
    try:
        return read(value, path.parent)
    except InvalidSelection as error:
        expected = f"a selection with {error.expected} at character {error.position + 1}"
        raise InvalidConfiguration(path, shown, value, expected) from error
    except _Refused as error:
        is_secret = shown.endswith("webhook")
        raise InvalidConfiguration(
            path, shown, "something else" if is_secret else value, error.expected
        ) from error


Reader = Callable[[Any, Path], Any]


class _Refused(Exception):
    """A value is not what it should be."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def _text(value: Any, _folder: Path) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise _Refused("a text")
    return value.strip()


def _flag(value: Any, _folder: Path) -> bool:
    if not isinstance(value, bool):
        raise _Refused("true or false")
    return value


def _duration(value: Any, _folder: Path) -> float:
    try:
        return parse_duration(str(value))
    except ValueError:
        raise _Refused("a duration, as in '40m' or '2h'") from None


def _path(value: Any, folder: Path) -> Path:
    return folder / Path(_text(value, folder)).expanduser()


def _existing(value: Any, folder: Path) -> Path:
    path = _path(value, folder)
    if not path.exists():
        raise _Refused(f"something that exists, from {folder} on")
    return path


def _place(value: Any, folder: Path) -> str:
    """A URL as it is; a path as a path that holds in every folder."""
    text = _text(value, folder)
    return text if "://" in text else os.path.normpath(_path(text, folder))


def _suite(value: Any, folder: Path) -> str:
    """The name of a suite that comes along, or the path of one."""
    text = _text(value, folder)
    is_path = Path(text).suffix == ".toml" or Path(text).name != text
    return str(_existing(text, folder)) if is_path else text


def _selection(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    parse_selection(text)
    return text


def _revision(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    if text.startswith("-"):
        raise _Refused(f"a commit, a tag, a branch, or {LATEST_TAG!r}")
    return text


def _url(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    if not ADDRESS.fullmatch(text):
        raise _Refused("an address, as in 'https://example.org/speed'")
    return text


def _webhook(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    if not (VARIABLE.fullmatch(text) or ADDRESS.fullmatch(text)):
        raise _Refused("an http address, or the variable that holds it, as in '$SEPCONV_WEBHOOK'")
    return text


def _webhook_format(value: Any, _folder: Path) -> WebhookFormat:
    if value not in WEBHOOK_FORMATS:
        raise _Refused(" or ".join(map(repr, WEBHOOK_FORMATS)))
    return cast(WebhookFormat, value)


KEYS: Mapping[str, Mapping[str, tuple[str, Reader]]] = {
    "": {"store": ("store", _place), "report_url": ("report_url", _url)},
    "reference": {"revision": ("reference", _revision)},
    "nightly": {
        "suite": ("suite", _suite),
        "where": ("where", _selection),
        "budget": ("budget_s", _duration),
        "sweep": ("sweep", _flag),
        "confirm": ("confirm", _flag),
        "conv_types": ("conv_types", _existing),
        "repo": ("repo", _existing),
        "webhook": ("webhook", _webhook),
        "webhook_format": ("webhook_format", _webhook_format),
        "report": ("report", _path),
    },
}
"""By table, "" being none: each key with the field that it fills, and what reads it."""
