"""Progress of a transfer: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
import re
from contextlib import suppress

import pytest
from rich.console import Console

from ebcd.cli.progress import INTERVAL, PlainProgress, progress, transfer
from ebcd.release.execute.context import Status
from ebcd.release.execute.estimate import Position


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


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_bar_splits_no_number_on_a_narrow_terminal(width: int) -> None:
    out = io.StringIO()
    terminal = progress(Console(file=out, force_terminal=True, width=width), quiet=False, verbose=False)
    terminal.begin("upload the source bundle (300.0 MB)", Position(2, 9, step=7.0, after=5.0, complete=True))
    terminal.transferred(100_000_000, 300_000_000)
    terminal.end("upload", Status.DONE, 1.0, "")
    lines = re.sub("\x1b.*?[A-Za-z]", "", out.getvalue()).replace("\r", "\n").splitlines()
    assert any("100.0/300.0 MB" in line for line in lines)
    assert any("━" * 8 in line for line in lines)
    assert "2 of 9" in "".join(lines)
    assert max(len(line.rstrip()) for line in lines) <= width
    assert not any("…" in line for line in lines)


def test_a_transfer_of_which_nothing_tells_the_size_has_no_remaining_time() -> None:
    out, time = io.StringIO(), [100.0]
    plain = PlainProgress(Console(file=out, width=200), lambda: time[0])
    plain.begin("fetch the wheels")
    time[0] = 110.0
    plain.transferred(50_000_000, 0)
    assert out.getvalue().splitlines()[1] == "    50 MB, 5.0 MB/s"
    terminal = progress(Console(file=out, force_terminal=True, width=120), quiet=False, verbose=False)
    terminal.begin("fetch the wheels")
    terminal.transferred(50_000_000, 0)
    terminal.end("fetch the wheels", Status.DONE, 1.0, "")
    assert "50.0/? MB" in out.getvalue()


def test_a_transfer_is_a_step_once_bytes_come_and_none_where_nothing_is_fetched() -> None:
    out = io.StringIO()
    plain = PlainProgress(Console(file=out, width=200))
    with transfer(plain, "fetch the wheels") as transferred:
        transferred(0, 0)
    assert out.getvalue() == ""
    with suppress(KeyError), transfer(plain, "fetch the wheels") as transferred:
        transferred(1_000, 2_000)
        raise KeyError
    began, ended = out.getvalue().splitlines()
    assert began == "… fetch the wheels"
    assert ended.startswith("failed fetch the wheels: 1.0 kB [")


def test_quiet_is_quiet() -> None:
    out = io.StringIO()
    silent = progress(Console(file=out), quiet=True, verbose=False)
    silent.begin("upload")
    silent.transferred(1, 2)
    silent.end("upload", Status.DONE, 1.0, "")
    assert out.getvalue() == ""
