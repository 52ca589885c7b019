"""How much of a ship is ebcd's own where AWS takes its own time: five minutes to create an environment.

    python benchmarks/waits.py [--ships 40]

The clock is simulated, and only calls and waits move it; AWS is too, at the durations of `tests/unit/simulated.py`.
Each read counts as if it came alone, also those that ebcd sends at once: a real ship is quicker.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "unit"))
from simulated import Durations, World
from timing import Row, table

from ebcd.cli.session import AWS_INTERVAL

LOST, MINUTE = 3.0, 12
"""Per cent of a ship; DescribeEnvironments within any minute."""
EACH = 8
"""Ships on one stage, before there is a new one."""


def measure(ships: int) -> Iterator[Row]:
    """The rows, as they are measured."""
    found = []
    while len(found) < ships:
        world = World(pause=AWS_INTERVAL)
        found += [world.ship() for _ in range(EACH)][1:]
    lost = [100 * item.lost for item in found]
    calls = statistics.median(item.calls.total() for item in found)
    spent, own = statistics.median(item.seconds for item in found), statistics.median(item.aws for item in found)
    yield Row(
        f"a ship's share that is ebcd's own, {Durations().creation:.0f} s to create an environment",
        statistics.median(lost),
        LOST,
        "%",
        "",
        f"{spent:.0f} s, {own:.0f} of them AWS's; {min(lost):.2f} to {max(lost):.2f} %; {calls:.0f} calls of "
        f"Beanstalk's API; {len(found)} ships",
    )
    most = [item.most_looks for item in found]
    yield Row(
        "DescribeEnvironments within any minute of it, at most",
        max(most),
        MINUTE,
        "calls",
        "",
        f"median {statistics.median(most):.0f}",
    )


def main() -> int:
    """Measure and tell; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ships", type=int, default=40)
    rows = list(measure(parser.parse_args().ships))
    print(table(rows))
    return int(not all(row.held for row in rows))


if __name__ == "__main__":
    sys.exit(main())
