"""The whole analysis of a store's history: series, events, and what is stored of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sepconv.comparison import Comparison, Purpose
from sepconv.event import Event
from sepconv.judge.history import RATIO, absolute_series, ratio_series
from sepconv.run import Revision
from sepconv.series import Series

if TYPE_CHECKING:
    from sepconv.store import Store

EXACT = ("params", "macs")  # what is exact and may change; `flops` is twice `macs`


@dataclass(frozen=True)
class Analysis:
    """What a store's history says."""

    series: Sequence[Series]  # that were judged: ratios, and latencies of cases without one
    events: Sequence[Event]  # all of the store, as they are now
    before: Sequence[Event]  # all of the store, as they were


def analyse(store: Store, *, now: str, nights: int | None = None) -> Analysis:
    """Judge every series of the store, and bring its events up to date.

    `now` is the time of this analysis, UTC in ISO 8601. With `nights`, only so many of the newest
    are looked at, and events that are older stay as they are.
    """
    from sepconv.judge.event import find_events
    from sepconv.judge.triage import recent, update_events
    from sepconv.judge.upheaval import environment_events, workload_events

    known = store.revisions()
    comparisons = _compared(store)
    judged = _judged(store, comparisons, known)
    newest, looked = recent(judged, nights)
    exact = [each for metric in EXACT for each in _absolute(store, metric, known)]
    found = [
        *find_events(newest, known, now=now),
        *workload_events(exact, known, now=now),
        *environment_events(comparisons, known, now=now),
    ]
    before = store.events()
    events = update_events(before, found, now=now, looked=looked)
    store.put_events(events)
    return Analysis(judged, store.events(), before)


def judged_series(store: Store) -> list[Series]:
    """The series that alarms come from: the ratios, and the latencies of cases without a ratio,
    in the order of the commits."""
    return _judged(store, _compared(store), store.revisions())


def metric_series(store: Store, metric: str) -> list[Series]:
    """The series of one metric in the order of the commits."""
    known = store.revisions()
    if metric == RATIO:
        return ratio_series(_compared(store), known)
    return _absolute(store, metric, known)


def _judged(
    store: Store, comparisons: Sequence[Comparison], known: Sequence[Revision]
) -> list[Series]:
    ratios = ratio_series(comparisons, known)
    have_ratio = {each.case.identity for each in ratios}
    latencies = _absolute(store, "latency_s", known)
    return [*ratios, *(each for each in latencies if each.case.identity not in have_ratio)]


def _compared(store: Store) -> list[Comparison]:
    """The nights by their ratios, and what chains them where their reference moved."""
    return store.comparisons(purposes={Purpose.NIGHTLY, Purpose.CHAIN})


def _absolute(store: Store, metric: str, known: Sequence[Revision]) -> list[Series]:
    return absolute_series(store.series(metric), known)
