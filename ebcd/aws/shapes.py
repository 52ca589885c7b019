"""Between what Beanstalk sends and ebcd's own types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ebcd.model import (
    ApplicationVersion,
    Environment,
    EnvironmentHealth,
    Event,
    InstanceHealth,
    Metrics,
    OptionSetting,
    Place,
    Platform,
)
from ebcd.model import platforms as names


def wire_options(options: Iterable[OptionSetting]) -> list[dict[str, str]]:
    """Option settings as the wire has them."""
    return [{**wire_place(item.place), "Value": item.value} for item in options]


def wire_place(place: Place) -> dict[str, str]:
    """What names an option on the wire."""
    namespace, name, resource = place
    return {"Namespace": namespace, "OptionName": name, **({"ResourceName": resource} if resource else {})}


def deployed_settings(described: Sequence[Mapping[str, Any]]) -> tuple[OptionSetting, ...]:
    """The settings that an environment has, of those that are described: beside the set that is deployed there may be
    a draft, of an update that is under way or has failed.
    """
    deployed = [item for item in described if item.get("DeploymentStatus") == "deployed"]
    return described_settings((deployed or described)[:1])


def described_settings(described: Sequence[Mapping[str, Any]]) -> tuple[OptionSetting, ...]:
    """The settings with a value in all sets that are described."""
    return tuple(
        OptionSetting.named(item["Namespace"], item["OptionName"], item["Value"], item.get("ResourceName") or "")
        for found in described
        for item in found["OptionSettings"]
        if item.get("Value")
    )


def version(item: Mapping[str, Any]) -> ApplicationVersion:
    """An application version."""
    source = item.get("SourceBundle", {})
    return ApplicationVersion(
        label=item["VersionLabel"],
        status=item.get("Status", ""),
        bucket=source.get("S3Bucket", ""),
        key=source.get("S3Key", ""),
        description=item.get("Description", ""),
        created=item["DateCreated"],
        container=bool(item.get("ImageSource") or item.get("ImageBuildConfiguration")),
    )


def environment(item: Mapping[str, Any]) -> Environment:
    """An environment."""
    return Environment(
        name=item["EnvironmentName"],
        id=item["EnvironmentId"],
        application=item["ApplicationName"],
        version_label=item.get("VersionLabel", ""),
        status=item["Status"],
        health=item.get("Health", "Grey"),
        health_status=item.get("HealthStatus", ""),
        cname=item.get("CNAME", "").lower(),
        endpoint_url=item.get("EndpointURL", ""),
        created=item["DateCreated"],
        platform_arn=item.get("PlatformArn", ""),
        tier=item.get("Tier", {}).get("Name", ""),
    )


def event(item: Mapping[str, Any]) -> Event:
    """An event."""
    return Event(
        time=item["EventDate"],
        severity=item.get("Severity", "INFO"),
        message=item.get("Message", ""),
        environment=item.get("EnvironmentName", ""),
        version_label=item.get("VersionLabel", ""),
    )


def instance(item: Mapping[str, Any]) -> InstanceHealth:
    """An instance's health."""
    deployment = item.get("Deployment", {})
    return InstanceHealth(
        id=item["InstanceId"],
        health_status=item.get("HealthStatus", ""),
        color=item.get("Color", ""),
        causes=tuple(item.get("Causes", [])),
        version_label=deployment.get("VersionLabel", ""),
        deployment_status=deployment.get("Status", ""),
    )


def preferred(summaries: Iterable[Mapping[str, Any]]) -> str:
    """The ARN of a branch's platform version that is marked Recommended, else of its newest one; empty for none.

    A branch has one such mark, which may stand on an older version than the newest.
    """
    ready = [item for item in summaries if item.get("PlatformStatus", "Ready") == "Ready"]
    marked = [item for item in ready if item.get("PlatformLifecycleState", "").lower() == "recommended"]
    arns = [str(item["PlatformArn"]) for item in marked or ready]
    return max(arns, key=lambda arn: names.version_order(names.version_of(arn)), default="")


def platform(arn: str, item: Mapping[str, Any]) -> Platform:
    """A platform version."""
    return Platform(
        arn=arn,
        lifecycle=item.get("PlatformLifecycleState", ""),
        branch_lifecycle=item.get("PlatformBranchLifecycleState", ""),
    )


def images(pages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The machine images of EC2's instances, each once, in order."""
    reservations = (reservation for page in pages for reservation in page.get("Reservations", []))
    found = (item.get("ImageId", "") for reservation in reservations for item in reservation.get("Instances", []))
    return tuple(sorted(set(filter(None, found))))


def metrics(found: Mapping[str, Any]) -> Metrics:
    """The requests that an environment's health tells of."""
    requests = found.get("ApplicationMetrics", {})
    statuses = requests.get("StatusCodes", {})
    return Metrics(
        requests=int(requests.get("RequestCount", 0)),
        failed=int(statuses.get("Status5xx", 0)),
        p99=requests.get("Latency", {}).get("P99"),
        instances=sum(found.get("InstancesHealth", {}).values()),
        refreshed_at=found.get("RefreshedAt"),
        refused=int(statuses.get("Status4xx", 0)),
    )


def health(found: Mapping[str, Any]) -> EnvironmentHealth:
    """An environment's enhanced health."""
    return EnvironmentHealth(
        color=found.get("Color", ""),
        status=found.get("HealthStatus", ""),
        causes=tuple(found.get("Causes", [])),
        metrics=metrics(found),
        environment_status=found.get("Status", ""),
        age=_age(found),
    )


def _age(found: Mapping[str, Any]) -> float | None:
    """How old a report was at most when it was answered; the answer's own date tells, which has whole seconds.

    No clock of this machine is compared with AWS's, as in `eb health` (aws-elastic-beanstalk-cli:
    ebcli/health/data_poller.py).
    """
    answered = found.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if not answered or "RefreshedAt" not in found:
        return None
    try:
        passed: timedelta = parsedate_to_datetime(answered) - found["RefreshedAt"]
    except (ValueError, TypeError):  # no date, or one without a zone
        return None
    return max(0.0, passed.total_seconds() + 1.0)
