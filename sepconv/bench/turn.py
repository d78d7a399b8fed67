"""Turns: two workers on one core pass a token, so that one of them runs at a time.

Rounds that follow each other within a millisecond on one core saw the same machine; what the
neighbours take, they take from both. A visit to a ring is a sequence of turns that both arms
know: each warms up, then they take their rounds in quads, base-head-head-base or its mirror
image as a seeded coin decides for each visit, so that a drift cancels and neither always goes
first. Quads of one kind follow each other, as each change of turns costs an untimed call.
"""

from __future__ import annotations

import random
import signal
import socket
import struct
from collections.abc import Callable
from typing import NoReturn

from sepconv.record import BASE, HEAD

ARMS = (BASE, HEAD)
MESSAGE = struct.Struct("<cII")  # what, ring, visit
READY, GO, BROKEN = b"r", b"g", b"x"


class RingBroken(Exception):
    """The other arm cannot measure its case: this visit has nothing to be compared with."""


def schedule(rounds: int, seed: int) -> tuple[str, ...]:
    """The arm of each turn of a visit: one warm-up each, then `rounds` rounds each.

    Neither arm is favoured: a coin says which of them begins.
    """
    first, second = ARMS if random.Random(seed).random() < 0.5 else ARMS[::-1]
    quads = [first, second, second, first] * (rounds // 2)
    rest = [first, second] * (rounds % 2)
    return (first, second, *quads, *rest)


class Baton:
    """One arm's end of the socket through which the token goes.

    `accuse` is told when the other arm is silent for longer than the time of a case. It may
    take as long as it wants to start; then `wait` is told that this arm is not the one to blame.
    """

    def __init__(
        self,
        end: socket.socket,
        arm: str,
        *,
        timeout_s: float,
        accuse: Callable[[int], None],
        wait: Callable[[], None] = lambda: None,
    ) -> None:
        self.arm = arm
        self._end = end
        self._accuse = accuse
        self._wait = wait
        self._timeout_s: float | None = timeout_s  # None once it is in force
        end.setblocking(True)

    def visit(self, ring: int, number: int, *, rounds: int, seed: int) -> Turns:
        """The turns of this arm in one visit."""
        mixed = hash((seed, ring, number))  # of whole numbers: the same in both processes
        return Turns(self, ring, number, schedule(rounds, mixed))

    def meet(self, ring: int, visit: int) -> None:
        """Wait until the other arm is at this visit too."""
        self.send(READY, ring, visit)
        if self._timeout_s is not None:
            self._wait()
        self.expect(READY, ring, visit)

    def give_up(self, ring: int, visit: int) -> None:
        """Tell the other arm not to wait in this visit."""
        self.send(BROKEN, ring, visit)

    def send(self, what: bytes, ring: int, visit: int) -> None:
        try:
            self._end.sendall(MESSAGE.pack(what, ring, visit))
        except OSError:
            _await_the_end()

    def expect(self, wanted: bytes, ring: int, visit: int) -> None:
        """Wait for the other arm to say so of this visit; what it said of others is over.

        Raises:
            RingBroken: It said that it cannot.
        """
        while True:
            what, its_ring, its_visit = MESSAGE.unpack(self._read(ring))
            if (its_ring, its_visit) != (ring, visit):
                continue
            if what == BROKEN:
                raise RingBroken
            if what == wanted:
                return

    def _read(self, ring: int) -> bytes:
        try:
            read = self._end.recv(MESSAGE.size, socket.MSG_WAITALL)
        except BlockingIOError:
            self._accuse(ring)
            _await_the_end()
        except OSError:
            _await_the_end()
        if self._timeout_s is not None:  # the other one has started, which may take long
            _limit_waiting(self._end, self._timeout_s)
            self._timeout_s = None
        return read if len(read) == MESSAGE.size else _await_the_end()


class Turns:
    """One visit of one arm: when to wait for the token, and when to pass it on."""

    def __init__(self, baton: Baton, ring: int, visit: int, order: tuple[str, ...]) -> None:
        self._baton = baton
        self._ring = ring
        self._visit = visit
        self._order = order
        self._mine = [place for place, arm in enumerate(order) if arm == baton.arm]
        self._next = 0

    def meet(self) -> None:
        """Wait until both arms are ready, so that none is set up while the other is timed."""
        self._baton.meet(self._ring, self._visit)

    def await_turn(self) -> bool:
        """Wait until it is this arm's turn; returns whether the other one ran meanwhile."""
        place = self._mine[self._next]
        if place == 0 or self._order[place - 1] == self._baton.arm:
            return False
        self._baton.expect(GO, self._ring, self._visit)
        return True

    def pass_on(self) -> None:
        """End this arm's turn; after its last one, wait until the other has done its own."""
        place = self._mine[self._next]
        self._next += 1
        is_last = place + 1 == len(self._order)
        if is_last or self._order[place + 1] != self._baton.arm:
            self._baton.send(GO, self._ring, self._visit)
        if self._next == len(self._mine) and not is_last:
            self._baton.expect(GO, self._ring, self._visit)


def _limit_waiting(end: socket.socket, timeout_s: float) -> None:
    """Have the kernel end a blocking read: a time-out of Python's would cost two calls more."""
    whole_s = int(timeout_s)
    limit = struct.pack("ll", whole_s, int((timeout_s - whole_s) * 1e6))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _await_the_end() -> NoReturn:
    """The other arm is gone or stuck: its supervisor sees that, and ends this process too."""
    while True:
        signal.pause()
