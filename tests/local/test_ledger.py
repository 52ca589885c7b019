"""The ledger in a real bucket: read from its end, however long it is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from running import REGION, Local

from ebcd.aws.account import Account
from ebcd.aws.session import Access, Clients, connect
from ebcd.aws.storage import PreconditionFailed, Storage
from ebcd.release.store.ledger import Ledger

RELEASES = 1_100
"""More than S3 tells of in one answer."""


ENTRY = b'{"schema": 1, "entry": "SwapCnames-intent", "at": "2026-01-02T03:04:05+00:00"}'


@pytest.fixture
def storage(clients: Clients) -> Storage:
    return Storage(clients, REGION, Account(clients))


@pytest.fixture
def clients(local: Local) -> Iterator[Clients]:
    local.client("elasticbeanstalk").create_storage_location()
    told = local.told
    keys = {"access_key_id": told["access_key_id"], "secret_access_key": told["secret_access_key"]}
    made = connect(Access(REGION, endpoint_url=told["endpoint_url"], **keys))
    yield made
    made.s3.close()
    made.sts.close()


def test_a_long_ledger_is_read_from_its_end(clients: Clients, storage: Storage) -> None:
    folder = "ebcd/long/prod/releases/"
    names = [f"{number:06d}.json" for number in range(1, RELEASES + 1)]
    names += [f"{number:06d}/intent.json" for number in range(7, RELEASES, 50)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda name: storage.create(folder + name, ENTRY), names))
    asked: list[Any] = []
    clients.s3.meta.events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: asked.append(params))
    ledger = Ledger(storage, "long", "prod")
    assert ledger.numbers(after=RELEASES - 20) == list(range(RELEASES - 19, RELEASES + 1))
    assert len(asked) == 1
    assert ledger.numbers() == list(range(1, RELEASES + 1))
    assert ledger.numbers(after=RELEASES) == []
    assert len(ledger.entries(7)) == 1


def test_what_was_deleted_is_not_written_over(storage: Storage) -> None:
    """S3 answers such a write with 404 and not with 412: a lock that somebody broke is lost, not refused."""
    etag = storage.create("ebcd/shop/deleted.json", b"1")
    storage.delete("ebcd/shop/deleted.json", etag)
    with pytest.raises(PreconditionFailed):
        storage.replace("ebcd/shop/deleted.json", b"2", etag)
    assert storage.get("ebcd/shop/deleted.json") is None
