"""What the allocator costs in the run that is shown: a sentence, and the figure's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sepconv.conv_type import ConvType
from sepconv.figures.table import round_digits
from sepconv.judge.allocator import AllocatorCost, allocator_cost, allocator_ratios
from sepconv.judge.measurement import FAULTS_PER_CALL
from sepconv.record import Measurement
from sepconv.units import format_ratio, significant

NEGLIGIBLE = 1.05  # runs that follow each other differ by that much without any cause
ALIKE = 1.10  # conv types whose costs differ by less are said to pay alike


def describe_allocator(costs: Sequence[AllocatorCost]) -> str:
    """One sentence of what the default policy costs, and one of where it comes from."""
    ranked = sorted(costs, key=lambda cost: -cost.ratio)
    counts = {cost.count for cost in costs}
    clauses = [_clause(cost, is_first=cost is ranked[0], counts=counts) for cost in ranked]
    sentence = f"With glibc's default allocator {', '.join(clauses)}: {_consequence(ranked)}."
    return " ".join([sentence, *_faults(ranked)])


def allocator_section(
    tuned: Sequence[Measurement], default: Sequence[Measurement], case_index: Mapping[str, int]
) -> dict[str, Any] | None:
    """The section's data for the page, smallest output first; None where no case has a latency
    under both policies."""
    ratios = allocator_ratios(tuned, default)
    if not ratios:
        return None
    return {
        "sentence": describe_allocator(allocator_cost(tuned, default)),
        "case": [case_index[each.case.identity] for each in ratios],
        "bytes": [each.output_bytes for each in ratios],
        "ratio": [_short(each.ratio.value) for each in ratios],
        "low": [_short(each.ratio.low) for each in ratios],
        "high": [_short(each.ratio.high) for each in ratios],
        "tuned": [_short(each.tuned_s) for each in ratios],
        "default": [_short(each.default_s) for each in ratios],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round_digits(value)


def _clause(cost: AllocatorCost, *, is_first: bool, counts: set[int]) -> str:
    """ "depthwise separable takes 1.9× as long (1.0–2.6× over 8 cases)"; shorter after that."""
    verb = f"takes {format_ratio(cost.ratio)} as long" if is_first else format_ratio(cost.ratio)
    over = f" over {cost.count} cases" if is_first or len(counts) > 1 else ""
    spread = f"{significant(cost.low, 2)}–{format_ratio(cost.high)}{over}"
    return f"{cost.name} {verb} ({spread if cost.count > 1 else '1 case'})"


def _consequence(ranked: Sequence[AllocatorCost]) -> str:
    """What follows for whoever compares the conv types; "about", since medians are divided."""
    if all(1 / NEGLIGIBLE <= cost.ratio <= NEGLIGIBLE for cost in ranked):
        return "so in the median it hardly matters here"
    standard = next((cost for cost in ranked if cost.name == ConvType.STANDARD), None)
    rivals = [cost for cost in ranked if cost is not standard]
    if standard is None or not rivals:
        return "so part of a latency is the allocator's, not the convolution's"
    shifts = {cost.name: standard.ratio / cost.ratio for cost in rivals}
    name, shift = max(shifts.items(), key=lambda item: max(item[1], 1 / item[1]))
    if 1 / ALIKE <= shift <= ALIKE:
        return "so all forms pay about alike, and their speed-ups over standard hardly change"
    direction = "shrinks" if shift < 1 else "grows"
    return f"so the speed-up of {name} over standard {direction} to about {100 * shift:.0f} %"


def _faults(ranked: Sequence[AllocatorCost]) -> list[str]:
    """Where the page faults say that memory went back to the system and came again."""
    worst = ranked[0]
    before, after = worst.tuned_faults, worst.default_faults
    if before is None or after is None or after <= max(before, FAULTS_PER_CALL):
        return []
    return [f"A call of {worst.name} then faults {after:,.0f} pages in, instead of {before:,.0f}."]
