"""The account that the contract is tried on, and what the tests stand on. `on_account.py` has it tried on AWS."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from account import RUN, Account, new_run, of_environ
from ground import Environments, Ground, launched
from stand_in import REGION, stand_in


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    """The account that `on_account.py` was given; else a local Beanstalk."""
    if run := os.environ.get(RUN):
        found = of_environ(run)
        yield found
        found.close()
        return
    with stand_in() as server:
        found = Account(new_run(), REGION, server.endpoint_url, server.keys)
        yield found
        found.close()


@pytest.fixture(scope="session")
def ground(account: Account) -> Ground:
    return Ground(account)


@pytest.fixture(scope="session")
def environments(ground: Ground) -> Environments:
    return launched(ground)
