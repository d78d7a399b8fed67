"""What people see while a sweep runs: one bar with the time left, or a line per pass in a log."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from sepconv.case import Case
from sepconv.cli.table import last_line
from sepconv.record import Block, Slot, Status

BLOCK_OVERHEAD_S = 0.02  # warm-up and set-up, so that short blocks count for something


class Progress:
    """Draws on stderr, so that what a command prints on stdout can be piped."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)
        self._passes = 0
        self._block_s: dict[str, float] = {}
        self._visits: dict[str, int] = {}
        self._total_s = 0.0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Tell what is being done, in the bar or as a line."""
        self._bar.update(self._task, description=text)
        if not self._console.is_terminal:
            self._console.print(text, highlight=False, markup=False)

    def begin_pass(self, number: int, slots: Sequence[Slot]) -> None:
        if number == 0:
            self.say(f"calibrating {len(slots)} cases")
            self._bar.update(self._task, total=len(slots))
            return
        if number > self._passes:  # one more, over the cases that are still too noisy
            self._total_s += sum(self._block_s[slot.case.identity] for slot in slots)
            self._bar.update(self._task, total=self._total_s)
        of = f" of {self._passes}" if number <= self._passes else ""
        self.say(f"pass {number}{of}: {len(slots)} cases")

    def keep_plan(self, slots: Sequence[Slot], passes: int) -> None:
        self._passes = passes
        self._block_s = {slot.case.identity: slot.block_s + BLOCK_OVERHEAD_S for slot in slots}
        self._visits = {slot.case.identity: slot.visits for slot in slots}
        self._total_s = passes * sum(self._block_s.values())
        self._bar.reset(self._task, total=self._total_s)

    def keep_visit(self, case: Case) -> None:
        visits = self._visits.get(case.identity, 1)
        self._bar.advance(self._task, self._block_s.get(case.identity, 1.0) / visits)

    def keep_block(self, block: Block) -> None:
        self.keep_visit(block.case)  # its last one

    def keep_failure(self, case: Case, status: Status, error: str) -> None:
        self._console.print(f"{case.label}: {status}: {last_line(error)}", markup=False)
