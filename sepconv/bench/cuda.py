"""The CUDA clock: what the device itself says that a round took.

Everything but the calls of `TorchEvents` is tested with recorded times. No device has run it
yet: until `sepconv doctor --selfcheck` has passed on one, its times are marked unverified.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol

import torch

FLUSHED_CACHES = 2  # the buffer is this many times as large as the L2 cache
FLUSHED_BYTES = 128 << 20  # where the size of the cache is not known
FIRST_DELAY_S = 1e-3  # before the first round of a block, whose enqueueing is not known yet
DELAY_MARGIN = 1.25  # a delay is this much longer than the shortest enqueueing so far …
MOST_DELAY_S = 10e-3  # … up to here
CALIBRATION_CYCLES = 10_000_000  # some milliseconds on any device


class EventDevice(Protocol):
    """Everything that the clock wants from a device with a queue."""

    def record(self) -> Any:
        """An event, put into the queue: it gets its time when the device arrives there."""

    def elapsed_s(self, start: Any, end: Any) -> float:
        """Seconds of the device between two events that it has passed."""

    def synchronise(self) -> None:
        """Wait until the queue is empty."""

    def flush(self) -> None:
        """Queue the overwriting of the device's last-level cache."""

    def delay(self, seconds: float) -> None:
        """Queue a wait of the device itself."""


class EventClock:
    """A timer whose readings alternately begin and end a round, in seconds of the device.

    `end() - start()` is what the device took from the first event to the second, while the
    host's launching is hidden behind a delay of the device, as long as it needs less than
    `MOST_DELAY_S`. pytest-benchmark wants the time of a round at its end, so the clock
    synchronises once per round, after the second event.

    A round whose enqueueing takes the host longer than the work takes the device is
    host-bound: in use, without the delay, the host would decide how long it takes. Queues hold
    about a thousand kernels; a longer round makes the host wait, and reads as host-bound too.
    """

    def __init__(
        self, device: EventDevice, *, host_clock: Callable[[], float] = perf_counter
    ) -> None:
        self._device = device
        self._host_clock = host_clock
        self._now_s = 0.0  # seconds of the device inside rounds so far
        self._host_start_s = 0.0
        self.begin_block()

    def begin_block(self) -> None:
        """Forget the rounds so far: another case has another way to be enqueued."""
        self._start: Any = None  # the event that began the current round
        self._rounds = 0
        self._host_bound_rounds = 0
        self._enqueue_s: float | None = None

    def before_round(self) -> None:
        """Empty the cache and the queue: untimed, before each round.

        What must find a warm cache makes a priming call between this and the round.
        """
        self._start = None  # of a round that raised
        self._device.flush()
        self._device.synchronise()

    def __call__(self) -> float:
        """Begin a round, or end the one that was begun."""
        return self._begin() if self._start is None else self._end()

    @property
    def host_bound(self) -> float:
        """The share of the block's rounds in which the host was slower than the device."""
        return self._host_bound_rounds / self._rounds if self._rounds else 0.0

    def _begin(self) -> float:
        self._device.delay(self._delay_s())
        self._start = self._device.record()
        self._host_start_s = self._host_clock()
        return self._now_s

    def _end(self) -> float:
        end = self._device.record()
        host_s = self._host_clock() - self._host_start_s
        self._device.synchronise()
        device_s = self._device.elapsed_s(self._start, end)
        self._start = None
        self._rounds += 1
        self._host_bound_rounds += host_s > device_s
        self._enqueue_s = min(host_s, self._enqueue_s or host_s)
        self._now_s += device_s
        return self._now_s

    def _delay_s(self) -> float:
        if self._enqueue_s is None:
            return FIRST_DELAY_S
        return min(DELAY_MARGIN * self._enqueue_s, MOST_DELAY_S)


class TorchEvents:
    """The real device: torch's CUDA events on the current stream of `device`."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        size = flushed_bytes(self._device)
        self._buffer = torch.empty(size, dtype=torch.uint8, device=self._device)
        self._cycles_per_s = self._calibrate()

    def record(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))
        return event

    def elapsed_s(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        return float(start.elapsed_time(end)) * 1e-3  # torch says it in ms

    def synchronise(self) -> None:
        torch.cuda.synchronize(self._device)

    def flush(self) -> None:
        self._buffer.zero_()

    def delay(self, seconds: float) -> None:
        with torch.cuda.device(self._device):
            torch.cuda._sleep(int(seconds * self._cycles_per_s))  # type: ignore[no-untyped-call]

    def _calibrate(self) -> float:
        """How many of the cycles that `_sleep` counts make a second; the clock varies a little."""
        self._cycles_per_s = 1.0
        self.delay(CALIBRATION_CYCLES)  # the first one also loads the kernel
        start = self.record()
        self.delay(CALIBRATION_CYCLES)
        end = self.record()
        self.synchronise()
        return CALIBRATION_CYCLES / self.elapsed_s(start, end)


def flushed_bytes(device: torch.device) -> int:
    """How much to write so that nothing useful is left in the L2 cache of a CUDA device."""
    cache_bytes = getattr(torch.cuda.get_device_properties(device), "L2_cache_size", 0)
    return FLUSHED_CACHES * int(cache_bytes) or FLUSHED_BYTES
