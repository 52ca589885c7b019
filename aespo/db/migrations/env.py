"""How Alembic runs the migrations: on the connection that `aespo.db.migrate` gives it, in its transaction."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
