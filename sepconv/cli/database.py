"""`sepconv db`: stores as a whole: brought together, kept, and kept small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli.option import format_option, store_option
from sepconv.cli.prune import prune

if TYPE_CHECKING:
    from sepconv.store.backup import Backup
    from sepconv.store.merge import Merged

COUNTED = ("run", "comparison", "acknowledgement", "peak", "selfcheck")
"""The tables whose rows people speak of."""


@click.group(epilog="Example: sepconv db backup results/backup.db")
def db() -> None:
    """Bring stores together, keep them, and keep them small: merge, backup, prune.

    Where nothing survives a job, a store travels as a file that `backup` writes and `merge`
    brings back. Never copy the file of a store that is in use: what was written last is in
    another file beside it.
    """


@db.command(epilog="Example: sepconv db merge artifacts/*.db --store results/sepconv.db")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@store_option
@format_option("text", "json")
def merge(sources: tuple[str, ...], store_url: str, output_format: str) -> int:
    """Bring what other stores hold into this one: SOURCE is a file or the URL of a database.

    All of it or nothing; merging the same again changes nothing. The sources are not changed;
    one with an older schema is copied, and the copy upgraded. If a run is in both with
    different contents, the copy that got further counts, then the one that ended later.
    """
    from sepconv.cli.table import print_json
    from sepconv.report.text import inert
    from sepconv.store import Store
    from sepconv.store.source import open_source

    with ExitStack() as stack:
        opened = [stack.enter_context(open_source(source)) for source in sources]
        with Store(store_url) as store:
            merged = store.merge(*(source.store for source in opened))
            shown_url = store.shown_url
    upgraded = [source.upgraded_from for source in opened]
    if output_format == "json":
        print_json(_merged_plain(shown_url, merged, upgraded))
        return 0
    for one, version in zip(merged, upgraded, strict=True):
        first, *rest = _merged_lines(one, version, shown_url)
        click.echo(inert(first))
        for line in rest:
            click.echo(f"  {inert(line)}")
    return 0


@db.command(epilog="Example: sepconv db backup results/backup.db --force")
@click.argument("target", metavar="TARGET")
@store_option
@click.option("--force", is_flag=True, help="Write over TARGET if it is there.")
@format_option("text", "json")
def backup(target: str, store_url: str, force: bool, output_format: str) -> int:
    """Write the store to one SQLite file, also from PostgreSQL.

    Others may go on writing to the store. The file is checked, and written whole or not at all.
    """
    from sepconv.cli.table import print_json
    from sepconv.report.text import inert
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        written = store.backup(target, overwrite=force)
        shown_url = store.shown_url
    if output_format == "json":
        print_json(_backup_plain(shown_url, written))
    else:
        click.echo(inert(_backup_line(written)))
    return 0


db.add_command(prune)


def _merged_lines(merged: Merged, upgraded_from: str | None, target: str) -> list[str]:
    """What one source brought: "merged a.db: 3 runs, 2 comparisons new; 1 run completed; …"."""
    others = {name: number for name, number in merged.rows.items() if name in COUNTED[2:]}
    new = _counts({**merged.new, **others})
    completed, old = _counts(merged.completed), sum(merged.already_there.values())
    parts = [f"{new} new" if new else "", f"{completed} completed" if completed else ""]
    parts = [part for part in parts if part] or ["nothing new"]
    if old:
        parts.append(f"{old} already there")
    lines = [f"merged {_short(merged.source)}: {'; '.join(parts)}"]
    if upgraded_from is not None:
        lines.append(f"it has the older schema {upgraded_from}: an upgraded copy was merged")
    if merged.settled:
        lines.append(f"{_conflict(merged.settled)}; kept what got further, or ended later")
    if merged.unsettled:
        lines.append(f"{_conflict(merged.unsettled)}, equally far; kept those of {_short(target)}")
    return lines


def _short(shown_url: str) -> str:
    """A file by its path alone."""
    return shown_url.removeprefix("sqlite:///")


def _conflict(counts: Mapping[str, int]) -> str:
    verb = "was" if sum(counts.values()) == 1 else "were"
    return f"{_counts(counts)} {verb} in both stores with different contents"


def _counts(counts: Mapping[str, int]) -> str:
    """ "3 runs, 1 comparison", without what there is none of."""
    found = [(counts.get(name, 0), name) for name in COUNTED]
    return ", ".join(
        f"{number} {name}{'s' if number > 1 else ''}" for number, name in found if number
    )


def _merged_plain(
    target: str, merged: Sequence[Merged], upgraded: Sequence[str | None]
) -> dict[str, Any]:
    return {
        "store": target,
        "sources": [
            {
                "source": one.source,
                "upgraded_from": version,
                "new": dict(one.new),
                "completed": dict(one.completed),
                "already_there": dict(one.already_there),
                "settled": dict(one.settled),
                "unsettled": dict(one.unsettled),
                "rows": dict(one.rows),
            }
            for one, version in zip(merged, upgraded, strict=True)
        ],
    }


def _backup_plain(source: str, written: Backup) -> dict[str, Any]:
    return {
        "store": source,
        "backup": str(written.path),
        "size_bytes": written.size_bytes,
        "rows": dict(written.rows),
    }


def _backup_line(written: Backup) -> str:
    from sepconv.units import format_bytes

    holds = _counts(written.rows) or "it holds nothing yet"
    return f"wrote {written.path}: {holds}; {format_bytes(written.size_bytes)}"
