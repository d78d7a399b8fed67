"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STORE = "sqlite:///results/sepconv.db"


def store_option(command: F) -> F:
    """`--store URL`, else `SEPCONV_STORE`, else `results/sepconv.db` below this directory."""
    return click.option(
        "--store",
        "store_url",
        metavar="URL",
        envvar="SEPCONV_STORE",
        default=DEFAULT_STORE,
        show_default=True,
        show_envvar=True,
        help="Database: a path, sqlite:///PATH or postgresql+psycopg://…",
        callback=lambda _ctx, _param, value: value if "://" in value else f"sqlite:///{value}",
    )(command)


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
