"""What there is to see of an environment: events, health, instances."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ebcd_local import load_balancers, references
from ebcd_local.balancer import Traffic
from ebcd_local.errors import ServiceError
from ebcd_local.event_log import Event, Wanted
from ebcd_local.health_sample import InstanceSample
from ebcd_local.operations import environments
from ebcd_local.operations.call import Call, Operation, Structure, page, span
from ebcd_local.records import Environment

_COUNTED = ("NoData", "Unknown", "Pending", "Ok", "Info", "Warning", "Degraded", "Severe")


def describe_events(call: Call, given: Structure) -> Structure:
    """DescribeEvents, newest first. Custom platforms have none here, so a PlatformArn finds nothing."""
    start, most = span(given, most=1000)
    if given.get("PlatformArn"):
        return {"Events": []}
    wanted = Wanted(
        region=call.region,
        application=given.get("ApplicationName", ""),
        environment=given.get("EnvironmentName", ""),
        environment_id=given.get("EnvironmentId", ""),
        version_label=given.get("VersionLabel", ""),
        request_id=given.get("RequestId", ""),
        template=given.get("TemplateName", ""),
        severity=given.get("Severity", ""),
        since=given.get("StartTime"),
        until=given.get("EndTime"),
    )
    found = call.shown(
        "DescribeEvents", call.state.events.find(wanted, start=start, most=most + 1), lambda item: item.time
    )
    token = str(start + most) if len(found) > most else None
    return {"Events": [_event(item) for item in found[:most]], "NextToken": token}


def _event(event: Event) -> Structure:
    found = {
        "EventDate": event.time,
        "Message": event.message,
        "ApplicationName": event.application,
        "VersionLabel": event.version_label,
        "TemplateName": event.template,
        "EnvironmentName": event.environment,
        "RequestId": event.request_id,
        "Severity": event.severity,
    }
    return {name: value for name, value in found.items() if value}


def describe_environment_health(call: Call, given: Structure) -> Structure:
    """DescribeEnvironmentHealth: the last sample, whose time is RefreshedAt; before the first there is none."""
    environment, wanted = _enhanced(call, given, "DescribeEnvironmentHealth"), set(given.get("AttributeNames", ["All"]))
    sample = call.monitor.sample(environment.key)
    counts = Counter(item.health.status for item in sample.instances.values()) if sample else Counter[str]()
    found: dict[str, Any] = {
        "Status": environment.status,
        "Color": sample.health.color if sample else environment.health,
        "HealthStatus": sample.health.status if sample else environment.health_status or "NoData",
        "Causes": list(sample.health.causes) if sample else environment.causes,
        "InstancesHealth": {name: counts[name] for name in _COUNTED},
    }
    if sample:
        found |= {"ApplicationMetrics": _metrics(sample.traffic), "RefreshedAt": sample.at}
    shown = found if "All" in wanted else {name: value for name, value in found.items() if name in wanted}
    return {"EnvironmentName": environment.name, **shown}


def describe_instances_health(call: Call, given: Structure) -> Structure:
    """DescribeInstancesHealth: the instances of the last sample, whose time is RefreshedAt."""
    environment, wanted = _enhanced(call, given, "DescribeInstancesHealth"), set(given.get("AttributeNames", ["All"]))
    sample = call.monitor.sample(environment.key)
    told = [_instance(call, *item) for item in sample.instances.items()] if sample else []
    if "All" not in wanted:
        told = [{name: value for name, value in item.items() if name in {"InstanceId", *wanted}} for item in told]
    shown, token = page(told, {"NextToken": given.get("NextToken")}, most=1000)
    return {"InstanceHealthList": shown, "NextToken": token, **({"RefreshedAt": sample.at} if sample else {})}


def _instance(call: Call, name: str, seen: InstanceSample) -> Structure:
    record = seen.record
    return {
        "InstanceId": name,
        "HealthStatus": seen.health.status,
        "Color": seen.health.color,
        "Causes": list(seen.health.causes),
        "LaunchedAt": record.launched,
        "ApplicationMetrics": _metrics(seen.traffic),
        "System": seen.usage.system_status(),
        "Deployment": {
            "VersionLabel": record.label,
            "DeploymentId": record.deployment_id,
            "Status": record.status,
            "DeploymentTime": record.deployed,
        },
        "AvailabilityZone": f"{call.region}a",
        "InstanceType": "local",
    }


def _enhanced(call: Call, given: Structure, operation: str) -> Environment:
    """An environment that reports enhanced health, as all do unless SystemType says basic. Raises ServiceError."""
    environment = call.environment(given)
    if environments.basic(call, environment):
        raise ServiceError("InvalidRequestException", f"{operation} is not supported.")
    return environment


def describe_environment_resources(call: Call, given: Structure) -> Structure:
    """DescribeEnvironmentResources."""
    environment = call.environment(given)
    balancer = load_balancers.name(environment, call.fleet.effective(environment))
    resources = {
        "EnvironmentName": environment.name,
        "AutoScalingGroups": [{"Name": references.names(environment)["AWSEBAutoScalingGroup"]}],
        "Instances": [{"Id": name} for name in environment.instances],
        "LoadBalancers": [{"Name": balancer}] if balancer else [],
        "Queues": [{"Name": name, "URL": url} for name, url in environment.queues.items()],
    }
    return {"EnvironmentResources": resources}


def _metrics(traffic: Traffic) -> Structure:
    """ApplicationMetrics, of ten seconds of the simulated clock."""
    return {
        "Duration": 10,
        "RequestCount": traffic.requests,
        "StatusCodes": {
            "Status2xx": traffic.status_2xx,
            "Status3xx": traffic.status_3xx,
            "Status4xx": traffic.status_4xx,
            "Status5xx": traffic.status_5xx,
        },
        "Latency": traffic.latencies,
    }


SERVED: dict[str, Operation] = {
    "DescribeEvents": describe_events,
    "DescribeEnvironmentHealth": describe_environment_health,
    "DescribeInstancesHealth": describe_instances_health,
    "DescribeEnvironmentResources": describe_environment_resources,
}
