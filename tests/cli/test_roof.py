"""What a machine can do at best, measured once for a store."""

from random import Random

import pytest

from sepconv.bench.lock import DeviceLock
from sepconv.cli.roof import add_missing_peaks
from sepconv.cli.sweep import Swept
from sepconv.record import Measurement, Status
from sepconv.store import Store
from tests.report.sample import make_case, make_run, succeed


@pytest.fixture
def store_url(tmp_path):
    return f"sqlite:///{tmp_path}/store.db"


def swept(*measurements):
    return Swept(make_run(), measurements, interrupted=False)


def peaks_of(store_url):
    run = make_run()
    with Store(store_url) as store:
        return store.peaks(run.machine, run.environment)


def test_the_peaks_of_a_device_are_measured_once(store_url):
    said = []
    run = swept(succeed(make_case(), Random(1)))

    add_missing_peaks(store_url, run, say=said.append)
    found = peaks_of(store_url)
    add_missing_peaks(store_url, run, say=said.append)

    assert said == ["measuring what cpu can do at best, once"]
    assert {(peak.device, peak.threads) for peak in found} == {("cpu", 1)}
    assert {"matmul_flop_per_s", "memory_bytes_per_s"} <= {peak.name for peak in found}
    assert all(peak.value > 0 for peak in found)
    assert peaks_of(store_url) == found


def test_of_a_device_on_which_nothing_was_measured_nothing_is_asked(store_url):
    said = []

    add_missing_peaks(
        store_url, swept(Measurement(make_case(), Status.FAILED, "no")), say=said.append
    )

    assert said == []
    assert peaks_of(store_url) == []


def test_a_device_that_is_taken_is_left_alone(store_url, tmp_path, monkeypatch):
    monkeypatch.setenv("SEPCONV_LOCK_DIR", str(tmp_path / "locks"))
    said = []

    with DeviceLock(["cpu"]):
        add_missing_peaks(store_url, swept(succeed(make_case(), Random(1))), say=said.append)

    assert "stay unknown until `sepconv doctor`" in said[1]
    assert peaks_of(store_url) == []
