"""What a night says: for people in a terminal, as Markdown, and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from sepconv.event import TRIAGED, Event, EventState
from sepconv.report.markdown import code_span, markdown_cell, written_table
from sepconv.report.text import NONE, inert, shorten
from sepconv.run import Revision

MARK = "<!-- sepconv-nightly -->"  # by which the issue is found again
NEWS_MARK = "<!-- sepconv-nightly news -->"
LIMIT = 60_000  # characters; GitHub takes 65,536, of which some may be counted as two
SHOWN_DATES = 14
ENVIRONMENT_ADVICE = "sepconv compare --base-python OLD HEAD HEAD"
GONE = {EventState.REFUTED, EventState.FIXED}


@dataclass(frozen=True)
class Step:
    """One thing that a night does, and what became of it, in a line."""

    name: str
    text: str
    code: int = 0  # the exit code that it alone would give


@dataclass(frozen=True)
class Night:
    """What was measured in a night, what it means, and what else has happened since the last."""

    started_at: str  # UTC, ISO 8601
    finished_at: str
    commit: Revision | None = None
    reference: Revision | None = None
    steps: Sequence[Step] = ()
    cases: Mapping[str, int] = field(default_factory=dict)  # measured, failed, left out
    events: Sequence[Event] | None = None  # of the store, as they are now; None: not analysed
    news: Sequence[Event] = ()  # those of them that are in another state than before
    missed: Sequence[str] = ()  # dates
    killed: Sequence[str] = ()  # sentences
    machine: tuple[str, str] | None = None  # of last night and of this one, if they differ
    environment: Sequence[str] = ()  # "torch 2.12.0 → 2.13.0"
    is_first: bool = False  # the store knows no night before
    exit_code: int = 0

    @property
    def alarms(self) -> Sequence[Event]:
        """What is slower, and nobody has spoken about."""
        return [event for event in self.events or () if event.is_alarm]

    @property
    def confirmed(self) -> Sequence[Event]:
        """What is certain since tonight."""
        return [event for event in self.news if event.state is EventState.CONFIRMED]

    @property
    def is_measured(self) -> bool:
        """Whether anything was."""
        return bool(self.cases.get("measured"))


def describe_night(night: Night) -> list[tuple[str, str]]:
    """The small table at the end: a word, and what there is to say of it."""
    rows = [
        ("commit", _revision(night.commit)),
        ("divided by", _revision(night.reference)),
        ("cases", ", ".join(f"{n} {name}" for name, n in night.cases.items()) or "none measured"),
        ("events", _events_text(night)),
    ]
    if night.missed:
        rows.append(("missed", _dates(night.missed)))
    rows += [("killed", sentence) for sentence in night.killed]
    if night.machine is not None:
        before, after = night.machine
        text = (
            f"this machine is not that of last night: {before!r} → {after!r}; ratio series go "
            "on, absolute latencies do not compare"
        )
        rows.append(("machine", text))
    if night.environment:
        text = f"{'; '.join(night.environment)}; measure what that did: {ENVIRONMENT_ADVICE}"
        rows.append(("environment", text))
    return [(name, inert(text)) for name, text in rows]


def render_night(night: Night, report_url: str | None = None) -> str:
    """The summary as Markdown, which is the body of the issue as well.

    Its second line changes only when the open alarms do.
    """
    from sepconv.report.event import events_markdown

    parts = [f"{MARK}\n<!-- alarms {alarm_state(night)} -->", _heading(night)]
    if report_url is not None:
        parts.append(f"[The report]({report_url.replace(')', '%29')})")
    if night.alarms:
        parts += [
            events_markdown(night.alarms),
            "See it, say that it is meant, or find the commit: "
            + ", ".join(
                code_span(f"sepconv {words}")
                for words in (
                    "events show ID",
                    "events acknowledge ID --reason TEXT",
                    "bisect ID",
                )
            )
            + ". This is closed by itself once no event is open.",
        ]
    parts.append(f"#### The night of {night.started_at[:10]}")
    rows = [{"": markdown_cell(name), " ": markdown_cell(text)} for name, text in _steps(night)]
    parts.append(written_table(rows))
    return "\n\n".join(shorten(part.rstrip(), LIMIT // 2) for part in parts) + "\n"


def render_news(night: Night) -> str | None:
    """The comment on what was confirmed tonight; None if nothing was."""
    from sepconv.report.event import events_markdown

    if not night.confirmed:
        return None
    text = events_markdown(night.confirmed).rstrip()
    return f"{NEWS_MARK}\n\nConfirmed tonight:\n\n{shorten(text, LIMIT)}\n"


def alarm_state(night: Night) -> str:
    """How many alarms are open, and a digest of what is said of them; `unknown` where nothing was
    analysed, or where the store knows no night before: it may have been lost, and they with it."""
    if night.events is None or (night.is_first and not night.alarms):
        return "unknown"
    if not night.alarms:
        return "0"
    told = sorted(
        " ".join(
            [event.uid, *(end.commit if end else "" for end in (event.last_good, event.first_bad))]
        )
        for event in night.alarms
    )
    return f"{len(told)} {sha256(chr(10).join(told).encode()).hexdigest()[:16]}"


def night_plain(night: Night, report_url: str | None = None) -> dict[str, Any]:
    """The night as programs read it."""
    from sepconv.report.event import event_plain

    events = night.events
    return {
        "started_at": night.started_at,
        "finished_at": night.finished_at,
        "exit_code": night.exit_code,
        "commit": _revision_plain(night.commit),
        "reference": _revision_plain(night.reference),
        "cases": dict(night.cases),
        "steps": [asdict(step) for step in night.steps],
        "events": None
        if events is None
        else {
            "news": [event_plain(event) for event in night.news],
            "open": [event_plain(event) for event in night.alarms],
            "suspicious": _count(events, EventState.SUSPICIOUS),
            "triaged": _triaged(events),
        },
        "missed": list(night.missed),
        "killed": list(night.killed),
        "machine": None
        if night.machine is None
        else dict(zip(("before", "now"), night.machine, strict=True)),
        "environment": list(night.environment),
        "report_url": report_url,
    }


def _heading(night: Night) -> str:
    if not night.is_measured:
        reason = next((step.text for step in night.steps if step.code), "nothing was measured")
        return (
            f"### 🛑 Could not measure\n\n> [!CAUTION]\n> This says nothing about speed: "
            f"{markdown_cell(shorten(reason, 600))}"
        )
    if night.events is None:
        return "### ❔ Measured, and not analysed"
    if count := len(night.alarms):
        return f"### ❌ Slower: {count} open event{'s' * (count != 1)}"
    return "### ✅ No open slowdown"


def _steps(night: Night) -> list[tuple[str, str]]:
    """The table, and what became of the steps that went wrong."""
    rows = describe_night(night)
    return rows + [(step.name, shorten(step.text, 600)) for step in night.steps if step.code]


def _events_text(night: Night) -> str:
    events = night.events
    if events is None:
        return "not analysed"
    gone = sum(event.state in GONE for event in night.news)
    parts = [
        f"{len(night.confirmed)} newly confirmed",
        f"{len(night.alarms)} open",
        f"{_count(events, EventState.SUSPICIOUS)} suspicious",
        f"{_triaged(events)} triaged",
    ]
    return ", ".join([*parts, *([f"{gone} gone since last night"] if gone else [])])


def _count(events: Sequence[Event], state: EventState) -> int:
    return sum(event.state is state for event in events)


def _triaged(events: Sequence[Event]) -> int:
    return sum(event.state in TRIAGED for event in events)


def _dates(dates: Sequence[str]) -> str:
    shown = ", ".join(dates[:SHOWN_DATES])
    rest = len(dates) - SHOWN_DATES
    return f"{shown} and {rest} more" if rest > 0 else shown


def _revision(revision: Revision | None) -> str:
    if revision is None:
        return NONE
    return f"{_commit(revision)} {shorten(inert(revision.subject), 120)}"


def _revision_plain(revision: Revision | None) -> dict[str, Any] | None:
    if revision is None:
        return None
    return asdict(revision) | {"parents": list(revision.parents)}


def _commit(revision: Revision | None) -> str:
    return NONE if revision is None else revision.commit[:10]
