"""`sepconv compare --explain CASE`: where the time of a call goes, on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from sepconv.case import Case
from sepconv.cli.contender import Ready
from sepconv.cli.roster import take_roster
from sepconv.cli.table import make_console, print_json, print_rows, rows_table
from sepconv.errors import InvalidSelection, MeasuringFailed
from sepconv.report.text import NONE, inert
from sepconv.suite import Suite
from sepconv.units import format_bytes, format_count, format_ratio, format_seconds, significant

if TYPE_CHECKING:
    from sepconv.bench.message import OperatorTime, Profile
    from sepconv.cli.comparison import Terms

LOOKS = 3  # at each side, in turns: the middle one is told
LOOK_S = 120.0
SHOWN = 20  # operators


def explain_case(
    wanted: str,
    base: Ready,
    head: Ready,
    suite: Suite,
    terms: Terms,
    *,
    output_format: str,
    wait: bool,
) -> None:
    """Print what torch's profiler sees of that case on both sides, the largest change first.

    Raises:
        InvalidSelection: No case of the suite has that label, or several have.
        MeasuringFailed: A side cannot be profiled.
    """
    from sepconv.bench.lock import DeviceLock
    from sepconv.cli.comparison import supervise

    with DeviceLock(["cpu"], wait=wait), supervise(base.side, terms) as server:
        roster = take_roster(suite, (base, head), server, where=terms.where)
        pair = pick_pair(list(roster.pairs.values()), wanted)
        profiles: tuple[list[Profile], list[Profile]] = ([], [])
        for _ in range(LOOKS):
            for ready, case, own in zip((base, head), pair, profiles, strict=True):
                own.append(_look(server, ready, case, terms.seed))
    both = _typical(profiles[0]), _typical(profiles[1])
    if output_format == "json":
        print_json(_plain(pair[1], base, head, both))
        return
    rows = operator_rows(*both)
    facts = _fact_rows(*both)
    titles = f"base {base.contender.title}, head {head.contender.title}"
    click.echo(inert(f"{pair[1].label}: {titles}"))
    if output_format == "markdown":
        click.echo()
        print_rows(facts, "markdown")
        click.echo()
        print_rows(rows[:SHOWN], "markdown")
        return
    _print_table(facts)
    if rows:
        _print_table(rows[:SHOWN])
    if len(rows) > SHOWN:
        click.echo(f"and {len(rows) - SHOWN} operators more, which changed less")


def pick_pair(pairs: Sequence[tuple[Case, Case]], wanted: str) -> tuple[Case, Case]:
    """The cases of both sides of that label or identity, or the only ones whose label contains
    it.

    Raises:
        InvalidSelection: There are none, or several.
    """
    found = [pair for pair in pairs if any(wanted in (case.label, case.identity) for case in pair)]
    found = found or [pair for pair in pairs if any(wanted in case.label for case in pair)]
    if len(found) != 1:
        known = ", ".join(head.label for _, head in (found or pairs)[:5])
        count = f"{len(found)} have it" if found else "none has"
        raise InvalidSelection(wanted, 0, f"the label of one case ({count}; as in: {known})")
    return found[0]


def operator_rows(base: Profile, head: Profile) -> list[dict[str, str]]:
    """The operators of both sides, those whose time changed most first."""
    sides = [{each.name: each for each in profile.operators} for profile in (base, head)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    changes = {name: _self_s(sides[1].get(name)) - _self_s(sides[0].get(name)) for name in names}
    names.sort(key=lambda name: -abs(changes[name]))
    return [
        {
            "operator": name,
            "calls": f"{_calls(sides[0].get(name))} → {_calls(sides[1].get(name))}",
            "base": _seconds(sides[0].get(name)),
            "head": _seconds(sides[1].get(name)),
            "change": f"{'+' if changes[name] >= 0 else '−'}{format_seconds(abs(changes[name]))}",
        }
        for name in names
    ]


def _look(server: Any, ready: Ready, case: Case, seed: int) -> Profile:
    from sepconv.bench.core import usable_cores
    from sepconv.bench.message import Profile, ProfileOrder

    order = ProfileOrder(ready.side, str(server.log.path), case, seed, usable_cores())
    profile = server.ask(order, LOOK_S)
    assert isinstance(profile, Profile)
    if profile.error is not None:
        raise MeasuringFailed(f"{ready.contender.label}: {profile.error}")
    return profile


def _typical(profiles: Sequence[Profile]) -> Profile:
    """The middle one of the looks, and the middle of what each operator took."""
    times: dict[str, list[OperatorTime]] = {}
    for profile in profiles:
        for each in profile.operators:
            times.setdefault(each.name, []).append(each)
    operators = [
        replace(own[0], self_s=median([each.self_s for each in own])) for own in times.values()
    ]
    return replace(
        sorted(profiles, key=lambda profile: profile.call_s)[len(profiles) // 2],
        operators=tuple(operators),
        first_call_s=median(profile.first_call_s for profile in profiles),
    )


def _fact_rows(base: Profile, head: Profile) -> list[dict[str, str]]:
    """What is known of a whole call."""
    rows = [
        _fact("CPU time of a call", base.call_s, head.call_s, format_seconds),
        _fact("first call", base.first_call_s, head.first_call_s, format_seconds),
        _fact("page faults per call", base.faults_per_call, head.faults_per_call, _plain_number),
    ]
    for name, show in (
        ("allocations", format_count),
        ("allocated_bytes", format_bytes),
        ("peak_memory_bytes", format_bytes),
    ):
        before, after = base.facts.values.get(name), head.facts.values.get(name)
        rows.append(_fact(name.replace("_", " "), before, after, show))
    return rows


def _fact(name: str, base: float | None, head: float | None, show: Any) -> dict[str, str]:
    ratio = NONE if not base or head is None else format_ratio(head / base)
    return {
        "of a call": name,
        "base": NONE if base is None else show(base),
        "head": NONE if head is None else show(head),
        "head ÷ base": ratio,
    }


def _plain_number(value: float) -> str:
    return significant(value, 2) if value else "0"


def _print_table(rows: Sequence[dict[str, str]]) -> None:
    make_console().print(rows_table(rows, left=list(rows[0])[:1]))
    click.echo()


def _plain(case: Case, base: Ready, head: Ready, both: tuple[Profile, Profile]) -> dict[str, Any]:
    sides = {}
    for name, ready, profile in zip(("base", "head"), (base, head), both, strict=True):
        sides[name] = {
            "label": ready.contender.title,
            "call_s": profile.call_s,
            "first_call_s": profile.first_call_s,
            "faults_per_call": profile.faults_per_call,
            **profile.facts.values,
            "operators": [
                {"name": each.name, "calls": each.calls, "self_s": each.self_s}
                for each in profile.operators
            ],
        }
    return {"label": case.label, "case": case.to_dict()} | sides


def _self_s(operator: OperatorTime | None) -> float:
    return 0.0 if operator is None else operator.self_s


def _seconds(operator: OperatorTime | None) -> str:
    return NONE if operator is None else format_seconds(operator.self_s)


def _calls(operator: OperatorTime | None) -> str:
    return "0" if operator is None else f"{operator.calls:g}"
