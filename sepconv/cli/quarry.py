"""What a search for a commit follows: the cases of an event, or those that somebody names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from math import inf, log
from typing import Any

from sepconv.case import Case
from sepconv.cli.suite_file import find_suite, suite_names
from sepconv.errors import InvalidRevision, InvalidSelection
from sepconv.event import Changed, Event, EventKind
from sepconv.selection import parse_selection
from sepconv.suite import Suite

EVENT = re.compile(r"\d+|latest|[0-9a-f]{6,40}")
LABEL = re.compile(r"(?P<conv_type>.+?)-\d+(?:-\d+)?-\d+x\d+-k[^ ]*")
THREADS = re.compile(r"-(\d+)threads\b")  # in a label: all the cores of the machine it was on
DEFAULT_SUITE = "pull-request"
MOST_CASES = 3  # that are followed: more cost more, and say little more
DEVICES = ("cpu", "cuda", *(f"cuda:{number}" for number in range(8)))


@dataclass(frozen=True)
class Quarry:
    """What changed: cases of a suite, and between which commits, as far as that is known."""

    suite: Suite
    where: str | None = None  # of the suite's cases
    event: Event | None = None

    @property
    def good(self) -> str | None:
        """The newest commit that was measured before the event."""
        return self.event.last_good.commit if self.event and self.event.last_good else None

    @property
    def bad(self) -> str | None:
        """The oldest commit that was measured after it."""
        return self.event.first_bad.commit if self.event and self.event.first_bad else None


def is_event(wanted: str) -> bool:
    """Whether the word names an event: a number, the beginning of a uid, or latest."""
    return EVENT.fullmatch(wanted) is not None


def quarry_of_event(event: Event) -> Quarry:
    """The cases of an event that show it most clearly.

    Raises:
        InvalidRevision: No commit is to blame.
    """
    number = event.id
    if event.kind is EventKind.ENVIRONMENT:
        raise InvalidRevision(
            f"event {number} came with the environment, not with a commit: measure what that did "
            "with `sepconv compare --base-python OLD`"
        )
    if event.last_good and event.first_bad and event.last_good.commit == event.first_bad.commit:
        raise InvalidRevision(
            f"event {number} began at {event.first_bad.commit[:10]}, which was measured before it "
            "as well: no commit lies between"
        )
    members = sorted(event.members, key=_clearness, reverse=True)
    cases = {member.case.identity: member.case for member in members}
    return Quarry(suite_of(list(cases.values())[:MOST_CASES]), event=event)


def quarry_of_cases(wanted: str, suite_name: str | None, *, has_own: bool) -> Quarry:
    """The case of that label, or those that a selection chooses from the suite.

    A label is looked up in all suites that come along, unless one is named.

    Raises:
        InvalidSelection: It is neither.
    """
    label = LABEL.fullmatch(wanted)
    if label is None:
        try:
            parse_selection(wanted)
        except InvalidSelection as error:
            raise InvalidSelection(
                wanted, error.position, f"an event, a case as it is printed, or {error.expected}"
            ) from error
        return Quarry(find_suite(suite_name or DEFAULT_SUITE), wanted)
    own = (label["conv_type"],) if has_own else ()
    threads = THREADS.search(wanted)
    cores = int(threads[1]) if threads else 1
    names = [suite_name] if suite_name else [DEFAULT_SUITE, *suite_names()]
    for name in names:
        for case in find_suite(name).expand(devices=DEVICES, logical_cores=cores, conv_types=own):
            if case.label == wanted:
                return Quarry(suite_of([case]))
    raise InvalidSelection(
        wanted, 0, f"a case of {', '.join(dict.fromkeys(names))} (name another with --suite)"
    )


def suite_of(cases: Iterable[Case]) -> Suite:
    """A suite of just these cases."""
    return Suite("bisect", axes={}, include=tuple(_table_of(case) for case in cases))


def _table_of(case: Case) -> dict[str, Any]:
    """The case as an include of a suite."""
    table = {each.name: [getattr(case, each.name)] for each in fields(case)}
    del table["options"]
    return table | {f"options.{name}": [value] for name, value in case.options.items()}


def _clearness(member: Changed) -> float:
    """How large a change is against its interval."""
    if member.low is None or member.high is None or not 0 < member.low < member.high:
        return inf if member.ratio != 1 else 0.0
    return abs(log(member.ratio)) / log(member.high / member.low)
