"""Quantities with their units, as options take them: 90s, 5m, 4GiB."""

from __future__ import annotations

from collections.abc import Callable

import click

from sepconv.units import parse_duration, parse_size


class Quantity(click.ParamType[float]):
    """A number with its unit, by one of the parsers of `sepconv.units`."""

    def __init__(self, name: str, parse: Callable[[str], float]) -> None:
        self.name = name
        self._parse = parse

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return value
        try:
            return self._parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Quantity("duration", parse_duration)
SIZE = Quantity("size", parse_size)
