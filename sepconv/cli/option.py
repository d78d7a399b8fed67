"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STORE = "sqlite:///results/sepconv.db"


def store_option(command: F) -> F:
    """`--store URL`, else `SEPCONV_STORE`, else the project's configuration, else
    `results/sepconv.db` below this directory."""
    return click.option(
        "--store",
        "store_url",
        metavar="URL",
        envvar="SEPCONV_STORE",
        default=configured_store,
        show_default=DEFAULT_STORE,
        show_envvar=True,
        help="Database: a path, sqlite:///PATH or postgresql+psycopg://…",
        callback=lambda _ctx, _param, value: value if "://" in value else f"sqlite:///{value}",
    )(command)


def configured_store() -> str:
    """The store that the project's configuration names, else the default one.

    Raises:
        InvalidConfiguration: The configuration cannot be read.
    """
    from sepconv.cli.configuration import load_configuration

    return load_configuration(Path.cwd()).store or DEFAULT_STORE


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`, whose first choice is the default."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print the results.",
    )
