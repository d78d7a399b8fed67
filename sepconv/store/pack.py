"""Raw rounds as bytes: exact to the nanosecond, and about 8 bytes a round.

    version   1 byte    1: the rest as it is, 2: the rest is a zlib stream
    count     4 bytes   rounds
    5 columns           wall ns, CPU ns, queue ns, minor faults, involuntary switches, each:
      present 1 byte    0: no round has it, 1: every round, 2: a bit per round follows
      offset  8 bytes   the smallest value, signed
      width   1 byte    bytes per value: 1, 2, 4 or 8
      values            what is above the offset, of the rounds that have it

All numbers are little-endian. Rounds of one block differ little, so that two bytes hold most
of what is above the offset.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from math import ceil

from sepconv.errors import StoreError
from sepconv.record import Round

PLAIN, DEFLATED = 1, 2
NONE, ALL, SOME = 0, 1, 2
COUNT = struct.Struct("<I")
HEAD = struct.Struct("<qB")
TYPES = {1: "B", 2: "H", 4: "I", 8: "Q"}  # array's type codes, by bytes per value
NS = 1_000_000_000
COUNT_LIMIT = 10_000_000  # rounds of a block: more is a damaged file

Column = list[int | None]


def pack_rounds(rounds: Sequence[Round]) -> bytes:
    """The bytes that `unpack_rounds` reads."""
    columns: list[Column] = [
        [round(each.wall_s * NS) for each in rounds],
        [round(each.cpu_s * NS) for each in rounds],
        [None if each.queue_s is None else round(each.queue_s * NS) for each in rounds],
        [each.minor_faults for each in rounds],
        [each.involuntary_switches for each in rounds],
    ]
    plain = COUNT.pack(len(rounds)) + b"".join(map(_pack_column, columns))
    deflated = zlib.compress(plain, 6)
    if len(deflated) < len(plain):
        return bytes([DEFLATED]) + deflated
    return bytes([PLAIN]) + plain


def unpack_rounds(packed: bytes) -> tuple[Round, ...]:
    """The rounds that `pack_rounds` was given.

    Raises:
        StoreError: The bytes are damaged, or of a later version.
    """
    try:
        return _unpack(packed)
    except (IndexError, ValueError, struct.error, zlib.error) as error:
        raise StoreError(
            f"the raw rounds of a block cannot be read ({error}); the store is damaged, "
            "or a later sepconv wrote it"
        ) from error


def _unpack(packed: bytes) -> tuple[Round, ...]:
    version, rest = packed[0], packed[1:]
    if version not in (PLAIN, DEFLATED):
        raise ValueError(f"expected version {PLAIN} or {DEFLATED}, found {version}")
    plain = zlib.decompress(rest) if version == DEFLATED else rest
    (count,) = COUNT.unpack_from(plain)
    if count > COUNT_LIMIT:
        raise ValueError(f"expected at most {COUNT_LIMIT} rounds, found {count}")
    columns: list[Column] = []
    place = COUNT.size
    for _ in range(5):
        column, place = _unpack_column(plain, place, count)
        columns.append(column)
    return tuple(
        Round(
            wall_s=(wall or 0) / NS,
            cpu_s=(cpu or 0) / NS,
            queue_s=None if queue is None else queue / NS,
            minor_faults=faults,
            involuntary_switches=switches,
        )
        for wall, cpu, queue, faults, switches in zip(*columns, strict=True)
    )


def _pack_column(column: Column) -> bytes:
    values = [value for value in column if value is not None]
    if not values:
        return bytes([NONE])
    offset = min(values)
    above = [value - offset for value in values]
    bits = max(above).bit_length()
    width = next(width for width in TYPES if bits <= 8 * width)
    present = bytes([ALL]) if len(values) == len(column) else bytes([SOME]) + _pack_bits(column)
    return present + HEAD.pack(offset, width) + _little_endian(array(TYPES[width], above)).tobytes()


def _unpack_column(plain: bytes, place: int, count: int) -> tuple[Column, int]:
    """One column, and the place after it."""
    present, place = plain[place], place + 1
    if present == NONE:
        return [None] * count, place
    bits = [True] * count
    if present == SOME:
        size = ceil(count / 8)
        bits, place = _unpack_bits(plain[place : place + size], count), place + size
    offset, width = HEAD.unpack_from(plain, place)
    if width not in TYPES:
        raise ValueError(f"expected a width of 1, 2, 4 or 8 bytes, found {width}")
    place += HEAD.size
    end = place + width * sum(bits)
    if end > len(plain):
        raise ValueError(f"expected {end} bytes, found {len(plain)}")
    above = iter(_little_endian(array(TYPES[width], plain[place:end])))
    return [offset + next(above) if bit else None for bit in bits], end


def _pack_bits(column: Column) -> bytes:
    bits = sum(1 << index for index, value in enumerate(column) if value is not None)
    return bits.to_bytes(ceil(len(column) / 8), "little")


def _unpack_bits(packed: bytes, count: int) -> list[bool]:
    bits = int.from_bytes(packed, "little")
    return [bool(bits >> index & 1) for index in range(count)]


def _little_endian(values: array[int]) -> array[int]:
    if sys.byteorder == "big":
        values.byteswap()
    return values
