"""Migrations. Each one says whether it expands or contracts, and both releases around it work with what it leaves.

An expanding migration adds: tables, columns with a default or none, indexes. The release before goes on as it was.
A contracting one takes away what no release since `works_since` uses any more; it ships with a later release than the
one that stopped using it. `python -m aespo.db.migrate` writes both numbers into `schema_state`, and no release starts
on a schema that no longer works for it.
"""
