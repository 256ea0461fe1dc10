"""Alembic's entry: the connection is handed in by ``letting_sync.ledger.migrate``."""

from alembic import context

from letting_sync.ledger.migrate import VERSION_TABLE
from letting_sync.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
