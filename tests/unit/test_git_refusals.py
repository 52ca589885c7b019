"""What git refuses is told in git's own words, and never as something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from repositories import Git

from ebcd.bundle import Repository
from ebcd.bundle.git_refusals import refusal
from ebcd.errors import UsageError


def told(folder: Path) -> UsageError:
    with pytest.raises(UsageError) as error:
        Repository(folder)
    return error.value


def test_another_users_repository_is_made_safe_by_the_command_that_git_names(tmp_path: Path) -> None:
    said = (
        f"fatal: detected dubious ownership in repository at '{tmp_path}/it s'\n"
        "To add an exception for this directory, call:\n\n\tgit config --global --add safe.directory …\n"
    )
    found = refusal(tmp_path, said)
    assert (found.code, found.hint) == ("git-ownership", f"git config --global --add safe.directory '{tmp_path}/it s'")


def test_a_folder_without_a_repository(tmp_path: Path) -> None:
    assert told(tmp_path).code == "no-repository"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    found = told(tmp_path / "gone")
    assert (found.code, found.what) == ("no-repository", f"{tmp_path / 'gone'} is no folder.")


@pytest.mark.parametrize(
    ("file", "content"),
    [("config", b"[core\n"), ("HEAD", b""), ("config", b"[core]\n\trepositoryformatversion = 99\n")],
)
def test_a_damaged_repository_is_none_that_is_missing(git: Git, file: str, content: bytes) -> None:
    git.commit(a="1")
    (git.folder / ".git" / file).write_bytes(content)
    found = told(git.folder)
    assert found.code == "git-failed"
    assert found.why.startswith("git says: ")
    assert "fsck" in found.hint


def test_a_worktree_whose_repository_is_gone(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /no/such/place\n")
    found = told(tmp_path)
    assert (found.code, str(tmp_path) in found.what) == ("git-failed", True)


def test_an_index_that_is_damaged(git: Git) -> None:
    git.commit(a="1")
    (git.folder / ".git" / "index").write_bytes(b"nothing of an index")
    with pytest.raises(UsageError, match="git status failed") as error:
        Repository(git.folder).resolve("HEAD")
    assert error.value.code == "git-failed"
    assert "index" in error.value.why


def test_a_git_that_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert told(tmp_path).code == "git-failed"
    program.unlink()
    assert told(tmp_path).code == "no-git"
    assert os.environ["PATH"] == str(tmp_path)
