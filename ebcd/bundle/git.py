"""Git's plumbing: revisions, trees and blobs. It reads the repository and never writes to it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from ebcd.errors import Refused, UsageError
from ebcd.model import Commit

EXECUTABLE, SYMLINK, SUBMODULE = 0o100755, 0o120000, 0o160000
SHOWN_PATHS = 5


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One path of a committed tree."""

    path: str
    mode: int
    """Git's mode: EXECUTABLE, SYMLINK, SUBMODULE, or that of a plain file."""
    blob: str
    """The object's id."""
    size: int
    """Bytes; 0 for a submodule."""


class Repository:
    """The git repository that a folder lies in."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError (code `no-repository`) where there is none, or no git."""
        if shutil.which("git") is None:
            raise UsageError("git is not installed.", why="ebcd reads commits through it.", hint="Install git.",
                             code="no-git")  # fmt: skip
        self._environment = _environment()
        self.folder = folder
        found = self._try("rev-parse", "--show-toplevel")
        if found is None:
            raise UsageError(
                f"{folder} is in no git repository.",
                why="ebcd ships commits: what is not committed has no version.",
                hint="git init && git add -A && git commit, or change to the repository's folder.",
                code="no-repository",
            )
        self.folder = Path(os.fsdecode(found).rstrip("\n"))

    def resolve(self, revision: str, *, allow_dirty: bool = False) -> Commit:
        """The commit that a revision names.

        Raises UsageError for one that names none, Refused (code `dirty-tree`) when it is HEAD and the work tree has
        changes, unless `allow_dirty`: then the commit is that of the work tree, and says so.
        """
        sha = self._try("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if sha is None:
            raise self._unknown(revision)
        found = self._git("show", "--no-patch", "--format=%H%n%T%n%ct%n%s", "--end-of-options", sha.decode().strip())
        full, tree, seconds, subject, *_ = [*found.decode(errors="replace").split("\n"), ""]
        commit = Commit(full, tree, datetime.fromtimestamp(int(seconds), UTC), subject)
        changes = self._changes() if full == self._head() else []
        if not changes:
            return commit
        if not allow_dirty:
            raise self._dirty(changes)
        with self.work_tree() as work:
            return Commit(full, work.tree, commit.time, subject, dirty=work.tree)

    def entries(self, tree: str) -> list[TreeEntry]:
        """Every path of a tree, in the order of their bytes. Raises UsageError for a name that is not UTF-8."""
        lines = self._git("ls-tree", "-r", "-z", "-l", "--full-tree", tree).split(b"\0")
        return sorted((_entry(line) for line in lines if line), key=lambda entry: entry.path.encode())

    def blobs(self, ids: Iterable[str]) -> Iterator[bytes]:
        """The contents of blobs, in order, one at a time, through one `git cat-file --batch`."""
        wanted = list(ids)
        with TemporaryFile() as requests:
            requests.write("".join(f"{item}\n" for item in wanted).encode())
            requests.seek(0)
            command = self._command("cat-file", "--batch", "--buffer")
            with subprocess.Popen(command, stdin=requests, stdout=subprocess.PIPE, env=self._environment) as process:
                assert process.stdout is not None
                for blob in wanted:
                    header = process.stdout.readline().split()
                    if len(header) != 3:
                        raise self._missing_object(blob)
                    yield process.stdout.read(int(header[2]))
                    process.stdout.read(1)

    def work_tree(self) -> WorkTree:
        """The work tree's changes as a tree of git, kept apart from the repository."""
        return WorkTree(self)

    def submodule(self, path: str) -> Repository:
        """The repository of a submodule. Raises UsageError when it is not checked out."""
        folder = self.folder / path
        if not (folder / ".git").exists():
            raise UsageError(f"The submodule {path} is not checked out.", why="Its commits are not on this machine.",
                             hint="git submodule update --init --recursive", code="submodule")  # fmt: skip
        return Repository(folder)

    def _head(self) -> str:
        return (self._try("rev-parse", "--verify", "--quiet", "HEAD") or b"").decode().strip()

    def _changes(self) -> list[str]:
        if self._try("rev-parse", "--is-inside-work-tree") != b"true\n":
            return []
        lines = self._git("status", "--porcelain", "-z", "--untracked-files=normal").split(b"\0")
        return [os.fsdecode(line[3:]) for line in lines if len(line) > 3]

    def _dirty(self, changes: list[str]) -> Refused:
        shown = ", ".join(changes[:SHOWN_PATHS]) + (" …" if len(changes) > SHOWN_PATHS else "")
        return Refused(
            f"The work tree has {len(changes)} uncommitted change{'s' if len(changes) > 1 else ''}.",
            why=f"HEAD does not contain them: {shown}",
            hint="Commit or stash them; or ship the work tree as it is with --allow-dirty.",
            code="dirty-tree",
        )

    def _unknown(self, revision: str) -> UsageError:
        if not self._head():
            return UsageError("The repository has no commit yet.", why="There is nothing to ship.",
                              hint="git add -A && git commit", code="unknown-revision")  # fmt: skip
        return UsageError(f"{revision!r} names no commit.", why=f"git finds no such revision in {self.folder}.",
                          hint="git log --oneline shows commits; git fetch may bring it.",
                          code="unknown-revision")  # fmt: skip

    def _missing_object(self, blob: str) -> UsageError:
        return UsageError(f"The object {blob} is not in this clone.", why="The clone is shallow or partial.",
                          hint="git fetch --unshallow, or clone without --filter.", code="missing-object")  # fmt: skip

    def _command(self, *arguments: str) -> list[str]:
        return ["git", "-C", str(self.folder), "-c", "core.quotePath=false", *arguments]

    def _git(self, *arguments: str, **environment: str) -> bytes:
        done = subprocess.run(self._command(*arguments), env=self._environment | environment, capture_output=True,
                              check=False)  # fmt: skip
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise UsageError(f"git {arguments[0]} failed.", why=said, hint="git fsck", code="git-failed")
        return done.stdout

    def _try(self, *arguments: str) -> bytes | None:
        """git's answer, or None where it says no."""
        done = subprocess.run(self._command(*arguments), env=self._environment, capture_output=True, check=False)
        return None if done.returncode else done.stdout


class WorkTree:
    """The work tree as a tree of git, whose objects lie in a folder that goes with this object.

    Used as a context it serves blobs as well; its id alone stays true.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._folder = TemporaryDirectory(prefix="ebcd-")
        self.tree = ""

    def __enter__(self) -> WorkTree:
        """Write the tree of all that is not ignored."""
        repository, objects = self._repository, Path(self._folder.name) / "objects"
        objects.mkdir()
        own = Path(os.fsdecode(repository._git("rev-parse", "--absolute-git-dir")).strip())
        index = Path(self._folder.name) / "index"
        if (own / "index").exists():
            shutil.copyfile(own / "index", index)
        shared = repository._git("rev-parse", "--git-path", "objects").decode().strip()
        repository._environment |= {
            "GIT_INDEX_FILE": str(index),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((repository.folder / shared).resolve()),
        }
        repository._git("add", "--all")
        self.tree = repository._git("write-tree").decode().strip()
        return self

    def __exit__(self, *_: object) -> None:
        """Forget the objects."""
        self._repository._environment = _environment()
        self._folder.cleanup()


def _environment() -> dict[str, str]:
    """The environment without what would turn git to another repository, or change its words."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


def _entry(line: bytes) -> TreeEntry:
    head, _, name = line.partition(b"\t")
    mode, _, blob, size = head.split()
    try:
        path = name.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"The name {name!r} is not UTF-8.", why="A zip and Beanstalk's instances need UTF-8 names.",
                      hint="Rename it: git mv.", code="bad-name") from error  # fmt: skip
    if any(ord(mark) < 32 or mark == "\\" for mark in path):
        raise Refused(f"The name {path!r} holds a control character or a backslash.",
                      why="Unpackers read such names in different ways.", hint="Rename it: git mv.",
                      code="bad-name")  # fmt: skip
    return TreeEntry(path, int(mode, 8), blob.decode(), 0 if size == b"-" else int(size))
