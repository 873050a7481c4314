"""Every table. Times are UTC seconds (`*_utc_s`) but for lease deadlines, which are on the controller's boot clock."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

device = Table(
    "device",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("token", BigInteger, nullable=False, server_default="0"),  # fencing counter, +1 with each lease
    Column("incarnation", BigInteger, nullable=False, server_default="0"),
    Column("instance_id", String(64), nullable=False, server_default=""),
    Column("admission", String(16), nullable=False, server_default="open"),  # open draining quarantined revoked
    Column("admission_reason", Text, nullable=False, server_default=""),
    Column("labels_json", Text, nullable=False, server_default="{}"),  # of the join token
    Column("inventory_json", Text, nullable=False, server_default=""),  # empty until the first hello
    Column("enrolled_utc_s", Float, nullable=False),
    Column("seen_utc_s", Float),
)

# join_token and certificate belong to enrollment/identities.py.
join_token = Table(
    "join_token",
    METADATA,
    Column("secret_sha256", String(64), primary_key=True),
    Column("device", String(64), nullable=False),
    Column("labels_json", Text, nullable=False, server_default="{}"),
    Column("expires_utc_s", Float, nullable=False),
    Column("used_utc_s", Float),
)

certificate = Table(
    "certificate",
    METADATA,
    Column("serial", String(48), primary_key=True),  # decimal text: serials have up to 160 bits
    Column("subject", String(160), nullable=False),  # the URI SAN
    Column("not_after_utc_s", Float, nullable=False),
    Column("revoked_utc_s", Float),
    Index("ix_certificate_subject", "subject"),
)

model = Table(
    "model",
    METADATA,
    Column("name", String(130), primary_key=True),
    Column("parent", String(130), nullable=False, server_default=""),
    Column("precision", String(16), nullable=False, server_default=""),
    Column("created_utc_s", Float, nullable=False),
)

model_file = Table(
    "model_file",
    METADATA,
    Column("model", String(130), ForeignKey("model.name"), nullable=False),
    Column("format", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("facts_json", Text, nullable=False, server_default="{}"),
    PrimaryKeyConstraint("model", "format"),
)

dataset = Table(
    "dataset",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("task", String(32), nullable=False),
    Column("sample_count", BigInteger, nullable=False),
    Column("created_utc_s", Float, nullable=False),
)

campaign = Table(
    "campaign",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("state", String(32), nullable=False),
    Column("spec_digest", String(64), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("document_yaml", Text, nullable=False),
    Column("baseline_model", String(130), nullable=False, server_default=""),
    Column("pruned_json", Text, nullable=False, server_default="[]"),
    Column("created_by", String(160), nullable=False),
    Column("created_utc_s", Float, nullable=False),
    Column("ended_utc_s", Float),
    UniqueConstraint("idempotency_key"),
)

run = Table(
    "run",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("campaign", String(32), ForeignKey("campaign.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("device", String(64), nullable=False),
    Column("cell_key", Text, nullable=False),
    Column("spec", LargeBinary, nullable=False),  # benchfleet.v1.RunSpec
    Column("cell", LargeBinary, nullable=False),  # benchfleet.v1.PlannedCell
    Column("state", String(16), nullable=False),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer, nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    Column("verdict", String(16), nullable=False, server_default=""),
    UniqueConstraint("campaign", "device", "cell_key"),
    Index("ix_run_state", "state"),
    Index("ix_run_campaign", "campaign", "state"),  # counting a campaign's runs reads no row
    Index("ix_run_device", "device", "cell_key"),  # the history of a cell
)

attempt = Table(
    "attempt",
    METADATA,
    Column("run", String(40), ForeignKey("run.id"), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("device", String(64), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("holds_device", Boolean, nullable=False),
    Column("lease_deadline_s", Float, nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("block", String(32), nullable=False, server_default=""),
    PrimaryKeyConstraint("run", "epoch"),
    Index("ix_attempt_holds_device", "holds_device"),
)

result = Table(
    "result",
    METADATA,
    Column("run", String(40), ForeignKey("run.id"), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("disposition", String(16), nullable=False),
    Column("device", String(64), nullable=False),
    Column("series_digest", String(64), nullable=False, server_default=""),
    Column("result_json", LargeBinary, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("received_utc_s", Float, nullable=False),
    PrimaryKeyConstraint("run", "epoch", "digest"),
)

audit = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("created_utc_s", Float, nullable=False),
    Column("actor", String(160), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(160), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
)
