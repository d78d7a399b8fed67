"""The cases that a search for a commit follows, and their passes as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sepconv.judge.culprit import interval_of


def combine(
    passes: Mapping[str, Mapping[int, float]], weights: Mapping[str, float]
) -> tuple[float, ...]:
    """The weighted mean over cases of every pass that has them all, by case and pass."""
    whole = sum(weights.values())
    common = set.intersection(*(set(passes[name]) for name in weights))
    return tuple(
        sum(weight * passes[name][number] for name, weight in weights.items()) / whole
        for number in sorted(common)
    )


def choose_cases(
    passes: Mapping[str, Sequence[float]], most: int, direction: int = 0
) -> dict[str, float]:
    """The cases that show the change best, and the weight of each, from ln(head ÷ base) of their
    passes: those of one direction, that of the clearest unless it is given.

    A case weighs by how much of the change it shows for its noise, so that their weighted mean
    shows it most surely.
    """
    found = {name: interval_of(values) for name, values in passes.items() if len(values) > 1}
    ranked = sorted(found, key=lambda name: -abs(found[name].centre) / found[name].error)
    sign = direction or next((1 if found[name].centre > 0 else -1 for name in ranked), 1)
    chosen = [name for name in ranked if found[name].centre * sign > 0][:most] or ranked[:most]
    return {name: abs(found[name].centre) / found[name].error ** 2 for name in chosen}
