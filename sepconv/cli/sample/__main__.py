"""`scripts/sample-history`: write a made-up history into a store of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sepconv.cli.sample import EVENTS, Truth, write_history
from sepconv.errors import SepconvError

if TYPE_CHECKING:
    from sepconv.store import Store

BAD_USAGE = 2


@click.command(
    epilog="Example: scripts/sample-history --cases 2000 --runs 50 --seed 1 --store sample.db"
)
@click.option("--cases", type=click.IntRange(min=1), required=True, help="Cases of every night.")
@click.option("--runs", type=click.IntRange(min=1), required=True, help="Nights with a run.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of all that is drawn.")
@click.option(
    "--events",
    type=click.IntRange(min=0),
    default=EVENTS,
    show_default=True,
    help="Changes of the code; fewer in a short history.",
)
@click.option("--store", "url", metavar="URL", required=True, help="A path, or a database's URL.")
@click.option("--analyse", is_flag=True, help="Find its events, as the newest night would.")
def sample_history(cases: int, runs: int, seed: int, events: int, url: str, analyse: bool) -> None:
    """Write a made-up history, and say what was put into it.

    Everything in it says that it is synthetic. The same options give the same history; writing it
    again changes nothing. Measured results have no place in the same store.
    """
    from sepconv.store import Store

    try:
        with Store(url) as store:
            _refuse_measured(store)
            with click.progressbar(length=runs, label="writing nights") as bar:

                def tell(done: int, of: int) -> None:
                    bar.length = of
                    bar.update(done - bar.pos)

                truth = write_history(
                    store, cases=cases, runs=runs, seed=seed, events=events, say=tell
                )
            if analyse:
                analyse_history(store, truth)
            store.give_back()
            shown = store.shown_url
    except SepconvError as error:
        click.echo(f"sample-history: error: {error}", err=True)
        raise SystemExit(BAD_USAGE) from error
    for line in _lines(truth, shown):
        click.echo(line)


def _refuse_measured(store: Store) -> None:
    """Keep what is made up apart from what was measured.

    Raises:
        SepconvError: The newest run of the store was measured.
    """
    from sepconv.cli.sample.writing import SUITE

    for stored in store.runs(limit=1):
        if stored.run.suite != SUITE:
            raise SepconvError(
                f"{store.shown_url} holds measured results (suite {stored.run.suite!r}): expected "
                "a store for made-up ones alone; name a new one with --store"
            )


def analyse_history(store: Store, truth: Truth) -> None:
    """Store the events that are found a day after the newest night."""
    from datetime import datetime, timedelta

    from sepconv.cli.analysis import analyse

    newest = datetime.fromisoformat(truth.nights[-1])
    analyse(store, now=(newest + timedelta(days=1)).isoformat())


def _lines(truth: Truth, shown: str) -> list[str]:
    lines = [f"wrote {shown}: {len(truth.nights)} nights × {len(truth.cases)} cases, made up:"]
    lines += [
        f"  {change.began_at[:10]}  {change.revision.commit[:10]}  {len(change.cases):5} cases  "
        f"{change.ratio - 1:+7.1%}  {change.revision.subject}"
        for change in truth.changes
    ]
    happened = {
        "another machine": truth.machine_changed_at,
        "a newer torch": truth.torch_upgraded_at,
        "another reference": truth.reference_moved_at,
    }
    lines += [f"  {at[:10]}  {what}" for what, at in happened.items() if at is not None]
    lines += [f"  {at[:10]}  killed" for at in truth.killed]
    if truth.missed:
        lines.append(f"  missed: {', '.join(truth.missed)}")
    return lines


if __name__ == "__main__":
    sample_history(prog_name="scripts/sample-history")
