"""What is left to do of a run that did not come to its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from sepconv.record import TRIED_IN_VAIN, Resumption, Slot, Status
from sepconv.store import schema
from sepconv.store.read import load_plan

GIVES_NO_BLOCK = TRIED_IN_VAIN | {Status.UNSUPPORTED}

Place = tuple[int, int, str, str]  # of a block: pass, ring, arm, identity of its case


def load_resumption(connection: Connection, run_id: int) -> Resumption | None:
    """The plan of the run and what of it is stored; None without a plan and its passes."""
    passes = connection.scalar(select(schema.run.c.passes).where(schema.run.c.id == run_id))
    slots = load_plan(connection, run_id)
    if passes is None or not slots:
        return None
    failed = _load_failed(connection, run_id)
    stored = set(_load_places(connection, run_id))
    seen = frozenset((number, identity) for number, _, _, identity in stored)
    return Resumption(slots, passes, _find_kept(slots, stored, failed), seen, failed)


def _find_kept(
    slots: Sequence[Slot], stored: set[Place], failed: frozenset[str]
) -> frozenset[tuple[int, int]]:
    """The passes and rings of which every slot has its block.

    A slot whose case failed is not waited for: the other arm of its ring goes on alone.
    """
    rings: dict[int, list[Slot]] = defaultdict(list)
    for slot in slots:
        if slot.case.identity not in failed:
            rings[slot.ring].append(slot)
    return frozenset(
        (number, ring)
        for number in {place[0] for place in stored}
        for ring, own in rings.items()
        if all((number, ring, slot.arm, slot.case.identity) in stored for slot in own)
    )


def _load_places(connection: Connection, run_id: int) -> Iterable[Place]:
    block, case = schema.block, schema.case
    query = (
        select(block.c.pass_number, block.c.ring, block.c.arm, case.c.identity)
        .join(case, block.c.case_id == case.c.id)
        .where(block.c.run_id == run_id)
    )
    return (
        (number, ring, arm, identity) for number, ring, arm, identity in connection.execute(query)
    )


def _load_failed(connection: Connection, run_id: int) -> frozenset[str]:
    measurement, case = schema.measurement, schema.case
    query = (
        select(case.c.identity)
        .join(measurement, measurement.c.case_id == case.c.id)
        .where(
            measurement.c.run_id == run_id,
            measurement.c.status.in_([str(status) for status in GIVES_NO_BLOCK]),
        )
    )
    return frozenset(connection.scalars(query))
