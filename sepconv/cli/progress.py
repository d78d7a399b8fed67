"""What people see while a sweep runs: one bar with the time left, or a line per pass in a log."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from sepconv.case import Case
from sepconv.cli.recorder import Watcher
from sepconv.record import Block, Slot, Status
from sepconv.report.text import headline

BLOCK_OVERHEAD_S = 0.02  # warm-up and set-up, so that short blocks count for something


class Progress(Watcher):
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
        self._pass_s = self._done_s = 0.0
        self._visit_s: dict[str, float] = {}  # by case: standard has several slots

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
        count = len({slot.case.identity for slot in slots})
        if number == 0:
            self.say(f"calibrating {count} cases")
            self._bar.update(self._task, total=len(slots))
            return
        to_come_s = max(self._passes - number, 0) * self._pass_s
        total_s = self._done_s + sum(map(_shown_s, slots)) + to_come_s
        self._bar.update(self._task, completed=self._done_s, total=total_s)
        of = f" of {self._passes}" if number <= self._passes else ""
        self.say(f"pass {number}{of}: {count} cases")

    def keep_plan(self, slots: Sequence[Slot], passes: int | None) -> None:
        if passes is not None:
            self._passes = passes
            self._pass_s = sum(map(_shown_s, slots))
        by_case: dict[str, list[Slot]] = {}
        for slot in slots:
            by_case.setdefault(slot.case.identity, []).append(slot)
        self._visit_s |= {
            identity: sum(map(_shown_s, own)) / sum(slot.visits for slot in own)
            for identity, own in by_case.items()
        }

    def keep_visit(self, case: Case) -> None:
        if not self._passes:  # calibrating
            self._bar.advance(self._task)
            return
        visit_s = self._visit_s.get(case.identity, 0.0)
        self._done_s += visit_s
        self._bar.advance(self._task, visit_s)

    def keep_blocks(self, *blocks: Block) -> None:
        for block in blocks:
            self.keep_visit(block.case)  # its last one

    def keep_failure(self, case: Case, status: Status, error: str) -> None:
        self._console.print(f"{case.label}: {status}: {headline(error)}", markup=False)


def _shown_s(slot: Slot) -> float:
    """What a slot counts for in the bar."""
    return slot.block_s + BLOCK_OVERHEAD_S
