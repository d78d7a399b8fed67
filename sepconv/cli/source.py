"""What a store knows, as the dashboard takes it: read once, by columns where there is much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from sepconv.panel import Panel
from sepconv.run import Peak, Run

if TYPE_CHECKING:
    from sepconv.comparison import Comparison
    from sepconv.record import Measurement
    from sepconv.report.dashboard.source import Class, Source
    from sepconv.selection import Selector
    from sepconv.store import Store

MOST_BLOCKS = 40_000  # whose rounds a page shows: half a megabyte
MOST_NIGHTS = 180  # whose ratios a page shows


def read_source(
    store: Store,
    *,
    title: str | None = None,
    limit: int | None = None,
    since: str | None = None,
    where: str | None = None,
    feed: str | None = None,
) -> Source:
    """The source of a dashboard: the newest `limit` runs, or all, since then, of those cases.

    Raises:
        InvalidSelection: `where` cannot be read.
    """
    from sepconv.report.dashboard.source import TITLE, Source, arrange
    from sepconv.selection import parse_selection

    selector = None if where is None else parse_selection(where)
    revisions = store.revisions()
    panel = arrange(store.panel(limit=limit, since=since, where=selector), revisions)
    source = Source(
        panel,
        revisions=revisions,
        comparisons=_nights(store, limit=limit, since=since, where=selector),
        events=store.events(),
        peaks=_peaks(store, panel.runs),
        title=title or TITLE,
        store=store.shown_url,
        feed=feed,
        selection=where,
    )
    newest = [panel.runs[index] for index in source.newest]
    return replace(
        source,
        measured=_measured(store, panel, newest),
        rounds=store.rounds(panel, _newest_two(source), most=MOST_BLOCKS),
    )


def refuse_nothing(store: Store, *, since: str | None, where: str | None) -> None:
    """Say what there is where nothing was chosen of it; silent where there is nothing at all.

    Raises:
        UsageError: Nothing of what the store has began since then, or is one of those cases.
    """
    from sepconv.report.region import describe_region

    panel = store.panel()
    if not panel.runs:
        return
    newest = max(run.started_at for run in panel.runs)
    if since is not None and newest < since:
        raise click.UsageError(f"no run began since {since}: the newest one began at {newest}")
    if where is not None and panel.cases:
        there_are = describe_region(panel.cases)
        raise click.UsageError(
            f"no measured case is left by --where {where!r}; there are {there_are}"
        )


def _nights(
    store: Store, *, limit: int | None, since: str | None, where: Selector | None
) -> list[Comparison]:
    """The newest nights by a pinned reference since then, and what chains their references."""
    from sepconv.comparison import Purpose

    found = store.comparisons(
        limit=min(limit or MOST_NIGHTS, MOST_NIGHTS), purposes={Purpose.NIGHTLY, Purpose.CHAIN}
    )
    return [_only(each, where) for each in found if since is None or each.started_at >= since]


def _only(night: Comparison, where: Selector | None) -> Comparison:
    """The night with its chosen cases."""
    if where is None:
        return night
    return replace(
        night,
        cases=[each for each in night.cases if where(each.head)],
        left_out=[each for each in night.left_out if where(each.case)],
    )


def _newest_two(source: Source) -> list[int]:
    """The newest run of each class, and after them the one before each."""
    of_class: dict[int, list[int]] = {}
    for run, place in enumerate(source.class_index):
        of_class.setdefault(place, []).append(run)
    newest = sorted((runs[-1] for runs in of_class.values()), reverse=True)
    before = sorted((runs[-2] for runs in of_class.values() if len(runs) > 1), reverse=True)
    return [*newest, *before]


def _measured(
    store: Store, panel: Panel, newest: Sequence[Run]
) -> Mapping[str, Sequence[Measurement]]:
    """All that was measured in these runs and in those that are linked to them, of the cases of
    the panel: a run that goes on may have more by now."""
    links = {_link(run) for run in newest}
    known = panel.case_index
    return {
        run.uid: [each for each in store.measurements(run.id or 0) if each.case.identity in known]
        for run in panel.runs
        if _link(run) in links
    }


def _link(run: Run) -> str:
    """What the runs of one suite share that differ in the allocator alone."""
    return run.linked_uid or run.uid


def _peaks(store: Store, runs: Iterable[Run]) -> Mapping[Class, Sequence[Peak]]:
    """What the machines can do at best, in the environments in which they measured."""
    from sepconv.report.dashboard.source import class_of

    of_class = {class_of(run): run for run in runs}
    peaks = {key: store.peaks(run.machine, run.environment) for key, run in of_class.items()}
    return {key: found for key, found in peaks.items() if found}
