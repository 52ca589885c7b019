"""`export-ignore` in .gitattributes: what `git archive`, and so the official `eb`, leaves out of an archive.

git itself answers, by the attributes of the commit alone: neither the work tree nor what one user's git is told
counts, so that a commit has the same files everywhere.
Source: https://git-scm.com/docs/gitattributes#_creating_an_archive
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from ebcd.bundle.git import Repository, TreeEntry

FILE, ATTRIBUTE = ".gitattributes", "export-ignore"


def not_exported(repository: Repository, tree: str, entries: Sequence[TreeEntry]) -> frozenset[str]:
    """The paths of these entries that an export leaves out: by themselves, or with a folder that they are in."""
    if not repository.root and all(PurePosixPath(entry.path).name != FILE for entry in entries):
        return frozenset()
    if not repository.mentions(tree, ATTRIBUTE, f":(top,glob)**/{FILE}"):
        return frozenset()
    folders = sorted({folder for entry in entries for folder in _folders(entry.path)})
    asked = [*folders, *(entry.path for entry in entries)]
    left_out = {path for path, value in _answers(repository, tree, asked) if value == "set"}
    return frozenset(
        entry.path for entry in entries if entry.path in left_out or not left_out.isdisjoint(_folders(entry.path))
    )


def _folders(path: str) -> Iterator[str]:
    """The folders that a path lies in, as git asks for them: with a slash behind."""
    at = path.find("/")
    while at != -1:
        yield path[: at + 1]
        at = path.find("/", at + 1)


def _answers(repository: Repository, tree: str, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The attribute's value for each path. An empty repository borrows the objects: it has no attributes of its own."""
    with TemporaryDirectory(prefix="ebcd-") as made:
        own = Path(made)
        (own / "refs").mkdir()
        (own / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
        (own / "config").write_text(_config(tree), encoding="utf-8")
        environment = {
            "GIT_DIR": made,
            "GIT_WORK_TREE": str(repository.folder),
            "GIT_INDEX_FILE": str(own / "index"),
            "GIT_ATTR_NOSYSTEM": "1",
            **repository.objects(),
        }
        repository.git("read-tree", tree, environment=environment)
        asked = "".join(f"{repository.root}{path}\0" for path in paths).encode()
        told = repository.git(
            "-c",
            f"core.attributesFile={os.devnull}",
            "check-attr",
            "--cached",
            "-z",
            "--stdin",
            ATTRIBUTE,
            given=asked,
            environment=environment,
        ).decode()
    fields = iter(told.split("\0")[:-1])
    for path, _, value in zip(fields, fields, fields, strict=True):
        yield path.removeprefix(repository.root), value


def _config(tree: str) -> str:
    """The configuration of a repository whose objects have ids of that length."""
    sha256 = "\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"
    return "[core]\n" + (sha256 if len(tree) == 64 else "\trepositoryformatversion = 0\n")
