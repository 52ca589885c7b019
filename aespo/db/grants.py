"""What the role that serves may do with each table, and nothing more. The migration grants it."""

from __future__ import annotations

from aespo.db import schema

_READ_WRITE = "SELECT, INSERT, UPDATE, DELETE"
GRANTS = {
    **{table.name: _READ_WRITE for table in schema.TENANT_TABLES},
    "directory": "SELECT, INSERT, DELETE",
    "audit": "SELECT, INSERT",  # what was done stays written; it goes with its workspace alone
    "usage_totals": "SELECT, INSERT, UPDATE",
    "usage_days": "SELECT, INSERT, UPDATE",
    "queue": _READ_WRITE,
    "rate_limits": _READ_WRITE,
    "deletions": "SELECT, INSERT, UPDATE",
    "schema_state": "SELECT",
}
"""What the app role may do with each table."""
