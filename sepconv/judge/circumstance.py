"""What else differs between two occasions than the code: machine, environment, conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from sepconv.run import Environment
from sepconv.series import Occasion

CONDITIONS = ("kernel", "libc", "python", "governor", "suite_digest")
"""Of the conditions those that stay the same until somebody changes them."""

NAMES = {"suite_digest": "contents of the suite", "python": "Python", "omp_settings": "OpenMP"}
NOT_NEWS = {"python"}  # of an environment: the condition says it to the patch level


def differences(before: Occasion, after: Occasion) -> list[str]:
    """Each in a few words, "torch 2.12.0 → 2.13.0"; the weightiest first."""
    return [
        *_machines(before, after),
        *_environments(before.environment, after.environment),
        *_conditions(before, after),
    ]


def _machines(before: Occasion, after: Occasion) -> Iterator[str]:
    if before.machine.key != after.machine.key:
        yield _arrow("machine", before.machine.label, after.machine.label)


def _environments(before: Environment, after: Environment) -> Iterator[str]:
    for field in fields(Environment):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new and field.name not in NOT_NEWS:
            yield _arrow(_name(field.name), _text(old), _text(new))


def _conditions(before: Occasion, after: Occasion) -> Iterator[str]:
    for name in CONDITIONS:
        old, new = before.conditions.get(name), after.conditions.get(name)
        if old != new and old is not None and new is not None:
            yield _arrow(_name(name), _text(old), _text(new))


def _arrow(name: str, old: str, new: str) -> str:
    return f"{name} {old} → {new}"


def _name(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
