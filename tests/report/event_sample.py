"""Made-up events, for whatever shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sepconv.case import Case
from sepconv.event import Changed, Event, EventKind, EventState, Note
from sepconv.run import Revision
from tests.report.sample import make_case

RATIO = "ratio_to_reference"
CASES = [make_case("depthwise_separable", channels, stride=2) for channels in (64, 128, 256)]


def revision(
    number: int, subject: str = "Make it \N{LEFT DOUBLE QUOTATION MARK}better"
) -> Revision:
    """Commit `number`, which is built on the one before."""
    at = f"2026-11-{number:02d}T09:00:00+00:00"
    return Revision(commit(number), (commit(number - 1),), at, at, subject)


def commit(number: int) -> str:
    return f"{number:02x}" * 20


def changed(
    case: Case, ratio: float = 1.05, *, half: float | None = 0.01, metric: str = RATIO
) -> Changed:
    """A member whose interval reaches `half` to both sides."""
    ends = (None, None) if half is None else (ratio - half, ratio + half)
    return Changed(case, metric, ratio, *ends, p_value=1e-6)


def note(
    state: EventState, reason: str = "seen in 2 nights", *, author: str = "sepconv", day: int = 4
) -> Note:
    return Note(state, author, reason, f"2026-11-{day:02d}T02:00:00+00:00")


CONFIRMED = note(EventState.CONFIRMED)


def event(*members: Changed, commits: Sequence[Revision] | None = None, **others: object) -> Event:
    """A slowdown of 5 % in three cases since commit 3, which is confirmed."""
    own = members or tuple(changed(case) for case in CASES)
    known = [revision(3)] if commits is None else commits
    plain = {
        "uid": "3f" * 16,
        "kind": EventKind.LATENCY,
        "direction": "slower",
        "machine": "x86_64 AVX2",
        "last_good": revision(2),
        "first_bad": known[-1] if known else revision(3),
        "last_good_at": "2026-11-02T02:00:00+00:00",
        "began_at": "2026-11-03T02:00:00+00:00",
        "first_seen_at": "2026-11-03T03:00:00+00:00",
        "last_seen_at": "2026-11-04T03:00:00+00:00",
        "members": own,
        "commits": known,
        "sightings": 2,
        "notes": [CONFIRMED],
    }
    return Event(**(plain | others))  # type: ignore[arg-type]


def workload(*members: Changed) -> Event:
    """Changed work: of three cases unless told otherwise."""
    own = members or tuple(changed(case, 1.039, half=None, metric="macs") for case in CASES)
    exact = [note(EventState.CONFIRMED, "exact: any change of it is one")]
    return event(*own, kind=EventKind.WORKLOAD, direction="changed", notes=exact, uid="a1" * 16)


def upgrade() -> Event:
    """A new torch, which costs depthwise separable something."""
    members = [changed(case, 1.031, metric="latency_s") for case in CASES]
    members += [changed(replace(CASES[0], conv_type="standard"), 0.995, metric="latency_s")]
    return event(
        *members,
        kind=EventKind.ENVIRONMENT,
        direction="slower",
        explanations=["torch 2.12 → 2.13"],
        uid="b2" * 16,
    )
