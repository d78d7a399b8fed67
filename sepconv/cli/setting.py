"""How a sweep was asked for: options of `run` and `quick`, and what a resumed run repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import click

from sepconv.cli.option import (
    CASE_TIMEOUT_S,
    case_timeout_option,
    format_option,
    store_option,
    together,
)
from sepconv.cli.quantity import DURATION, SIZE
from sepconv.suite import ALLOCATORS


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a sweep measures and how, apart from the suite's own file."""

    where: str | None = None
    time_budget_s: float | None = None  # None: the suite's
    allocator: str = "tuned"  # where the suite does not say
    seed: int = 0  # of weights, inputs and order: the same work in every run, unless told otherwise
    case_timeout_s: float = CASE_TIMEOUT_S
    memory_limit_bytes: int | None = None
    isolate: bool = False
    conv_types: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain values, paths absolute."""
        path = self.conv_types
        return asdict(self) | {"conv_types": None if path is None else str(path.resolve())}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Settings:
        """What `to_dict` told; names that this version does not know are left out."""
        known = {field.name for field in fields(cls)}
        settings = cls(**{name: value for name, value in plain.items() if name in known})
        path = plain.get("conv_types")
        return replace(settings, conv_types=None if path is None else Path(path))


sweep_options = together(
    format_option("table", "json", "csv", "markdown"),
    store_option,
    click.option(
        "--where", metavar="SELECTION", help="As in: 'stride=2 and channels in (16, 64)'."
    ),
    click.option(
        "--time-budget",
        "time_budget_s",
        type=DURATION,
        metavar="TIME",
        help="Be done in about that time, as in 90s or 5m.",
    ),
    click.option(
        "--allocator",
        type=click.Choice(ALLOCATORS),
        default="tuned",
        show_default=True,
        help="Whether freed memory stays in the process; where the suite does not say.",
    ),
    click.option(
        "--seed", type=int, default=0, show_default=True, help="Of weights, inputs and order."
    ),
    click.option(
        "--wait", is_flag=True, help="Wait until no other sweep is measuring on the device."
    ),
    case_timeout_option,
    click.option(
        "--memory-limit",
        "memory_limit_bytes",
        type=SIZE,
        metavar="SIZE",
        help="Memory that a case may take, as in 4GiB.",
    ),
    click.option(
        "--isolate", is_flag=True, help="A fresh process for each ring: slower, and safer."
    ),
    click.option(
        "--conv-types",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE.py",
        help="Measure your own conv types too: CONV_TYPES = {'name': builder}.",
    ),
)
"""The options that `run` and `quick` share: those of `Settings`, and where it goes."""
