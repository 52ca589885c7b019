"""Local Beanstalks for the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running import Local, running


@pytest.fixture(scope="session")
def local() -> Iterator[Local]:
    """A server for tests that leave it as it is."""
    with running() as server:
        yield server


@pytest.fixture
def own() -> Iterator[Local]:
    """A server for a test that stops or kills it."""
    with running() as server:
        yield server
