"""Git's plumbing: revisions, trees and blobs. It reads the repository and never writes to it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from ebcd.bundle.git_refusals import fsck, refusal
from ebcd.bundle.names import names_in
from ebcd.errors import EbcdError, Refused, UsageError
from ebcd.model import Commit

EXECUTABLE, SYMLINK, SUBMODULE = 0o100755, 0o120000, 0o160000
SHOWN_PATHS = 5
_PIPE = 1024**2
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One path of a committed tree."""

    path: str
    mode: int
    """Git's mode: EXECUTABLE, SYMLINK, SUBMODULE, or that of a plain file."""
    blob: str
    """The object's id."""
    size: int
    """Bytes; 0 for a submodule, and for an object that is not in the clone."""


class Repository:
    """The git repository that a folder lies in."""

    def __init__(self, folder: Path, root: str | None = None) -> None:
        """Raises UsageError (code `no-repository`) where there is none, or no git; (`bad-root`) for a root outside.

        root: the folder that bundles are made of, as seen from `folder`; None: the whole repository.
        """
        if shutil.which("git") is None:
            raise UsageError(
                "git is not installed.",
                why="ebcd reads commits through it, and finds none on PATH.",
                hint="Install git: https://git-scm.com/downloads",
                code="no-git",
            )
        self._environment = _environment()
        self._listed: dict[str, list[TreeEntry]] = {}
        self.folder = folder
        found = self._run("rev-parse", "--show-toplevel", "--git-dir")
        if found.returncode:
            raise refusal(folder, found.stderr.decode(errors="replace"))
        self.folder = Path(os.fsdecode(found.stdout.split(b"\n")[0]))
        self.root = "" if root is None else _below(self.folder, folder / root)
        """The folder that bundles are made of, with a slash behind it; empty: all of the repository."""

    def resolve(self, revision: str, *, allow_dirty: bool = False) -> Commit:
        """The commit that a revision names.

        Raises UsageError for one that names none, Refused (code `dirty-tree`) when it is HEAD and the work tree has
        changes, unless `allow_dirty`: then the commit is that of the work tree, and says so.
        """
        with ThreadPoolExecutor(1) as pool:  # git status looks at every file: the rest is done meanwhile
            early = pool.submit(self._changes) if revision == "HEAD" else None
            sha = self.commit(revision)
            if sha is None:
                raise self._unknown(revision)
            found = self.git("show", "--no-patch", "--format=%H%n%T%n%ct%n%s", "--end-of-options", sha)
            full, tree, seconds, subject, *_ = [*found.decode(errors="replace").split("\n"), ""]
            commit = Commit(full, tree, datetime.fromtimestamp(int(seconds), UTC), subject)
            if early:
                with suppress(EbcdError):  # `entries` tells that again, where it matters
                    self._listed = {tree: self.entries(tree)}
        if early is None and full != self.commit("HEAD"):
            return commit
        changes = early.result() if early else self._changes()
        if not changes:
            return commit
        if not allow_dirty:
            raise self._dirty(changes)
        with self.work_tree() as work:
            return Commit(full, work.tree, commit.time, subject, dirty=work.tree)

    def entries(self, tree: str) -> list[TreeEntry]:
        """Every path below the root in a tree, as seen from the root, in git's order: that of the paths' bytes.

        Raises Refused: code `bad-name` for a name that a zip cannot carry, `no-root` where the tree has no such folder.
        """
        if tree in self._listed:
            return self._listed[tree]
        lines = self._try("ls-tree", "-r", "-z", "-l", "--full-tree", f"{tree}:{self.root.rstrip('/')}")
        if lines is None:
            raise self._rootless(tree)
        return [_entry(line) for line in names_in(lines).split("\0") if line]

    @contextmanager
    def blobs(self, entries: Iterable[TreeEntry]) -> Iterator[BlobReader]:
        """A reader of the blobs of these entries, in order, through one `git cat-file --batch`."""
        with TemporaryFile() as requests:
            requests.write("".join(f"{entry.blob}\n" for entry in entries).encode())
            requests.seek(0)
            command = self._command("cat-file", "--batch", "--buffer")
            with subprocess.Popen(
                command, stdin=requests, stdout=subprocess.PIPE, env=self._environment, bufsize=_PIPE
            ) as process:
                assert process.stdout is not None
                try:
                    yield BlobReader(process.stdout)
                finally:
                    process.kill()  # where somebody stopped reading, it would wait for ever

    def blob(self, entry: TreeEntry) -> bytes:
        """The content of one blob."""
        with self.blobs([entry]) as reader:
            return reader.read(entry)

    def work_tree(self) -> WorkTree:
        """The work tree's changes as a tree of git, kept apart from the repository."""
        return WorkTree(self)

    def submodule(self, path: str) -> Repository:
        """The repository of a submodule. Raises UsageError when it is not checked out."""
        folder = self.folder / self.root / path
        if not (folder / ".git").exists():
            raise UsageError(
                f"The submodule {path} is not checked out.",
                why="Its commits are not on this machine.",
                hint="git submodule update --init --recursive",
                code="submodule",
            )
        return Repository(folder)

    def mentions(self, tree: str, text: str, paths: str) -> bool:
        """Whether one of a tree's files that a pathspec of git names has a text in it."""
        return self._try("grep", "--quiet", "--fixed-strings", "-e", text, tree, "--", paths) is not None

    def objects(self) -> dict[str, str]:
        """The variables by which another repository finds the objects of this one."""
        names = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
        if names[0] in self._environment:
            return {name: self._environment[name] for name in names}
        shared = self.git("rev-parse", "--git-path", "objects").decode().strip()
        return {names[0]: str((self.folder / shared).resolve())}

    def commit(self, revision: str) -> str | None:
        """The id of the commit that a revision names; None where this clone has none."""
        name = f"{revision}^{{commit}}"
        found = self._try("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return found.decode().strip() if found else None

    def _changes(self) -> list[str]:
        scope = ["--", f":(top,literal){self.root}"] if self.root else []
        lines = self.git("status", "--porcelain", "-z", "--untracked-files=normal", *scope).split(b"\0")
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
        if self.commit("HEAD") is None:
            return UsageError(
                "The repository has no commit yet.",
                why="There is nothing to ship.",
                hint="git add -A && git commit",
                code="unknown-revision",
            )
        return UsageError(
            f"{revision!r} names no commit.",
            why=f"git finds no such revision in {self.folder}.",
            hint="git log --oneline shows commits; git fetch may bring it.",
            code="unknown-revision",
        )

    def _rootless(self, tree: str) -> EbcdError:
        """Why a tree cannot be listed."""
        if self.root and self._try("cat-file", "-e", tree) is not None:
            return Refused(
                f"The commit has no folder {self.root}.",
                why="A bundle is made of the folder of ebcd.toml, or of the one that bundle.root names.",
                hint='Commit it; or name another folder, seen from ebcd.toml: root = ".." under [bundle].',
                code="no-root",
            )
        return _missing_object(tree)

    def _command(self, *arguments: str) -> list[str]:
        return ["git", "-C", str(self.folder), "-c", "core.quotePath=false", *arguments]

    def git(self, *arguments: str, given: bytes = b"", environment: Mapping[str, str] = _NOTHING) -> bytes:
        """What a git command prints. Raises UsageError (code `git-failed`).

        given: what it reads. environment: variables beside those that this repository needs.
        """
        done = self._run(*arguments, given=given, environment=environment)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            why = said or f"It exited with {done.returncode} and said nothing."
            raise UsageError(f"git {arguments[0]} failed.", why=why, hint=fsck(self.folder), code="git-failed")
        return done.stdout

    def _try(self, *arguments: str) -> bytes | None:
        """git's answer, or None where it says no."""
        done = self._run(*arguments)
        return None if done.returncode else done.stdout

    def _run(
        self, *arguments: str, given: bytes = b"", environment: Mapping[str, str] = _NOTHING
    ) -> subprocess.CompletedProcess[bytes]:
        """A git command, run. Raises UsageError (code `git-failed`) where git cannot be started."""
        try:
            return subprocess.run(
                self._command(*arguments),
                env={**self._environment, **environment},
                input=given,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise UsageError("git cannot be run.", why=str(error), hint="git --version", code="git-failed") from error


class BlobReader:
    """The blobs that were asked for, one after the other. Raises UsageError (`missing-object`) for one that is not
    in the clone.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, entry: TreeEntry) -> bytes:
        """The next one's content."""
        return b"".join(self.pieces(entry, max(entry.size, 1)))

    def pieces(self, entry: TreeEntry, length: int) -> Iterator[bytes]:
        """The next one's content, in pieces of a length."""
        header = self._stream.readline().split()
        if len(header) != 3:
            raise _missing_object(entry.blob)
        left = int(header[2])
        while left:
            piece = self._stream.read(min(left, length))
            if not piece:
                raise _missing_object(entry.blob)
            left -= len(piece)
            yield piece
        self._stream.read(1)


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
        own = Path(os.fsdecode(repository.git("rev-parse", "--absolute-git-dir")).strip())
        index = Path(self._folder.name) / "index"
        if (own / "index").exists():
            shutil.copyfile(own / "index", index)
        shared = repository.objects()["GIT_OBJECT_DIRECTORY"]
        repository._environment |= {
            "GIT_INDEX_FILE": str(index),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": shared,
        }
        repository.git("add", "--all")
        self.tree = repository.git("write-tree").decode().strip()
        return self

    def __exit__(self, *_: object) -> None:
        """Forget the objects."""
        self._repository._environment = _environment()
        self._folder.cleanup()


def _environment() -> dict[str, str]:
    """The environment without what would turn git to another repository, or change its words."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


def _entry(line: str) -> TreeEntry:
    head, _, path = line.partition("\t")
    mode, _, blob, size = head.split()
    return TreeEntry(path, int(mode, 8), blob, int(size) if size.isdigit() else 0)


def _below(repository: Path, folder: Path) -> str:
    """A folder as seen from the repository's own, with a slash behind it. Raises UsageError for one outside."""
    place = folder.resolve()
    if place.is_relative_to(repository.resolve()):
        inner = place.relative_to(repository.resolve()).as_posix()
        return "" if inner == "." else f"{inner}/"
    raise UsageError(
        f"The folder {folder} cannot be bundled.",
        why=f"It is outside of the repository {repository}.",
        hint="Name a folder of the repository, as seen from ebcd.toml: root, under [bundle].",
        code="bad-root",
    )


def _missing_object(blob: str) -> UsageError:
    return UsageError(
        f"The object {blob} is not in this clone.",
        why="The clone is shallow or partial.",
        hint="git fetch --unshallow, or clone without --filter.",
        code="missing-object",
    )
