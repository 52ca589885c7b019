"""A local Beanstalk with AWS's times: health is sampled, calls are limited, operations take their time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from running import PLATFORM, Local, bundle, running

from ebcd_local.call_limits import CallLimits
from ebcd_local.simulation import Simulation

SPEED = 40.0
AWS = Simulation.of_aws(SPEED)


@pytest.fixture(scope="module")
def like_aws() -> Iterator[Local]:
    with running("--like-aws", "--speed", f"{SPEED:g}") as local:
        yield local


def health(local: Local, name: str) -> dict[str, Any]:
    found: dict[str, Any] = local.client("elasticbeanstalk").describe_environment_health(
        EnvironmentName=name, AttributeNames=["All"]
    )
    return found


def instances(local: Local, name: str) -> dict[str, Any]:
    found: dict[str, Any] = local.client("elasticbeanstalk").describe_instances_health(
        EnvironmentName=name, AttributeNames=["All"]
    )
    return found


def publish(local: Local, application: str) -> None:
    """A version v1, processed."""
    assert local.publish(application, "v1", bundle()).upper() == "PROCESSING", "it takes its time"
    eb = local.client("elasticbeanstalk")

    def done() -> bool:
        found = eb.describe_application_versions(ApplicationName=application)["ApplicationVersions"]
        return bool(found[0]["Status"].upper() == "PROCESSED")

    local.wait(done, 10)


def call_often(call: Callable[[], object]) -> None:
    for _ in range(15):
        call()


def test_health_is_sampled_at_awss_pace_and_all_of_it_together(like_aws: Local) -> None:
    publish(like_aws, "sampled")
    began = time.monotonic()
    like_aws.launch("sampled", "sampled-one", "v1")
    assert time.monotonic() - began >= AWS.launch
    seen: dict[datetime, dict[str, Any]] = {}
    end = time.monotonic() + 8 * AWS.sample
    while time.monotonic() < end:
        found, its = health(like_aws, "sampled-one"), instances(like_aws, "sampled-one")
        found.pop("ResponseMetadata")
        at = found["RefreshedAt"]
        assert seen.setdefault(at, found) == found, "between two samples the answer is the earlier one"
        assert found["ApplicationMetrics"]["Duration"] == 10
        if its["RefreshedAt"] == at:
            assert sum(found["InstancesHealth"].values()) == len(its["InstanceHealthList"]) == 1
    times = sorted(seen)
    apart = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)]
    assert len(apart) >= 2
    assert min(apart) >= 0.9 * AWS.sample


def test_operations_take_awss_time(like_aws: Local) -> None:
    publish(like_aws, "timed")
    eb = like_aws.client("elasticbeanstalk")
    eb.create_environment(ApplicationName="timed", EnvironmentName="timed-one", VersionLabel="v1", PlatformArn=PLATFORM)
    assert like_aws.describe("timed-one")["Status"] == "Launching"
    assert "RefreshedAt" not in health(like_aws, "timed-one"), "no agent has reported yet"
    began = time.monotonic()
    like_aws.until("timed-one", lambda item: item["Status"] == "Ready")
    assert time.monotonic() - began >= AWS.launch / 2
    eb.terminate_environment(EnvironmentName="timed-one")
    began = time.monotonic()
    like_aws.until("timed-one", lambda item: item["Status"] == "Terminated")
    assert time.monotonic() - began >= AWS.termination / 2
    said = [item["Message"] for item in eb.describe_events(EnvironmentName="timed-one")["Events"]]
    assert "terminateEnvironment completed successfully." in said


def test_calls_beyond_the_limit_are_throttled() -> None:
    with running("--like-aws", "--speed", "0.5") as slow:
        eb = slow.client("elasticbeanstalk", Config(retries={"total_max_attempts": 1}))
        call_often(eb.describe_environments)
        with pytest.raises(ClientError, match="Rate exceeded") as refused:
            call_often(eb.describe_environments)
        assert refused.value.response["Error"]["Code"] == "Throttling"
        eb.describe_events()  # another operation has a limit of its own


def test_a_bucket_fills_again_and_holds_no_more_than_it_may() -> None:
    now = [0.0]
    limits = CallLimits(2.0, 3, lambda: now[0])
    assert [limits.take("r", "A") for _ in range(4)] == [True, True, True, False]
    assert limits.take("r", "B")
    assert limits.take("elsewhere", "A")
    now[0] = 0.5
    assert [limits.take("r", "A") for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [limits.take("r", "A") for _ in range(4)] == [True, True, True, False]
    unlimited = CallLimits(0.0, 0)
    assert all(unlimited.take("r", "A") for _ in range(100))
