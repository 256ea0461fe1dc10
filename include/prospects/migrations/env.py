"""Alembic's entry: the connection is handed in by ``include.prospects.migrate``."""

from alembic import context

from include.prospects.ledger_schema import metadata
from include.prospects.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
