"""`ebcd --version` names the commit of the checkout that it runs from, or that it was built from."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ebcd
from ebcd.commit import BUILT, checked_out, commit

PROJECT = '[project]\nname = "ebcd"\n'


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "ebcd").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def test_the_commit_is_that_of_head_however_git_keeps_it(checkout: Path, tmp_path: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    assert commit(str(checkout / "ebcd")) == first
    git(checkout, "pack-refs", "--all")
    assert commit(str(checkout / "ebcd")) == first
    git(checkout, "worktree", "add", "-q", "-b", "other", str(tmp_path / "worktree"))
    git(tmp_path / "worktree", "commit", "-q", "--allow-empty", "-m", "two")
    assert checked_out(str(tmp_path / "worktree")) == git(tmp_path / "worktree", "rev-parse", "HEAD") != first
    git(checkout, "checkout", "-q", "--detach")
    assert checked_out(str(checkout)) == first


def test_what_a_build_noted_counts_before_the_checkout(checkout: Path) -> None:
    (checkout / "ebcd" / BUILT).write_text("0" * 40 + "\n")
    assert commit(str(checkout / "ebcd")) == "0" * 40


def test_an_archive_tells_its_commit_and_a_checkout_keeps_the_place_for_it(checkout: Path, tmp_path: Path) -> None:
    root = Path(ebcd.__file__).parents[1]
    placeholder = (root / "ebcd" / BUILT).read_text()
    (checkout / "ebcd" / BUILT).write_text(placeholder)
    (checkout / ".gitattributes").write_text((root / ".gitattributes").read_text())
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "two")
    sha = git(checkout, "rev-parse", "HEAD")
    assert commit(str(checkout / "ebcd")) == sha
    git(checkout, "archive", "-o", str(tmp_path / "made.tar"), "HEAD")
    shutil.unpack_archive(tmp_path / "made.tar", tmp_path / "made")
    assert commit(str(tmp_path / "made" / "ebcd")) == sha


def test_another_projects_repository_lends_no_commit(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    assert commit(str(checkout / "ebcd")) == ""
    (checkout / "pyproject.toml").unlink()
    assert commit(str(checkout / "ebcd")) == ""


def test_a_branch_without_a_commit_and_an_installed_package_have_none(tmp_path: Path) -> None:
    assert commit(str(tmp_path / "site-packages" / "ebcd")) == ""
    git(tmp_path, "init", "-q")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    assert checked_out(str(tmp_path)) == ""


def test_the_command_shows_version_and_commit() -> None:
    done = subprocess.run([sys.executable, "-m", "ebcd", "--version"], capture_output=True, text=True, check=True)
    sha = commit()[:12]
    assert done.stdout == (f"ebcd {ebcd.__version__} ({sha})\n" if sha else f"ebcd {ebcd.__version__}\n")
