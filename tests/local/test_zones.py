"""What the nodes of a load balancer send its instances, and what of it counts where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from running import Local, bundle
from test_daemon import request
from test_policies import messages

PROCESS = "aws:elasticbeanstalk:environment:process:default"
BALANCED = {"aws:elasticbeanstalk:environment|LoadBalancerType": "application"}
SIX = {
    "aws:ec2:vpc|ELBSubnets": "subnet-1,subnet-2,subnet-3,subnet-4,subnet-5,subnet-6",
    f"{PROCESS}|HealthCheckInterval": "5",
}
SINGLE = {"aws:elasticbeanstalk:environment|EnvironmentType": "SingleInstance"}


@pytest.fixture(scope="module")
def versions(local: Local) -> Local:
    local.publish("zoned", "v1", bundle())
    return local


def requests(local: Local, name: str) -> int:
    found = local.client("elasticbeanstalk").describe_environment_health(
        EnvironmentName=name, AttributeNames=["ApplicationMetrics"]
    )
    return int(found["ApplicationMetrics"]["RequestCount"])


def balancers(local: Local, name: str) -> list[str]:
    found = local.client("elasticbeanstalk").describe_environment_resources(EnvironmentName=name)
    return [item["Name"] for item in found["EnvironmentResources"]["LoadBalancers"]]


def test_each_node_s_checks_are_requests_of_the_instances(versions: Local) -> None:
    versions.launch("zoned", "zoned-six", "v1", **BALANCED, **SIX)
    versions.wait(lambda: 8 <= requests(versions, "zoned-six") <= 18)
    assert requests(versions, "zoned-six") <= 18, "six zones, twice in ten seconds"


def test_a_single_instance_has_no_load_balancer_and_no_checks(versions: Local) -> None:
    versions.launch("zoned", "zoned-single", "v1", **SINGLE)
    assert balancers(versions, "zoned-single") == []
    assert requests(versions, "zoned-single") == 0


def test_cloudwatch_tells_of_clients_requests_only(versions: Local) -> None:
    """At four times the speed a minute is over in 15 s."""
    began = datetime.now(UTC) - timedelta(minutes=5)
    versions.launch("zoned", "zoned-told", "v1", **BALANCED, **SIX)
    (arn,) = balancers(versions, "zoned-told")
    found: dict[str, Any] = versions.describe("zoned-told")
    cloudwatch = versions.client("cloudwatch")

    def told() -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName="RequestCount",
            Period=60,
            Statistics=["Sum"],
            Dimensions=[{"Name": "LoadBalancer", "Value": arn.partition(":loadbalancer/")[2]}],
            StartTime=began,
            EndTime=datetime.now(UTC) + timedelta(minutes=5),
        )["Datapoints"]
        return sum(item["Sum"] for item in points)

    assert told() == 0
    for _ in range(7):
        assert request(versions.told["proxy_url"], host=found["CNAME"])[0] == 200
    versions.wait(lambda: told() == 7, seconds=60)


def test_a_trigger_that_nothing_here_measures_is_told_of(versions: Local) -> None:
    versions.launch("zoned", "zoned-disk", "v1", **{"aws:autoscaling:trigger|MeasureName": "DiskReadOps"})
    versions.wait(lambda: any("DiskReadOps has no values here" in text for text in messages(versions, "zoned-disk")))
