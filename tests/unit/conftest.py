"""Repositories for the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import Git


@pytest.fixture
def make_git(tmp_path: Path) -> Callable[[str], Git]:
    def make(name: str = "repository") -> Git:
        (tmp_path / name).mkdir()
        made = Git(tmp_path / name)
        made("init", "-q", "-b", "main")
        return made

    return make


@pytest.fixture
def git(make_git: Callable[[str], Git]) -> Git:
    return make_git("repository")
