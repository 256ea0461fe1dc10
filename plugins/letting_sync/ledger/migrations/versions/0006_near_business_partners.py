"""the business partner that may be the same person as a prospect, for whom a person decides"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    number = sa.Column(
        "near_partner_number", sa.String(64), comment="business partner that may be the same person"
    )
    op.add_column("prospect_ledger", number)


def downgrade() -> None:
    op.drop_column("prospect_ledger", "near_partner_number")
