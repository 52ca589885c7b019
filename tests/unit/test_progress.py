"""Progress of a transfer: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
import re

from rich.console import Console

from ebcd.cli.progress import INTERVAL, PlainProgress, progress
from ebcd.release.execute.context import Status


def test_a_log_gets_a_line_now_and_then_with_rate_and_remaining_time() -> None:
    out, time = io.StringIO(), [100.0]
    plain = PlainProgress(Console(file=out, width=200), lambda: time[0])
    plain.begin("upload")
    for second in range(11):
        time[0] = 100.0 + second
        plain.transferred(second * 10_000_000, 300_000_000)
    plain.end("upload", Status.DONE, 11.0, "")
    lines = out.getvalue().splitlines()
    assert INTERVAL == 5.0
    assert lines[1:3] == ["    50 of 300 MB, 10.0 MB/s, 25 s left", "    100 of 300 MB, 10.0 MB/s, 20 s left"]
    assert len(lines) == 4


def test_a_terminal_gets_a_bar_in_the_place_of_the_spinner() -> None:
    out = io.StringIO()
    terminal = progress(Console(file=out, force_terminal=True, width=120), quiet=False, verbose=False)
    terminal.begin("upload the source bundle")
    terminal.transferred(100_000_000, 300_000_000)
    terminal.transferred(300_000_000, 300_000_000)
    terminal.note("something happened")
    terminal.end("upload the source bundle", Status.DONE, 1.0, "300.0 MB sent")
    told = out.getvalue()
    assert "300.0/300.0 MB" in told
    assert "━" in told
    assert told.rstrip().endswith("1.0 s\x1b[0m")


def test_what_a_step_saw_goes_on_a_line_of_its_own_where_it_does_not_fit() -> None:
    out = io.StringIO()
    terminal = progress(Console(file=out, force_terminal=True, width=60), quiet=False, verbose=False)
    terminal.end("wait until every instance runs the version", Status.DONE, 3.7, "1 of 1 instance")
    terminal.end("smoke test", Status.DONE, 0.1, "/ 200")
    lines = [re.sub("\x1b.*?m", "", line) for line in out.getvalue().splitlines()]
    assert lines == [
        "  ✔ wait until every instance runs the version",
        "    1 of 1 instance  3.7 s",
        "  ✔ smoke test  / 200  0.1 s",
    ]


def test_the_time_is_whole_beside_a_long_step() -> None:
    out = io.StringIO()
    terminal = progress(Console(file=out, force_terminal=True, width=40), quiet=False, verbose=False)
    terminal.begin("wait until shop-local-r1 runs the version")
    terminal.end("wait", Status.DONE, 0.0, "")
    assert "0:00:00" in out.getvalue()


def test_quiet_is_quiet() -> None:
    out = io.StringIO()
    silent = progress(Console(file=out), quiet=True, verbose=False)
    silent.begin("upload")
    silent.transferred(1, 2)
    silent.end("upload", Status.DONE, 1.0, "")
    assert out.getvalue() == ""
