"""Clocks of an NVIDIA device, and why they are low, as NVML says; without NVML, nothing.

Not tried on a device yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

LEAST_CLOCK_SHARE = 0.75  # of the default: below it, a block says nothing of the code
IDLE = 1  # nothing runs, so the clock is low
THROTTLE_REASONS = {  # bits of NVML's reasons that hold a working device back
    0x004: "power cap",
    0x008: "hardware slowdown",
    0x020: "heat (software)",
    0x040: "heat (hardware)",
    0x080: "power brake",
    0x200: "board limit",
    0x400: "reliability",
}
MISSING = "pynvml is not installed: pip install 'sepconv[cuda]' to see clocks and throttling"


@dataclass(frozen=True)
class Clocks:
    """The streaming multiprocessors' clock at one moment, in MHz, and what lowers it."""

    sm_mhz: int
    default_mhz: int
    throttle_reasons: tuple[str, ...] = ()
    is_idle: bool = False

    @property
    def is_low(self) -> bool:
        """Whether a device that works runs below 75 % of its default clock."""
        return not self.is_idle and self.sm_mhz < LEAST_CLOCK_SHARE * self.default_mhz

    @property
    def trouble(self) -> str | None:
        """How the device is held back, in words; None if it is not."""
        if self.throttle_reasons:
            why = ", ".join(self.throttle_reasons)
            return f"the device runs at {self.sm_mhz} of {self.default_mhz} MHz because of {why}"
        if self.is_low:
            return f"the device runs at {self.sm_mhz} of {self.default_mhz} MHz"
        return None


def read_clocks(index: int) -> Clocks | None:
    """The clocks of torch's CUDA device `index`; None where NVML cannot be asked."""
    nvml = _nvml()
    if isinstance(nvml, str):
        return None
    try:
        handle = _handle(nvml, index)
        reasons = int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
        return Clocks(
            sm_mhz=int(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
            default_mhz=_default_mhz(nvml, handle),
            throttle_reasons=reasons_of(reasons),
            is_idle=bool(reasons & IDLE),
        )
    except nvml.NVMLError:
        return None


def why_unavailable() -> str | None:
    """Why `read_clocks` has nothing to say here; None if NVML answers."""
    nvml = _nvml()
    return nvml if isinstance(nvml, str) else None


def reasons_of(bits: int) -> tuple[str, ...]:
    """What holds a device back, in words; being idle or set to a clock does not."""
    return tuple(word for bit, word in THROTTLE_REASONS.items() if bits & bit)


@cache
def _nvml() -> Any:
    """The initialised library, or the reason why there is none."""
    try:
        import pynvml
    except ImportError:
        return MISSING
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return f"NVML does not answer: {error}"
    return pynvml


@cache
def _handle(nvml: Any, index: int) -> Any:
    """By its UUID: torch counts the devices that CUDA_VISIBLE_DEVICES leaves, NVML all."""
    uuid = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    if uuid is None:
        return nvml.nvmlDeviceGetHandleByIndex(index)
    return nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")


@cache
def _default_mhz(nvml: Any, handle: Any) -> int:
    """The default application clock, or the highest one where there is no such setting."""
    try:
        return int(nvml.nvmlDeviceGetDefaultApplicationsClock(handle, nvml.NVML_CLOCK_SM))
    except nvml.NVMLError:
        return int(nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM))
