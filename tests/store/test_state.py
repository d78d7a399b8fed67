"""The word that tells whether pages of a store are still true, on every database."""

from __future__ import annotations

from itertools import pairwise

from sepconv.comparison import Acknowledgement
from sepconv.event import EventState
from sepconv.record import Block, Measurement
from sepconv.run import Run
from sepconv.store import Store
from tests.report.compared import comparison
from tests.report.event_sample import event, note

AT = "2026-03-01T12:00:00+00:00"


def test_a_store_that_nobody_writes_to_keeps_its_state(store: Store, run: Run) -> None:
    store.begin_run(run)

    states = {store.state() for _ in range(3)}

    assert len(states) == 1


def test_writing_the_same_again_keeps_the_state(store: Store, run: Run, block: Block) -> None:
    number = store.begin_run(run)
    store.add_block(number, block)
    before = store.state()

    store.add_block(store.begin_run(run), block)

    assert store.state() == before


def test_every_step_of_a_run_changes_the_state(
    store: Store, run: Run, block: Block, measured: Measurement
) -> None:
    states = [store.state()]
    number = store.begin_run(run)
    states.append(store.state())
    store.add_block(number, block)
    states.append(store.state())
    store.put_measurements(number, [measured])
    states.append(store.state())
    store.finish_run(number, state="done", finished_at=AT, timing={})
    states.append(store.state())
    store.resume_run(number)
    states.append(store.state())

    assert all(before != after for before, after in pairwise(states))


def test_what_is_said_of_events_and_comparisons_changes_the_state(store: Store) -> None:
    number = store.begin_comparison(comparison())
    states = [store.state()]
    store.put_events([event()])
    states.append(store.state())
    store.note_event(1, note(EventState.ACKNOWLEDGED, "more exact", author="Ada", day=9))
    states.append(store.state())
    store.acknowledge(number, {1: Acknowledgement("Ada", "more exact", AT)})
    states.append(store.state())

    assert all(before != after for before, after in pairwise(states))
