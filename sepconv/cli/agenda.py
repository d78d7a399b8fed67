"""What a night goes through: each item is told in a line, and outlives the failure of others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import click

from sepconv.cli import BAD_USAGE, CODES, DONE, NOT_COMPARABLE, NOT_MEASURED, REGRESSION
from sepconv.errors import DeviceBusy, SepconvError
from sepconv.report.night import Step
from sepconv.report.text import headline, inert

WEIGHT = (BAD_USAGE, REGRESSION, NOT_COMPARABLE, NOT_MEASURED)  # of exit codes, gravest first

Say = Callable[[str], None]


class Agenda:
    """What was done so far, and how it went."""

    def __init__(self, say: Say) -> None:
        self.told: list[Step] = []
        self._say = say

    def tell(self, name: str, text: str, code: int = DONE) -> None:
        """Say and keep a line; `code` is the exit code that it alone would give."""
        step = Step(name, inert(text), code)
        self.told.append(step)
        self._say(f"{step.name}: {step.text}")

    @contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        """What goes wrong within the context is told, and the next item is gone on with."""
        try:
            yield
        except click.ClickException as error:
            self.tell(name, f"failed: {headline(error.format_message())}", error.exit_code)
        except SepconvError as error:
            self.tell(name, f"failed: {headline(str(error))}", code_of(error))
        except Exception:  # noqa: BLE001 (a defect in one item should not cost the others)
            traceback.print_exc()
            self.tell(name, "failed: this is a defect of sepconv, told above", NOT_MEASURED)


def code_of(error: SepconvError) -> int:
    """The exit code of an error; a device that is busy could not be measured."""
    if isinstance(error, DeviceBusy):
        return NOT_MEASURED
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), BAD_USAGE)


def gravest(codes: Collection[int]) -> int:
    """The exit code where several hold."""
    return next((code for code in WEIGHT if code in codes), DONE)
