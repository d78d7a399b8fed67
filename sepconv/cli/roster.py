"""What there is to compare: the cases of a suite, as far as both sides have their conv types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from sepconv.case import Case
from sepconv.cli.contender import Ready, pair_cases
from sepconv.cli.sweep import expand_suite
from sepconv.comparison import Compared, Outcome
from sepconv.conv_type import ConvType
from sepconv.errors import InvalidConvTypes, InvalidSuite
from sepconv.suite import Suite

if TYPE_CHECKING:
    from sepconv.bench.message import Inventory, Side
    from sepconv.bench.supervisor import Supervisor

INVENTORY_S = 600.0  # a file may compile an extension while it is imported
ABSENT = "absent"

Sides = tuple[Ready, Ready]
"""Base and head."""


@dataclass(frozen=True)
class Roster:
    """The pairs of cases that are wanted, by the numbers of their rings, and what is known of
    them before anything is measured."""

    pairs: Mapping[int, tuple[Case, Case]]  # base and head
    settled: Mapping[int, Compared]  # those that need not be measured, or cannot be
    same_code: Sequence[str]  # conv types
    unchanged: Sequence[str]  # those of them that are left out
    digests: tuple[str | None, str | None]  # of the code of base and head

    @property
    def to_measure(self) -> Mapping[int, tuple[Case, Case]]:
        return {number: pair for number, pair in self.pairs.items() if number not in self.settled}


def take_roster(
    suite: Suite,
    sides: Sides,
    server: Supervisor,
    *,
    where: str | None = None,
    only_changed: bool = False,
) -> Roster:
    """What `suite` means for these two sides on this machine.

    Raises:
        InvalidConvTypes: Neither side has the user's file.
        InvalidSuite: Nothing is left to compare.
        InvalidSelection: `where` selects nothing.
    """
    cases = _find_cases(suite, sides, server, where)
    inventories = [_ask(server, ready.side, cases) for ready in sides]
    same_code = _same_code(*inventories)
    unchanged = same_code if only_changed else []
    wanted = dict(enumerate(pair_cases(cases, sides[0].axes, sides[1].axes), 1))
    pairs = {n: pair for n, pair in wanted.items() if pair[1].conv_type not in unchanged}
    settled = {n: one for n, pair in pairs.items() if (one := _settle(n, pair, inventories))}
    digests = _digest_of(inventories[0]), _digest_of(inventories[1])
    return Roster(pairs, settled, same_code, unchanged, digests)


def _find_cases(
    suite: Suite, sides: Sides, server: Supervisor, where: str | None
) -> tuple[Case, ...]:
    """The cases of the suite, with the conv types that either side has of its own.

    Of a user's repository only these: the built-in ones are the harness' own on both sides.
    """
    from sepconv.bench.machine import usable_cores

    files = [ready.side for ready in sides if ready.side.conv_types is not None]
    if files and not any(map(_has_file, files)):
        raise InvalidConvTypes(Path(files[0].conv_types or "").name, "neither side has it")
    built_in = set(ConvType)
    names = dict.fromkeys(one.name for side in files for one in _ask(server, side).conv_types)
    own = [name for name in names if name not in built_in]
    cases = expand_suite(suite, where, server.hello.devices, usable_cores(), own)
    if any(side.tree is not None for side in files):
        cases = tuple(case for case in cases if case.conv_type not in built_in)
    if not cases:
        expected = "a case of a conv type of the file"
        raise InvalidSuite(suite.source, "axes.conv_type", own, expected)
    return cases


def _ask(server: Supervisor, side: Side, samples: tuple[Case, ...] = ()) -> Inventory:
    from sepconv.bench.message import Inventory, InventoryOrder

    if side.conv_types is not None and not _has_file(side):
        return Inventory()  # it came later, or is gone: its conv types are new, or missing
    answer = server.ask(InventoryOrder(side, str(server.log.path), samples), INVENTORY_S)
    assert isinstance(answer, Inventory)
    return answer


def _has_file(side: Side) -> bool:
    return Path(side.conv_types or "").exists()


def _same_code(base: Inventory, head: Inventory) -> list[str]:
    """The conv types whose code has not changed."""
    before = {one.name: one.digest for one in base.conv_types}
    return [
        one.name
        for one in head.conv_types
        if one.digest is not None and before.get(one.name) == one.digest
    ]


def _settle(
    number: int, pair: tuple[Case, Case], inventories: Sequence[Inventory]
) -> Compared | None:
    """What need not be measured: a side cannot be loaded, or has no such conv type."""
    base, head = pair
    problems = [_problem_of(case, found) for case, found in zip(pair, inventories, strict=True)]
    if problems == [None, None]:
        return None
    errors = [
        f"{arm}: {problem}"
        for arm, problem in zip(("base", "head"), problems, strict=True)
        if problem not in (None, ABSENT)
    ]
    if errors:
        outcome, reason = Outcome.NOT_COMPARABLE, "; ".join(errors)
    elif problems[0] is None:
        outcome, reason = Outcome.MISSING, f"head has no conv type {head.conv_type!r}"
    elif problems[1] is None:
        outcome, reason = Outcome.NEW, f"base has no conv type {base.conv_type!r}"
    else:
        outcome = Outcome.NOT_COMPARABLE
        reason = f"neither side has a conv type {head.conv_type!r}"
    return Compared(number, base, head, outcome, reason=reason)


def _problem_of(case: Case, inventory: Inventory) -> str | None:
    """Why the side cannot build the case; ABSENT if it has no such conv type."""
    if inventory.error is not None:
        return inventory.error
    found = next((one for one in inventory.conv_types if one.name == case.conv_type), None)
    return ABSENT if found is None else found.error


def _digest_of(inventory: Inventory) -> str | None:
    """Of the code of all its conv types together."""
    parts = [f"{one.name}={one.digest}" for one in inventory.conv_types]
    return sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16] if parts else None
