"""How a run ended: which rows of docs/aws.md held, which did not, which were not tried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from beliefs import Belief

HELD, BROKEN, UNTRIED = "held", "did not hold", "not tried"


@dataclass
class Outcomes:
    """A plugin of pytest that keeps how each test about a row ended."""

    rows: dict[str, set[str]] = field(default_factory=dict)
    """Row → its tests."""
    ended: dict[str, str] = field(default_factory=dict)
    """Test → how it ended."""
    why: dict[str, str] = field(default_factory=dict)
    """Test → the last line of what was wrong."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for mark in item.iter_markers("row"):
                self.rows.setdefault(mark.args[0], set()).add(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or (report.when == "setup" and not report.passed):
            tried = report.when == "call" and not report.skipped
            self.ended[report.nodeid] = (HELD if report.passed else BROKEN) if tried else UNTRIED
            if not report.passed:
                self.why[report.nodeid] = _last_line(report)

    def of_row(self, row: str) -> str:
        """How a row fared: it held where all of its tests passed."""
        found = {self.ended.get(test, UNTRIED) for test in self.rows.get(row, ())} or {UNTRIED}
        return BROKEN if BROKEN in found else HELD if found == {HELD} else UNTRIED


def _last_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr)).splitlines()[0]


@dataclass(frozen=True)
class Report:
    """What a run found out."""

    run: str
    region: str
    outcomes: Outcomes
    beliefs: Sequence[Belief]
    clean: bool
    """Whether all that it made was removed."""

    @property
    def text(self) -> str:
        """A line a row, those that did not hold with what was wrong."""
        lines = []
        for belief in self.beliefs:
            fared = self.outcomes.of_row(belief.id)
            lines.append(f"{fared:<12}  {belief.id}")
            lines += [
                f"{'':<14}{test}: {self.outcomes.why[test]}"
                for test in self._tests(belief)
                if test in self.outcomes.why
            ]
        counts = ", ".join(f"{self._count(kind)} {kind}" for kind in (HELD, BROKEN, UNTRIED))
        return "\n".join([*lines, f"{len(self.beliefs)} rows of docs/aws.md: {counts}."])

    def _count(self, kind: str) -> int:
        return sum(self.outcomes.of_row(belief.id) == kind for belief in self.beliefs)

    def _tests(self, belief: Belief) -> list[str]:
        return sorted(self.outcomes.rows.get(belief.id, ()))

    @property
    def content(self) -> dict[str, object]:
        """The same for programs."""
        rows = [
            {
                "id": belief.id,
                "sure": belief.sure,
                "outcome": self.outcomes.of_row(belief.id),
                "tests": [
                    {
                        "test": test,
                        "outcome": self.outcomes.ended.get(test, UNTRIED),
                        "why": self.outcomes.why.get(test, ""),
                    }
                    for test in self._tests(belief)
                ],
            }
            for belief in self.beliefs
        ]
        return {"schema": 1, "run": self.run, "region": self.region, "removed": self.clean, "rows": rows}

    def write(self, folder: Path) -> str:
        """Write both below a folder; says where."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.run}.txt").write_text(self.text + "\n")
        (folder / f"{self.run}.json").write_text(json.dumps(self.content, indent=2) + "\n")
        return f"The report is in {folder / self.run}.txt and .json."
