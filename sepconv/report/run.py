"""A run in the words of people: its title, and the facts about it in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from sepconv.record import Measurement
from sepconv.run import Run
from sepconv.units import format_bytes, format_duration

Fact = tuple[str, str]
TEXT_LIMIT = 500  # a condition that is longer than that is a document, not a fact
UNITS: dict[str, Callable[[Any], str]] = {
    "_bytes": format_bytes,
    "_mhz": lambda value: f"{value:.4g} MHz",
    "_percent": lambda value: f"{value:.3g} %",
    "_s": format_duration,
}
"""How a condition is spelled whose name ends in a unit."""


def run_title(run: Run) -> str:
    """ "quick · 2026-03-01 22:10 UTC · 4f2a91c": what a list of runs shows."""
    parts = [run.suite, format_time(run.started_at)]
    if run.commit:
        parts.append(run.commit[:7] + (" with changes" if run.dirty else ""))
    return " · ".join(parts)


def format_time(text: str) -> str:
    """An ISO 8601 time to the minute, in UTC; as it stands if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def run_facts(run: Run) -> list[tuple[str, list[Fact]]]:
    """Everything known of a run, group by group, without what is unknown."""
    groups = {
        "Run": _of_run(run),
        "Machine": _of_machine(run),
        "Environment": _of_environment(run),
        "Conditions": list(_flat(run.conditions)),
    }
    return [
        (name, [(label, text) for label, text in facts if text]) for name, facts in groups.items()
    ]


def unsupported_metrics(measurements: Sequence[Measurement]) -> dict[str, list[str]]:
    """Which metrics some cases lack and why, as "allocations: unsupported: reason", each with
    the labels of those cases."""
    found: dict[str, list[str]] = {}
    for measurement in measurements:
        for metric, reason in measurement.unsupported.items():
            text = f"{metric}: unsupported: {reason}"
            found.setdefault(text, []).append(measurement.case.label)
    return found


def _of_run(run: Run) -> list[Fact]:
    revision = run.revision
    dirty = {True: "with uncommitted changes", False: "clean", None: ""}[run.dirty]
    return [
        ("suite", run.suite),
        ("started", format_time(run.started_at)),
        ("finished", format_time(run.finished_at) if run.finished_at else ""),
        ("state", run.state),
        ("commit", revision.commit if revision else "none: not in a git repository"),
        ("subject", revision.subject if revision else ""),
        ("branch", run.branch or ""),
        ("tree", dirty),
        ("interval asked for", f"±{100 * run.precision:g} %"),
        ("time budget", format_duration(run.time_budget_s) if run.time_budget_s else "none"),
        ("seed", str(run.seed)),
        ("sepconv", run.harness_version),
        ("id", run.uid),
    ]


def _of_machine(run: Run) -> list[Fact]:
    machine = run.machine
    return [
        ("processor", machine.cpu_model),
        ("architecture", machine.architecture),
        ("cores", f"{machine.physical_cores} physical, {machine.logical_cores} logical"),
        ("memory", f"{machine.memory_gib} GiB"),
        ("accelerators", ", ".join(machine.accelerators) or "none"),
    ]


def _of_environment(run: Run) -> list[Fact]:
    environment = run.environment
    return [
        ("Python", environment.python),
        ("torch", environment.torch),
        ("backends", ", ".join(environment.backends)),
        ("instruction set", environment.cpu_capability),
        ("allocator", environment.allocator),
        ("OpenMP", ", ".join(environment.omp_settings)),
        ("denormals", "flushed to zero" if environment.flush_denormals else "kept"),
        ("CUDA", environment.cuda or ""),
        ("method", f"version {environment.method_version}"),
    ]


def _flat(conditions: Mapping[str, Any], prefix: str = "") -> Iterator[Fact]:
    for name, value in conditions.items():
        plain, spell = _measure(str(name), value)
        label = f"{prefix}{plain.replace('_', ' ')}"
        if spell is not None:
            yield label, spell(value)
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{label}: ")
        elif value is not None:
            listed = isinstance(value, (list, tuple))
            text = ", ".join(map(_plain, value)) if listed else _plain(value)
            yield label, text[:TEXT_LIMIT]


def _measure(name: str, value: object) -> tuple[str, Callable[[Any], str] | None]:
    """The name without its unit, and what spells a number of that unit; the name itself and None
    of what is no number, or has none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
        for unit, spell in UNITS.items():
            if name.endswith(unit):
                return name.removesuffix(unit), spell
    return name, None


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
