"""A PostgreSQL of the tests' own, and the application on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from workspaces import Founded, signed_up

from aespo.db import migrate
from aespo.development import EmbeddedPostgres, Urls
from aespo.web import Aespo, create_application

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    # Below /tmp, and not pytest's folder: the server runs as a user of its own, who must reach its data.
    with TemporaryDirectory(prefix="aespo-", dir="/tmp") as folder, EmbeddedPostgres(Path(folder), durable=False) as it:
        yield it


@pytest.fixture(scope="session")
def urls(postgres: EmbeddedPostgres) -> Urls:
    """A migrated database; the tests share it, each in workspaces of its own."""
    made = postgres.database("aespo")
    migrate.main({"DATABASE_URL": made.app, "DATABASE_OWNER_URL": made.owner})
    return made


@pytest.fixture
def fresh(postgres: EmbeddedPostgres) -> Urls:
    """A migrated database of the test's own."""
    made = postgres.database(f"fresh_{next(_numbers)}")
    migrate.main({"DATABASE_URL": made.app, "DATABASE_OWNER_URL": made.owner})
    return made


@pytest.fixture(scope="session")
def make_site(urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Aespo]]:
    """Makes the application with environment properties."""
    made: list[Aespo] = []

    def make(**environ: str) -> Aespo:
        folder = tmp_path_factory.mktemp("site")
        common = {"DATABASE_URL": urls.app, "AESPO_SIGNUPS_PER_HOUR": "100000", "AESPO_METRICS": ""}
        common |= {"AESPO_REQUESTS_AT_ONCE": "1000", "AESPO_SHARE": "1000"}  # one test at a time has it all
        made.append(create_application(common | environ, folder))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture(scope="session")
def site(make_site: Callable[..., Aespo]) -> Aespo:
    return make_site()


@pytest.fixture
def acme(site: Aespo) -> Founded:
    """A workspace."""
    return signed_up(site)


@pytest.fixture
def globex(site: Aespo) -> Founded:
    """Another one."""
    return signed_up(site, workspace="Globex")
