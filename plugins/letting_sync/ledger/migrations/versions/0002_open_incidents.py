"""open incidents, so that each is reported once"""

import sqlalchemy as sa
from alembic import op

from letting_sync.ledger.schema import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "prospect_alert",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column(
            "subjects",
            sa.Text(),
            nullable=False,
            comment="JSON: run or entry -> end of its window, or null",
        ),
        sa.Column("since", UtcDateTime(), nullable=True),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", "kind"),
    )


def downgrade() -> None:
    op.drop_table("prospect_alert")
