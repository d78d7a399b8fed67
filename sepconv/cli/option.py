"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sepconv.cli.quantity import DURATION
from sepconv.cli.since import Since
from sepconv.suite import ALLOCATORS

F = TypeVar("F", bound=Callable[..., Any])

CASE_TIMEOUT_S = 30.0
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


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator; `--help` lists them in this order."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


case_timeout_option = click.option(
    "--case-timeout",
    "case_timeout_s",
    type=DURATION,
    metavar="TIME",
    default=f"{CASE_TIMEOUT_S:g}s",
    show_default=True,
    help="A case that is silent for so long has timed out.",
)

shown_options = together(
    click.option(
        "--since",
        type=Since(),
        metavar="DATE",
        help="Only runs that began then or later: 2026-11-03, or 30d.  [default: all]",
    ),
    click.option(
        "--where",
        metavar="SELECTION",
        help='Only these cases, as in "conv_type=standard and stride=2".  [default: all]',
    ),
)
"""What of a store is shown."""

measuring_options = together(
    click.option(
        "--allocator",
        type=click.Choice(ALLOCATORS),
        default="tuned",
        show_default=True,
        help="Whether freed memory stays in the process.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Of weights and inputs."),
    case_timeout_option,
    click.option(
        "--wait", is_flag=True, help="Wait until nothing else is measuring on the device."
    ),
)
"""How comparisons measure."""

commit_options = together(
    click.option(
        "--repo",
        type=click.Path(exists=True, path_type=Path),
        help="The repository of the code.  [default: this one]",
    ),
    click.option(
        "--conv-types",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE.py",
        help="Your own conv types: CONV_TYPES = {'name': builder}.",
    ),
    click.option(
        "--build-command", metavar="COMMAND", help="Builds a commit, in its own copy; kept."
    ),
)
"""Whose commits are measured."""


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
