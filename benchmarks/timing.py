"""What the benchmarks share: whole processes timed in alternating rounds, and rows of one table.

Every round runs each case once, so that what else the machine does strikes all of them alike. A row compares medians of
the same rounds; only ratios travel from one machine to another.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Case:
    """A command, and what has to be done before each run of it, untimed."""

    command: Sequence[str | Path]
    cwd: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], object] = lambda: None
    codes: frozenset[int] = frozenset({0})
    """Exit codes that are no failure."""


@dataclass
class Sample:
    """What the runs of a case took."""

    wall: list[float] = field(default_factory=list)
    """Seconds."""
    processor: list[float] = field(default_factory=list)
    """Seconds of processor time, children's too."""
    peak: list[float] = field(default_factory=list)
    """Megabytes of the largest process."""

    @property
    def median(self) -> float:
        return statistics.median(self.wall)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    value: float
    target: float
    unit: str
    """`of it`: a share of the peer's; `s`; `MB`; `%`; `calls`; `open` connections."""
    against: str
    detail: str = ""

    @property
    def held(self) -> bool:
        return self.value <= self.target


def rounds(cases: Mapping[str, Case], runs: int) -> dict[str, Sample]:
    """Run all cases in alternation."""
    found = {name: Sample() for name in cases}
    for _ in range(runs):
        for name, case in cases.items():
            case.prepare()
            once(case, found[name])
    return found


def once(case: Case, sample: Sample) -> None:
    """Run a case, and add what it took."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in case.command],
        cwd=case.cwd,
        env=os.environ | dict(case.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    spent = time.perf_counter() - start
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in case.codes:
        sys.exit(f"{' '.join(map(str, case.command))}: {process.returncode}\n{said.decode(errors='replace')}")
    sample.wall.append(spent)
    sample.processor.append(used.ru_utime + used.ru_stime)
    sample.peak.append(used.ru_maxrss / 1024)


def ratio(what: str, ours: Sample, peer: Sample, target: float, against: str) -> Row:
    """A row: our median as a share of the peer's."""
    detail = (
        f"{ours.median:.2f} s ({min(ours.wall):.2f} to {max(ours.wall):.2f}; processor "
        f"{statistics.median(ours.processor):.2f}) to {peer.median:.2f} s ({min(peer.wall):.2f} to "
        f"{max(peer.wall):.2f}; processor {statistics.median(peer.processor):.2f})"
    )
    return Row(what, ours.median / peer.median, target, "of it", against, detail)


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | measured | at most | against | medians (spread) |", "|---|---|---|---|---|"]
    for row in rows:
        mark = "" if row.held else " **missed**"
        cells = (row.what, _told(row.value, row.unit) + mark, _told(row.target, row.unit), row.against, row.detail)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _told(value: float, unit: str) -> str:
    match unit:
        case "of it":
            return f"{value:.2f}"
        case "MB" | "calls" | "open":
            return f"{value:.0f} {unit}"
        case _:
            return f"{value:.2f} {unit}"
