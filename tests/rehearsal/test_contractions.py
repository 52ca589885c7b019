"""Migrations that take away: what live does not have counts, and a contraction waits until live can do without."""

from __future__ import annotations

from pathlib import Path

import pytest
from products import Product

FOLDER = "migrations/versions"
DROPS = "\ndef upgrade():\n    op.drop_column('notes', 'body')\n"


def write(product: Product, revision: str, text: str) -> None:
    path = product.folder / FOLDER / f"{revision}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'revision = "{revision}"\n{text}')


def codes(product: Product, *words: str) -> list[tuple[str, str]]:
    return [(item["code"], Path(item["path"]).stem) for item in product.json("check", *words)["findings"]]


@pytest.fixture
def old(product: Product) -> Product:
    """A product whose first release brings migrations that took things away long ago."""
    write(product, "a1", DROPS)
    product.commit("one")
    return product


def test_a_contraction_comes_when_live_can_do_without(old: Product) -> None:
    assert codes(old) == [("migration-takes-away", "a1")], "offline nobody knows what is live"
    assert old.json("ship")["exit_code"] == 0, "nothing is live that could miss it"

    write(old, "b2", "\ndef upgrade():\n    op.add_column('notes', sa.Column('text', sa.Text()))\n")
    write(old, "c3", DROPS)
    one = old.serving()
    old.commit("undeclared")
    refused = old.json("ship")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "check-failed")
    assert refused["error"]["why"].startswith(f"{FOLDER}/c3.py:4: The migration drops notes.body")
    assert "works_since" in refused["error"]["hint"]
    assert codes(old, "--since", one) == [("migration-takes-away", "c3")]

    write(old, "c3", f'works_since = "b2"{DROPS}')
    both = old.commit("expanded and contracted at once")
    assert "live has no revision b2 yet" in old.json("ship", "--plan")["error"]["why"]
    assert old.json("check", "--since", one)["exit_code"] == 3
    assert old.serving() == one

    (old.folder / FOLDER / "c3.py").unlink()
    two = old.commit("expanded")
    assert old.json("ship")["exit_code"] == 0
    assert codes(old, both, "--since", two) == []
    assert old.json("ship", both, "--plan")["exit_code"] == 0


def test_where_lives_commit_is_not_in_the_clone_every_migration_counts(old: Product, tmp_path: Path) -> None:
    assert old.json("ship")["exit_code"] == 0
    old.commit("two")
    shallow = tmp_path / "shallow"
    old.git("clone", "-q", "--depth", "1", f"file://{old.folder}", str(shallow))
    done = old.ebcd("ship", folder=shallow)
    assert done.returncode == 3
    assert "not in this clone" in done.stderr
    assert old.json("ship")["exit_code"] == 0
