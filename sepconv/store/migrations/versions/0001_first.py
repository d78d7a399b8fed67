"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_identities()
    _create_run()
    _create_case()
    _create_plan()
    _create_block()
    _create_measurement()


def _create_identities() -> None:
    op.create_table(
        "machine",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("cpu_model", sa.Text(), nullable=False),
        sa.Column("architecture", sa.Text(), nullable=False),
        sa.Column("physical_cores", sa.BigInteger(), nullable=False),
        sa.Column("logical_cores", sa.BigInteger(), nullable=False),
        sa.Column("memory_gib", sa.BigInteger(), nullable=False),
        sa.Column("accelerators", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_machine"),
        sa.UniqueConstraint("key", name="uq_machine_key"),
    )
    op.create_table(
        "environment",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("python", sa.Text(), nullable=False),
        sa.Column("torch", sa.Text(), nullable=False),
        sa.Column("backends", sa.Text(), nullable=False),
        sa.Column("cpu_capability", sa.Text(), nullable=False),
        sa.Column("allocator", sa.Text(), nullable=False),
        sa.Column("omp_settings", sa.Text(), nullable=False),
        sa.Column("flush_denormals", sa.Boolean(), nullable=False),
        sa.Column("cuda", sa.Text(), nullable=True),
        sa.Column("method_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_environment"),
        sa.UniqueConstraint("key", name="uq_environment_key"),
    )
    op.create_table(
        "revision",
        sa.Column("id", KEY, nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("parents", sa.Text(), nullable=False),
        sa.Column("committed_at", sa.Text(), nullable=False),
        sa.Column("authored_at", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        sa.UniqueConstraint("commit", name="uq_revision_commit"),
    )


def _create_run() -> None:
    op.create_table(
        "run",
        sa.Column("id", KEY, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("machine_id", KEY, nullable=False),
        sa.Column("environment_id", KEY, nullable=False),
        sa.Column("revision_id", KEY, nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("dirty", sa.Boolean(), nullable=True),
        sa.Column("harness_version", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("precision", sa.Double(), nullable=False),
        sa.Column("time_budget_s", sa.Double(), nullable=True),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("uid", name="uq_run_uid"),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name="fk_run_machine_id"),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name="fk_run_environment_id"
        ),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_run_revision_id"),
    )
    op.create_index("ix_run_started_at_id", "run", ["started_at", "id"])
    op.create_index("ix_run_revision_id", "run", ["revision_id"])


def _create_case() -> None:
    op.create_table(
        "case",
        sa.Column("id", KEY, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("conv_type", sa.Text(), nullable=False),
        sa.Column("in_channels", sa.BigInteger(), nullable=False),
        sa.Column("out_channels", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("kernel_size", sa.Text(), nullable=False),
        sa.Column("stride", sa.Text(), nullable=False),
        sa.Column("padding", sa.Text(), nullable=False),
        sa.Column("dilation", sa.Text(), nullable=False),
        sa.Column("groups", sa.BigInteger(), nullable=False),
        sa.Column("bias", sa.Boolean(), nullable=False),
        sa.Column("block", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("batch_size", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("memory_format", sa.Text(), nullable=False),
        sa.Column("threads", sa.BigInteger(), nullable=False),
        sa.Column("compiled", sa.Boolean(), nullable=False),
        sa.Column("cache", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case"),
        sa.UniqueConstraint("identity", name="uq_case_identity"),
    )


def _create_plan() -> None:
    op.create_table(
        "plan",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("rounds", sa.BigInteger(), nullable=False),
        sa.Column("call_s", sa.Double(), nullable=False),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
        sa.UniqueConstraint("run_id", "case_id", name="uq_plan_run_id_case_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_plan_run_id"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_plan_case_id"),
    )


def _create_block() -> None:
    shares = ("q00", "q05", "q10", "q25", "q50", "q75", "q90", "q95", "q100")
    spread = [*shares, "trimmed_mean", "mean"]
    op.create_table(
        "block",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("pass_number", sa.BigInteger(), nullable=False),
        sa.Column("server", sa.BigInteger(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("ring", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("timed_s", sa.Double(), nullable=False),
        sa.Column("first_call_s", sa.Double(), nullable=False),
        sa.Column("warmup_s", sa.Double(), nullable=False),
        sa.Column("queue_s", sa.Double(), nullable=True),
        sa.Column("minor_faults", sa.BigInteger(), nullable=True),
        sa.Column("involuntary_switches", sa.BigInteger(), nullable=True),
        sa.Column("faults_per_call", sa.Double(), nullable=True),
        *(
            sa.Column(f"{clock}_{name}_s", sa.Double(), nullable=False)
            for clock in ("wall", "cpu")
            for name in spread
        ),
        sa.Column("rounds", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_block"),
        sa.UniqueConstraint(
            "run_id",
            "case_id",
            "pass_number",
            "server",
            "arm",
            name="uq_block_run_id_case_id_pass_number_server_arm",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_block_run_id"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_block_case_id"),
    )


def _create_measurement() -> None:
    op.create_table(
        "measurement",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("passes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_measurement"),
        sa.UniqueConstraint("run_id", "case_id", name="uq_measurement_run_id_case_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_measurement_run_id"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_measurement_case_id"),
    )
    op.create_index("ix_measurement_case_id_run_id", "measurement", ["case_id", "run_id"])
    op.create_table(
        "value",
        sa.Column("measurement_id", KEY, nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("measurement_id", "metric", name="pk_value"),
        sa.ForeignKeyConstraint(
            ["measurement_id"], ["measurement.id"], name="fk_value_measurement_id"
        ),
        sqlite_with_rowid=False,
    )
