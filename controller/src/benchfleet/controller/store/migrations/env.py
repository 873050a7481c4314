"""Alembic's entry: works on the connection it is handed."""

from alembic import context

from benchfleet.controller.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
