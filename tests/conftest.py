"""The suite runs as in a person's shell, in a CI job too: tests that need CI's variables set them.

ebcd prints other hints where `CI` is set, and guards its output where `GITHUB_ACTIONS` is. In a CI job a program that a
test needs must be there: a test that is skipped proves nothing, and nobody reads that it was.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import sys

import pytest

COMPLETE = "TESTS_SKIP_NOTHING"
"""Set in a CI job, for the workers of pytest-xdist too, which start when CI's own variables are gone."""

if os.environ.get("CI") == "true":
    os.environ[COMPLETE] = "1"
for name in [name for name in os.environ if name == "CI" or name.startswith("GITHUB_")]:
    del os.environ[name]


M_MMAP_THRESHOLD, MEBIBYTE = -3, 1 << 20
if sys.platform == "linux":
    # glibc keeps large blocks that were freed for later ones of their size, an arena a thread: 16 passwords that are
    # hashed at once would hold 250 MB of a worker to its end. Blocks above a threshold that is set are given back.
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MEBIBYTE)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marker `needs` names programs of which none is on PATH, and in a CI job fail it. Where another
    sandbox forbids bubblewrap its namespaces, the test is skipped in a CI job, too.
    """
    for mark in item.iter_markers("needs"):
        if not any(map(shutil.which, mark.args)):
            missing = f"needs {' or '.join(mark.args)} on PATH"
            if os.environ.get(COMPLETE):
                pytest.fail(f"{missing}: .ci/run installs it where it may", pytrace=False)
            pytest.skip(missing)
        if "bwrap" in mark.args and not _makes_namespaces():
            pytest.skip("bubblewrap may make no namespaces here: another sandbox forbids it")


@functools.cache
def _makes_namespaces() -> bool:
    done = subprocess.run(["bwrap", "--ro-bind", "/", "/", "true"], capture_output=True, check=False)
    return done.returncode == 0
