"""docs/views.sql on a copy of the made-up history says what sepconv.load and Store say."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from sepconv.store import Store
from sepconv.store.frame import AXES, load

ROOT = Path(__file__).parents[1]
VIEWS = (ROOT / "docs" / "views.sql").read_text("utf-8")
SHARED = [
    "run",
    "machine",
    "environment",
    "status",
    *AXES,
    "metric",
    "value",
    "low",
    "high",
    "error",
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    path = tmp_path_factory.mktemp("views") / "copy.db"
    shutil.copy(ROOT / "results" / "sample-history.db", path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VIEWS)
    return path


@pytest.fixture
def ask(copy):
    with closing(sqlite3.connect(copy)) as connection:
        connection.row_factory = sqlite3.Row
        yield lambda query: [dict(row) for row in connection.execute(query)]


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame[SHARED].astype(object).where(frame[SHARED].notna(), None)
    return plain.astype(str).sort_values(SHARED, ignore_index=True)


def test_the_history_has_the_rows_of_load(copy, ask):
    found = pd.DataFrame(ask("SELECT * FROM history"))
    found[["bias", "compiled"]] = found[["bias", "compiled"]].astype(bool)

    loaded = load(f"sqlite:///{copy}")

    assert len(found) > 14_000
    pd.testing.assert_frame_equal(in_order(found), in_order(loaded))


def test_the_latest_is_the_newest_value_of_each_case_in_each_place(copy, ask):
    loaded = load(f"sqlite:///{copy}", metrics=["latency_s"]).dropna(subset="value")
    place = ["machine", "environment", *AXES]
    newest = loaded.sort_values("started_at").groupby(place, dropna=False)["value"].last()

    found = ask("SELECT latency_ms, low_ms, high_ms FROM latest")

    assert sorted(row["latency_ms"] for row in found) == sorted(1e3 * newest)
    assert all(row["low_ms"] <= row["latency_ms"] <= row["high_ms"] for row in found)


def test_a_speedup_is_faster_or_slower_only_where_its_whole_interval_is(copy, ask):
    loaded = load(f"sqlite:///{copy}", metrics=["realised_speedup"]).dropna(subset="value")

    found = ask("SELECT outcome, count(*) AS n FROM speedups GROUP BY outcome")

    faster, slower = (loaded["low"] > 1).sum(), (loaded["high"] < 1).sum()
    assert {row["outcome"]: row["n"] for row in found} == {
        "faster": faster,
        "slower": slower,
        "undecided": len(loaded) - faster - slower,
    }


def test_the_share_of_the_promise_is_realised_over_ideal(ask):
    found = ask("SELECT * FROM speedups")

    assert all(
        row["share_of_promise"] * row["ideal"] == pytest.approx(row["speedup"]) for row in found
    )


def test_every_failure_is_there_with_its_reason(ask):
    (failure,) = ask("SELECT * FROM failures")

    assert failure["status"] == "crashed"
    assert failure["error"]


def test_an_event_has_the_state_that_its_newest_note_says(copy, ask):
    with Store(f"sqlite:///{copy}", read_only=True) as store:
        events = store.events()

    found = ask("SELECT event, state, cases, least_ratio, commits_between FROM events")

    assert {tuple(row.values()) for row in found} == {
        (
            event.id,
            str(event.state),
            len(event.members),
            min(member.ratio for member in event.members),
            len(event.commits),
        )
        for event in events
    }


def test_making_the_views_again_changes_nothing(copy):
    with closing(sqlite3.connect(copy)) as connection:
        views = "SELECT name, sql FROM sqlite_schema WHERE type = 'view' ORDER BY name"
        before = connection.execute(views).fetchall()

        connection.executescript(VIEWS)

        assert connection.execute(views).fetchall() == before


def test_a_copy_with_views_is_a_store_still(copy):
    with Store(f"sqlite:///{copy}") as store:
        assert len(store.runs()) == 48
