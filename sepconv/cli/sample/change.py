"""What happens in a made-up history on purpose: changes of the code, and of what is around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from sepconv.case import Case
from sepconv.conv_type import ConvType

NIGHTS_PER_EVENT = 8  # fewer do not tell one event from the next
MARGIN = 5  # nights before the first and after the last event, where there are enough
LEAST_CHANGE, MOST_CHANGE = 0.03, 0.12  # of an event
TORCH_RATIOS = {
    str(ConvType.STANDARD): 0.995,
    str(ConvType.DEPTHWISE_SEPARABLE): 1.031,
    str(ConvType.SPATIALLY_SEPARABLE): 1.0,
}
"""What the newer torch does to latencies; a ratio of two commits does not see it."""


@dataclass(frozen=True)
class Recipe:
    """A kind of change of the code."""

    what: str
    affects: Callable[[Case, int], bool]  # the case, and the median of the sweep's channels
    is_slower: bool = True
    is_fixed: bool = False  # by a later commit


RECIPES = (
    Recipe(
        "depthwise separable with many channels",
        lambda case, middle: _is(case, ConvType.DEPTHWISE_SEPARABLE) and case.in_channels > middle,
    ),
    Recipe(
        "standard at stride 2",
        lambda case, _: _is(case, ConvType.STANDARD) and case.stride == 2,
    ),
    Recipe(
        "everything spatially separable",
        lambda case, _: _is(case, ConvType.SPATIALLY_SEPARABLE),
    ),
    Recipe(
        "depthwise separable with few channels",
        lambda case, middle: _is(case, ConvType.DEPTHWISE_SEPARABLE) and case.in_channels <= middle,
        is_slower=False,
    ),
    Recipe(
        "spatially separable at stride 1",
        lambda case, _: _is(case, ConvType.SPATIALLY_SEPARABLE) and case.stride == 1,
        is_fixed=True,
    ),
)


@dataclass(frozen=True)
class Planned:
    """A change of the code: from which night on, of which cases, by how much."""

    night: int  # counted from 0: the first one that measures it
    what: str
    ratio: float  # after ÷ before: 1.05 is 5 % slower
    identities: frozenset[str]
    fixes: int | None = None  # the night of the change that it takes back

    @property
    def subject(self) -> str:
        """Of the commit."""
        verb = "slower" if self.ratio > 1 else "faster"
        change = abs(self.ratio - 1)
        said = f"make {self.what} {change:.1%} {verb}"
        return f"synthetic: {'take back: ' if self.fixes is not None else ''}{said}"


@dataclass(frozen=True)
class Plan:
    """Everything that happens on purpose, each from some night on; None where it does not."""

    changes: Sequence[Planned]
    machine: int | None = None
    torch: int | None = None
    reference: int | None = None

    @property
    def nights(self) -> frozenset[int]:
        """Those on which something happens."""
        around = (self.machine, self.torch, self.reference)
        happened = {night for night in around if night is not None}
        return frozenset(happened | {change.night for change in self.changes})


def plan_changes(cases: Sequence[Case], nights: int, events: int, chance: Random) -> Plan:
    """Spread `events` changes, with what takes one of them back, and one change each of machine,
    torch and reference evenly over the nights; fewer where there are few nights."""
    count = min(events, nights // NIGHTS_PER_EVENT)
    recipes = [RECIPES[i % len(RECIPES)] for i in range(count)]
    middle = sorted(case.in_channels for case in cases)[len(cases) // 2]
    around = ["machine", "torch", "reference"] if nights >= NIGHTS_PER_EVENT else []
    tokens: list[str | int] = [*around, *range(count)]
    tokens += [~i for i, recipe in enumerate(recipes) if recipe.is_fixed]  # what takes it back
    chance.shuffle(tokens)
    night_of = dict(zip(tokens, _spread(len(tokens), nights, chance), strict=True))

    changes = []
    for i, recipe in enumerate(recipes):
        identities = frozenset(case.identity for case in cases if recipe.affects(case, middle))
        size = chance.uniform(LEAST_CHANGE, MOST_CHANGE)
        ratio = round(1 + size if recipe.is_slower else 1 - size, 4)
        night = night_of[i]
        if recipe.is_fixed:
            night, end = sorted((night, night_of[~i]))
            changes.append(Planned(end, recipe.what, 1 / ratio, identities, fixes=night))
        changes.append(Planned(night, recipe.what, ratio, identities))
    return Plan(
        sorted((each for each in changes if each.identities), key=lambda each: each.night),
        machine=night_of.get("machine"),
        torch=night_of.get("torch"),
        reference=night_of.get("reference"),
    )


def level_of(changes: Sequence[Planned], night: int) -> Mapping[str, float]:
    """By how much the code of a night is slower than that of the first one, by identity; without
    the cases that are as they were."""
    levels: dict[str, float] = {}
    for change in changes:
        if change.night <= night:
            for identity in change.identities:
                levels[identity] = levels.get(identity, 1.0) * change.ratio
    return levels


def _spread(count: int, nights: int, chance: Random) -> list[int]:
    """Different nights in order, about evenly far from each other and from both ends."""
    first = min(MARGIN, nights // 8)
    step = (nights - 2 * first) / max(count, 1)
    places = [first + step * (i + chance.uniform(0.25, 0.75)) for i in range(count)]
    found: list[int] = []
    for place in places:
        found.append(max(int(place), found[-1] + 1 if found else 1))
    return found


def _is(case: Case, conv_type: str) -> bool:
    return case.conv_type == conv_type
