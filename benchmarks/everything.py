"""The whole table: every benchmark of ebcd against its peers, in one run; it is written into docs/performance.md.

    python benchmarks/everything.py [--runs 5]

`make bench` runs it. The peers are installed into environments of their own below `.bench`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # this checkout, whichever is installed
import bundle
import programs
import scale
import startup
import upload
import waits
from timing import ROOT, Row, table

DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- begin: make bench -->", "<!-- end -->"
FILES = [200, 5_000, 12_000, 50_000]


def main() -> int:
    """Measure, tell and write; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--files", type=int, nargs="+", default=FILES)
    given = parser.parse_args()
    start, load = time.monotonic(), [os.getloadavg()[0]]
    print("Installing ebcd and its peers below .bench …", file=sys.stderr)
    ebcd, peers = programs.ebcd(), programs.peers()
    rows: list[Row] = []
    try:
        for found in (
            startup.measure(given.runs, ebcd, peers),
            bundle.measure(given.runs, ebcd / "ebcd", given.files),
            upload.measure(ebcd, 300),
            scale.measure(given.runs),
            waits.measure(40),
        ):
            for row in found:
                print(f"{row.what}: {row.value:.2f}", file=sys.stderr)
                rows.append(row)
                load.append(os.getloadavg()[0])
    finally:  # what was measured is told, even where a benchmark fails
        told = f"{_circumstances(given.runs, load, time.monotonic() - start)}\n\n{table(rows)}"
        print(told)
        _write(told)
    return int(not all(row.held for row in rows))


def _circumstances(runs: int, load: list[float], seconds: float) -> str:
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    crowded = max(load) > 2 * (os.cpu_count() or 1)
    return (
        f"Commit {commit}, {datetime.now(UTC):%Y-%m-%d}; Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, {runs} runs of each, {seconds:.0f} s in all. "
        f"Processes that wanted to run at one time (load): {min(load):.1f} to {max(load):.1f}"
        f"{', far more than there are cores: times are longer and ratios less sure' if crowded else ''}."
    )


def _write(told: str, document: Path = DOCUMENT) -> None:
    head, _, rest = document.read_text().partition(BEGIN)
    document.write_text(f"{head}{BEGIN}\n{told}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    sys.exit(main())
