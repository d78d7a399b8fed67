"""A small dashboard of made-up runs, and a browser to open it in."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import pytest

from sepconv.event import Event
from sepconv.panel import ESTIMATES, EXACT, NONE, Column, Panel
from sepconv.report.dashboard.page import render
from sepconv.report.dashboard.source import Source
from tests.report.sample import History

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenDashboard = Callable[..., "Page"]


def make_panel(history: History) -> Panel:
    """The same runs as columns."""
    rows = [(run, each) for run, (_, measured) in enumerate(history) for each in measured]
    cases = {each.case.identity: each.case for _, each in rows}
    places = {identity: index for index, identity in enumerate(cases)}
    statuses = list(dict.fromkeys(str(each.status) for _, each in rows))
    errors = list(dict.fromkeys(each.error for _, each in rows if each.error))
    columns = {name: Column() for name in ESTIMATES}
    exact = {name: array("d", [nan] * len(cases)) for name in EXACT}
    for _, each in rows:
        for name, column in columns.items():
            column.append(each.values.get(name) if each.is_measured else None)
        for name, values in exact.items():
            if name in each.values:
                values[places[each.case.identity]] = each.values[name].value
    return Panel(
        runs=tuple(run for run, _ in history),
        cases=tuple(cases.values()),
        statuses=tuple(statuses),
        errors=tuple(errors),
        run=array("I", [run for run, _ in rows]),
        case=array("I", [places[each.case.identity] for _, each in rows]),
        status=array("B", [statuses.index(each.status) for _, each in rows]),
        error=array("i", [errors.index(each.error) if each.error else NONE for _, each in rows]),
        latency=columns["latency_s"],
        speedup=columns["realised_speedup"],
        exact=exact,
    )


def make_source(history: History, events: Sequence[Event] = (), **more: Any) -> Source:
    """What the command line would hand in of these runs."""
    measured = {run.uid: measurements for run, measurements in history}
    return Source(panel=make_panel(history), measured=measured, events=events, **more)


@pytest.fixture
def open_dashboard(open_html: OpenDashboard) -> OpenDashboard:
    """Opens the dashboard of a history, at a place in it."""

    def open_history(
        history: History, place: str = "", *, events: Sequence[Event] = (), **settings: Any
    ) -> Page:
        return open_html(render(make_source(history, events)), place, **settings)

    return open_history
