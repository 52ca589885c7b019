"""How soon a command answers, next to `eb` and `aws`; and how much of a rollback is ebcd's own time.

python benchmarks/startup.py [--runs 7]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import programs
from programs import Local
from repositories import change, commit
from timing import Case, Row, Sample, once, ratio, rounds, table

VERSION, HELP, LOOK = 0.05, 0.20, 0.33
"""Shares of the peer's time."""
ROLLBACK = 0.6
"""Seconds of ebcd's own in a rollback."""
EB = """
branch-defaults: {default: {environment: shop-local-r1}}
global: {application_name: shop, default_region: eu-central-1, workspace_type: Application}
"""


def measure(runs: int, ebcd: Path, peers: Path) -> Iterator[Row]:
    """The rows, as they are measured."""
    with TemporaryDirectory(prefix="ebcd-bench-") as folder, programs.local_beanstalk() as local:
        repository = Path(folder) / "shop"
        programs.product(repository)
        commit(repository, "One")
        programs.run([ebcd / "ebcd", "ship"], repository, local.environ)
        yield from _answers(repository, runs, ebcd, peers, local)
        change(repository, [repository / "server.py"])
        programs.run([ebcd / "ebcd", "ship"], repository, local.environ)
        yield _rollback(repository, runs, ebcd, local)


def _answers(repository: Path, runs: int, ebcd: Path, peers: Path, local: Local) -> Iterator[Row]:
    apart = repository.parent / "eb"
    (apart / ".elasticbeanstalk").mkdir(parents=True)
    (apart / ".elasticbeanstalk" / "config.yml").write_text(EB)
    completion = {"_EBCD_COMPLETE": "complete_bash", "COMP_WORDS": "ebcd sh", "COMP_CWORD": "1"}
    theirs = local.keys | {"HOME": str(apart)}
    found = rounds(
        {
            "eb --version": Case([peers / "eb", "--version"], apart, theirs),
            "--version": Case([ebcd / "ebcd", "--version"], repository),
            "--help": Case([ebcd / "ebcd", "--help"], repository),
            "completion": Case([ebcd / "ebcd"], repository, completion),
            "status": Case([ebcd / "ebcd", "status"], repository, local.environ),
            "eb status": Case([peers / "eb", "status"], apart, theirs),
            "aws": Case([peers / "aws", "elasticbeanstalk", "describe-environments"], apart, theirs),
        },
        runs,
    )
    yield ratio("`ebcd --version`", found["--version"], found["eb --version"], VERSION, "`eb --version`")
    yield ratio("`ebcd --help`", found["--help"], found["eb --version"], HELP, "`eb --version`")
    yield ratio("shell completion", found["completion"], found["eb --version"], HELP, "`eb --version`")
    yield ratio("`ebcd status`", found["status"], found["eb status"], LOOK, "`eb status`")
    yield ratio("`ebcd status`", found["status"], found["aws"], LOOK, "`aws elasticbeanstalk describe-environments`")


def _rollback(repository: Path, runs: int, ebcd: Path, local: Local) -> Row:
    """Whole process less the time in which the server is at work: its calls, and the swap until it says it is done."""
    case, found, own = Case([ebcd / "ebcd", "swap", "--rollback"], repository, local.environ), Sample(), []
    for _ in range(runs):
        before, start = local.last(), time.time()
        once(case, found)
        own.append(found.wall[-1] - _served(local, before, start, time.time()))
        programs.run([ebcd / "ebcd", "swap", "--to", "r2"], repository, local.environ)
    detail = (
        f"{found.median:.2f} s in all; own {min(own):.2f} to {max(own):.2f}; processor "
        f"{statistics.median(found.processor):.2f}"
    )
    return Row("`ebcd swap --rollback`, own time", statistics.median(own), ROLLBACK, "s", "", detail)


def _served(local: Local, before: int, start: float, end: float) -> float:
    """Seconds of a run in which the server was at work."""
    calls = local.calls(before)
    spans = [(call["time"], call["time"] + call["seconds"]) for call in calls]
    swaps = [call["time"] for call in calls if call["operation"] == "SwapEnvironmentCNAMEs"]
    spans += [(swap, done) for swap in swaps if (done := _completed(local, swap)) is not None]
    total, last = 0.0, start
    for begin, until in sorted(spans):
        total += max(0.0, min(until, end) - max(begin, last))
        last = max(last, until)
    return total


def _completed(local: Local, after: float) -> float | None:
    """When the server said that a swap was complete."""
    import boto3

    told = local.told
    client = boto3.client(
        "elasticbeanstalk",
        "eu-central-1",
        endpoint_url=told["endpoint_url"],
        aws_access_key_id=told["access_key_id"],
        aws_secret_access_key=told["secret_access_key"],
    )
    events: list[dict[str, Any]] = client.describe_events(ApplicationName="shop")["Events"]
    times: list[datetime] = [item["EventDate"] for item in events if item["Message"].startswith("Completed swapping")]
    return min((time.timestamp() for time in times if time.timestamp() >= after), default=None)


def main() -> int:
    """Measure and tell; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    rows = list(measure(parser.parse_args().runs, programs.ebcd(), programs.peers()))
    print(table(rows))
    return int(not all(row.held for row in rows))


if __name__ == "__main__":
    sys.exit(main())
