"""Rings, pairs and passes; peaks and selfchecks of a machine.

Only tables that no other table refers to are rebuilt, so that no rebuild can cost children.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("run", sa.Column("passes", sa.BigInteger(), nullable=True))
    op.add_column("run", sa.Column("linked_uid", sa.Text(), nullable=True))
    _change_plan()
    _change_block()
    _create_pair()
    _create_peak()
    _create_selfcheck()


def _change_plan() -> None:
    with op.batch_alter_table("plan") as plan:
        plan.add_column(sa.Column("ring", sa.BigInteger(), nullable=False, server_default="0"))
        plan.add_column(sa.Column("arm", sa.Text(), nullable=False, server_default=""))
        plan.drop_constraint("uq_plan_run_id_case_id", type_="unique")
        plan.create_unique_constraint(
            "uq_plan_run_id_ring_arm_case_id", ["run_id", "ring", "arm", "case_id"]
        )


def _change_block() -> None:
    rebuilds = op.get_context().dialect.name == "sqlite"
    place: dict[str, Any] = {"insert_before": "rounds"} if rebuilds else {}  # they stay last
    op.execute("UPDATE block SET ring = 0 WHERE ring IS NULL")
    with op.batch_alter_table("block") as block:
        block.alter_column(
            "ring",
            existing_type=sa.BigInteger(),
            nullable=False,
            server_default="0",
        )
        block.add_column(sa.Column("throttled", sa.Text(), nullable=True), **place)
        block.drop_constraint("uq_block_run_id_case_id_pass_number_server_arm", type_="unique")
        block.create_unique_constraint(
            "uq_block_run_id_case_id_pass_number_server_ring_arm",
            ["run_id", "case_id", "pass_number", "server", "ring", "arm"],
        )


def _create_pair() -> None:
    op.create_table(
        "pair",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("ring", sa.BigInteger(), nullable=False),
        sa.Column("pass_number", sa.BigInteger(), nullable=False),
        sa.Column("server", sa.BigInteger(), nullable=False),
        sa.Column("base_case_id", KEY, nullable=False),
        sa.Column("head_case_id", KEY, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("cpu_trimmed_mean", sa.Double(), nullable=False),
        sa.Column("cpu_standard_error", sa.Double(), nullable=True),
        sa.Column("cpu_mean", sa.Double(), nullable=False),
        sa.Column("cpu_quiet_mean", sa.Double(), nullable=False),
        sa.Column("wall_trimmed_mean", sa.Double(), nullable=False),
        sa.Column("wall_standard_error", sa.Double(), nullable=True),
        sa.Column("wall_mean", sa.Double(), nullable=False),
        sa.Column("wall_quiet_mean", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "ring", "pass_number", "server", name="pk_pair"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_pair_run_id"),
        sa.ForeignKeyConstraint(["base_case_id"], ["case.id"], name="fk_pair_base_case_id"),
        sa.ForeignKeyConstraint(["head_case_id"], ["case.id"], name="fk_pair_head_case_id"),
        sqlite_with_rowid=False,
    )


def _create_peak() -> None:
    key = ["machine_id", "environment_id", "name", "device", "dtype", "threads"]
    op.create_table(
        "peak",
        sa.Column("machine_id", KEY, nullable=False),
        sa.Column("environment_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("threads", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("measured_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name="pk_peak"),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name="fk_peak_machine_id"),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name="fk_peak_environment_id"
        ),
        sqlite_with_rowid=False,
    )


def _create_selfcheck() -> None:
    op.create_table(
        "selfcheck",
        sa.Column("id", KEY, nullable=False),
        sa.Column("machine_id", KEY, nullable=False),
        sa.Column("environment_id", KEY, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_selfcheck"),
        sa.UniqueConstraint(
            "machine_id",
            "environment_id",
            "device",
            "checked_at",
            name="uq_selfcheck_machine_id_environment_id_device_checked_at",
        ),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name="fk_selfcheck_machine_id"),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name="fk_selfcheck_environment_id"
        ),
    )
