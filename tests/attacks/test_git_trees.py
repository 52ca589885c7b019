"""A tree that somebody made by hand: names that lead out of a folder or into a repository are in no bundle."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ebcd.bundle.git import Repository
from ebcd.errors import ExitCode, Refused

HOSTILE = [
    ".",
    "..",
    ".git",
    ".GIT",
    ".Git ",
    ".git. .",
    "git~1",
    "GIT~1",
    ".g\u200cit",
    "\ufeff.git",
    ".gi\u202et",
]
HARMLESS = ["...", ".gitignore", ".gitattributes", ".github", "git", "a.git", ".git-hooks", "git~2", "..a", "a.."]


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *arguments]
    return subprocess.run(command, cwd=folder, input=stdin, capture_output=True, check=True).stdout.decode().strip()


def tree_with(folder: Path, name: str, *, below: str = "") -> str:
    """The id of a tree that has a file of this name, or in a folder of this name; git's porcelain would make none."""
    git(folder, "init", "-q")
    blob = git(folder, "hash-object", "-w", "--stdin", stdin=b"[core]\n\tfsmonitor = touch /tmp/owned\n")

    def raw(mode: bytes, name: bytes, item: str) -> str:
        content = mode + b" " + name + b"\0" + bytes.fromhex(item)
        return git(folder, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=content)

    inner = raw(b"100644", b"config", blob)
    tree = raw(b"40000", name.encode(), inner)
    return raw(b"40000", below.encode(), tree) if below else tree


@pytest.mark.parametrize("below", ["", "vendor"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, below: str) -> None:
    tree = tree_with(tmp_path, name, below=below)
    with pytest.raises(Refused) as refused:
        Repository(tmp_path).entries(tree)
    assert (refused.value.code, refused.value.exit_code) == ("bad-name", ExitCode.REFUSED)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_name_that_looks_alike_is_taken(tmp_path: Path, name: str) -> None:
    tree = tree_with(tmp_path, name, below="vendor")
    assert [entry.path for entry in Repository(tmp_path).entries(tree)] == [f"vendor/{name}/config"]


def test_a_file_of_such_a_name_is_refused_too(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    blob = git(tmp_path, "hash-object", "-w", "--stdin", stdin=b"gitdir: /etc")
    content = b"100644 .git\0" + bytes.fromhex(blob)
    tree = git(tmp_path, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=content)
    with pytest.raises(Refused, match=r"\.git"):
        Repository(tmp_path).entries(tree)
