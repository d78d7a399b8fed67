"""Which shifts of thousands of series deserve an event: the significant, in company or calm.

Of thousands of series, some shift by chance. Which of the shifts count is decided over all of
them at once: of those that do, at most one in a hundred is none, if a level that has not changed
is all that chance can do (Benjamini and Hochberg); of what has no company, once more by itself, as
a hundred shifts that one commit explains do not make a lone one elsewhere more likely.

It can do more: levels of some cases wander by themselves, as the placement of their code or of
their memory falls out. That shows in the past. So shifts that gather in one place count by their
company: a Chernoff bound says how likely so many series, each as restless as its past and that of
all others say, shift there by themselves. A shift without company counts if its series is calm,
and is doubted or left out if it is not; and where many series shift alone, all are doubted.

References:
    Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57,
    1995.
    H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis based on the sum of
    observations", Ann. Math. Stat. 23, 1952.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log10
from statistics import median

import numpy as np

from sepconv.judge.change_point import REACH
from sepconv.judge.noise import Array
from sepconv.judge.place import Places
from sepconv.judge.shift import Shift
from sepconv.series import Series

FALSE_DISCOVERIES = 0.01  # of the shifts that count, those that are none, in the long run
MEMBER_LEVEL = 0.05  # of a shift that would not count alone, where others do
MOST_SURE = 20.0  # of one series' evidence, in powers of ten: no single one decides the place
STRAY_RATE = 1e-4  # of shifts per night in a calm series: what the detector may invent
COMPANY_LEVEL = 0.01  # of any gathering of restless series in the whole history
CLEAR = 2.5  # scatters of single nights: a lone change that is smaller is doubted
COMPARABLE = 1.5  # a shift is usual if the series has made one by itself that large, times this
NIGHTS_PER_LONE = 30  # that one place in a month changes alone is believed; of more, none is
WINDOW = 2 * REACH + 1  # nights that count as one place
TRIALS = np.linspace(0.05, 0.95, 19)  # exponents of the bound: the best of them is used

RESTLESS = "its level has moved like this before, by itself"
SMALL = "one case changed, by less than its nights scatter"
CROWDED = "several cases have changed alone in these nights"


@dataclass(frozen=True)
class Cluster:
    """Shifts of one direction around one place."""

    counted: Sequence[Shift]  # those that are significant: they tell the place
    others: Sequence[Shift] = ()  # weaker ones in the same place
    doubts: Sequence[str] = ()  # why nights alone confirm nothing here

    @property
    def shifts(self) -> Sequence[Shift]:
        return [*self.counted, *self.others]


def find_clusters(
    shifts: Sequence[Shift], series: Sequence[Series], places: Places
) -> list[Cluster]:
    """The clusters that count, among all the shifts of these series."""
    gathered = gather(significant(shifts, len(series)), shifts, places)
    company = _in_company(gathered, series, places)
    found = [cluster for cluster, is_one in zip(gathered, company, strict=True) if is_one]
    alone = [cluster for cluster, is_one in zip(gathered, company, strict=True) if not is_one]
    found, alone = _absorbed(found, alone, places)
    left = [shift for cluster in alone for shift in cluster.shifts]
    return found + _believable(gather(significant(left, len(series)), left, places), places)


def significant(shifts: Sequence[Shift], series: int) -> list[Shift]:
    """The shifts that count, with so many series looked at."""
    ordered = sorted(shifts, key=lambda shift: shift.p_value)
    questions = max(series, len(ordered))
    last = 0
    for place, shift in enumerate(ordered, 1):
        if shift.p_value <= FALSE_DISCOVERIES * place / questions:
            last = place
    return ordered[:last]


def gather(counted: Sequence[Shift], every: Sequence[Shift], places: Places) -> list[Cluster]:
    """The places where shifts that count lie, each with all of one direction around it."""
    found: list[Cluster] = []
    taken = set(counted)
    for upwards in (True, False):
        left = [shift for shift in counted if (shift.change > 0) == upwards]
        weaker = [
            shift
            for shift in every
            if (shift.change > 0) == upwards
            and shift.p_value <= MEMBER_LEVEL
            and shift not in taken
        ]
        while left:
            centre = _densest(left, places)
            near, left = _split(left, centre, places)
            others, weaker = _split(weaker, centre, places)
            found.append(Cluster(near, others))
    return found


def _split(shifts: Sequence[Shift], centre: int, places: Places) -> tuple[list[Shift], list[Shift]]:
    """Those within reach of a place, and the others."""
    near: list[Shift] = []
    others: list[Shift] = []
    for shift in shifts:
        is_near = abs(places.start(shift) - centre) <= REACH
        (near if is_near else others).append(shift)
    return near, others


def _densest(shifts: Sequence[Shift], places: Places) -> int:
    """The place with the most evidence within reach; of several, the first."""
    weights = np.zeros(len(places.occasions) + WINDOW)
    for shift in shifts:
        weights[places.start(shift)] += 0.1 + min(MOST_SURE, -log10(max(shift.p_value, 1e-300)))
    around = np.convolve(weights, np.ones(WINDOW), "same")
    best = np.flatnonzero(around > 0.999 * around.max())
    return int(best[weights[best].argmax()])


def _in_company(
    clusters: Sequence[Cluster], series: Sequence[Series], places: Places
) -> list[bool]:
    """Whether each cluster has more members than restless series gather by themselves.

    What a series has done in company says nothing of its restlessness: so the answer is sought
    again with those shifts left out, until it stays.
    """
    windows = 2 * max(1.0, len(places.occasions) / WINDOW)  # of both directions
    found = [False] * len(clusters)
    while True:
        alone = Counter(
            id(shift.series)
            for cluster, is_company in zip(clusters, found, strict=True)
            if not is_company
            for shift in cluster.counted
        )
        answer = [
            is_company or _company_p(cluster, alone, series) * windows <= COMPANY_LEVEL
            for cluster, is_company in zip(clusters, found, strict=True)
        ]
        if answer == found:
            return found
        found = answer


def _company_p(cluster: Cluster, alone: Mapping[int, int], series: Sequence[Series]) -> float:
    """A bound of the chance that so many restless series gather there by themselves."""
    members = Counter(id(shift.series) for shift in cluster.counted)  # one may shift there twice
    keys = [id(one) for one in series]
    counts = np.array([max(0, alone[key] - members[key]) for key in keys])  # but for these shifts
    chances = _chances(counts, np.array([max(1, len(one.points)) for one in series]))
    newest = max((shift.p_value for shift in cluster.counted if shift.is_new), default=0.0)
    chances = np.maximum(chances, newest)  # odd single nights are as rare
    is_member = np.array([key in members for key in keys])
    score = -np.log(chances[is_member]).sum()
    logs = [
        float(np.log1p(chances ** (1 - trial) - chances).sum() - trial * score) for trial in TRIALS
    ]
    return exp(min(0.0, *logs))


def _chances(alone: Array, nights: Array) -> Array:
    """That each series shifts by itself, in one direction, within one place.

    By how often it has, and by how often all have: that one has not moved yet does not make it
    calm where the others are restless, so its own past and the mean of all count half each.
    """
    rate = STRAY_RATE + (alone / nights + alone.sum() / nights.sum()) / 2
    chances: Array = 1 - np.exp(-rate * WINDOW / 2)
    return chances


def _absorbed(
    company: Sequence[Cluster], alone: Sequence[Cluster], places: Places
) -> tuple[list[Cluster], list[Cluster]]:
    """Both, with what lies next to a company, the same way, counted to it: single series are not
    sure of the place."""
    found, left = list(company), []
    for cluster in alone:
        start = median(map(places.start, cluster.counted))
        near = [
            place
            for place, each in enumerate(found)
            if (each.counted[0].change > 0) == (cluster.counted[0].change > 0)
            and abs(median(map(places.start, each.counted)) - start) <= WINDOW
        ]
        if near:
            own = found[near[0]]
            found[near[0]] = replace(own, others=[*own.others, *cluster.shifts])
        else:
            left.append(cluster)
    return found, left


def _believable(alone: Sequence[Cluster], places: Places) -> list[Cluster]:
    """The clusters without company that are worth a thought, with what is to be doubted.

    A shift that its series has made twice before, by itself, says nothing.
    """
    sizes: dict[int, list[float]] = defaultdict(list)
    for cluster in alone:
        for shift in cluster.counted:
            sizes[id(shift.series)].append(abs(shift.change))
    found: list[Cluster] = []
    for cluster in alone:
        usual = {
            shift: sum(size * COMPARABLE > abs(shift.change) for size in sizes[id(shift.series)])
            - 1
            for shift in cluster.counted
        }
        counted = [shift for shift in cluster.counted if usual[shift] < 2]
        if counted:
            found.append(replace(cluster, counted=counted, doubts=_doubts(counted, usual)))
    few = ceil(len(places.occasions) / NIGHTS_PER_LONE)
    if len(alone) > few:
        found = [each if each.doubts else replace(each, doubts=(CROWDED,)) for each in found]
    return found


def _doubts(counted: Sequence[Shift], usual: Mapping[Shift, int]) -> tuple[str, ...]:
    if all(usual[shift] for shift in counted):
        return (RESTLESS,)
    if all(abs(shift.change) < CLEAR * shift.scatter for shift in counted):
        return (SMALL,)
    return ()


DOUBTS = frozenset({RESTLESS, SMALL, CROWDED})
"""Explanations that name no other cause, but little trust."""
