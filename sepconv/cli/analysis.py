"""The whole analysis of a store's history: series, events, and what is stored of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sepconv.comparison import Purpose
from sepconv.event import Event
from sepconv.judge.history import RATIO
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
    comparisons = store.comparisons(purposes={Purpose.NIGHTLY, Purpose.CHAIN})
    judged = judged_series(store)
    newest, looked = recent(judged, nights)
    exact = [each for metric in EXACT for each in _absolute(store, metric)]
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
    from sepconv.judge.history import ratio_series

    comparisons = store.comparisons(purposes={Purpose.NIGHTLY, Purpose.CHAIN})
    ratios = ratio_series(comparisons, store.revisions())
    have_ratio = {each.case.identity for each in ratios}
    latencies = [
        each for each in _absolute(store, "latency_s") if each.case.identity not in have_ratio
    ]
    return [*ratios, *latencies]


def metric_series(store: Store, metric: str) -> list[Series]:
    """The series of one metric in the order of the commits."""
    if metric == RATIO:
        return [each for each in judged_series(store) if each.metric == RATIO]
    return _absolute(store, metric)


def _absolute(store: Store, metric: str) -> list[Series]:
    from sepconv.judge.history import absolute_series

    return absolute_series(store.series(metric), store.revisions())
