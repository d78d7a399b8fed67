"""`sepconv compare run:12 run:15`: two runs that were measured before."""

from __future__ import annotations

from uuid import uuid4

import click

from sepconv import __version__
from sepconv.cli.contender import Asked
from sepconv.cli.publication import Output, tell
from sepconv.comparison import Comparison, Contender
from sepconv.run import Run

STORED = "run:"  # before the number of a stored run
LATEST = f"{STORED}latest"


def is_stored(asked: Asked) -> bool:
    """Whether a stored run was asked for."""
    return (asked.revision or "").startswith(STORED)


def compare_stored(
    base: Asked, head: Asked, where: str | None, store_url: str, output: Output
) -> int:
    """Compare two stored runs; without a head, the newest one.

    Their rounds did not take turns, so only a change beyond the drift of the machine decides;
    of another machine or environment nothing does. Nothing is stored.

    Raises:
        UsageError: One side is not a stored run.
        UnknownRun: The store has no such run.
    """
    from sepconv.judge.unpaired import compare_measurements, why_not_comparable
    from sepconv.selection import parse_selection
    from sepconv.store import Store

    names = [base.revision or "", head.revision or LATEST]
    if not all(name.startswith(STORED) for name in names) or base.has_settings or head.has_settings:
        raise click.UsageError(
            "a stored run cannot take turns with what is measured now: measure the other side "
            "with `sepconv run`, and compare the two runs, as in run:12 run:15"
        )
    with Store(store_url, read_only=True) as store:
        runs = [store.find_run(name.removeprefix(STORED)) for name in names]
        measurements = [store.measurements(run.id or 0) for run in runs]
    if where is not None:
        selects = parse_selection(where)
        measurements = [[each for each in own if selects(each.case)] for own in measurements]
    compared, left_out = compare_measurements(*measurements, reason=why_not_comparable(*runs))
    comparison = Comparison(
        uid=uuid4().hex,
        suite=runs[1].suite,
        started_at=runs[1].started_at,
        machine=runs[1].machine,
        base=_contender(runs[0]),
        head=_contender(runs[1]),
        harness_version=__version__,
        method={"estimator": "latencies of two runs that did not take turns", "margin": 0.01},
        conditions={"unpaired": True},
        cases=compared,
        left_out=left_out,
        state="done",
        finished_at=runs[1].finished_at,
    )
    return tell(comparison, (), output)


def _contender(run: Run) -> Contender:
    return Contender(
        label=f"run {run.id}",
        revision=run.revision,
        branch=run.branch,
        dirty=run.dirty,
        digest=run.conditions.get("code_digest"),
        environment=run.environment,
    )
