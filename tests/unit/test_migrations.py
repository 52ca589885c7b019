"""`check` and Alembic's migrations: what takes something away from the live release is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ebcd.check import lint
from ebcd.check.extensions import File
from ebcd.check.finding import Finding
from ebcd.check.migrations import any_takes_away, check

HEAD = '"""Doc: DROP TABLE notes."""\nfrom alembic import op\nimport sqlalchemy as sa\n'


def migration(upgrade: str, revision: str = "b2", more: str = "") -> str:
    body = "".join(f"    {line}\n" for line in upgrade.splitlines())
    return f'{HEAD}revision = "{revision}"\ndown_revision = "a1"\n{more}\ndef upgrade():\n{body}'


def path(revision: str) -> str:
    return f"shop/migrations/versions/{revision}.py"


def files(**texts: str) -> Mapping[str, File]:
    return {path(name): File(text.encode()) for name, text in texts.items()}


def found(text: str, live: frozenset[str] | None = None) -> list[Finding]:
    return list(check(files(a1=migration("pass", "a1"), b2=text), live))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ('op.drop_table("notes")', "drops notes"),
        ('op.drop_column("notes", "body")', "drops notes.body"),
        ('op.rename_table("notes", "papers")', "renames notes"),
        ('op.alter_column("notes", "body", new_column_name="text")', "renames notes.body"),
        ('op.alter_column("notes", "n", type_=sa.BigInteger())', "changes the type of notes.n"),
        ('op.alter_column("notes", "n", nullable=False)', "lets notes.n be empty no longer"),
        ('op.alter_column("notes", "n", server_default=None)', "drops the default of notes.n"),
        ('op.add_column("notes", sa.Column("n", sa.Integer(), nullable=False))', "adds notes.… without a default"),
        ('with op.batch_alter_table("notes") as batch:\n    batch.drop_column("body")', "drops body"),
        ('op.execute("DROP TABLE IF EXISTS notes")', "drops the table notes"),
        ('op.execute("drop view recent")', "drops the view recent"),
        ('op.execute("TRUNCATE notes")', "empties notes"),
        ('op.execute("ALTER TABLE notes DROP COLUMN body")', "drops notes.body"),
        ('op.execute("ALTER TABLE IF EXISTS ONLY notes DROP body CASCADE")', "drops notes.body"),
        ('op.execute("ALTER TABLE notes ADD COLUMN a int, DROP COLUMN body")', "drops notes.body"),
        ('op.execute("ALTER TABLE notes ADD CHECK (a IN (1, 2)), DROP body")', "drops notes.body"),
        ('op.execute("ALTER TABLE notes RENAME COLUMN body TO text")', "renames notes.body"),
        ('op.execute("ALTER TABLE notes RENAME body TO text")', "renames notes.body"),
        ('op.execute("ALTER TABLE notes RENAME TO papers")', "renames notes to papers"),
        ('op.execute("ALTER TABLE notes ALTER COLUMN n TYPE bigint")', "changes the type of notes.n"),
        ('op.execute("ALTER TABLE notes ALTER n SET DATA TYPE bigint")', "changes the type of notes.n"),
        ('op.execute("ALTER TABLE notes ALTER n SET NOT NULL")', "lets notes.n be empty no longer"),
        ('op.execute("ALTER TABLE notes MODIFY COLUMN n bigint")', "changes notes.n"),
        ('op.execute("ALTER TABLE notes ADD COLUMN n int NOT NULL")', "adds notes.n without a default"),
        ('op.execute("ALTER TABLE notes SET SCHEMA old")', "moves notes to the schema old"),
        ("op.execute(\"ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'\")", "renames mood."),
        ('op.execute("SELECT 1; -- now\\n DROP TABLE notes")', "drops the table notes"),
        ('op.execute(sa.text("ALTER TABLE notes " + "DROP COLUMN body"))', "drops notes.body"),
        ('for name in ("a", "b"):\n    op.execute(f"ALTER TABLE {name} DROP COLUMN body")', "drops ….body"),
        ('op.execute("ALTER TABLE %s DROP COLUMN body" % "notes")', "drops %s.body"),
        ('op.execute("ALTER TABLE {name} DROP COLUMN body".format(name="notes"))', "drops {name}.body"),
        ('op.execute("DO $$ BEGIN ALTER TABLE notes DROP COLUMN body; END $$")', "drops notes.body"),
        ("op.execute(\"DO $$ BEGIN EXECUTE 'DROP TABLE notes'; END $$\")", "drops the table notes"),
        ('op.get_bind().exec_driver_sql("""\nALTER TABLE notes\n  DROP COLUMN body\n""")', "drops notes.body"),
    ],
)
def test_what_takes_away_is_refused(statement: str, said: str) -> None:
    (finding,) = found(migration(statement))
    assert (finding.severity, finding.code, finding.path) == ("error", "migration-takes-away", path("b2"))
    assert said in finding.message
    assert "works_since" in finding.hint


@pytest.mark.parametrize(
    "statement",
    [
        'op.create_table("papers", sa.Column("n", sa.Integer(), nullable=False))',
        'op.add_column("notes", sa.Column("n", sa.Integer()))',
        'op.add_column("notes", sa.Column("n", sa.Integer(), nullable=False, server_default="0"))',
        'op.add_column("notes", sa.Column("n", sa.Integer(), sa.Computed("a + b"), nullable=False))',
        'op.alter_column("notes", "n", nullable=True, existing_type=sa.Integer())',
        'op.drop_index("notes_latest")',
        'op.execute("CREATE TABLE papers (n int NOT NULL, dropped text)")',
        'op.execute("ALTER TABLE notes ADD COLUMN n int NOT NULL DEFAULT 0, ADD COLUMN m int")',
        'op.execute("ALTER TABLE notes ALTER n DROP NOT NULL, ALTER n SET DEFAULT 1")',
        'op.execute("ALTER TABLE notes DROP CONSTRAINT notes_check, ADD CHECK (n > 0)")',
        'op.execute("ALTER TABLE notes RENAME CONSTRAINT a TO b")',
        "op.execute(\"UPDATE notes SET body = 'please DROP TABLE notes; now'\")",
        'op.execute("-- ALTER TABLE notes DROP COLUMN body\\nSELECT 1 /* ; DROP TABLE notes */")',
        "op.execute(\"ALTER TYPE mood ADD VALUE 'calm'\")",
        'op.execute("CREATE INDEX ON notes (body)")',
        '"""DROP TABLE notes."""',
    ],
)
def test_what_adds_is_not(statement: str) -> None:
    assert found(migration(statement)) == []


def test_what_is_found_has_its_line() -> None:
    text = migration('op.execute("""\nALTER TABLE notes\n  DROP COLUMN body""")')
    (finding,) = found(text)
    assert finding.line is not None
    assert text.splitlines()[finding.line - 1].strip() == 'DROP COLUMN body""")'


def test_only_what_upgrade_leads_to_counts() -> None:
    lower = migration("op.execute(SQL)", more='SQL = "SELECT 1"\nOTHER = "DROP TABLE notes"\n')
    assert found(lower + '\ndef downgrade():\n    op.drop_table("notes")\n    op.execute(OTHER)\n') == []
    (finding,) = found(migration("first()", more='SQL = "DROP TABLE notes"\ndef first():\n    op.execute(SQL)\n'))
    assert "drops the table notes" in finding.message
    several = migration("pass").replace("def upgrade():", "def upgrade_main():\n    op.drop_table('a')\ndef upgrade():")
    assert [item.message for item in found(several)] == ["The migration drops a, which the live release may still use."]


DECLARED = migration('op.drop_column("notes", "body")', more='works_since = "a1"')


def test_a_contraction_says_since_when_its_schema_works() -> None:
    assert found(DECLARED) == []
    assert found(DECLARED, frozenset({path("a1")})) == []


def test_a_contraction_that_live_is_too_old_for_is_refused() -> None:
    (finding,) = found(DECLARED, frozenset({"Procfile"}))
    assert finding.code == "migration-too-early"
    assert "live has no revision a1 yet" in finding.message


def test_what_live_has_is_not_asked_about() -> None:
    assert found(migration('op.drop_table("notes")'), frozenset({path("a1"), path("b2")})) == []


@pytest.mark.parametrize("since", ['"b2"', '"c3"', "1", "NAME"])
def test_a_declaration_names_an_earlier_migration(since: str) -> None:
    (finding,) = found(migration("pass", more=f"works_since = {since}"))
    assert finding.code == "migration-declaration"


def test_a_migration_that_is_no_python_is_told() -> None:
    (finding,) = found('revision = "b2"\ndef upgrade(:\n')
    assert (finding.code, finding.line) == ("migration-unreadable", 2)
    assert [item.code for item in found("revision = \0")] == ["migration-unreadable"]
    assert [item.code for item in found("revision = " + "(" * 5000)] == ["migration-unreadable"]


def test_what_is_no_migration_is_left_alone() -> None:
    dropping = 'def upgrade():\n    op.drop_table("notes")\n'
    assert list(check({"a/versions/b.py": File(dropping.encode())}, None)) == []
    assert list(check({"a/b.py": File(migration("op.drop_table('a')").encode())}, None)) == []
    assert found('revision = "b2"\nx = "\\d"\n') == [], "Python's own warnings are not ours"


def test_it_is_part_of_what_is_checked() -> None:
    all_of_them = files(a1=migration("pass", "a1"), b2=migration('op.drop_table("notes")'))
    assert any_takes_away(all_of_them)
    assert "migration-takes-away" in [item.code for item in lint.check(all_of_them, None)]
    assert "migration-takes-away" not in [item.code for item in lint.check(all_of_them, None, frozenset({path("b2")}))]
    assert not any_takes_away(files(a1=migration("pass", "a1")))
