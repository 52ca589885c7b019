"""Health: of an environment and of its instances, enhanced and basic."""

from __future__ import annotations

from typing import Any

import pytest
from ground import LAUNCH, SOON, Environments

from ebcd.errors import AwsRefused
from ebcd.release.execute.polling import BASIC_HEALTH


@pytest.fixture
def healthy(environments: Environments) -> Environments:
    """The environments, the first one Green."""
    ground = environments.ground
    ground.until(lambda: ground.environment(environments.enhanced).health, lambda found: found == "Green", LAUNCH)
    return environments


def health(environments: Environments) -> dict[str, Any]:
    found = environments.ground.eb.describe_environment_health(
        EnvironmentName=environments.enhanced, AttributeNames=["All"]
    )
    return dict(found)


@pytest.mark.row("enhanced-health")
def test_enhanced_health_tells_colour_status_causes_requests_and_instances(healthy: Environments) -> None:
    found = health(healthy)
    assert (found["Status"], found["Color"], found["HealthStatus"]) == ("Ready", "Green", "Ok")
    assert found["Causes"] == []
    assert set(found["InstancesHealth"]) == {
        "NoData",
        "Unknown",
        "Pending",
        "Ok",
        "Info",
        "Warning",
        "Degraded",
        "Severe",
    }
    assert sum(found["InstancesHealth"].values()) == 1
    read = healthy.ground.beanstalk.health(healthy.enhanced)
    assert (read.color, read.status, read.causes, read.metrics.instances) == ("Green", "Ok", (), 1)


@pytest.mark.row("health-is-sampled")
def test_health_tells_when_it_was_sampled(healthy: Environments) -> None:
    first = health(healthy)["RefreshedAt"]
    later = healthy.ground.until(lambda: health(healthy)["RefreshedAt"], lambda at: at != first, SOON)
    assert later > first


@pytest.mark.row("instances-version")
def test_each_instance_tells_the_version_that_it_runs(healthy: Environments) -> None:
    (instance,) = healthy.ground.beanstalk.instances(healthy.enhanced)
    assert instance.runs("one")
    assert not instance.runs("two")
    assert (instance.version_label, instance.deployment_status) == ("one", "Deployed")
    assert instance.id.startswith("i-")


@pytest.mark.row("requests-measured")
def test_requests_of_the_last_ten_seconds_are_told_with_their_statuses(healthy: Environments) -> None:
    found = health(healthy)["ApplicationMetrics"]
    assert {"RequestCount"} <= set(found)
    if found["RequestCount"]:
        assert set(found["StatusCodes"]) == {"Status2xx", "Status3xx", "Status4xx", "Status5xx"}
        assert "P99" in found["Latency"]


@pytest.mark.row("basic-health-refused")
def test_basic_health_has_a_colour_and_nothing_more(environments: Environments) -> None:
    ground, name = environments.ground, environments.basic
    for ask in (ground.beanstalk.health, ground.beanstalk.metrics, ground.beanstalk.instances):
        with pytest.raises(AwsRefused) as error:
            ask(name)
        assert error.value.code in BASIC_HEALTH
    found = ground.until(lambda: ground.environment(name), lambda seen: seen.health == "Green", LAUNCH)
    assert found.health_status == ""
