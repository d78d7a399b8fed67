"""The tables: what a store keeps, and the keys that make every write idempotent.

`docs/schema.md` explains every column. The tables are created by `migrations/`, never from
here; a test compares the two on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from sepconv.ratio import LogRatio
from sepconv.record import QUANTILES

APPLICATION_ID = 0x73657063  # "sepc": marks a SQLite file as ours, and names our lock
VERSION_TABLE = "sepconv_version"  # not alembic's default: a database may have another tenant

Key = BigInteger().with_variant(Integer, "sqlite")  # only an INTEGER key is SQLite's row id

LOG_RATIO_COLUMNS = [field.name for field in fields(LogRatio)]

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Key, primary_key=True)


def _reference(
    name: str, *, role: str = "", nullable: bool = False, primary_key: bool = False
) -> Column[int]:
    return Column(
        f"{role}{name}_id",
        Key,
        ForeignKey(f"{name}.id"),
        nullable=nullable,
        primary_key=primary_key,
    )


def _text(
    name: str, *, nullable: bool = False, primary_key: bool = False, default: str | None = None
) -> Column[str]:
    return Column(name, Text, nullable=nullable, primary_key=primary_key, server_default=default)


def _count(
    name: str, *, nullable: bool = False, primary_key: bool = False, default: str | None = None
) -> Column[int]:
    return Column(
        name,
        BigInteger,
        nullable=nullable,
        primary_key=primary_key,
        autoincrement=False,
        server_default=default,
    )


def _real(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _flag(name: str, *, nullable: bool = False) -> Column[bool]:
    return Column(name, Boolean, nullable=nullable)


def spread_columns(clock: str) -> list[str]:
    """The columns of one clock's spread: its quantiles, then trimmed and plain mean, in s."""
    quantiles = [f"{clock}_q{round(100 * share):02d}_s" for share in QUANTILES]
    return [*quantiles, f"{clock}_trimmed_mean_s", f"{clock}_mean_s"]


def _ratio_columns() -> list[Column[float]]:
    """What both clocks say of one pass of a ring."""
    return [
        _real(f"{clock}_{name}", nullable=name == "standard_error")
        for clock in ("cpu", "wall")
        for name in LOG_RATIO_COLUMNS
    ]


machine = Table(
    "machine",
    metadata,
    _id(),
    _text("key"),
    _text("label"),
    _text("cpu_model"),
    _text("architecture"),
    _count("physical_cores"),
    _count("logical_cores"),
    _count("memory_gib"),
    _text("accelerators"),
    UniqueConstraint("key"),
)

environment = Table(
    "environment",
    metadata,
    _id(),
    _text("key"),
    _text("label"),
    _text("python"),
    _text("torch"),
    _text("backends"),
    _text("cpu_capability"),
    _text("allocator"),
    _text("omp_settings"),
    _flag("flush_denormals"),
    _text("cuda", nullable=True),
    _count("method_version"),
    UniqueConstraint("key"),
)

revision = Table(
    "revision",
    metadata,
    _id(),
    _text("commit"),
    _text("parents"),
    _text("committed_at"),
    _text("authored_at"),
    _text("subject"),
    UniqueConstraint("commit"),
)

run = Table(
    "run",
    metadata,
    _id(),
    _text("uid"),
    _text("suite"),
    _text("started_at"),
    _text("finished_at", nullable=True),
    _text("state"),
    _reference("machine"),
    _reference("environment"),
    _reference("revision", nullable=True),
    _text("branch", nullable=True),
    _flag("dirty", nullable=True),
    _text("harness_version"),
    _count("seed"),
    _real("precision"),
    _real("time_budget_s", nullable=True),
    _text("conditions"),
    _text("timing"),
    _count("passes", nullable=True),
    _text("linked_uid", nullable=True),
    UniqueConstraint("uid"),
    Index(None, "started_at", "id"),
    Index(None, "revision_id"),
)

case = Table(
    "case",
    metadata,
    _id(),
    _text("identity"),
    _text("fields"),
    _text("conv_type"),
    _count("in_channels"),
    _count("out_channels"),
    _count("height"),
    _count("width"),
    _text("kernel_size"),
    _text("stride"),
    _text("padding"),
    _text("dilation"),
    _count("groups"),
    _flag("bias"),
    _text("block"),
    _text("options"),
    _count("batch_size"),
    _text("direction"),
    _text("device"),
    _text("dtype"),
    _text("memory_format"),
    _count("threads"),
    _flag("compiled"),
    _text("cache"),
    UniqueConstraint("identity"),
)

plan = Table(
    "plan",
    metadata,
    _id(),
    _reference("run"),
    _reference("case"),
    _count("calls"),
    _count("rounds"),
    _real("call_s"),
    _count("visits"),
    _count("ring", default="0"),
    _text("arm", default=""),
    UniqueConstraint("run_id", "ring", "arm", "case_id"),
)

block = Table(
    "block",
    metadata,
    _id(),
    _reference("run"),
    _reference("case"),
    _count("pass_number"),
    _count("server"),
    _text("arm"),
    _count("ring", default="0"),
    _text("started_at"),
    _count("count"),
    _count("calls"),
    _real("timed_s"),
    _real("first_call_s"),
    _real("warmup_s"),
    _real("queue_s", nullable=True),
    _count("minor_faults", nullable=True),
    _count("involuntary_switches", nullable=True),
    _real("faults_per_call", nullable=True),
    *(_real(name) for clock in ("wall", "cpu") for name in spread_columns(clock)),
    _text("throttled", nullable=True),
    Column("rounds", LargeBinary),  # last: what is read without it skips its overflow pages
    UniqueConstraint("run_id", "case_id", "pass_number", "server", "ring", "arm"),
)

pair = Table(
    "pair",
    metadata,
    _reference("run", primary_key=True),
    _count("ring", primary_key=True),
    _count("pass_number", primary_key=True),
    _count("server", primary_key=True),
    _reference("case", role="base_"),
    _reference("case", role="head_"),
    _count("count"),
    *_ratio_columns(),
    sqlite_with_rowid=False,  # the key is the table, as for value
)

measurement = Table(
    "measurement",
    metadata,
    _id(),
    _reference("run"),
    _reference("case"),
    _text("status"),
    _text("error", nullable=True),
    _count("passes"),
    UniqueConstraint("run_id", "case_id"),
    Index(None, "case_id", "run_id"),
)

value = Table(
    "value",
    metadata,
    _reference("measurement", primary_key=True),
    Column("metric", Text, primary_key=True),
    _real("value", nullable=True),
    _real("low", nullable=True),
    _real("high", nullable=True),
    _text("status", nullable=True),
    _text("error", nullable=True),
    sqlite_with_rowid=False,  # the key is the table: half the bytes, one lookup
)

peak = Table(
    "peak",
    metadata,
    _reference("machine", primary_key=True),
    _reference("environment", primary_key=True),
    _text("name", primary_key=True),
    _text("device", primary_key=True),
    _text("dtype", primary_key=True),
    _count("threads", primary_key=True),
    _real("value"),
    _text("measured_at"),
    sqlite_with_rowid=False,
)

selfcheck = Table(
    "selfcheck",
    metadata,
    _id(),
    _reference("machine"),
    _reference("environment"),
    _text("device"),
    _text("checked_at"),
    _flag("passed"),
    _text("detail"),
    UniqueConstraint("machine_id", "environment_id", "device", "checked_at"),
)

comparison = Table(
    "comparison",
    metadata,
    _id(),
    _text("uid"),
    _text("suite"),
    _text("started_at"),
    _text("finished_at", nullable=True),
    _text("state"),
    _reference("machine"),
    _reference("environment", role="base_", nullable=True),
    _reference("environment", role="head_", nullable=True),
    _reference("revision", role="base_", nullable=True),
    _reference("revision", role="head_", nullable=True),
    _text("base"),
    _text("head"),
    _text("harness_version"),
    _count("seed"),
    _real("budget_s", nullable=True),
    _text("method"),
    _text("conditions"),
    _text("timing"),
    _text("left_out"),
    _text("unchanged"),
    _text("purpose", default="gate"),
    UniqueConstraint("uid"),
    Index(None, "started_at", "id"),
)

comparison_case = Table(
    "comparison_case",
    metadata,
    _reference("comparison", primary_key=True),
    _count("ring", primary_key=True),
    _reference("case", role="base_"),
    _reference("case", role="head_"),
    _text("outcome"),
    _text("details"),
    _real("ratio", nullable=True),
    _real("low", nullable=True),
    _real("high", nullable=True),
    _real("confidence", nullable=True),
    _real("detectable", nullable=True),
    _count("passes"),
    _text("reason", nullable=True),
    _real("base_latency_s", nullable=True),
    _real("head_latency_s", nullable=True),
    _text("metrics"),
    sqlite_with_rowid=False,
)

acknowledgement = Table(
    "acknowledgement",
    metadata,
    _reference("comparison", primary_key=True),
    _count("ring", primary_key=True),
    _text("author"),
    _text("reason"),
    _text("acknowledged_at"),
    _text("carried_from", nullable=True),
    _flag("is_withdrawn"),
    sqlite_with_rowid=False,
)

event = Table(
    "event",
    metadata,
    _id(),
    _text("uid"),
    _text("kind"),
    _text("direction"),
    _text("machine"),
    _reference("revision", role="last_good_", nullable=True),
    _reference("revision", role="first_bad_", nullable=True),
    _text("last_good_at"),
    _text("began_at"),
    _text("first_seen_at"),
    _text("last_seen_at"),
    _count("sightings"),
    _text("members"),
    _text("commits"),
    _text("explanations"),
    UniqueConstraint("uid"),
    Index(None, "last_seen_at", "id"),
)

note = Table(
    "note",
    metadata,
    _reference("event", primary_key=True),
    _text("noted_at", primary_key=True),
    _text("state", primary_key=True),
    _text("author"),
    _text("reason"),
    sqlite_with_rowid=False,
)

comparison_pass = Table(
    "comparison_pass",
    metadata,
    _reference("comparison", primary_key=True),
    _count("ring", primary_key=True),
    _count("pass_number", primary_key=True),
    _text("stage"),
    _count("server"),
    _reference("case", role="base_"),
    _reference("case", role="head_"),
    _count("count"),
    _real("base_latency_s"),
    _real("head_latency_s"),
    *_ratio_columns(),
    sqlite_with_rowid=False,
)
