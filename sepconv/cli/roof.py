"""The roofs of the roofline: what a machine can do at best, measured once for a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sepconv.cli.sweep import Swept, open_store
from sepconv.errors import DeviceBusy, MeasuringFailed, StoreError
from sepconv.run import Peak


def measure_peaks(
    device: str, counts: Iterable[int], allocator: str
) -> tuple[list[Peak], tuple[str, ...]]:
    """The peaks of `device` with each of these numbers of threads, and what went wrong."""
    from sepconv.bench.peak import run_peaks

    peaks: list[Peak] = []
    errors: list[str] = []
    for threads in sorted(counts):
        try:
            peaks += run_peaks(device, threads, allocator)
        except MeasuringFailed as error:
            errors.append(str(error))
    return peaks, tuple(errors)


def add_missing_peaks(store_url: str, swept: Swept, *, say: Callable[[str], None]) -> None:
    """Measure, with one thread, the peaks of the devices of this run that the store has none of
    in its environment; seconds, and only the first time. What goes wrong is said and nothing more:
    a run is whole without them."""
    from sepconv.bench.lock import DeviceLock

    run = swept.run
    with open_store(store_url) as store:
        known = {peak.device for peak in store.peaks(run.machine, run.environment)}
    measured = {each.case.device for each in swept.measurements if each.is_measured}
    for device in sorted(measured - known):
        say(f"measuring what {device} can do at best, once")
        try:
            with DeviceLock([device]):
                peaks, errors = measure_peaks(device, [1], run.environment.allocator)
        except DeviceBusy as busy:
            peaks, errors = [], (str(busy),)
        for reason in errors:
            say(f"the roofs of {device} stay unknown until `sepconv doctor`: {reason}")
        if peaks:
            try:
                with open_store(store_url) as store:
                    store.keep_peaks(run.machine, run.environment, peaks)
            except StoreError as error:
                say(f"the roofs of {device} are not stored: {error}")
