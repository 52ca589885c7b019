"""Bundles of repositories of three sizes, next to `git archive --format=zip`, and the memory that a large one needs.

    python benchmarks/bundle.py [--runs 5] [--ebcd PROGRAM] [--files 200 5000 50000]

Makes its own repositories in a temporary folder. Cold: no cache. Changed: the cache is that of the commit before, which
differs in five files. Warm: nothing changed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from repositories import large, realistic
from timing import ROOT, Case, Row, Sample, ratio, rounds, table

COLD, CHANGED, WARM = 0.55, 0.20, 0.12
"""Shares of git archive's time, for repositories that are not small."""
SMALL, SMALL_EXTRA = 1000, 0.15
"""Files below which a bundle may take that many seconds more than git archive."""
MEMORY, MEGABYTES = 150, 400


def measure(runs: int, ebcd: Path, files: list[int]) -> Iterator[Row]:
    """The rows, as they are measured."""
    for number in files:
        with TemporaryDirectory(prefix="ebcd-bench-") as folder:
            yield from _sizes(Path(folder), runs, ebcd, number)
    with TemporaryDirectory(prefix="ebcd-bench-") as folder:
        yield _memory(Path(folder), ebcd)


def _sizes(folder: Path, runs: int, ebcd: Path, number: int) -> Iterator[Row]:
    repository = realistic(folder / "repository", number)
    ours, theirs = folder / "ours.zip", folder / "theirs.zip"
    caches = {name: folder / f"cache-{name}" for name in ("cold", "changed", "warm")}
    bundle = [ebcd, "bundle", "-o", ours]
    before = folder / "cache-before"
    fill = {
        "before": Case([*bundle, "HEAD~1"], repository, {"XDG_CACHE_HOME": str(before)}),
        "warm": Case(bundle, repository, {"XDG_CACHE_HOME": str(caches["warm"])}),
    }
    rounds(fill, 1)

    def afresh() -> None:
        shutil.rmtree(caches["cold"], ignore_errors=True)

    def as_before() -> None:
        shutil.rmtree(caches["changed"], ignore_errors=True)
        shutil.copytree(before, caches["changed"], copy_function=os.link)

    prepare = {"cold": afresh, "changed": as_before, "warm": lambda: None}
    cases = {
        name: Case(bundle, repository, {"XDG_CACHE_HOME": str(cache)}, prepare[name]) for name, cache in caches.items()
    }
    peer = "git archive"
    found = rounds({peer: Case(["git", "archive", "--format=zip", "-o", theirs, "HEAD"], repository), **cases}, runs)
    for name, target in {"cold": COLD, "changed": CHANGED, "warm": WARM}.items():
        yield _row(f"bundle of {number:,} files, {name}", found[name], found[peer], target, small=number < SMALL)
    size = ours.stat().st_size / theirs.stat().st_size
    yield Row(
        f"bundle of {number:,} files, its size",
        size,
        1.0,
        "of it",
        peer,
        f"{ours.stat().st_size:,} to {theirs.stat().st_size:,} bytes",
    )


def _row(what: str, ours: Sample, peer: Sample, target: float, *, small: bool) -> Row:
    row = ratio(what, ours, peer, target, "git archive")
    if not small:
        return row
    return Row(what, ours.median - peer.median, SMALL_EXTRA, "s", "git archive, in addition", row.detail)


def _memory(folder: Path, ebcd: Path) -> Row:
    repository = large(folder / "repository", MEGABYTES)
    case = Case([ebcd, "bundle", "-o", folder / "ours.zip"], repository, {"XDG_CACHE_HOME": str(folder / "cache")})
    found = rounds({"ebcd": case}, 2)["ebcd"]
    return Row(
        f"peak memory for a tree of {MEGABYTES} MB",
        max(found.peak),
        MEMORY,
        "MB",
        "",
        f"cold {found.peak[0]:.0f} MB, warm {statistics.fmean(found.peak[1:]):.0f} MB",
    )


def main() -> int:
    """Measure and tell; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ebcd", type=Path, default=ROOT / ".venv" / "bin" / "ebcd")
    parser.add_argument("--files", type=int, nargs="+", default=[200, 5_000, 50_000])
    given = parser.parse_args()
    rows = list(measure(given.runs, given.ebcd, given.files))
    print(table(rows))
    return int(not all(row.held for row in rows))


if __name__ == "__main__":
    sys.exit(main())
