"""The workers of a part of a pass: one, or the two arms of rings, followed to their end."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from sepconv.bench.launcher import START_TIMEOUT_S, Launcher
from sepconv.bench.message import (
    Begun,
    Broken,
    Ended,
    Failed,
    Looked,
    Measured,
    Silent,
    Visited,
    Waiting,
)
from sepconv.bench.plan import Ring
from sepconv.case import Case
from sepconv.errors import MeasuringFailed
from sepconv.record import TRIED_IN_VAIN, Block, Facts, Status

if TYPE_CHECKING:
    from sepconv.bench.supervisor import Supervisor

OVERTIME_S = 3.0  # that a case in hand may take when time is up
STOPPING_S = 2.0  # between the end of one arm and that of the other, once both were told to stop
MOST_CLOCK_RATIO = 1.03  # between the arms of a ring
MEMORY_EVENTS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))
PASSED, SOME_FAILED = 0, 1  # pytest's exit codes of a pass that did its work


class PassKeeper(Protocol):
    """Who is told of every case in a pass."""

    def keep_visit(self, case: Case) -> None: ...

    def keep_blocks(self, *blocks: Block) -> None: ...

    def keep_facts(self, case: Case, facts: Facts) -> None: ...

    def keep_failure(self, case: Case, status: Status, error: str, arm: str) -> None: ...


@dataclass
class Arm:
    """A worker, as its supervisor sees it."""

    pid: int
    pipe: Connection
    role: str  # base, head or alone
    launcher: Launcher  # whose child it is
    case: Case | None = None  # that it is at
    printed: int = 0  # bytes in the log, when it began that
    waits: bool = False  # for the other arm to be at its first case
    has_worked: bool = False
    ended: int | None = None  # pytest's exit code

    @property
    def exit_code(self) -> int | None:
        """Of its process, as far as its server has told."""
        return self.launcher.ends.get(self.pid)

    @property
    def has_begun(self) -> bool:
        """Whether it has come as far as a case."""
        return self.has_worked or self.case is not None


class Crew:
    """The workers over some rings, and what is left of these."""

    def __init__(
        self,
        supervisor: Supervisor,
        arms: Sequence[Arm],
        rings: Sequence[Ring],
        keeper: PassKeeper,
    ) -> None:
        self._supervisor = supervisor
        self._arms = arms
        self._keeper = keeper
        self._left = {ring[0].ring: ring for ring in rings}
        self._cases = {slot.case.identity: slot.case for ring in rings for slot in ring}
        self._blocks: dict[int, list[Block]] = {}  # of rings whose other arm is still at work
        self._answers: dict[tuple[int, int], bool] = {}  # both arms stop after the same visit
        self._failed: set[str] = set()
        self._oom_kills = count_oom_kills()

    def follow(self, must_stop: Callable[[], bool], is_late: Callable[[], bool]) -> list[Ring]:
        """Until all arms have ended; returns the rings that are left if they did so too early.

        `must_stop` is asked between visits; when it `is_late`, a visit in hand has `OVERTIME_S`.
        """
        usual_s = self._supervisor.timeout_s(list(self._left.values()))
        if len(self._arms) == 2:
            usual_s = 2 * usual_s + 5.0  # an arm accuses the other one before
        while working := [arm for arm in self._arms if arm.ended is None]:
            has_begun = any(arm.has_begun for arm in self._arms)
            timeout_s = usual_s if has_begun else max(usual_s, START_TIMEOUT_S)
            ready, is_blamed = self._await(working, timeout_s, is_late)
            if not ready:
                if not is_blamed:
                    return self._dismiss()
                return self._bury(self._slowest(working), hung=True)
            for arm in ready:
                message = _receive(arm)
                if message is None:
                    return self._bury(arm, hung=False)
                if isinstance(message, Silent):
                    return self._bury(self._other(arm), hung=True)
                self._take(arm, message, must_stop)
                if arm.has_begun and self._has_broken_down(arm):
                    return self._bury(arm, hung=False)
                if isinstance(message, Failed) and message.status is Status.OUT_OF_MEMORY:
                    return self._dismiss()  # its heap is full of what the case took
        self._check_end()
        return []

    def _await(
        self, working: Sequence[Arm], timeout_s: float, is_late: Callable[[], bool]
    ) -> tuple[list[Arm], bool]:
        """The arms that have something to tell; if none has, whether one is to blame for that."""
        start = perf_counter()
        while not (ready := self._supervisor.listen(working)):
            silent_s = perf_counter() - start
            stops = not all(self._answers.values())
            if stops and len(working) < len(self._arms) and silent_s > STOPPING_S:
                return [], False  # it waits for the one that has ended
            if silent_s > OVERTIME_S and is_late():
                return [], False
            if silent_s > timeout_s:
                return [], True
        return ready, False

    def _take(self, arm: Arm, message: Any, must_stop: Callable[[], bool]) -> None:
        match message:
            case Begun(_, identity, printed):
                arm.case, arm.printed = self._cases[identity], printed
            case Waiting():
                arm.waits = True
            case Looked(case, facts):
                self._keeper.keep_facts(case, facts)
            case Ended(exit_code):
                arm.ended = exit_code
            case Visited(ring, visit, case):
                self._answer(arm, ring, visit, must_stop)
                self._keeper.keep_visit(case)
            case Measured(visit, block):
                self._answer(arm, block.ring, visit, must_stop)
                self._keep(block)
            case Failed(ring, visit, case, status, error):
                self._answer(arm, ring, visit, must_stop)
                tail = self._printed(arm) if status in TRIED_IN_VAIN else ""
                self._fail(case, status, f"{error}\n{tail}".strip(), arm)
            case Broken(ring, visit):
                self._answer(arm, ring, visit, must_stop)
                self._left.pop(ring, None)

    def _answer(self, arm: Arm, ring: int, visit: int, must_stop: Callable[[], bool]) -> None:
        """Tell it whether to go on: it sets the next case up while its last one is stored."""
        arm.case, arm.has_worked = None, True
        key = (ring, visit)
        if key not in self._answers:
            stops = not all(self._answers.values()) or must_stop()
            self._answers[key] = not stops
        try:
            arm.pipe.send(self._answers[key])
        except OSError:  # it died meanwhile; the next read says so
            return

    def _keep(self, block: Block) -> None:
        ring = self._left.get(block.ring)
        if ring is None:  # the other arm has failed
            return
        blocks = [*self._blocks.pop(block.ring, []), block]
        if len(blocks) < len(ring):
            self._blocks[block.ring] = blocks
            return
        del self._left[block.ring]
        self._keeper.keep_blocks(*with_clocks(sorted(blocks, key=lambda each: each.arm)))

    def _fail(self, case: Case, status: Status, error: str, arm: Arm) -> None:
        """What has failed is out of all its rings."""
        if case.identity not in self._failed:
            self._failed.add(case.identity)
            self._keeper.keep_failure(case, status, error, arm.role)
        for number, ring in list(self._left.items()):
            if any(slot.case.identity in self._failed for slot in ring):
                del self._left[number]
                self._blocks.pop(number, None)

    def _has_broken_down(self, arm: Arm) -> bool:
        """Whether pytest itself could not go on, and was not asked to stop either."""
        return arm.ended not in (None, PASSED, SOME_FAILED) and all(self._answers.values())

    def _dismiss(self) -> list[Ring]:
        """End all workers, blaming none; returns the rings that are left."""
        for arm in self._arms:
            self._supervisor.end_worker(arm)
        return list(self._left.values())

    def _check_end(self) -> None:
        """A pass that was not asked to stop has seen every case."""
        for arm in self._arms:
            self._supervisor.end_worker(arm)
            if self._has_broken_down(arm):
                raise MeasuringFailed(
                    f"pytest ended with code {arm.ended}:\n{self._supervisor.log.tail()}"
                )
        if not all(self._answers.values()):
            return
        for ring in list(self._left.values()):
            for slot in ring:
                culprit = next(arm for arm in self._arms if arm.role == slot.arm or not slot.arm)
                self._fail(
                    slot.case, Status.FAILED, "no test in the suites took this case", culprit
                )

    def _bury(self, culprit: Arm, *, hung: bool) -> list[Ring]:
        """Record what became of the case that its worker did not survive; end all workers."""
        exit_code = self._supervisor.end_worker(culprit)
        left = self._dismiss()
        case, printed = culprit.case, self._printed(culprit)
        if case is None:
            if not any(arm.has_worked for arm in self._arms):
                raise MeasuringFailed(f"a worker ended before its first case:\n{printed}")
            return left  # between two cases, which costs neither of them
        if hung:
            limit_s = self._supervisor.timeout_s([ring for ring in left if _has(ring, case)])
            status, error = Status.TIMED_OUT, f"not done after {limit_s:g} s"
        elif culprit.ended is not None:
            status, error = Status.CRASHED, f"pytest broke down: exit code {culprit.ended}"
        elif exit_code == -signal.SIGKILL and count_oom_kills() > self._oom_kills:
            status, error = Status.OUT_OF_MEMORY, "the system killed its process to free memory"
        elif exit_code == -signal.SIGKILL and case.identity not in self._supervisor.killed:
            self._supervisor.killed.add(case.identity)  # by somebody else, unless it happens again
            return left
        else:
            status, error = Status.CRASHED, f"its process ended: {describe_exit(exit_code)}"
        self._fail(case, status, f"{error}\n{printed}".strip(), culprit)
        return list(self._left.values())

    def _printed(self, arm: Arm) -> str:
        """The end of what was printed since the arm began its case."""
        return self._supervisor.log.tail(arm.printed)

    def _other(self, arm: Arm) -> Arm:
        return next(other for other in self._arms if other is not arm)

    def _slowest(self, working: Sequence[Arm]) -> Arm:
        """Who is to blame when all are silent: the one that is at a case, and does not wait."""
        at_a_case = [arm for arm in working if arm.case is not None] or working
        return next((arm for arm in at_a_case if not arm.waits), at_a_case[0])


def with_clocks(blocks: Sequence[Block]) -> list[Block]:
    """The blocks of a ring, marked if the clocks of their device differ by too much to compare."""
    clocks = [block.clock_mhz for block in blocks if block.clock_mhz]
    if len(clocks) < 2 or max(clocks) <= MOST_CLOCK_RATIO * min(clocks):
        return list(blocks)
    said = " and ".join(f"{clock:.0f}" for clock in clocks)
    trouble = f"the device ran at {said} MHz in the two arms"
    return [replace(block, throttled=block.throttled or trouble) for block in blocks]


def _has(ring: Ring, case: Case) -> bool:
    return any(slot.case.identity == case.identity for slot in ring)


def count_oom_kills() -> int:
    """How many processes the kernel has killed for want of memory, here or on this machine."""
    for path in MEMORY_EVENTS:
        try:
            found = re.search(r"^oom_kill (\d+)$", path.read_text(), re.MULTILINE)
        except OSError:
            continue
        if found is not None:
            return int(found[1])
    return 0


def describe_exit(exit_code: int | None) -> str:
    """An exit status in words: "killed by SIGSEGV", "exit code 3"."""
    if exit_code is None:
        return "unknown"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"killed by signal {-exit_code}"


def _receive(arm: Arm) -> Any:
    """The next message; None when the worker has ended and told all it had to tell."""
    try:
        if arm.exit_code is not None and not arm.pipe.poll():
            return None
        return arm.pipe.recv()
    except (EOFError, OSError):
        return None
