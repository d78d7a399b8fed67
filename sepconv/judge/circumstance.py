"""What else differs between two occasions than the code: machine, environment, conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from sepconv.run import Environment, Machine
from sepconv.series import Occasion

CONDITIONS = ("kernel", "libc", "python", "governor", "suite_digest")
"""Of the conditions those that stay the same until somebody changes them."""

NAMES = {"suite_digest": "contents of the suite", "python": "Python", "omp_settings": "OpenMP"}
MACHINE_LETTERS = 4  # of a machine's key: those of a few machines differ in them
NOT_NEWS = {"python"}  # of an environment: the condition says it to the patch level


def differences(before: Occasion, after: Occasion) -> list[str]:
    """Each in a few words, "torch 2.12.0 → 2.13.0"; the weightiest first."""
    return [
        *_machines(before, after),
        *_environments(before.environment, after.environment),
        *_conditions(before, after),
    ]


def facts_of(occasion: Occasion) -> dict[str, str]:
    """What `differences` looks at, by its name, in the same words and order; what is not known
    is left out. Two machines that differ have different texts, whatever their labels are."""
    environment = occasion.environment
    return {
        "machine": machine_text(occasion.machine),
        **{
            _name(field.name): _text(getattr(environment, field.name))
            for field in fields(Environment)
            if field.name not in NOT_NEWS
        },
        **{
            _name(name): _text(occasion.conditions[name])
            for name in CONDITIONS
            if occasion.conditions.get(name) is not None
        },
    }


def machine_text(machine: Machine) -> str:
    """The label, with letters that tell two machines of one label apart."""
    return f"{machine.label} ({machine.key[:MACHINE_LETTERS]})"


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
