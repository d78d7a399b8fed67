"""Acknowledgements of what a comparison found; nothing else is touched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "acknowledgement",
        sa.Column("comparison_id", KEY, nullable=False),
        sa.Column("ring", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.Text(), nullable=False),
        sa.Column("carried_from", sa.Text(), nullable=True),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("comparison_id", "ring", name="pk_acknowledgement"),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparison.id"], name="fk_acknowledgement_comparison_id"
        ),
        sqlite_with_rowid=False,
    )
