"""indexes for what each run asks for: its persons, and what it has decided on"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_index("ix_prospect_ledger_person", "prospect_ledger")
    op.create_index("ix_prospect_ledger_person", "prospect_ledger", ["pair", "person_hash"])
    op.create_index("ix_prospect_ledger_acceptance_run", "prospect_ledger", ["pair", "acceptance_run"])


def downgrade() -> None:
    op.drop_index("ix_prospect_ledger_acceptance_run", "prospect_ledger")
    op.drop_index("ix_prospect_ledger_person", "prospect_ledger")
    op.create_index("ix_prospect_ledger_person", "prospect_ledger", ["pair", "unit", "person_hash"])
