"""What the page says without scripts: the events, and the newest runs at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sepconv.report.dashboard.source import Source
from sepconv.report.event_section import event_section
from sepconv.report.glance import glance_rows
from sepconv.report.run import run_title

NO_RUN = "There is no run yet. Type: sepconv quick"
MOST_RUNS = 4  # of the newest of each class


def fallback_words(source: Source, content: Mapping[str, Any]) -> dict[str, Any]:
    """The words of `noscript.html`; what the views know already is taken from there."""
    said = {each["run"]: each["sentence"] for each in content["overview"]["runs"]}
    shown = sorted(source.newest, reverse=True)[:MOST_RUNS]
    return {
        "events": event_section(source.events, source.panel.case_index),
        "runs": [
            {
                "title": run_title(source.runs[run]),
                "sentence": said[run],
                "glance": glance_rows(source.findings[run].headlines),
                "allocator": content["run"]["allocator"].get(run, {}).get("sentence"),
            }
            for run in shown
        ],
        "nothing": NO_RUN,
    }
