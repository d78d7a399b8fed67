"""Events and what is said of them, and why a comparison was made; rows stay as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXTS = ("last_good_at", "began_at", "first_seen_at", "last_seen_at")


def upgrade() -> None:
    purpose = sa.Column("purpose", sa.Text(), server_default="gate", nullable=False)
    op.add_column("comparison", purpose)
    _create_event()
    _create_note()


def _create_event() -> None:
    op.create_table(
        "event",
        sa.Column("id", KEY, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("uid", "kind", "direction", "machine")
        ),
        sa.Column("last_good_revision_id", KEY, nullable=True),
        sa.Column("first_bad_revision_id", KEY, nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXTS),
        sa.Column("sightings", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("members", "commits", "explanations")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        *(
            sa.ForeignKeyConstraint([name], ["revision.id"], name=f"fk_event_{name}")
            for name in ("last_good_revision_id", "first_bad_revision_id")
        ),
        sa.UniqueConstraint("uid", name="uq_event_uid"),
    )
    op.create_index("ix_event_last_seen_at_id", "event", ["last_seen_at", "id"])


def _create_note() -> None:
    op.create_table(
        "note",
        sa.Column("event_id", KEY, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("noted_at", "state", "author", "reason")
        ),
        sa.PrimaryKeyConstraint("event_id", "noted_at", "state", name="pk_note"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_note_event_id"),
        sqlite_with_rowid=False,
    )
