"""what the partner says now: versions, retractions, the accept mode of an offer, the review; the hash key's fingerprint"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in (
        sa.Column("moved_at", TIME, comment="the application is on another unit now"),
        sa.Column(
            "source_id", sa.String(64), comment="the partner's id of the record that chose the prospect"
        ),
        sa.Column("source_hash", sa.String(64), comment="keyed hash of the record as the partner wrote it"),
        sa.Column("partner_updated_at", TIME, comment="newest version of the record that was read"),
        sa.Column("accept_mode", sa.String(20), comment="accept mode of the run that loaded it"),
        sa.Column("ask_reason", sa.String(60), comment="why a person is asked, whatever the mode"),
        sa.Column("reviewed_at", TIME, comment="compared with partner and ERP outside its window"),
    ):
        op.add_column("prospect_ledger", column)
    without_lease = sa.text("lease_number IS NULL")
    op.create_index(
        "ix_prospect_ledger_without_lease",
        "prospect_ledger",
        ["pair", "state"],
        sqlite_where=without_lease,
        postgresql_where=without_lease,
    )
    op.create_table(
        "prospect_ledger_retraction",
        sa.Column("pair", sa.String(250), primary_key=True),
        sa.Column("external_id", sa.String(64), primary_key=True),
        sa.Column(
            "source_id", sa.String(64), primary_key=True, comment="empty: all records of the external id"
        ),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("partner_updated_at", TIME, nullable=False, comment="version at the partner that says so"),
        sa.Column("noted_at", TIME, nullable=False),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Index("ix_prospect_ledger_retraction_noted", "noted_at"),
    )
    # The version at the partner was not kept so far; it is at most as new as the moment at which it was noted.
    op.execute(
        "INSERT INTO prospect_ledger_retraction "
        "(pair, external_id, source_id, reason, partner_updated_at, noted_at, run_id) "
        "SELECT pair, external_id, '', 'withdrawn', max(withdrawn_at), max(withdrawn_at), max(run_id) "
        "FROM prospect_ledger WHERE withdrawn_at IS NOT NULL GROUP BY pair, external_id"
    )
    op.create_table(
        "prospect_ledger_property",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("value", sa.String(250), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("prospect_ledger_property")
    op.drop_table("prospect_ledger_retraction")
    op.drop_index("ix_prospect_ledger_without_lease", "prospect_ledger")
    for name in (
        "reviewed_at", "ask_reason", "accept_mode", "partner_updated_at", "source_hash", "source_id", "moved_at",
    ):  # fmt: skip
        op.drop_column("prospect_ledger", name)
