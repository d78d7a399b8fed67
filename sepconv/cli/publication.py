"""The report of a comparison as a folder: the comment, the page, and what programs read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click import ClickException

from sepconv.cli.verdict import comparison_plain, print_comparison
from sepconv.comparison import ComparedPass, Comparison
from sepconv.errors import SepconvError

COMMENT, PAGE, PLAIN = "comment.md", "index.html", "comparison.json"


@dataclass(frozen=True)
class Output:
    """How a comparison is told: printed, and in a folder if one is named."""

    format: str = "terminal"
    folder: Path | None = None
    url: str | None = None  # where the folder's page will be


def tell(comparison: Comparison, passes: Sequence[ComparedPass], output: Output) -> int:
    """Print the comparison, and write its report where one is wanted; returns the exit code.

    Raises:
        ReportUnwritable: A file cannot be written.
    """
    from sepconv.cli.comparison import exit_code_of

    if output.folder is not None:  # first: whoever reads what is printed may stop reading
        publish(comparison, passes, output.folder, output.url)
    print_comparison(comparison, output.format)
    return exit_code_of(comparison)


def publish(
    comparison: Comparison, passes: Sequence[ComparedPass], folder: Path, url: str | None
) -> None:
    """Write the comment, the page and the JSON of a comparison into `folder`.

    Raises:
        ReportUnwritable: A file cannot be written.
    """
    from sepconv.report.comment import render_comment
    from sepconv.report.comparison_page import render_comparison
    from sepconv.report.offline import write

    write(folder / PAGE, render_comparison(comparison, passes))
    write(folder / PLAIN, _text(comparison_plain(comparison)))
    write(folder / COMMENT, render_comment(comparison, url))


@contextmanager
def telling_failures(folder: Path | None, asked: Sequence[str]) -> Iterator[None]:
    """Where a report is wanted, an error becomes one, and is raised again."""
    if folder is not None:
        _clear(folder)
    try:
        yield
    except BrokenPipeError:  # the reader of what was printed has gone; the report is there
        raise
    except (SepconvError, ClickException, OSError) as error:
        if folder is not None:
            message = error.format_message() if isinstance(error, ClickException) else str(error)
            publish_failure(message, asked, folder)
        raise


def publish_failure(error: str, asked: Sequence[str], folder: Path) -> None:
    """Write a comment and a JSON that say that nothing could be measured."""
    from sepconv.report.comment import render_failure
    from sepconv.report.offline import write

    plain = {"outcome": "failed", "state": "failed", "error": error, "cases": []}
    write(folder / PLAIN, _text(plain))
    write(folder / COMMENT, render_failure(error, asked))


def _clear(folder: Path) -> None:
    """Take away an earlier report, which would be read as this one's."""
    for name in (COMMENT, PAGE, PLAIN):
        (folder / name).unlink(missing_ok=True)


def _text(plain: dict[str, Any]) -> str:
    return json.dumps(plain, indent=2, allow_nan=False) + "\n"
