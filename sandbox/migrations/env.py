"""Runs migrations on the connection that `upgrade` hands over, inside its transaction."""

from alembic import context

from sandbox.migrations.tables import declared

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=declared(),
    transactional_ddl=True,  # one transaction for all: a migration that fails leaves the schema as it was
    render_as_batch=True,  # SQLite alters a table by copying it
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
