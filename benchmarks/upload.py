"""What of a large bundle's second upload crosses the wire, by the local Beanstalk's own count.

    python benchmarks/upload.py [--files 300]

A repository of files of 1 MB that do not shrink is published; then 1 % of them change, side by side or apart, and it is
published again.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import programs
from programs import Local
from repositories import commit
from timing import Row, table

SHARE = 5.0
"""Per cent of the bundle that may be sent."""
CHANGED = 0.01


def measure(ebcd: Path, files: int) -> Iterator[Row]:
    """The rows, as they are measured."""
    with TemporaryDirectory(prefix="ebcd-bench-") as folder, programs.local_beanstalk() as local:
        repository = Path(folder) / "shop"
        programs.product(repository)
        for number in range(files):
            _write(repository, number, 0)
        commit(repository, "All")
        count = max(1, round(files * CHANGED))
        whole, seconds = _publish(repository, ebcd, local)
        for name, chosen in {
            "side by side": range(files // 2, files // 2 + count),
            "apart": range(files // 10, files, files // count),
        }.items():
            for number in chosen:
                _write(repository, number, 1 if name == "apart" else 2)
            commit(repository, name)
            sent, again = _publish(repository, ebcd, local)
            detail = f"{sent / 1e6:.1f} of {whole / 1e6:.1f} MB; {again:.1f} s to {seconds:.1f} s"
            yield Row(
                f"second upload of {whole / 1e6:.0f} MB, 1 % changed, {name}",
                100 * sent / whole,
                SHARE,
                "%",
                "the first",
                detail,
            )


def _write(repository: Path, number: int, version: int) -> None:
    content = random.Random(f"{number}.{version}").randbytes(1_000_000)
    (repository / f"{number:04}.bin").write_bytes(content)


def _publish(repository: Path, ebcd: Path, local: Local) -> tuple[int, float]:
    """Publish HEAD; bytes that the server received, and seconds."""
    before, start = local.last(), time.perf_counter()
    programs.run([ebcd / "ebcd", "publish"], repository, local.environ)
    spent = time.perf_counter() - start
    return sum(call["received"] for call in local.calls(before)), spent


def main() -> int:
    """Measure and tell; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=300)
    rows = list(measure(programs.ebcd(), parser.parse_args().files))
    print(table(rows))
    return int(not all(row.held for row in rows))


if __name__ == "__main__":
    sys.exit(main())
