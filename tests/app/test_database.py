"""The schema, its migrations, and why a process refuses to start with a database."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from aespo.db import migrate, safety, schema
from aespo.db.engine import Database
from aespo.db.grants import GRANTS
from aespo.development import Urls
from aespo.web import create_application
from ebcd.check import migrations
from ebcd.check.extensions import File


def by_owner(urls: Urls, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_every_key_of_a_tenant_s_table_begins_with_the_tenant(urls: Urls) -> None:
    keys = by_owner(
        urls,
        """
        SELECT c.relname, i.indexrelid::regclass::text, a.attname FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE c.relnamespace = 'public'::regnamespace
        """,
    )
    tables = {table.name for table in schema.TENANT_TABLES}
    assert tables <= {table for table, _, _ in keys}
    assert [key for key in keys if key[0] in tables and key[2] != "tenant_id"] == []


def test_every_reference_between_tenants_tables_begins_with_the_tenant(urls: Urls) -> None:
    references = by_owner(
        urls,
        """
        SELECT c.conrelid::regclass::text, c.conname, a.attname, b.attname FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1] WHERE c.contype = 'f'
        """,
    )
    assert len(references) > 15
    assert [reference for reference in references if reference[2:] != ("tenant_id", "tenant_id")] == []


def test_the_tables_are_as_the_queries_name_them(urls: Urls) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(urls.owner))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        found = compare_metadata(context, schema.metadata)
    engine.dispose()
    assert [item for item in found if "alembic_version" not in str(item)] == []


def test_the_app_role_may_do_what_the_queries_need_and_nothing_else(urls: Urls) -> None:
    granted = by_owner(
        urls,
        "SELECT table_name, string_agg(privilege_type, ', ') FROM information_schema.role_table_grants"
        " WHERE grantee = 'aespo_app' GROUP BY table_name",
    )
    found = {table: set(str(privileges).split(", ")) for table, privileges in granted}
    assert found == {table: set(privileges.split(", ")) for table, privileges in GRANTS.items()}


def test_a_process_starts_as_the_app_role(urls: Urls) -> None:
    with psycopg.connect(urls.app) as connection:
        safety.check(connection)


@pytest.mark.parametrize(("role", "reason"), [("owner", "owned by the role"), ("superuser", "is a superuser")])
def test_no_process_starts_as_owner_or_superuser(urls: Urls, tmp_path: Path, role: str, reason: str) -> None:
    with pytest.raises(safety.Unsafe, match=reason):
        create_application({"DATABASE_URL": getattr(urls, role)}, tmp_path)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ALTER TABLE notes NO FORCE ROW LEVEL SECURITY", "table notes has no row-level security, or does not FORCE"),
        ("ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "table notes has no row-level security"),
        ("DROP POLICY own_workspace ON tasks", "table tasks has no policy"),
        ("DROP POLICY own_workspace ON directory", None),
        ("CREATE POLICY open ON notes USING (true)", "table notes has a policy that is not about its own"),
        ("CREATE POLICY open ON notes FOR SELECT USING (true)", "table notes has a policy"),
        ("ALTER POLICY own_workspace ON notes WITH CHECK (true)", "table notes has a policy"),
        ("CREATE POLICY open ON directory FOR DELETE USING (true)", "table directory has a policy"),
        ("CREATE TABLE forgotten (tenant_id bigint, id text)", "table forgotten has no policy"),
        ("GRANT TRUNCATE ON notes TO aespo_app", "TRUNCATE"),
        ("GRANT REFERENCES ON notes TO aespo_app", "refer to it"),
        ("CREATE VIEW every_note AS SELECT * FROM notes", "the view every_note reads as its owner"),
        ("CREATE VIEW own_note WITH (security_invoker = true) AS SELECT * FROM notes", None),
        ("CREATE MATERIALIZED VIEW kept AS SELECT 1", "the view kept"),
        ("CREATE FUNCTION peek() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "peek runs as its owner"),
        ("UPDATE schema_state SET works_since = 99, revision = 99", "works for releases since 99"),
        ("UPDATE schema_state SET revision = 99", None),
        ("UPDATE schema_state SET revision = 0", "this release needs"),
    ],
)
def test_no_process_starts_on_tables_that_do_not_isolate(urls: Urls, statement: str, reason: str | None) -> None:
    with psycopg.connect(urls.superuser) as connection:
        connection.execute("SET LOCAL ROLE aespo_owner")
        connection.execute(statement)
        connection.execute("SET LOCAL ROLE aespo_app")
        if reason is None:
            safety.check(connection)
        else:
            with pytest.raises(safety.Unsafe, match=reason):
                safety.check(connection)
        connection.rollback()


def test_no_process_starts_with_bypassrls(fresh: Urls) -> None:
    with psycopg.connect(fresh.superuser, autocommit=True) as connection:
        connection.execute("CREATE ROLE passer LOGIN BYPASSRLS")
        connection.execute("GRANT aespo_app TO passer")
    with pytest.raises(safety.Unsafe, match="BYPASSRLS"):
        Database(fresh.app.replace("aespo_app@", "passer@")).verify()


def test_no_process_starts_without_a_schema(fresh: Urls) -> None:
    by_owner(fresh, "DROP TABLE schema_state")
    with pytest.raises(safety.Unsafe, match=r"python -m aespo\.db\.migrate"):
        Database(fresh.app).verify()


def test_a_database_that_is_down_does_not_stop_the_start(tmp_path: Path) -> None:
    site = create_application({"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, tmp_path)
    assert site.context.database is not None
    site.close()


def test_migrating_twice_changes_nothing(fresh: Urls) -> None:
    environ = {"DATABASE_URL": fresh.app, "DATABASE_OWNER_URL": fresh.owner}
    assert f"revision {schema.KNOWN}" in migrate.main(environ)
    assert by_owner(fresh, "SELECT revision, works_since FROM schema_state") == [(schema.KNOWN, 1)]


def test_an_earlier_release_leaves_a_later_schema_alone(fresh: Urls) -> None:
    by_owner(fresh, "UPDATE schema_state SET revision = 7; UPDATE alembic_version SET version_num = '0007'")
    assert migrate.main({"DATABASE_URL": fresh.app, "DATABASE_OWNER_URL": fresh.owner}).count("revision 7") == 1


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DATABASE_URL": "postgresql://a@/x"}, "DATABASE_OWNER_URL is not set"),
        ({"DATABASE_OWNER_URL": "postgresql://a@/x"}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "postgresql://a@/x", "DATABASE_OWNER_URL": "postgresql://a@/x"}, "two different roles"),
    ],
)
def test_half_a_configuration_does_not_migrate(environ: dict[str, str], said: str) -> None:
    with pytest.raises(migrate.CannotMigrate, match=said):
        migrate.main(environ)


def test_a_migration_reads_its_urls_where_they_are_kept(fresh: Urls, tmp_path: Path) -> None:
    environ = {}
    for name, url in {"DATABASE_URL": fresh.app, "DATABASE_OWNER_URL": fresh.owner}.items():
        tmp_path.joinpath(name).write_text(f"{url}\n")
        environ[name] = f"file:{tmp_path / name}"
    assert f"revision {schema.KNOWN}" in migrate.main(environ)
    with pytest.raises(migrate.CannotMigrate, match=r"^DATABASE_OWNER_URL: its secret cannot be read: \w+$"):
        migrate.main(environ | {"DATABASE_OWNER_URL": "file:/no/such/file"})


def test_without_a_database_there_is_nothing_to_migrate() -> None:
    assert "nothing to migrate" in migrate.main({})


def test_a_migration_that_cannot_get_its_lock_gives_up_and_changes_nothing(fresh: Urls) -> None:
    with psycopg.connect(fresh.owner) as reader:
        reader.execute("SELECT pg_advisory_xact_lock(418498240623)")
        with pytest.raises(migrate.CannotMigrate, match="changed nothing"):
            migrate.migrate(fresh.owner, "aespo_app", attempts=1)


def test_a_migration_expands_or_says_since_when_its_schema_works() -> None:
    found = list(migrate.scripts().walk_revisions())
    assert [int(script.revision) for script in found] == list(range(schema.KNOWN, 0, -1))
    root = Path(schema.__file__).parents[2]
    files = {str(path.relative_to(root)): File(path.read_bytes()) for path in (root / "aespo").rglob("*.py")}
    assert sum(migrations.reads(path) for path in files) > len(found), "those, and the folder's own"
    assert list(migrations.check(files, None)) == []
    for script in found:
        assert int(getattr(script.module, "works_since", "0001")) <= int(script.revision)
