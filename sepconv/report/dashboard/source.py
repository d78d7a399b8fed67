"""The source: what the command line hands in, and the dashboard is made of."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sepconv.comparison import Comparison, Purpose
from sepconv.event import Event
from sepconv.figures.table import Table, build_table
from sepconv.judge.finding import Finding, find
from sepconv.judge.history import ratio_series
from sepconv.judge.timeline import Timeline, in_order, main_history
from sepconv.panel import Panel, Rounds
from sepconv.record import Measurement
from sepconv.run import Peak, Revision, Run
from sepconv.series import Occasion, Series

TITLE = "Which 2-D convolution is really faster here?"

Class = tuple[str, str]
"""The keys of machine and environment: what the values of a series have in common."""


@dataclass(frozen=True)
class Source:
    """Everything that the dashboard shows."""

    panel: Panel = field(default_factory=Panel)  # its runs in the order of the page: see `arrange`
    measured: Mapping[str, Sequence[Measurement]] = field(default_factory=dict)
    """All that is known of the newest run of each class, and of those linked to it, by uid."""
    rounds: Rounds = field(default_factory=Rounds)  # of the newest runs
    comparisons: Sequence[Comparison] = ()
    """The nights by a pinned reference, and what chains their references; newest first."""
    events: Sequence[Event] = ()
    revisions: Sequence[Revision] = ()
    peaks: Mapping[Class, Sequence[Peak]] = field(default_factory=dict)
    title: str = TITLE
    store: str | None = None  # as it is shown: never with a password
    feed: str | None = None  # where the feed of its events is, seen from the page
    selection: str | None = None  # what `--where` chose

    @property
    def runs(self) -> tuple[Run, ...]:
        """Oldest commit first."""
        return self.panel.runs

    @cached_property
    def run_index(self) -> dict[str, int]:
        """The index of a run by its uid."""
        return {run.uid: index for index, run in enumerate(self.runs)}

    @cached_property
    def classes(self) -> tuple[Class, ...]:
        """Every class, that of the oldest run first."""
        return tuple(dict.fromkeys(map(class_of, self.runs)))

    @cached_property
    def class_index(self) -> tuple[int, ...]:
        """The class of every run."""
        return tuple(self.classes.index(class_of(run)) for run in self.runs)

    @cached_property
    def newest(self) -> tuple[int, ...]:
        """The newest run of every class."""
        return tuple({place: index for index, place in enumerate(self.class_index)}.values())

    @cached_property
    def main(self) -> frozenset[str]:
        """The uids of the runs that make up the history of the default branch."""
        occasions = map(Occasion.of_run, self.runs)
        return frozenset(each.uid for each in main_history(occasions, Timeline(self.revisions)))

    def measurements(self, run: int) -> Sequence[Measurement]:
        """All that is known of a run; nothing where only the panel knows it."""
        return self.measured.get(self.runs[run].uid, ())

    @cached_property
    def findings(self) -> Mapping[int, Finding]:
        """What the newest run of each class says."""
        return {run: find(self.measurements(run)) for run in self.newest}

    @cached_property
    def ratios(self) -> Sequence[Series]:
        """Night by night the ratio to the pinned reference, of the cases of the panel."""
        known = self.panel.case_index
        found = ratio_series(self.comparisons, self.revisions)
        return [each for each in found if each.case.identity in known]

    @cached_property
    def nights(self) -> Sequence[Occasion]:
        """The nights of these ratios, oldest commit first."""
        found = {each.occasion.uid: each.occasion for one in self.ratios for each in one.points}
        return in_order(found.values(), Timeline(self.revisions))

    @cached_property
    def newest_nights(self) -> Sequence[Comparison]:
        """The newest night of every machine."""
        found: dict[str, Comparison] = {}
        for each in self.comparisons:
            if each.purpose is Purpose.NIGHTLY:
                found.setdefault(each.machine.key, each)
        return tuple(found.values())

    @cached_property
    def table(self) -> Table:
        """Where every case of the panel stands, in its order."""
        return build_table(self.panel.cases)


def class_of(run: Run) -> Class:
    """Which runs it may be averaged with, or drawn as one line."""
    return run.machine.key, run.environment.key


def arrange(panel: Panel, revisions: Sequence[Revision]) -> Panel:
    """The panel with its runs in the order of their commits, of one commit the older run first;
    without those of which there is nothing to show."""
    run_of = {panel.runs[index].uid: index for index in set(panel.run)}
    occasions = [Occasion.of_run(panel.runs[index]) for index in run_of.values()]
    order = [run_of[each.uid] for each in in_order(occasions, Timeline(revisions))]
    place = {index: new for new, index in enumerate(order)}
    return replace(
        panel,
        runs=tuple(panel.runs[index] for index in order),
        run=array("I", map(place.__getitem__, panel.run)),
    )
