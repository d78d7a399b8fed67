from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from sepconv.errors import StoreError
from sepconv.run import Peak, Run, Selfcheck
from sepconv.store import Store

DAY = "2026-03-01T10:00:00+00:00"
NEXT_DAY = "2026-03-02T10:00:00+00:00"
PEAK = Peak("matmul_flop_per_s", "cpu", "float32", 1, 5e10, DAY)
CHECK = Selfcheck("cpu", DAY, True, {"false_alarms": 0, "resolves": 0.02, "found": [0.03, None]})


def test_peaks_come_back_in_the_order_of_their_names(store: Store, run: Run) -> None:
    peaks = [PEAK, replace(PEAK, threads=2), replace(PEAK, dtype="bfloat16")]
    peaks.append(replace(PEAK, name="cache_bytes_per_s"))

    store.keep_peaks(run.machine, run.environment, peaks)

    assert store.peaks(run.machine, run.environment) == [peaks[3], peaks[2], peaks[0], peaks[1]]


def test_the_newest_peak_of_a_kind_is_kept(store: Store, run: Run) -> None:
    newest = replace(PEAK, value=4e10, measured_at=NEXT_DAY)
    for peak in (PEAK, newest, PEAK):
        store.keep_peaks(run.machine, run.environment, [peak])

    assert store.peaks(run.machine, run.environment) == [newest]


def test_peaks_belong_to_one_machine_and_one_environment(store: Store, run: Run) -> None:
    machine = replace(run.machine, memory_gib=64)
    environment = replace(run.environment, torch="2.14.0")
    store.keep_peaks(machine, run.environment, [PEAK])
    store.keep_peaks(run.machine, environment, [replace(PEAK, value=1.0)])

    assert store.peaks(run.machine, run.environment) == []
    assert store.peaks(machine, run.environment) == [PEAK]
    assert store.peaks(run.machine, environment) == [replace(PEAK, value=1.0)]


def test_no_peaks_at_all_can_be_kept(store: Store, run: Run) -> None:
    store.keep_peaks(run.machine, run.environment, [])

    assert store.peaks(run.machine, run.environment) == []


@pytest.mark.parametrize("broken", [nan, inf])
def test_a_peak_that_is_no_number_is_refused(store: Store, run: Run, broken: float) -> None:
    with pytest.raises(StoreError, match="matmul_flop_per_s of cpu: expected value to be a finite"):
        store.keep_peaks(run.machine, run.environment, [PEAK, replace(PEAK, value=broken)])

    assert store.peaks(run.machine, run.environment) == []


def test_selfchecks_come_back_newest_first(store: Store, run: Run) -> None:
    newer = replace(CHECK, checked_at=NEXT_DAY, passed=False)
    other = replace(CHECK, device="cuda:0", checked_at=NEXT_DAY)
    for check in (newer, CHECK, other):
        store.keep_selfcheck(run.machine, run.environment, check)

    assert store.selfchecks(run.machine) == [other, newer, CHECK]


def test_a_selfcheck_stored_twice_is_one(store: Store, run: Run) -> None:
    store.keep_selfcheck(run.machine, run.environment, CHECK)
    store.keep_selfcheck(run.machine, run.environment, replace(CHECK, passed=False))

    assert store.selfchecks(run.machine) == [CHECK]


def test_selfchecks_can_be_had_of_one_environment(store: Store, run: Run) -> None:
    environment = replace(run.environment, torch="2.14.0")
    newer = replace(CHECK, checked_at=NEXT_DAY)
    store.keep_selfcheck(run.machine, run.environment, CHECK)
    store.keep_selfcheck(run.machine, environment, newer)

    assert store.selfchecks(run.machine) == [newer, CHECK]
    assert store.selfchecks(run.machine, environment) == [newer]
    assert store.selfchecks(replace(run.machine, memory_gib=64)) == []


def test_a_run_shares_the_machine_of_its_peaks(store: Store, run: Run) -> None:
    store.keep_peaks(run.machine, run.environment, [PEAK])

    number = store.begin_run(run)

    assert store.find_run(str(number)).machine == run.machine
