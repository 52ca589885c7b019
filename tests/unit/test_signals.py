"""A second signal: it ends the process at once, and not while a swap or a way back is being finished."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PROGRAM = """
import sys
from contextlib import nullcontext
from ebcd.cli.signals import interruptible
from ebcd.errors import Interrupted

clock = interruptible()
twice = lambda: clock.uninterrupted(even_twice=True)
block = {"wait": nullcontext, "once": clock.uninterrupted, "twice": twice}
try:
    with block[sys.argv[1]]():
        print("in", flush=True)
        if sys.argv[1] == "wait":
            clock.sleep(60)
        sys.stdin.readline()
    print("out", flush=True)
    clock.sleep(60)
except Interrupted as error:
    print("interrupted", flush=True)
    sys.stdin.readline()
    sys.exit(error.exit_code)
"""


@contextmanager
def program(block: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, block],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def told(process: subprocess.Popen[str]) -> str:
    """What a signal that was ignored is answered with."""
    assert process.stderr is not None
    assert process.stderr.readline() == "\n"
    return process.stderr.readline()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize("block", ["wait", "once"])
def test_the_second_ends_the_process_at_once(block: str) -> None:
    with program(block) as process:
        process.send_signal(signal.SIGINT)
        if block == "wait":
            assert process.stdout is not None
            assert process.stdout.readline() == "interrupted\n"
        else:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 130


def test_while_a_swap_or_a_way_back_is_finished_it_is_told_and_ignored() -> None:
    """As GitHub sends them: SIGINT, then SIGTERM."""
    with program("twice") as process:
        process.send_signal(signal.SIGINT)
        for second in (signal.SIGTERM, signal.SIGINT):
            process.send_signal(second)
            said = told(process)
            assert second.name in said
            assert f"kill -9 {process.pid}" in said
        go_on(process)
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["out\n", "interrupted\n"]
        go_on(process)
        assert process.wait(10) == 130


def test_behind_the_block_the_next_one_ends_it_again() -> None:
    with program("twice") as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        told(process)
        go_on(process)
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["out\n", "interrupted\n"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 130
