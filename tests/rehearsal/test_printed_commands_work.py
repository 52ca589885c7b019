"""Every command that ebcd prints on a stage's way works as printed, from an empty folder and from another project's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from printed import commands, parses
from products import Product

FOREIGN = """
application = "blog"
default_stage = "production"
[stages.production]
cname = "blog"
platform = "Python 3.11 running on 64bit Amazon Linux 2023"
[stages.local]
target = "local"
url = "https://nowhere.example.com"
"""
READS = {"diff", "events", "health", "lock", "logs", "open", "releases", "status"}
"""Commands that change nothing, and are run as they are printed."""
PLANS = {"patch", "prune", "retire", "rollback", "ship", "swap"}
"""Commands that are run with --plan."""
REFUSALS = {3, 9}
"""What a command may end with that was printed before something else changed: refused, nothing to roll back to."""


@pytest.fixture
def elsewhere(tmp_path: Path) -> list[Path]:
    """An empty folder, and another project's."""
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.mkdir()
    other.mkdir()
    (other / "ebcd.toml").write_text(FOREIGN)
    subprocess.run(["git", "init", "-q"], cwd=other, check=True)
    return [empty, other]


def printed(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    return commands(done.stdout + done.stderr)


def test_what_is_printed_works_from_anywhere(product: Product, elsewhere: list[Path]) -> None:
    found: list[list[str]] = []
    found += printed(product.ebcd("status"))
    product.commit("one")
    found += printed(product.ebcd("health"))
    found += printed(product.ebcd("ship"))
    product.commit("two")
    for words in (["publish"], ["ship", "--no-swap"], ["swap"], ["status"], ["releases", "--limit", "1"]):
        found += printed(product.ebcd(*words))
    product.commit("three", mode="broken")
    for words in (["ship"], ["releases", "r9"], ["logs", "--env", "nobody"], ["swap", "--to", "r9"], ["swap"]):
        found += printed(product.ebcd(*words))
    for words in (["hold", "--reason", "a test"], ["ship"], ["unhold"], ["rollback"], ["rollback"], ["doctor"]):
        found += printed(product.ebcd(*words))
    kinds = {words[1] for words in found}
    assert {"releases", "ship", "status", "swap", "unhold", "hold"} <= kinds, kinds
    for words in {tuple(item) for item in found}:
        assert parses(list(words)), words
        for folder in elsewhere:
            _runs(product, folder, list(words))


def _runs(product: Product, folder: Path, words: list[str]) -> None:
    """Run a command as far as it changes nothing."""
    if words[1] not in READS | PLANS:
        return
    plan = ["--plan"] if words[1] in PLANS and "--plan" not in words else []
    done = product.ebcd(*words[1:], *plan, folder=folder)
    said = f"{folder.name}: {' '.join(words)}: {done.returncode}\n{done.stderr}"
    assert done.returncode in {0} | (REFUSALS if plan else set()), said
    assert "nowhere.example.com" not in done.stdout


def test_a_stage_of_another_name_is_found_by_its_endpoint(product: Product, elsewhere: list[Path]) -> None:
    text = product.configuration() + '\n[stages.staging]\ntarget = "local"\ncname = "' + product.name + '-st"\n'
    product.commit("one", **{"ebcd.toml": text})
    assert product.ebcd("ship", "-s", "staging").returncode == 0
    product.commit("two")
    (undo,) = [item for item in printed(product.ebcd("ship", "-s", "staging")) if item[1] == "swap"]
    assert {"--region", "--endpoint-url"} <= set(undo)
    for folder in elsewhere:
        _runs(product, folder, undo)
    assert product.ebcd(*undo[1:], folder=elsewhere[0]).returncode == 0


def test_another_projects_commits_are_not_shipped(product: Product, elsewhere: list[Path]) -> None:
    product.commit("one")
    assert product.ebcd("ship").returncode == 0
    done = product.ebcd("ship", "-a", product.name, "-s", "local", folder=elsewhere[1])
    assert done.returncode == 2
    assert "are those of the application blog" in done.stderr
