"""This repository's own application through releases that change its schema, while people write: expand, roll back,
come again, contract. Blue and green share the database all along.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from notekeepers import Notekeepers, Workspace, found_workspace
from products import ROOT, Product

OPERATORS, GATE = "only-for-this-rehearsal-1", "only-for-this-rehearsal-2"
BUNDLED = ("aespo", "application.py", "gunicorn.conf.py", "Procfile", ".ebextensions", "requirements.txt")
CONFIGURATION = """
application = "{application}"
region = "eu-central-1"
default_stage = "local"
[stages.local]
target = "local"
database = true
stable = "0s"
timeout = "60s"
bake = "0s"
keep = "0s"
[stages.local.smoke]
path = "/readyz"
[stages.local.proof]
path = "/version"
[stages.local.tenants]
url = "/internal/tenants?sample=20"
token_env = "SAMPLE_TOKEN"
path = "/login"
unknown = "nobody.{host}"
[stages.local.env]
AESPO_OPERATOR_TOKEN = "{operators}"
AESPO_SAMPLE_TOKEN = "{gate}"
AESPO_METRICS = "/dev/null"
AESPO_SHARE = "1000"  # the programs of one workspace ask as often as they can
AESPO_REQUESTS_AT_ONCE = "100"
WEB_CONCURRENCY = "1"
"""

# `audit.subject`, which every write fills in, becomes `audit.about`. While both releases run, a trigger fills in what
# the other one reads. Rows are hidden from their owner, too: they are brought over one workspace after the other.
EXPAND = '''
"""The audit trail's subject is called about."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    """A column, a trigger that keeps both columns alike, and what was written before."""
    op.execute("ALTER TABLE audit ADD COLUMN about text")
    op.execute("""
        CREATE FUNCTION audit_about() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          NEW.about := coalesce(NEW.about, NEW.subject);
          NEW.subject := coalesce(NEW.subject, NEW.about);
          RETURN NEW;
        END $$""")
    op.execute("CREATE TRIGGER about BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_about()")
    op.execute("""
        DO $$ DECLARE workspace bigint; BEGIN
          FOR workspace IN SELECT tenant_id FROM directory LOOP
            PERFORM set_config('app.tenant_id', workspace::text, true);
            UPDATE audit SET about = subject WHERE tenant_id = workspace AND about IS NULL;
          END LOOP;
          PERFORM set_config('app.tenant_id', '', true);
        END $$""")
'''
CONTRACT = '''
"""The audit trail's subject is gone."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"
works_since = "{before}"


def upgrade() -> None:
    """Nobody reads it since the release before."""
    op.execute("DROP TRIGGER about ON audit")
    op.execute("DROP FUNCTION audit_about()")
    op.execute("ALTER TABLE audit ALTER COLUMN about SET NOT NULL, DROP COLUMN subject")
'''


@pytest.fixture
def aespo(products: Callable[[], Product]) -> Product:
    """This repository's application, on a stage with a database."""
    product = products()
    (product.folder / "server.py").unlink()
    for name in BUNDLED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, product.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, product.folder / name)
    told = {"application": product.name, "host": product.host, "operators": OPERATORS, "gate": GATE}
    (product.folder / "ebcd.toml").write_text(CONFIGURATION.format(**told))
    return product


def change(path: Path, before: str, after: str) -> None:
    """Replace a text that is there once."""
    text = path.read_text()
    assert text.count(before) == 1, f"{before!r} in {path}"
    path.write_text(text.replace(before, after))


def migrate_to(product: Product, migration: str) -> int:
    """Add a migration to the product's application, and let it know the schema's new revision; that revision."""
    database = product.folder / "aespo" / "db"
    schema = database / "schema.py"
    known = int(re.search(r"^KNOWN = (\d+)$", schema.read_text(), re.MULTILINE)[1])  # type: ignore[index]
    told = {"revision": f"{known + 1:04}", "before": f"{known:04}"}
    (database / "migrations" / "versions" / f"m{known + 1:04}_about.py").write_text(migration.format(**told).lstrip())
    change(schema, f"\nKNOWN = {known}\n", f"\nKNOWN = {known + 1}\n")
    return known + 1


def expand(product: Product) -> str:
    """The release that uses the new column alone; its SHA."""
    revision = migrate_to(product, EXPAND)
    schema = product.folder / "aespo" / "db" / "schema.py"
    column = '    _text("action"),\n    {},\n    _text("detail"),\n)'
    renamed = 'Column("about", Text, key="subject", nullable=False)'
    change(schema, column.format('_text("subject")'), column.format(renamed))
    schema.write_text(re.sub(r"^OLDEST = \d+$", f"OLDEST = {revision}", schema.read_text(), flags=re.MULTILINE))
    return product.commit("expand")


def contract(product: Product) -> str:
    """The release that takes away what no release reads any more; its SHA."""
    migrate_to(product, CONTRACT)
    return product.commit("contract")


def succeeded(product: Product, *words: str) -> None:
    told = product.json(*words, SAMPLE_TOKEN=GATE)
    assert told["exit_code"] == 0, told.get("error")


def see_every_write(workspace: Workspace, people: Notekeepers) -> None:
    """Every request was answered as it should be, and every acknowledged write is there, once."""
    assert people.failures == []
    assert people.requests > 200
    titles: list[str] = []
    for kind, written in people.written.items():
        found = workspace.everything(kind)
        assert {item: found.get(item) for item in written} == written, "an acknowledged write is gone"
        titles += [title for title in found.values() if title.startswith("by ")]
    assert len(titles) == people.writes
    assert sorted(workspace.trail()) == sorted(titles), "each one is in the audit trail, once"
    print(f"{people.requests} requests, {people.writes} writes: none failed, none lost")


def test_a_rollback_leaves_the_schema_as_the_later_release_made_it(aespo: Product) -> None:
    one = aespo.commit("one")
    succeeded(aespo, "ship")
    workspace = found_workspace(aespo, "acme", OPERATORS)
    with Notekeepers(workspace) as people:
        two = expand(aespo)
        succeeded(aespo, "ship")
        assert aespo.serving() == two
        succeeded(aespo, "swap", "--rollback")
        assert aespo.serving() == one, "the earlier release, on the later schema"
    see_every_write(workspace, people)
    contract(aespo)
    refused = aespo.json("ship", SAMPLE_TOKEN=GATE)
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "check-failed")
    assert "live has no revision" in refused["error"]["why"], "live still uses what it would take away"


@pytest.mark.long
def test_two_releases_share_a_database_while_its_schema_expands_and_contracts(aespo: Product) -> None:
    change(aespo.folder / "ebcd.toml", 'WEB_CONCURRENCY = "1"', 'WEB_CONCURRENCY = "2"')
    one = aespo.commit("one")
    succeeded(aespo, "ship")
    workspace = found_workspace(aespo, "acme", OPERATORS)
    with Notekeepers(workspace, count=8) as people:
        two = expand(aespo)
        succeeded(aespo, "ship")
        assert aespo.serving() == two
        succeeded(aespo, "swap", "--rollback")
        assert aespo.serving() == one, "the earlier release, on the later schema"
        succeeded(aespo, "swap", "--to", "r2")
        three = contract(aespo)
        succeeded(aespo, "ship")
        assert aespo.serving() == three
        succeeded(aespo, "swap", "--rollback")
        assert aespo.serving() == two, "the release before, on the contracted schema"
        succeeded(aespo, "swap", "--to", "r3")
        assert aespo.serving() == three
    see_every_write(workspace, people)
