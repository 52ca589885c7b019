"""What the shell completes, and that nothing is started or raised for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ebcd.cli import completion

TOML = """
application = "shop"
region = "eu-central-1"
[stages.local]
target = "local"
[stages.production]
cname = "shop"
platform = "Python 3.11 running on 64bit Amazon Linux 2023"
"""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "ebcd.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EBCD_HOME", str(tmp_path / "home"))
    return cast(Any, SimpleNamespace(params={}))


def test_stages_and_applications_are_those_of_the_file(context: Any) -> None:
    assert completion.stages(context, "") == ["local", "production"]
    assert completion.stages(context, "pro") == ["production"]
    assert completion.applications(context, "s") == ["shop"]


def test_what_cannot_be_read_completes_nothing_and_starts_nothing(context: Any, tmp_path: Path) -> None:
    context.params["stage"] = "local"
    assert completion.releases(context, "") == []
    assert completion.environments(context, "") == ["live", "candidate", "previous"]
    assert not (tmp_path / "home").exists()
    (tmp_path / "ebcd.toml").write_text("nonsense")
    assert completion.stages(context, "") == []


def test_the_options_of_the_line_count(context: Any, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(TOML.replace("production", "staging"))
    context.params["config"] = tmp_path / "other.toml"
    assert completion.stages(context, "") == ["local", "staging"]


def test_kinds_of_faults() -> None:
    assert completion.faults("l") == ["list", "lost", "launch", "lag"]
