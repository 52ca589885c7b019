"""Migrations. Each one expands or contracts, and both releases around it work with what it leaves.

An expanding migration adds: tables, columns with a default or none, indexes. The release before goes on as it was.
A contracting one takes away what no release uses any more that knows the revision it names: `works_since = "0002"`. It
ships with a later release than that one. `ebcd check` refuses a migration that takes away and does not say so, and
`ebcd ship` one that comes too early. `python -m aespo.db.migrate` writes the revision and `works_since` into
`schema_state`, and no release starts on a schema that no longer works for it.

Rows are hidden from their owner, too: a migration that changes rows sets `app.tenant_id` for one workspace after the
other.
"""
