"""units that are let together: the bundle of an entry, and how many units it has"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column(
        "prospect_ledger",
        sa.Column(
            "bundle",
            sa.String(length=64),
            nullable=True,
            comment="what the partner lets several units by together",
        ),
    )
    op.add_column(
        "prospect_ledger",
        sa.Column(
            "bundle_size", sa.Integer(), nullable=False, server_default="1", comment="units of the bundle"
        ),
    )
    op.create_index("ix_prospect_ledger_bundle", "prospect_ledger", ["pair", "bundle"])


def downgrade() -> None:
    op.drop_index("ix_prospect_ledger_bundle", table_name="prospect_ledger")
    op.drop_column("prospect_ledger", "bundle_size")
    op.drop_column("prospect_ledger", "bundle")
