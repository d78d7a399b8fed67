"""Numbers as people read them: SI base units inside, scaled only here and in figures."""

from __future__ import annotations

import re
from math import floor, isfinite, log10

SECOND_SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
COUNT_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
BYTE_SCALES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))

DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>ms|s|m|min|h)", re.ASCII)
SECONDS_OF = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
SIZE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[KMGT]i?B|B)", re.ASCII)
BYTES_OF = {"B": 1} | {
    f"{letter}{infix}B": base**power
    for infix, base in (("i", 1024), ("", 1000))
    for power, letter in enumerate("KMGT", 1)
}
PERCENTAGE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*%", re.ASCII)


def significant(value: float, digits: int = 3) -> str:
    """`value` with that many significant digits and no exponent: 2108.4 → "2110"."""
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    decimals = digits - 1 - floor(log10(abs(value)))
    rounded = round(value, decimals)
    decimals = digits - 1 - floor(log10(abs(rounded)))  # 9.996 became 10.0
    return f"{rounded:.{max(decimals, 0)}f}"


def format_seconds(seconds: float) -> str:
    """Seconds in the unit that leaves one to three digits before the point: "2.11 ms"."""
    scale, unit = next(
        (entry for entry in SECOND_SCALES if abs(seconds) >= 0.9995 * entry[0]), SECOND_SCALES[-1]
    )
    return f"{significant(seconds / scale)} {unit}"


def format_count(count: float) -> str:
    """A count in powers of a thousand, three significant digits: 462422016 → "462 M"."""
    for scale, unit in COUNT_SCALES:
        if abs(count) >= 0.9995 * scale:
            return f"{significant(count / scale)} {unit}"
    return f"{count:g}"


def format_bytes(size: float) -> str:
    """A size in powers of 1024: 25769803776 → "24.0 GiB"."""
    for scale, unit in BYTE_SCALES:
        if abs(size) >= scale:
            return f"{significant(size / scale)} {unit}"
    return f"{size:g} B"


def format_ratio(ratio: float) -> str:
    """A ratio as a factor of two or three digits: 4.18 → "4.2×", 0.456 → "0.46×", 41.1 → "41×"."""
    return f"{significant(ratio, 2)}×"


def format_speedup(value: float, low: float | None, high: float | None) -> str:
    """A speed-up with its interval, in as many digits (two to four) as tell the ends apart:
    "4.2× [4.0, 4.4]", "1.22× [1.19, 1.25]"."""
    if low is None or high is None:
        return f"{format_ratio(value)} (no interval)"
    for digits in (2, 3, 4):
        texts = [significant(each, digits) for each in (value, low, high)]
        if len(set(texts)) == len(texts):
            break
    return f"{texts[0]}× [{texts[1]}, {texts[2]}]"


def format_percent(fraction: float) -> str:
    """A small fraction in percent, two digits: 0.0213 → "2.1 %"."""
    return f"{significant(100 * fraction, 2)} %"


def format_duration(seconds: float) -> str:
    """A time span for people who wait: 42.3 → "42 s", 100 → "1 min 40 s", 8000 → "2 h 13 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{significant(seconds, 2) if seconds < 9.5 else whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def parse_duration(text: str) -> float:
    """Seconds from "60s", "1.5m", "45 min", "2h" or "250ms".

    Raises:
        ValueError: `text` is nothing of the kind, or not positive.
    """
    match = DURATION.fullmatch(text.strip())
    if match is None or float(match["number"]) == 0:
        raise ValueError(f"expected a duration like '60s', '45min' or '2h', found {text!r}")
    return float(match["number"]) * SECONDS_OF[match["unit"]]


def parse_size(text: str) -> int:
    """Bytes from "4GiB", "512 MiB" or "1.5GB".

    Raises:
        ValueError: `text` is nothing of the kind, or less than a byte.
    """
    match = SIZE.fullmatch(text.strip())
    size = int(float(match["number"]) * BYTES_OF[match["unit"]]) if match else 0
    if size == 0:
        raise ValueError(f"expected a size like '4GiB' or '512MiB', found {text!r}")
    return size


def parse_percentage(text: str) -> float:
    """A fraction from "2%": 0.02.

    Raises:
        ValueError: `text` is no percentage, or not between 0 and 100 %.
    """
    match = PERCENTAGE.fullmatch(text.strip())
    if match is None or not 0 < float(match["number"]) < 100:
        raise ValueError(f"expected a percentage like '2%', found {text!r}")
    return float(match["number"]) / 100
