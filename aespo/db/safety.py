"""Why a process must not serve with a database: its role could see every workspace, a table does not hide its rows, or
the schema is not one that this release was written for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from aespo.db import schema

_ROLE = """
    SELECT rolname, rolsuper, rolbypassrls, rolcreaterole,
           pg_has_role(current_user, d.datdba, 'MEMBER') AS owns_database
    FROM pg_roles, pg_database d WHERE rolname = current_user AND d.datname = current_database()
"""
_TABLES = """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_has_role(current_user, c.relowner, 'MEMBER') AS owned,
           has_table_privilege(c.oid, 'TRUNCATE') OR has_table_privilege(c.oid, 'REFERENCES')
             OR has_table_privilege(c.oid, 'TRIGGER') AS too_much,
           EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'
             AND NOT a.attisdropped) AS of_tenants,
           coalesce((SELECT json_agg(json_build_object('permissive', p.polpermissive, 'command', p.polcmd,
               'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)))
             FROM pg_policy p WHERE p.polrelid = c.oid), '[]') AS policies
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""
# A view without security_invoker reads as its owner, a materialised view knows no policies at all, and a function that
# is SECURITY DEFINER does what its owner may.
_OPENINGS = """
    SELECT format('the view %I reads as its owner', c.relname) FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace
      AND (c.relkind = 'm' OR c.relkind = 'v' AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false))
    UNION ALL
    SELECT format('the function %I runs as its owner', p.proname) FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
"""
_STATE = "SELECT revision, works_since FROM schema_state"


class Unsafe(RuntimeError):
    """The database must not be served with as it is; the message names each reason."""

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__("The database is not safe to serve with: " + "; ".join(reasons) + ".")


def check(connection: psycopg.Connection[Any]) -> None:
    """Look at the role, the tables and the schema's revision. Raises Unsafe with all reasons at once."""
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        reasons = list(_role_reasons(cursor.execute(_ROLE).fetchone() or {}))
        tables = cursor.execute(_TABLES).fetchall()
    for table in tables:
        reasons += [f"table {table['relname']} {reason}" for reason in _table_reasons(table)]
    reasons += [row[0] for row in connection.execute(_OPENINGS)]
    reasons += _schema_reasons(connection, {table["relname"] for table in tables})
    if reasons:
        raise Unsafe(reasons)


def _role_reasons(role: dict[str, Any]) -> Iterator[str]:
    name = role["rolname"]
    if role["rolsuper"]:
        yield f"the role {name} is a superuser, to whom no policy applies"
    if role["rolbypassrls"]:
        yield f"the role {name} has BYPASSRLS"
    if role["rolcreaterole"]:
        yield f"the role {name} has CREATEROLE and could become another role"
    if role["owns_database"] and not role["rolsuper"]:
        yield f"the role {name} owns the database"


def _table_reasons(table: dict[str, Any]) -> Iterator[str]:
    if table["owned"]:
        yield "is owned by the role that serves"
    if table["too_much"]:
        yield "lets the role that serves TRUNCATE it, refer to it or put triggers on it"
    if not table["of_tenants"]:
        return
    if not (table["relrowsecurity"] and table["relforcerowsecurity"]):
        yield "has no row-level security, or does not FORCE it"
    policies = table["policies"]
    if not policies:
        yield "has no policy"
    if table["relname"] == schema.directory.name:
        policies = [policy for policy in policies if policy["command"] not in ("r", "a")]
    if not all(_isolates(policy) for policy in policies if policy["permissive"]):
        yield "has a policy that is not about its own workspace"


def _isolates(policy: dict[str, Any]) -> bool:
    """Whether both what is seen and what is written is held to the transaction's workspace."""
    told = [policy["using"]] if policy["command"] == "d" else [policy["using"], policy["check"] or policy["using"]]
    return all(
        text and text.startswith("(tenant_id = ") and "'app.tenant_id'" in text and " OR " not in text for text in told
    )


def _schema_reasons(connection: psycopg.Connection[Any], tables: set[str]) -> list[str]:
    if schema.schema_state.name not in tables:
        return ["it has no schema yet: python -m aespo.db.migrate makes it"]
    row = connection.execute(_STATE).fetchone()
    revision, works_since = row or (0, 0)
    if revision < schema.OLDEST:
        return [f"its schema is at {revision}, this release needs {schema.OLDEST}: python -m aespo.db.migrate"]
    if works_since > schema.KNOWN:
        return [f"its schema works for releases since {works_since}, this one was written for {schema.KNOWN}"]
    return []
