"""when personal data was last deleted"""

import sqlalchemy as sa
from alembic import op

from letting_sync.ledger.schema import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "prospect_retention",
        sa.Column("ended_at", UtcDateTime(), nullable=False, comment="when it had deleted what was due"),
        sa.PrimaryKeyConstraint("ended_at"),
    )


def downgrade() -> None:
    op.drop_table("prospect_retention")
