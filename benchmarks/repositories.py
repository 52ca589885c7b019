"""Git repositories of a realistic kind: the sources of the standard library and of the packages that are installed."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

MANY = 20_000
"""Files from which they are small ones, so that the repository does not become a gigabyte."""
LARGEST, SMALL = 5_000_000, 16_000
"""Bytes; a larger file of the machine's is left out."""


def realistic(folder: Path, files: int) -> Path:
    """A repository of so many files, in two commits of which the second changes five.

    Where the machine has fewer, they come again in another folder, each with a line of its own.
    """
    sources = list(_sources(SMALL if files >= MANY else LARGEST))
    rounds = (itertools.repeat(number, len(sources)) for number in itertools.count())
    numbered = zip(itertools.chain.from_iterable(rounds), itertools.cycle(sources), strict=False)
    paths = []
    for copy, (name, source) in itertools.islice(numbered, files):
        path = folder / f"part{copy}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes() + (f"\n# part {copy}\n".encode() if copy else b""))
        paths.append(path)
    commit(folder, "All of it")
    git(folder, "repack", "-a", "-d", "-q")
    change(folder, paths[:: len(paths) // 5][:5])
    return folder


def large(folder: Path, megabytes: int) -> Path:
    """A repository of few large files: a third text, two thirds what does not shrink."""
    noise = random.Random(1)
    folder.mkdir(parents=True)
    text = b"".join(f"{number},{number * number},some words of line {number}\n".encode() for number in range(20_000))
    sizes = itertools.cycle((1, 2, 4, 8, 16, 32))
    left, number = megabytes, 0
    while left > 0:
        size = min(next(sizes), left)
        content = text * 2 if number % 3 == 0 else noise.randbytes(1024**2)
        block = (content * 2)[: 1024**2]
        (folder / f"{number:03}.dat").write_bytes(bytes([number % 256]) + block * size)
        left, number = left - size, number + 1
    commit(folder, "Large files")
    return folder


def change(folder: Path, paths: list[Path]) -> None:
    """Change files, each by a line, and commit."""
    for path in paths:
        with path.open("ab") as stream:
            stream.write(b"\n# changed\n")
    commit(folder, f"Change {len(paths)} files")


def git(folder: Path, *arguments: str) -> None:
    """Run git in a repository."""
    command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "gc.auto=0", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str) -> None:
    """Commit everything below a folder, which becomes a repository."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "-m", message)


def _sources(largest: int) -> Iterator[tuple[str, Path]]:
    """Each file below the standard library and site-packages, without what Python compiled."""
    for key in ("stdlib", "purelib"):
        root = Path(sysconfig.get_path(key))
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in {"__pycache__", "site-packages", ".git"})
            for name in sorted(names):
                path = Path(folder) / name
                if path.is_file() and not path.is_symlink() and path.stat().st_size <= largest:
                    yield f"{key}/{path.relative_to(root)}", path
