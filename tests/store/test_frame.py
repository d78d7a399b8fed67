from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from math import isnan
from pathlib import Path

import pandas as pd
import pytest

from sepconv import load
from sepconv.case import Case
from sepconv.errors import StoreUnavailable
from sepconv.record import Estimate, Measurement, Status
from sepconv.run import Run
from sepconv.store import Store


@pytest.fixture
def filled(
    url: str, run: Run, run_on: Callable[..., Run], measured: Measurement, separable: Case
) -> str:
    """Two runs: both measured the standard conv, only the newer one tried another, in vain."""
    crashed = Measurement(separable, Status.CRASHED, "signal 11", {"params": Estimate(720)})
    with Store(url) as store:
        store.put_measurements(store.begin_run(run), [measured])
        store.put_measurements(store.begin_run(run_on(9, revision=None)), [measured, crashed])
    return url


def test_there_is_a_row_per_measurement_and_metric(filled: str, run: Run) -> None:
    frame = load(filled)

    first = frame[frame["run"] == 1]
    assert list(first["metric"]) == ["latency_s", "macs", "params"]
    assert list(first["value"]) == [0.002, 2**40, 1152]
    assert list(first["low"].dropna()) == [0.0019]
    assert set(first["status"]) == {"ok"}
    assert set(first["commit"]) == {run.commit}
    assert set(first["machine"]) == {run.machine.label}
    assert set(first["environment"]) == {run.environment.label}
    assert first["started_at"].iloc[0] == pd.Timestamp(run.started_at)


def test_the_columns_are_those_of_the_run_the_case_and_the_value(filled: str) -> None:
    axes = [field.name for field in fields(Case) if field.name != "options"]

    assert list(load(filled).columns) == [
        *["run", "commit", "started_at", "machine", "environment", "status"],
        *axes,
        "options.mode",
        *["metric", "value", "low", "high", "error"],
    ]


def test_a_failed_case_has_a_row_without_a_value(filled: str) -> None:
    frame = load(filled)

    [row] = frame[(frame["status"] == "crashed") & frame["metric"].isna()].to_dict("records")
    assert isnan(row["value"])
    assert row["error"] == "signal 11"
    assert row["conv_type"] == "spatially_separable"
    assert row["options.mode"] == "full"


def test_metrics_can_be_chosen_and_failures_stay(filled: str) -> None:
    frame = load(filled, metrics=["latency_s", "no_such_metric"])

    assert frame["metric"].fillna("none").tolist() == ["latency_s", "latency_s", "none"]
    assert frame["value"].tolist()[:2] == [0.002, 0.002]


def test_a_measurement_without_any_value_gives_one_row(url: str, run: Run, case: Case) -> None:
    with Store(url) as store:
        store.put_measurements(store.begin_run(run), [Measurement(case, Status.OK)])

    frame = load(url)

    assert len(frame) == 1
    assert frame["value"].isna().all()


def test_a_value_that_was_no_number_gives_its_reason(
    url: str, run: Run, measured: Measurement
) -> None:
    values = {"latency_s": Estimate(float("nan")), "macs": Estimate(5)}
    with Store(url) as store:
        store.put_measurements(store.begin_run(run), [replace(measured, values=values)])

    rows = load(url).set_index("metric")

    assert rows.loc["latency_s", "status"] == "failed"
    assert rows.loc["latency_s", "error"] == "the value was nan"
    assert rows.loc["macs", "status"] == "ok"


def test_a_metric_that_is_unsupported_gives_its_reason(
    url: str, run: Run, measured: Measurement
) -> None:
    unsure = replace(measured, unsupported={"allocations": "this allocator counts nothing"})
    with Store(url) as store:
        store.put_measurements(store.begin_run(run), [unsure])

    rows = load(url).set_index("metric")

    assert isnan(rows.loc["allocations", "value"])
    assert rows.loc["allocations", "status"] == "unsupported"
    assert rows.loc["allocations", "error"] == "this allocator counts nothing"
    assert rows.loc["latency_s", "status"] == "ok"
    assert len(rows) == 4


def test_sizes_are_numbers_unless_height_and_width_differ(filled: str) -> None:
    frame = load(filled)

    assert set(frame["kernel_size"]) == {3, "3x1"}
    assert set(frame["stride"]) == {1}


@pytest.mark.parametrize("metrics", [None, ["latency_s"]])
def test_an_empty_store_gives_an_empty_frame(url: str, metrics: list[str] | None) -> None:
    Store(url).close()

    frame = load(url, metrics=metrics)

    assert frame.empty
    assert {"run", "conv_type", "metric", "value"} <= set(frame.columns)
    assert str(frame["started_at"].dtype).endswith("UTC]")


def test_a_path_will_do(tmp_path: Path, run: Run, measured: Measurement) -> None:
    with Store(tmp_path / "store.db") as store:
        store.put_measurements(store.begin_run(run), [measured])

    assert len(load(tmp_path / "store.db")) == len(load(str(tmp_path / "store.db"))) == 3


def test_loading_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="run `sepconv quick` first"):
        load(tmp_path / "store.db")

    assert list(tmp_path.iterdir()) == []
