"""The store: one object for whoever writes and reads runs, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType

from sqlalchemy import Connection

from sepconv.case import Case
from sepconv.comparison import Acknowledgement, ComparedPass, Comparison, Purpose
from sepconv.errors import StoreUnavailable
from sepconv.event import Event, Note
from sepconv.panel import Panel, Rounds
from sepconv.ratio import Pair
from sepconv.record import Block, Measurement, Resumption, Slot
from sepconv.run import Environment, Machine, Peak, Revision, Run, Selfcheck
from sepconv.selection import Selector
from sepconv.series import Series
from sepconv.store import (
    ability,
    backup,
    comparison,
    event,
    find,
    merge,
    panel,
    read,
    resumption,
    state,
    thinning,
    write,
)
from sepconv.store.acknowledgement import keep_acknowledgements
from sepconv.store.address import parse_address
from sepconv.store.backup import Backup
from sepconv.store.fault import explained
from sepconv.store.merge import Merged
from sepconv.store.read import StoredBlock, StoredRun
from sepconv.store.text import utc_text
from sepconv.store.thinning import Space, Thinnable


class Store:
    """A results database.

    Opens the store at `url`, or makes it: a path, `sqlite:///PATH`, `postgresql://…`, or
    `sqlite://` for one that lives as long as the process. An older schema is upgraded after a
    backup. With `read_only`, nothing is made, upgraded or written.

    Every method but `thin` is one transaction: when it has returned, what it wrote survives the
    process; when it raises, nothing of it was written. Writing the same thing again changes
    nothing. Many processes may write at once.

    Raises:
        StoreUnavailable: The database cannot be opened, read or written.
        NotAStore: There is something else at that place; it is not touched.
        SchemaMismatch: A later sepconv wrote the store; it is not touched.
    """

    def __init__(
        self, url: str | os.PathLike[str] = "sqlite://", *, read_only: bool = False
    ) -> None:
        address = parse_address(url)
        self.shown_url = address.shown
        self.read_only = read_only
        self._path = address.path
        self._case_ids: dict[str, int] = {}  # by identity; a stored case never changes
        self._cases = read.Cases()
        if address.is_postgresql:
            from sepconv.store.postgresql import open_database

            self._engine = open_database(address.url, address.shown, read_only=read_only)
        elif address.path is None:
            from sepconv.store.sqlite import open_memory

            self._engine = open_memory()
        else:
            from sepconv.store.sqlite import open_file

            self._engine = open_file(address.path, address.shown, read_only=read_only)
        self._writer = self._engine.execution_options(writes=True)
        self._reader = self._engine
        if address.is_postgresql:  # where each query would see what was committed since the last
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")

    def __repr__(self) -> str:
        return f"Store({self.shown_url!r})"

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; SQLite then folds its write-ahead log into the file."""
        self._engine.dispose()

    def begin_run(self, run: Run) -> int:
        """Store the run, its machine, environment and revision; returns its number.

        A run whose `uid` is there already stays as it is.
        """
        with self._writing() as connection:
            return write.begin_run(connection, run)

    def resume_run(self, run_id: int) -> None:
        """Make the run one that goes on: its state is `running`, and it has no end."""
        with self._writing() as connection:
            write.resume_run(connection, run_id)

    def resumption(self, run_id: int) -> Resumption | None:
        """What a run planned, and what of it is stored.

        None if no plan with a number of passes was stored: there is nothing to go on with.
        """
        with self.reading() as connection:
            return resumption.load_resumption(connection, run_id)

    def add_plan(self, run_id: int, slots: Sequence[Slot], passes: int | None = None) -> None:
        """Store how each case will be measured, and in how many passes where that is known.

        A case planned before, in the same ring and arm, is planned anew.
        """
        with self._writing() as connection:
            write.add_plan(connection, run_id, slots, passes)

    def plan(self, run_id: int) -> list[Slot]:
        """The plan of a run, in the order in which it was stored."""
        with self.reading() as connection:
            return read.load_plan(connection, run_id)

    def add_block(self, run_id: int, *blocks: Block, pair: Pair | None = None) -> None:
        """Store what one pass of a ring gave, all of it or nothing: its blocks and their pair.

        A block of the same case, pass, server, ring and arm stays as it is, and so does a pair
        of the same ring, pass and server.

        Raises:
            StoreError: A clock gave NaN or infinity.
        """
        self.add_blocks(run_id, blocks, [] if pair is None else [pair])

    def add_blocks(self, run_id: int, blocks: Sequence[Block], pairs: Sequence[Pair] = ()) -> None:
        """Store what many passes of many rings gave, as `add_block` does one: all or nothing.

        Raises:
            StoreError: A clock gave NaN or infinity.
        """
        with self._writing() as connection:
            new = write.add_blocks(connection, run_id, blocks, pairs, self._case_ids)
        self._case_ids |= new  # only now is it certain that they are stored

    def put_measurements(self, run_id: int, measurements: Sequence[Measurement]) -> None:
        """Store status, error, passes, values and what is unsupported of these cases, in place
        of what they were."""
        with self._writing() as connection:
            write.put_measurements(connection, run_id, measurements)

    def finish_run(
        self, run_id: int, *, state: str, finished_at: str, timing: Mapping[str, float]
    ) -> None:
        """Store how and when the run ended, and where its time went, in seconds."""
        with self._writing() as connection:
            write.finish_run(
                connection, run_id, state=state, finished_at=finished_at, timing=timing
            )

    def runs(self, *, limit: int | None = None) -> list[StoredRun]:
        """The newest `limit` runs, or all, newest first."""
        with self.reading() as connection:
            return read.load_stored_runs(connection, limit)

    def find_run(self, reference: str) -> Run:
        """The run of that number, `latest`, or whose uid or commit begins so.

        Raises:
            UnknownRun: None or several answer to it; the message says what there is.
        """
        with self.reading() as connection:
            return find.find_run(connection, reference)

    def measurements(self, run_id: int) -> list[Measurement]:
        """Every case of the run with all its values, in the order in which they were stored."""
        with self.reading() as connection:
            return read.load_measurements(connection, [run_id], self._cases).get(run_id, [])

    def blocks(self, run_id: int, case: Case | None = None) -> list[StoredBlock]:
        """The blocks of a run, or of one case of it, in the order in which they were stored."""
        with self.reading() as connection:
            return read.load_blocks(connection, run_id, case)

    def pairs(self, run_id: int) -> list[Pair]:
        """What each pass of each ring of the run says, pass by pass."""
        with self.reading() as connection:
            return read.load_pairs(connection, run_id)

    def begin_comparison(self, begun: Comparison) -> int:
        """Store the comparison, its machine, environments and revisions; returns its number.

        One whose `uid` is there already stays as it is.
        """
        with self._writing() as connection:
            return comparison.begin_comparison(connection, begun)

    def add_compared_pass(self, number: int, one: ComparedPass) -> None:
        """Store what one pass of one ring says; the same ring and pass stays as it is.

        Raises:
            StoreError: A clock gave NaN or infinity.
        """
        with self._writing() as connection:
            comparison.add_pass(connection, number, one)

    def finish_comparison(self, number: int, finished: Comparison) -> None:
        """Store what became of every case, and all that has changed since it began."""
        with self._writing() as connection:
            comparison.finish_comparison(connection, number, finished)

    def comparisons(
        self, *, limit: int | None = None, purposes: Collection[Purpose] = ()
    ) -> list[Comparison]:
        """The newest `limit` comparisons, or all, newest first, each with its cases; of all
        purposes unless some are named."""
        with self.reading() as connection:
            return comparison.load_comparisons(connection, limit, purposes)

    def find_comparison(self, reference: str) -> Comparison:
        """The comparison of that number, `latest`, or whose uid begins so.

        Raises:
            UnknownComparison: None or several answer to it; the message says what there is.
        """
        with self.reading() as connection:
            return comparison.find_comparison(connection, reference)

    def acknowledge(self, number: int, said: Mapping[int, Acknowledgement]) -> None:
        """Store what somebody says of these rings of a comparison; the newest word counts."""
        with self._writing() as connection:
            keep_acknowledgements(connection, number, said)

    def acknowledged(self, base_commit: str) -> list[Comparison]:
        """The comparisons with that base of which something was acknowledged, newest first.

        What was withdrawn is there too, and says so.
        """
        with self.reading() as connection:
            return comparison.load_acknowledged(connection, base_commit)

    def compared_passes(self, number: int) -> list[ComparedPass]:
        """Every pass of every ring of a comparison, pass by pass, base against base included."""
        with self.reading() as connection:
            return comparison.load_passes(connection, number)

    def keep_peaks(self, machine: Machine, environment: Environment, peaks: Sequence[Peak]) -> None:
        """Store what the machine can do at best; of the same kind, the newest is kept.

        Raises:
            StoreError: A value is NaN or infinite.
        """
        with self._writing() as connection:
            ability.keep_peaks(connection, machine, environment, peaks)

    def peaks(self, machine: Machine, environment: Environment) -> list[Peak]:
        """What the machine can do at best in that environment, by name, device and dtype."""
        with self.reading() as connection:
            return ability.load_peaks(connection, machine, environment)

    def keep_selfcheck(self, machine: Machine, environment: Environment, check: Selfcheck) -> None:
        """Store a selfcheck; one of the same device and time stays as it is."""
        with self._writing() as connection:
            ability.keep_selfcheck(connection, machine, environment, check)

    def selfchecks(
        self, machine: Machine, environment: Environment | None = None
    ) -> list[Selfcheck]:
        """The selfchecks of the machine, in one environment or in all, newest first."""
        with self.reading() as connection:
            return ability.load_selfchecks(connection, machine, environment)

    def history(self, *, limit: int | None = None) -> list[tuple[Run, list[Measurement]]]:
        """The newest `limit` runs, or all, with their measurements, oldest first."""
        with self.reading() as connection:
            chosen = read.newest_runs(limit)
            measurements = read.load_measurements(connection, chosen)
            runs = read.load_runs(connection, chosen)
        return [(run, measurements.get(run.id or 0, [])) for run in runs]

    def panel(
        self,
        *,
        limit: int | None = None,
        since: str | None = None,
        where: Selector | None = None,
    ) -> Panel:
        """The newest `limit` runs, or all, that began at `since` or later, with the cases that
        `where` chooses: the latency and speed-up of every one as columns."""
        with self.reading() as connection:
            return panel.load_panel(connection, self._cases, limit=limit, since=since, where=where)

    def rounds(self, of: Panel, runs: Sequence[int], *, most: int) -> Rounds:
        """How the rounds of every block of these runs of the panel were spread; of the first
        ones alone, where there are more than `most` blocks together."""
        with self.reading() as connection:
            return panel.load_rounds(connection, of, runs, most=most)

    def series(self, metric: str = "latency_s") -> list[Series]:
        """The histories of `metric`: one per case, machine and environment, oldest run first."""
        with self.reading() as connection:
            return read.load_series(connection, metric)

    def keep_revisions(self, revisions: Sequence[Revision]) -> None:
        """Store commits, so that the graph between those that are measured is known; one that
        is there stays, and learns its parents if it had none."""
        with self._writing() as connection:
            write.keep_revisions(connection, revisions)

    def revisions(self) -> list[Revision]:
        """Every commit that is known, measured or not, oldest first by its clock."""
        with self.reading() as connection:
            return read.load_revisions(connection)

    def put_events(self, events: Sequence[Event]) -> list[int]:
        """Store events as they are now, in place of those with the same uid, and what is new of
        their notes; returns their numbers.

        Raises:
            StoreError: A ratio or an interval is NaN or infinite.
        """
        with self._writing() as connection:
            return event.put_events(connection, events)

    def note_event(self, number: int, note: Note) -> None:
        """Store what somebody says of an event; the newest note is its state."""
        with self._writing() as connection:
            event.add_notes(connection, number, [note])

    def events(self) -> list[Event]:
        """Every event with its notes, the one that was seen last first."""
        with self.reading() as connection:
            return event.load_events(connection, known=self._cases)

    def find_event(self, reference: str) -> Event:
        """The event of that number, `latest`, or whose uid begins so.

        Raises:
            UnknownEvent: None or several answer to it; the message says what there is.
        """
        with self.reading() as connection:
            return event.find_event(connection, reference)

    def state(self) -> str:
        """A word that stays while nothing is added, ended, resumed or said: cheap to ask for."""
        with self.reading() as connection:
            return state.find_state(connection)

    def thinnable(self, *, keep_runs: int, started_before: str | None = None) -> list[Thinnable]:
        """The runs with raw rounds that `thin` would drop them of, and those that are running."""
        with self.reading() as connection:
            return thinning.find_thinnable(
                connection,
                keep_runs=keep_runs,
                started_before=started_before and utc_text(started_before),
            )

    def thin(self, *, keep_runs: int, started_before: str | None = None) -> int:
        """Drop the raw rounds of all but the newest runs, and of those that did not begin before
        that time; summaries stay, and so does a run that is running.

        In many transactions, so that others can write meanwhile: when it raises, or the process
        dies, some rounds are gone, and the next time drops the rest. Returns the number of blocks
        that lost their rounds.
        """
        thinned = 0
        for run in self.thinnable(keep_runs=keep_runs, started_before=started_before):
            while True:
                with self._writing() as connection:
                    number = thinning.thin_some(connection, run.run_id)
                thinned += number
                if number < thinning.CHUNK:
                    break
                time.sleep(thinning.PAUSE_S)
        return thinned

    def give_back(self) -> Space | None:
        """Give what the file does not use any more back to the disk, unless somebody else has the
        store open; None where the store is no file.

        Raises:
            StoreUnavailable: The file cannot be written, or the disk has no place for a copy.
        """
        if self._path is None:
            return None
        if self.read_only:
            raise StoreUnavailable(f"{self.shown_url} was opened for reading only")
        self._engine.dispose()
        with explained(self.shown_url):
            return thinning.give_back(self._path)

    def merge(self, *sources: Store) -> list[Merged]:
        """Bring everything that the sources know into this store: all of it or nothing.

        Merging the same again changes nothing; the sources are not changed.

        Raises:
            StoreError: A source is this store, or cannot be read, or is damaged.
        """
        with ExitStack() as stack:
            theirs = [stack.enter_context(source.reading()) for source in sources]
            with self.reading() as connection:
                here = merge.identify(connection)
            for source, connection in zip(sources, theirs, strict=True):
                if merge.identify(connection) == here:
                    raise StoreUnavailable(
                        f"{source.shown_url} is the store to merge into: name another one"
                    )
            with self._writing() as target:
                return [
                    merge.merge(connection, target, source.shown_url)
                    for source, connection in zip(sources, theirs, strict=True)
                ]

    def backup(self, target: str | os.PathLike[str], *, overwrite: bool = False) -> Backup:
        """Write everything into one SQLite file, whole or not at all, while others go on writing.

        Raises:
            StoreError: The file is there already, or cannot be written; or the store is damaged.
        """
        address = parse_address(target)
        if address.path is None:
            raise StoreUnavailable(
                f"{address.shown} is no file, and a backup is one: `sepconv db merge` "
                "brings a store into another database"
            )
        with self.reading() as connection:
            backup.refuse_itself(connection, address.path, address.shown)
        with backup.written_whole(address.path, address.shown, overwrite=overwrite) as unfinished:
            if self._engine.dialect.name == "sqlite":
                with self.reading() as connection:
                    backup.copy_database(backup.raw_connection(connection), unfinished)
            else:
                with Store(unfinished) as copy:
                    copy.merge(self)
        return backup.describe_backup(address.path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read from: one consistent state of the store."""
        with explained(self.shown_url), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self.read_only:
            raise StoreUnavailable(f"{self.shown_url} was opened for reading only")
        with explained(self.shown_url), self._writer.begin() as connection:
            yield connection
