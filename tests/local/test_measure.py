"""What an instance's processes use is read from them and their children, and from no other process."""

from __future__ import annotations

import subprocess
import sys
import time

from ebcd_local.measure import Measure, Usage

BUSY = f"{sys.executable} -c 'while True: pass'; true"


def test_a_process_is_measured_with_its_children() -> None:
    process = subprocess.Popen(["/bin/sh", "-c", BUSY], start_new_session=True)
    measure = Measure()
    try:
        deadline = time.monotonic() + 20
        while not (seen := measure.of([process.pid])).cpu and time.monotonic() < deadline:
            time.sleep(0.05)
        assert seen.cpu > 0
        assert seen.processes == 2
        assert seen.memory > 1_000_000
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.wait(10)


def test_what_is_gone_uses_nothing() -> None:
    process = subprocess.Popen(["true"])
    process.wait(10)
    assert Measure().of([process.pid]) == Usage()
    assert Measure().of([]) == Usage()
