"""How many calls to AWS a release costs, by operation: each is latency that somebody waits for, and a share of the
account's limits. A call that is not listed here needs a reason to be added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from engine import Engine, Sent, Wire
from products import Cloud, Product

LOOKS = frozenset(
    {
        "DescribeEnvironmentHealth",
        "DescribeEnvironments",
        "DescribeEvents",
        "DescribeInstancesHealth",
        "DescribeApplicationVersions",
        "PutObject lock",
    }
)
"""What is called again for as long as AWS is at work; how many there are at least is told."""

LOCKED = {
    "GetObject hold": 1,  # a stage on hold refuses
    "DeleteObject lock": 1,
}
OBSERVED = {"ListObjectsV2": 2}  # which releases there are: to plan, and at the end for the report

RECORDED = {"GetObject lock": 1}  # before its end is recorded: a run that lost its lock records nothing

FIRST = {
    **LOCKED,
    **RECORDED,
    **OBSERVED,
    "GetCallerIdentity": 1,  # the bucket's name and its owner
    "HeadBucket": 1,
    "ListPlatformVersions": 1,  # the branch's recommended platform version, which is pinned
    "DescribeInstances": 1,  # the machine images that run, for the record
    "CheckDNSAvailability": 1,  # whether the live CNAME is another account's
    "DescribeApplications": 1,
    "HeadObject bundle": 1,  # is it there already?
    "PutObject bundle": 1,
    "CreateApplication": 1,
    "CreateApplicationVersion": 1,
    "CreateEnvironment": 1,
    "PutObject record": 2,  # allocated, ended
    "PutObject entry": 12,  # intent and result of four changes, the results of four proofs
    "GetObject record": 1,
}
FIRST_LOOKS = {
    "DescribeEnvironments": 5,  # before, its creation, itself at two moments, its address, after
    "DescribeEnvironmentHealth": 1,  # its health, a sample at a time
    "DescribeEvents": 1,
    "DescribeInstancesHealth": 1,
    "DescribeApplicationVersions": 2,  # is it there, is it processed
    "PutObject lock": 5,  # taken, and proven to be ours before each of four changes
}
SECOND = {
    **LOCKED,
    **RECORDED,
    **OBSERVED,
    "GetCallerIdentity": 1,
    "HeadBucket": 1,
    "ListPlatformVersions": 1,
    "DescribePlatformVersion": 1,  # is it retired?
    "DescribeInstances": 1,
    "DescribeConfigurationSettings": 1,  # what live's settings differ in from ebcd.toml's
    "DescribeEnvironmentResources": 2,  # how many instances live runs: for the plan, and right before the swap
    "DescribeEnvironmentManagedActions": 1,
    "DescribeAccountAttributes": 1,  # quotas
    "DescribeApplications": 1,
    "HeadObject bundle": 1,
    "PutObject bundle": 1,
    "CreateApplicationVersion": 1,
    "CreateEnvironment": 1,
    "SwapEnvironmentCNAMEs": 1,
    "PutObject record": 4,  # allocated, live, ended; and the one before, which is no longer live
    "PutObject entry": 12,
    "GetObject record": 3,  # the one before; both for the report
}
SECOND_LOOKS = {
    "DescribeEnvironmentHealth": 1,
    "DescribeEnvironments": 8,  # as the first; how many there are in the region, both sides before and after the swap
    "DescribeEvents": 2,  # of its creation, and once more just before the swap
    "DescribeInstancesHealth": 1,
    "DescribeApplicationVersions": 3,  # how many there are in the region
    "PutObject lock": 5,
}
AGAIN = {
    **LOCKED,
    **OBSERVED,
    "GetCallerIdentity": 1,
    "HeadBucket": 1,
    "ListPlatformVersions": 1,  # is a newer one out?
    "GetObject record": 4,
}
AGAIN_LOOKS = {"DescribeEnvironments": 2, "PutObject lock": 1}
ROLLBACK = {
    **RECORDED,
    "DeleteObject lock": 1,
    "ListObjectsV2": 1,  # for the report; the way back needs only the standing releases
    "GetObject record": 4,
    "SwapEnvironmentCNAMEs": 1,
    "PutObject record": 5,  # what it leaves, noted before the swap; both after it, and both outcomes
    "PutObject entry": 4,
}
ROLLBACK_LOOKS = {
    "DescribeEnvironments": 4,  # before the lock (their ARNs tell the account), before and after the swap, at the end
    "DescribeInstancesHealth": 2,  # both sides
    "PutObject lock": 2,
}
STATUS = {  # the command itself asks STS too: it reads lock and hold while it asks for the environments
    "ListObjectsV2": 1,
    "GetObject record": 2,
    "GetObject lock": 1,
    "GetObject hold": 1,
}


@pytest.fixture
def engine(product: Product, cloud: Cloud) -> Iterator[Engine]:
    """On an account whose bucket is there."""
    with Wire(cloud) as wire:
        wire.clients.beanstalk_once.create_storage_location()
        wire.sent.clear()
        yield Engine(product, wire)


def test_a_releases_calls_are_these(engine: Engine) -> None:
    engine.product.commit("one")
    assert engine.ship(engine.bundle())["exit_code"] == 0
    check(engine, FIRST, FIRST_LOOKS)
    engine.product.commit("two")
    bundle = engine.bundle()
    assert engine.ship(bundle)["exit_code"] == 0
    check(engine, SECOND, SECOND_LOOKS)
    assert engine.ship(bundle)["exit_code"] == 0
    check(engine, AGAIN, AGAIN_LOOKS)
    assert engine.swap(rollback=True)["exit_code"] == 0
    check(engine, ROLLBACK, ROLLBACK_LOOKS)
    assert engine.status()["live"]["release"] == "r1"
    check(engine, STATUS, {"DescribeEnvironments": 1})


def check(engine: Engine, exactly: dict[str, int], looks: dict[str, int]) -> None:
    """The calls since the last check: those of no wait are so many, those of a wait at least so many."""
    found = Counter(named(sent) for sent in engine.wire.sent)
    engine.wire.sent.clear()
    assert {name: count for name, count in found.items() if name not in LOOKS} == exactly
    assert set(found) & LOOKS == set(looks)
    assert all(found[name] >= least for name, least in looks.items()), found


def named(sent: Sent) -> str:
    """A call's operation, and for S3 what it is about."""
    key = sent.given.get("Key", "")
    match key.split("/"):
        case [*_, "bundles", _]:
            return f"{sent.operation} bundle"
        case [*_, "releases", _]:
            return f"{sent.operation} record"
        case [*_, "releases", _, _]:
            return f"{sent.operation} entry"
        case [*_, name] if name:
            return f"{sent.operation} {name.removesuffix('.json')}"
    return sent.operation
