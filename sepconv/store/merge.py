"""What another store knows, brought into this one: table by table, whatever tables there are.

A row is the same in both stores if its natural key is. New rows are inserted, with the numbers
that the rows they refer to have here; what becomes of a row that is in both, the `settlement`
says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from sepconv.errors import StoreUnavailable
from sepconv.store.backup import database_file, raw_connection
from sepconv.store.fault import explained
from sepconv.store.layout import Key, Layout, find_numbers, find_rows, read_layouts
from sepconv.store.migration import lock_postgresql
from sepconv.store.row import Row
from sepconv.store.settlement import NEWEST_BY, REPLACED, Copy, Winner, choose, find_winner, join
from sepconv.store.write import insert_if_new, upsert

PLACE = "SELECT pg_postmaster_start_time(), current_database(), current_schema()"
CHUNK = 500  # rows at once: one of a block may have some 40 KB


@dataclass(frozen=True)
class Merged:
    """What a merge brought: runs and comparisons by their table, then rows of every table."""

    source: str
    new: Mapping[str, int]
    completed: Mapping[str, int]
    already_there: Mapping[str, int]
    settled: Mapping[str, int]  # were in both with different contents; one had got further
    unsettled: Mapping[str, int]  # the same, both equally far: what was here stays
    rows: Mapping[str, int]  # that were inserted or replaced


def merge(source: Connection, target: Connection, shown_source: str) -> Merged:
    """Bring everything of `source` into `target`; the caller commits.

    Raises:
        StoreError: The source cannot be read, or is damaged.
    """
    if target.dialect.name == "postgresql":
        lock_postgresql(target)  # two merges of the same rows could each wait for the other
    merging = _Merging(source, target, shown_source)
    for layout in merging.layouts:
        merging.merge_table(layout)
    return merging.tell()


def identify(connection: Connection) -> object:
    """What tells the database from every other, whatever its URL was."""
    if connection.dialect.name == "postgresql":
        return tuple(connection.exec_driver_sql(PLACE).one())
    file = database_file(connection)
    if file is None:
        return id(raw_connection(connection))
    found = file.stat()
    return found.st_dev, found.st_ino


class _Merging:
    """One merge: which rows here are those of the source, and whose."""

    def __init__(self, source: Connection, target: Connection, shown_source: str) -> None:
        self.layouts = read_layouts()
        self._source, self._target, self._shown = source, target, shown_source
        self._referred = {name for each in self.layouts for name in each.references.values()}
        self._parts = _find_parts(self.layouts)
        self._numbers: dict[str, dict[int, int]] = defaultdict(dict)  # there → here
        self._bare: dict[str, set[int]] = defaultdict(set)  # rows here with nothing below them
        self._kept: dict[str, set[int]] = defaultdict(set)  # rows here that stay with their parts
        self._copies: dict[str, dict[int, Copy]] = defaultdict(dict)  # whose the rows here are
        self._written: Counter[str] = Counter()

    def merge_table(self, layout: Layout) -> None:
        """Bring the rows of one table; those that they refer to must have been brought."""
        for rows in self._read(layout):
            numbers = [row.pop(layout.number) for row in rows] if layout.number else []
            for row in rows:
                self._refer(layout, row)
            here = self._merge_rows(layout, [row for row in rows if self._is_wanted(layout, row)])
            if layout.name in self._referred:
                own = (here[layout.key_of(row)] for row in rows)
                self._numbers[layout.name].update(zip(numbers, own, strict=True))

    def tell(self) -> Merged:
        """What was brought."""
        roots = [self._copies[layout.name].values() for layout in self.layouts if layout.is_root]
        copies = [copy for own in roots for copy in own]
        old = [copy for copy in copies if not copy.is_new]
        differing = [copy for copy in old if copy.differs]
        return Merged(
            source=self._shown,
            new=_count(copy for copy in copies if copy.is_new),
            completed=_count(copy for copy in old if copy.is_changed),
            already_there=_count(copy for copy in old if not copy.is_changed),
            settled=_count(copy for copy in differing if copy.winner is not Winner.NEITHER),
            unsettled=_count(copy for copy in differing if copy.winner is Winner.NEITHER),
            rows={name: number for name, number in self._written.items() if number},
        )

    def _read(self, layout: Layout) -> Iterator[list[Row]]:
        """The rows of the source, in the order in which they were stored.

        Those that refer to nothing come by their key, as whoever stores cases stores them: in
        different orders, two writers could each wait for the other.
        """
        table, names = layout.table, layout.table.c.keys()
        by_key = [table.c[name] for name in layout.key]
        order = list(table.primary_key.columns) if layout.references else by_key
        query = select(table).order_by(*order)
        with explained(self._shown):
            found = self._source.execute(query, execution_options={"yield_per": CHUNK})
            for part in found.partitions():
                yield [dict(zip(names, row, strict=True)) for row in part]

    def _refer(self, layout: Layout, row: Row) -> None:
        """Make a row of the source refer to the rows here."""
        for name, other in layout.references.items():
            number = row[name]
            if number is None:
                continue
            if number not in self._numbers[other]:
                raise StoreUnavailable(
                    f"{self._shown} is damaged: a row of {layout.name!r} refers to number {number} "
                    f"of {other!r}, which is not there; put a backup in its place"
                )
            row[name] = self._numbers[other][number]

    def _is_wanted(self, layout: Layout, row: Row) -> bool:
        """Whether it is no part of what stays as it is here."""
        if not layout.owner or layout.name not in REPLACED:
            return True
        return row[layout.owner] not in self._kept[layout.owner_table]

    def _merge_rows(self, layout: Layout, rows: Sequence[Row]) -> dict[Key, int]:
        """Insert or replace what has to be; the numbers here of rows that others refer to."""
        maybe = [layout.key_of(row) for row in rows if not self._is_certainly_new(layout, row)]
        found = find_rows(self._target, layout, maybe)
        counted = found.items() if layout.number else ()
        numbers = {key: row.pop(layout.number) for key, row in counted}
        new: list[Row] = []
        changed: list[Row] = []
        for row in rows:
            here = found.get(key := layout.key_of(row))
            if here is None:
                new.append(row)
            elif (chosen := self._settle(layout, numbers.get(key, 0), here, row)) != here:
                changed.append(chosen)
        insert_if_new(self._target, layout.table, new)
        upsert(self._target, layout.table, list(layout.key), changed)
        self._note_written(layout, [*new, *changed])
        if layout.name in self._referred:
            fresh = find_numbers(self._target, layout, [layout.key_of(row) for row in new])
            self._note_new(layout, new, fresh)
            numbers |= fresh
        return numbers

    def _is_certainly_new(self, layout: Layout, row: Row) -> bool:
        """Whether its key holds the number of a row that nothing here refers to."""
        return any(
            row[name] in self._bare[other]
            for name, other in layout.references.items()
            if name in layout.key
        )

    def _note_written(self, layout: Layout, rows: Sequence[Row]) -> None:
        self._written[layout.name] += len(rows)
        if layout.owner:
            for row in rows:
                self._copies[layout.owner_table][row[layout.owner]].is_changed = True

    def _note_new(self, layout: Layout, rows: Sequence[Row], numbers: Mapping[Key, int]) -> None:
        self._bare[layout.name].update(numbers.values())
        for row in rows:
            number = numbers[layout.key_of(row)]
            if layout.is_root:
                copy = Copy(layout.name, Winner.THERE, is_new=True)
                self._copies[layout.name][number] = copy
            elif layout.owner:
                owner = self._copies[layout.owner_table][row[layout.owner]]
                self._copies[layout.name][number] = owner

    def _settle(self, layout: Layout, number: int, here: Row, there: Row) -> Row:
        """What becomes of a row that is in both stores."""
        copy: Copy | None = None
        if layout.is_root:
            copy = Copy(layout.name, find_winner(here, there))
        elif layout.owner:
            copy = self._copies[layout.owner_table][there[layout.owner]]
        chosen = choose(layout, here, there, copy)
        if copy is None:
            return chosen
        agree = join(here, there) is not None
        copy.differs |= not agree and layout.name not in NEWEST_BY
        copy.is_changed |= chosen != here
        if layout.name in self._referred:
            self._copies[layout.name][number] = copy
        if layout.name in self._parts:
            self._settle_parts(layout, number, copy.winner, agree=agree)
        return chosen

    def _settle_parts(self, layout: Layout, number: int, winner: Winner, *, agree: bool) -> None:
        """Keep the parts of a row as they are here, make place for those of the source, or
        neither: then they are rows like others."""
        if winner is Winner.HERE or (winner is Winner.NEITHER and not agree):
            self._kept[layout.name].add(number)
        elif winner is Winner.THERE:
            self._bare[layout.name].add(number)
            for part in self._parts[layout.name]:
                of = part.table.c[part.owner]
                self._target.execute(delete(part.table).where(of == number))


def _find_parts(layouts: Sequence[Layout]) -> dict[str, list[Layout]]:
    """The tables whose rows are replaced together with what they belong to, by the table of that:
    the values of a measurement."""
    parts: dict[str, list[Layout]] = defaultdict(list)
    for layout in layouts:
        if layout.name in REPLACED and layout.owner_table in REPLACED:
            parts[layout.owner_table].append(layout)
    return parts


def _count(copies: Iterable[Copy]) -> dict[str, int]:
    return dict(Counter(copy.table for copy in copies))
