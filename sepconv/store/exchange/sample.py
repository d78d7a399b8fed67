"""Rounds as a file keeps them, and the block that they become."""

from __future__ import annotations

from dataclasses import dataclass

from sepconv.case import Case
from sepconv.record import Block, Round
from sepconv.store.exchange.document import SECONDS_LIMIT, Part

ROUND_LIMIT = 10_000_000  # of one benchmark: more could not be read again
CLOCK_DIGITS = 9  # of a second: a clock counts nanoseconds, and the division by calls lost them
ROUND_LIMIT_S = 9e9  # all calls of a round: more could not be kept to the nanosecond
UNKNOWN_S = 0.0  # what a block says of a clock that nobody read: a real one gives more


@dataclass(frozen=True)
class Sample:
    """The rounds of one process over one benchmark: a block, before its case is known."""

    latencies_s: tuple[float, ...]  # wall seconds per call, one per round
    calls: int  # per round
    started_at: str
    pass_number: int = 1
    server: int = 0
    ring: int = 0
    arm: str = ""

    def block(self, case: Case) -> Block:
        """The block of `case`; CPU time, first call and warm-up are `UNKNOWN_S`."""
        return Block(
            case=case,
            pass_number=self.pass_number,
            calls=self.calls,
            rounds=tuple(
                Round(round(self.calls * each, CLOCK_DIGITS), UNKNOWN_S)
                for each in self.latencies_s
            ),
            first_call_s=UNKNOWN_S,
            warmup_s=UNKNOWN_S,
            started_at=self.started_at,
            server=self.server,
            ring=self.ring,
            arm=self.arm,
        )


def read_rounds(part: Part) -> tuple[float, ...]:
    """Wall seconds per call, one per round; a coarse clock may have read 0.

    Raises:
        InvalidExchange: One is no duration, or there are too many.
    """
    if not isinstance(part.plain, list):
        raise part.expected("a list of seconds")
    if len(part.plain) > ROUND_LIMIT:
        raise part.expected(f"at most {ROUND_LIMIT} rounds")
    for index, each in enumerate(part.plain):
        if type(each) is not float or not 0.0 <= each <= SECONDS_LIMIT:  # of millions
            part.item(index).seconds(or_none=True)
    return tuple(map(float, part.plain))


def check_calls(part: Part, latencies_s: tuple[float, ...], calls: int) -> None:
    """Refuse rounds that are too long to be kept.

    Raises:
        InvalidExchange: All calls of a round together take longer.
    """
    if calls * max(latencies_s, default=0.0) > ROUND_LIMIT_S:
        raise part.expected(f"rounds of at most {ROUND_LIMIT_S:g} s, all {calls} calls together")
