"""What a file brings, from its bytes to the rows of a store: all of it or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select

from sepconv.errors import InvalidExchange
from sepconv.record import Block, Measurement
from sepconv.run import Run
from sepconv.store import schema, write
from sepconv.store.exchange.file import read_bounded
from sepconv.store.exchange.format import Entry, Format
from sepconv.store.exchange.translation import Skipped, Translation, translate
from sepconv.store.store import Store

UID_LENGTH = 32  # as of every run


@dataclass(frozen=True)
class Arrival:
    """A file that was read and understood, and is not stored yet."""

    path: Path
    run: Run
    measurements: tuple[Measurement, ...]
    entries: tuple[Entry, ...]  # one for each measurement
    skipped: tuple[Skipped, ...]
    unused: tuple[str, ...]
    exported_uid: str | None

    @property
    def all_entries(self) -> list[Entry]:
        """Every benchmark of the file, also those that describe no case."""
        return [*self.entries, *(each.entry for each in self.skipped)]

    @property
    def blocks(self) -> Iterator[Block]:
        """The rounds that the file has, block by block: all at once may be gigabytes."""
        for entry, measurement in zip(self.entries, self.measurements, strict=True):
            for sample in entry.samples:
                yield sample.block(measurement.case)


@dataclass(frozen=True)
class Kept:
    """Where the run of a file is in the store."""

    number: int
    is_new: bool
    is_origin: bool = False  # the file was exported from that run


def read_file(path: Path, format: Format, translation: Translation) -> Arrival:
    """What the file brings.

    The uid of its run is a digest of content and translation: the same file is the same run,
    wherever it lies.

    Raises:
        InvalidExchange: The file cannot be read, or describes no case.
    """
    if format.read is None:
        raise InvalidExchange(str(path), "", f"files of {format.name} can only be written")
    content = read_bounded(path)
    reading = format.read(content, str(path))
    translated = translate(reading.entries, translation, str(path))
    conditions = {
        **reading.run.conditions,
        "imported_from": format.name,
        "file": path.name,
        "exported_uid": reading.exported_uid,
    }
    run = replace(
        reading.run,
        uid=_digest(content, format.name, translation),
        conditions={name: what for name, what in conditions.items() if what is not None},
    )
    return Arrival(
        path,
        run,
        translated.measurements,
        translated.entries,
        translated.skipped,
        translated.unused,
        reading.exported_uid,
    )


def keep(store: Store, arrival: Arrival, measurements: Sequence[Measurement]) -> Kept:
    """Store the run with `measurements` and its rounds, in one transaction.

    A run that is there already stays as it is, and so does one that the file was exported from.
    """
    with store._writing() as connection:
        for uid in filter(None, (arrival.run.uid, arrival.exported_uid)):
            known = connection.scalar(select(schema.run.c.id).where(schema.run.c.uid == uid))
            if known is not None:
                return Kept(int(known), False, uid == arrival.exported_uid)
        number = write.begin_run(connection, arrival.run)
        write.put_measurements(connection, number, measurements)
        for block in arrival.blocks:
            write.add_blocks(connection, number, [block], (), {})
        return Kept(number, True)


def _digest(content: bytes, name: str, translation: Translation) -> str:
    digest = sha256(content)
    plain = {"format": name, **translation.to_dict()}
    digest.update(b"\0" + json.dumps(plain, sort_keys=True).encode())
    return digest.hexdigest()[:UID_LENGTH]
