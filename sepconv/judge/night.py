"""What the nights before this one say: which were missed, how far a killed one came, and which
reference is not yet connected with that of tonight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from sepconv.comparison import Comparison, Purpose
from sepconv.run import Revision

DAY = timedelta(days=1)
DAILY = (0.7, 1.3)  # days from night to night, in the median, where nights are daily
LEAST_GAPS = 2  # that tell the rhythm
RHYTHM = 15  # newest nights that tell it
SAME_NIGHT = timedelta(hours=6)  # measured again, or many old commits in a row


def missed_dates(nights: Iterable[str], now: str) -> list[str]:
    """The dates without a night between the newest of `nights` and the one that begins `now`.

    All are times in ISO 8601. Counted in days that have passed, not in dates: a night that
    begins at midnight, and sometimes a minute earlier, has missed none. Where nights are not
    daily, or fewer than three are known, none was missed.
    """
    times = _apart(sorted(map(datetime.fromisoformat, nights)))[-RHYTHM:]
    gaps = [(after - before) / DAY for before, after in pairwise(times)]
    if len(gaps) < LEAST_GAPS or not DAILY[0] <= median(gaps) <= DAILY[1]:
        return []
    days = round((datetime.fromisoformat(now) - times[-1]) / DAY)
    return [(times[-1] + day * DAY).date().isoformat() for day in range(1, days)]


def _apart(times: Sequence[datetime]) -> list[datetime]:
    """The first of each that lie close together."""
    found: list[datetime] = []
    for time in times:
        if not found or time - found[-1] > SAME_NIGHT:
            found.append(time)
    return found


def unconnected_reference(comparisons: Iterable[Comparison], reference: str) -> Revision | None:
    """The newest reference of a night that no chain of comparisons connects with `reference`."""
    every = sorted(comparisons, key=lambda each: each.started_at, reverse=True)
    connected = _connected(every, reference)
    for night in every:
        base = night.base.revision
        if night.purpose is Purpose.NIGHTLY and base is not None and base.commit not in connected:
            return base
    return None


def _connected(comparisons: Iterable[Comparison], reference: str) -> set[str]:
    """The commits that comparisons made for that purpose lead to, by any number of steps."""
    ways: dict[str, set[str]] = {}
    for each in comparisons:
        ends = each.base.revision, each.head.revision
        if each.purpose is not Purpose.CHAIN or not all(ends):
            continue
        if any(case.ratio is not None for case in each.cases):
            old, new = (end.commit for end in ends if end is not None)
            ways.setdefault(old, set()).add(new)
            ways.setdefault(new, set()).add(old)
    found, ahead = {reference}, [reference]
    while ahead:
        fresh = ways.get(ahead.pop(), set()) - found
        found |= fresh
        ahead.extend(fresh)
    return found


@dataclass(frozen=True)
class Reached:
    """How far something came that goes over all of its cases again and again."""

    pass_number: int  # the newest that has anything; 0 if none has
    cases: int  # that it has
    of: int | None  # cases that a whole pass has; None where no pass was whole

    @classmethod
    def of_passes(cls, stored: Iterable[tuple[int, str]], of: int | None = None) -> Reached:
        """Of what is stored: the pass and the case of each; `of` is how many were planned."""
        by_pass: dict[int, set[str]] = {}
        for number, case in stored:
            by_pass.setdefault(number, set()).add(case)
        if not by_pass:
            return cls(0, 0, of)
        newest = max(by_pass)
        if of is None and newest - 1 in by_pass:
            of = len(by_pass[newest - 1])
        return cls(newest, len(by_pass[newest]), of)

    def __str__(self) -> str:
        if self.pass_number == 0:
            return "before anything was measured"
        of = "" if self.of is None else f" of {self.of}"
        plural = "" if self.cases == 1 and not of else "s"
        return f"in pass {self.pass_number}, after {self.cases}{of} case{plural}"
