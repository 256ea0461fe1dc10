"""the first ledger"""

import sqlalchemy as sa
from alembic import op

from letting_sync.ledger.schema import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "prospect_ledger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair", sa.String(length=250), nullable=False),
        sa.Column(
            "erp",
            sa.String(length=250),
            nullable=False,
            comment="which ERP, so that pairs that share it see each other",
        ),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=250), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("person_hash", sa.String(length=64), nullable=True),
        sa.Column(
            "claim",
            sa.String(length=32),
            nullable=True,
            comment="fence: who may send; a takeover writes a new one",
        ),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column(
            "job",
            sa.String(length=64),
            nullable=True,
            comment="the ERP's number of the import that carries it",
        ),
        sa.Column("offer_id", sa.String(length=64), nullable=True),
        sa.Column("offer_number", sa.String(length=64), nullable=True),
        sa.Column("business_partner_number", sa.String(length=64), nullable=True),
        sa.Column("business_partner_created", sa.Boolean(), nullable=True),
        sa.Column("lease_number", sa.String(length=64), nullable=True),
        sa.Column("acceptance", sa.String(length=20), nullable=True),
        sa.Column("acceptance_reason", sa.String(length=60), nullable=True),
        sa.Column("acceptance_run", sa.String(length=250), nullable=True),
        sa.Column("accepting_since", UtcDateTime(), nullable=True),
        sa.Column(
            "decided_by",
            sa.String(length=250),
            nullable=True,
            comment="Airflow user who answered the approval",
        ),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column(
            "changed_at",
            UtcDateTime(),
            nullable=True,
            comment="content changed at the partner after loading",
        ),
        sa.Column(
            "withdrawn_at",
            UtcDateTime(),
            nullable=True,
            comment="withdrawn or rejected at the partner",
        ),
        sa.Column(
            "run_id", sa.String(length=250), nullable=False, comment="the run that loaded it, or tried last"
        ),
        sa.Column("window_start", UtcDateTime(), nullable=True),
        sa.Column("window_end", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pair", "external_id", "unit", name="uq_prospect_ledger_prospect"),
    )
    with op.batch_alter_table("prospect_ledger", schema=None) as batch_op:
        batch_op.create_index("ix_prospect_ledger_lease", ["lease_number"], unique=False)
        batch_op.create_index("ix_prospect_ledger_offer", ["offer_number"], unique=False)
        batch_op.create_index("ix_prospect_ledger_person", ["pair", "unit", "person_hash"], unique=False)
        batch_op.create_index("ix_prospect_ledger_state", ["pair", "state"], unique=False)
        batch_op.create_index("ix_prospect_ledger_unit", ["erp", "unit"], unique=False)
        batch_op.create_index(
            "uq_prospect_ledger_accepting",
            ["erp", "unit"],
            unique=True,
            sqlite_where=sa.text("acceptance = 'accepting'"),
            postgresql_where=sa.text("acceptance = 'accepting'"),
        )

    op.create_table(
        "prospect_ledger_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column(
            "reference",
            sa.String(length=250),
            nullable=True,
            comment="offer, lease or import number, or who decided",
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["prospect_ledger.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("prospect_ledger_event", schema=None) as batch_op:
        batch_op.create_index("ix_prospect_ledger_event_entry", ["entry_id", "id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("prospect_ledger_event", schema=None) as batch_op:
        batch_op.drop_index("ix_prospect_ledger_event_entry")

    op.drop_table("prospect_ledger_event")
    with op.batch_alter_table("prospect_ledger", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_prospect_ledger_accepting",
            sqlite_where=sa.text("acceptance = 'accepting'"),
            postgresql_where=sa.text("acceptance = 'accepting'"),
        )
        batch_op.drop_index("ix_prospect_ledger_unit")
        batch_op.drop_index("ix_prospect_ledger_state")
        batch_op.drop_index("ix_prospect_ledger_person")
        batch_op.drop_index("ix_prospect_ledger_offer")
        batch_op.drop_index("ix_prospect_ledger_lease")

    op.drop_table("prospect_ledger")
