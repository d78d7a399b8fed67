"""Comparisons, their cases and the passes of their rings; nothing else is touched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RATIO = ("trimmed_mean", "standard_error", "mean", "quiet_mean")


def upgrade() -> None:
    _create_comparison()
    _create_comparison_case()
    _create_comparison_pass()


def _create_comparison() -> None:
    references = {
        "machine_id": ("machine", False),
        "base_environment_id": ("environment", True),
        "head_environment_id": ("environment", True),
        "base_revision_id": ("revision", True),
        "head_revision_id": ("revision", True),
    }
    op.create_table(
        "comparison",
        sa.Column("id", KEY, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        *(sa.Column(name, KEY, nullable=nullable) for name, (_, nullable) in references.items()),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("harness_version", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("budget_s", sa.Double(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.Column("left_out", sa.Text(), nullable=False),
        sa.Column("unchanged", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_comparison"),
        sa.UniqueConstraint("uid", name="uq_comparison_uid"),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=f"fk_comparison_{name}")
            for name, (table, _) in references.items()
        ),
    )
    op.create_index("ix_comparison_started_at_id", "comparison", ["started_at", "id"])


def _create_comparison_case() -> None:
    op.create_table(
        "comparison_case",
        sa.Column("comparison_id", KEY, nullable=False),
        sa.Column("ring", sa.BigInteger(), nullable=False),
        sa.Column("base_case_id", KEY, nullable=False),
        sa.Column("head_case_id", KEY, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("ratio", sa.Double(), nullable=True),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("detectable", sa.Double(), nullable=True),
        sa.Column("passes", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("base_latency_s", sa.Double(), nullable=True),
        sa.Column("head_latency_s", sa.Double(), nullable=True),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("comparison_id", "ring", name="pk_comparison_case"),
        *_references("comparison_case"),
        sqlite_with_rowid=False,
    )


def _create_comparison_pass() -> None:
    op.create_table(
        "comparison_pass",
        sa.Column("comparison_id", KEY, nullable=False),
        sa.Column("ring", sa.BigInteger(), nullable=False),
        sa.Column("pass_number", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("server", sa.BigInteger(), nullable=False),
        sa.Column("base_case_id", KEY, nullable=False),
        sa.Column("head_case_id", KEY, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("base_latency_s", sa.Double(), nullable=False),
        sa.Column("head_latency_s", sa.Double(), nullable=False),
        *(
            sa.Column(f"{clock}_{name}", sa.Double(), nullable=name == "standard_error")
            for clock in ("cpu", "wall")
            for name in RATIO
        ),
        sa.PrimaryKeyConstraint("comparison_id", "ring", "pass_number", name="pk_comparison_pass"),
        *_references("comparison_pass"),
        sqlite_with_rowid=False,
    )


def _references(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([name], [f"{other}.id"], name=f"fk_{table}_{name}")
        for name, other in (
            ("comparison_id", "comparison"),
            ("base_case_id", "case"),
            ("head_case_id", "case"),
        )
    ]
